import { type Token, tokensOf } from "./column-names.js";

/**
 * DELETE and ALTER … UPDATE look for tables without a database in that of the table they change, not in the session's:
 * gives the session's temporary tables in their conditions the name of its database. Other statements stay as they are.
 */
export function qualifyTemporary(statement: string, database: string): string {
  const tokens = [...tokensOf(statement)];
  if (!isMutation(tokens)) return statement;
  const defined = new Set(
    tokens.filter((_, index) => /^as$/i.test(tokens[index + 1]?.text ?? "") && tokens[index + 2]?.text === "(").map(({ text }) => text),
  );
  let text = "";
  let done = 0;
  tokens.forEach((token, index) => {
    if (!isTable(tokens, index) || defined.has(token.text)) return;
    const start = token.end - token.text.length;
    text += `${statement.slice(done, start)}"${database}".`;
    done = start;
  });
  return text + statement.slice(done);
}

/**
 * Replicas change rows each by itself, and tables of a session are on one node only: what a DELETE or an ALTER … UPDATE of
 * a replicated table looks up becomes a list. A scalar subquery runs once, where it was asked (`settings.ts`), and what it
 * gives stands in the statement that the replicas get. Keeper takes a megabyte of that; longer lists are an error.
 */
export function listLookups(statement: string): string {
  const tokens = [...tokensOf(statement)];
  if (!isMutation(tokens)) return statement;
  let text = "";
  let done = 0;
  for (let index = 0; index < tokens.length; index += 1) {
    if (!isWord(tokens[index], "in") || tokens[index + 1]?.text !== "(" || !isWord(tokens[index + 2], "select")) continue;
    const open = tokens[index + 1] as Token;
    const { close, isTuple } = lookup(tokens, index + 1);
    text += `${statement.slice(done, open.end - 1)}identity((SELECT groupUniqArray(${isTuple ? "tuple(*)" : "*"}) FROM ${statement.slice(open.end - 1, tokens[close]?.end)}))`;
    done = tokens[close]?.end ?? statement.length;
    index = close;
  }
  return text + statement.slice(done);
}

/** Where a subquery ends, and whether its rows have several columns. */
function lookup(tokens: readonly Token[], open: number): { close: number; isTuple: boolean } {
  let depth = 0;
  let isTuple = false;
  let inList = true;
  for (let index = open; index < tokens.length; index += 1) {
    const text = tokens[index]?.text;
    if (text === "(") depth += 1;
    if (text === ")") depth -= 1;
    if (depth === 0) return { close: index, isTuple };
    if (depth === 1 && isWord(tokens[index], "from")) inList = false;
    if (depth === 1 && inList && text === ",") isTuple = true;
  }
  return { close: tokens.length - 1, isTuple };
}

function isMutation([first]: readonly Token[]): boolean {
  return /^(delete|alter)$/i.test(first?.text ?? "");
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.text.toLowerCase() === word;
}

/** A bare name after FROM or JOIN, but not the table that the statement itself is about. */
function isTable(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1]?.text ?? "";
  const after = tokens[index + 1]?.text ?? "";
  return index > 2 && /^(from|join)$/i.test(before) && /^["`\p{L}_]/u.test(tokens[index]?.text ?? "") && after !== "." && after !== "(";
}
