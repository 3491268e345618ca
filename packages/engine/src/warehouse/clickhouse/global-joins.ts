import { tokensOf } from "./column-names.js";

/**
 * The shards of a Distributed table join by themselves, each with what it finds under a table's name: a session's temporary
 * table is on one node only, and a replica may be behind. Says GLOBAL wherever a statement joins or looks up rows, so that
 * the node that the session talks to reads the other side and sends it along. (`prefer_global_in_and_join` would do that
 * for Distributed tables only.) Where nothing is distributed, GLOBAL changes nothing.
 */
export function joinGlobally(statement: string): string {
  const tokens = [...tokensOf(statement)];
  const words = tokens.map(({ text }) => text.toLowerCase());
  let text = "";
  let done = 0;
  const insertAt = (index: number) => {
    const token = tokens[index];
    if (token === undefined || words[index - 1] === "global") return;
    const start = token.end - token.text.length;
    text += `${statement.slice(done, start)}GLOBAL `;
    done = start;
  };
  words.forEach((word, index) => {
    if (word === "join" && !arrayJoin(words, index)) insertAt(firstOfKind(words, index));
    if (word === "in" && words[index + 1] === "(" && /^(?:select|with|\()$/.test(words[index + 2] ?? ""))
      insertAt(words[index - 1] === "not" ? index - 1 : index);
  });
  return text + statement.slice(done);
}

const kinds = new Set(["inner", "left", "right", "full", "cross", "outer", "any", "all", "asof", "semi", "anti"]);

/** `LEFT ANY JOIN` begins with LEFT. */
function firstOfKind(words: readonly string[], join: number): number {
  let first = join;
  while (kinds.has(words[first - 1] ?? "")) first -= 1;
  return first;
}

function arrayJoin(words: readonly string[], join: number): boolean {
  return words[join - 1] === "array" || words[join - 1] === "paste";
}
