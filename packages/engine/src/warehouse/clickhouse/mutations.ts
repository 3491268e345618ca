import { type Token, tokensOf } from "./column-names.js";

/**
 * DELETE and ALTER … UPDATE look for tables without a database in that of the table they change, not in the session's:
 * gives the session's temporary tables in their conditions the name of its database. Other statements stay as they are.
 */
export function qualifyTemporary(statement: string, database: string): string {
  const tokens = [...tokensOf(statement)];
  if (!/^(delete|alter)$/i.test(tokens[0]?.text ?? "")) return statement;
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

/** A bare name after FROM or JOIN, but not the table that the statement itself is about. */
function isTable(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1]?.text ?? "";
  const after = tokens[index + 1]?.text ?? "";
  return index > 2 && /^(from|join)$/i.test(before) && /^["`\p{L}_]/u.test(tokens[index]?.text ?? "") && after !== "." && after !== "(";
}
