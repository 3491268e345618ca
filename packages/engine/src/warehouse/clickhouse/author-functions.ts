import { type Token, tokensOf } from "./column-names.js";

/**
 * `json_extract_string(json, '$.a.b[0]')` is how authors of models and SQL traits read payloads. It is spelled here as the
 * dialect's own `jsonText`, so that a project's SQL need not change with its warehouse. A path that is no plain text is
 * left as it stands: the server then says that it does not know the function.
 */
export function spellFunctions(statement: string): string {
  if (!/json_extract_string\s*\(/i.test(statement)) return statement;
  const tokens = [...tokensOf(statement)];
  const edits = tokens.flatMap((token, index) => (token.text.toLowerCase() === "json_extract_string" ? spelled(tokens, index) : []));
  let text = "";
  let done = 0;
  for (const { token, text: instead } of edits.sort((a, b) => a.token.end - b.token.end)) {
    text += statement.slice(done, token.end - token.text.length) + instead;
    done = token.end;
  }
  return text + statement.slice(done);
}

/** What stands instead of the function's name and of its path. */
function spelled(tokens: readonly Token[], called: number): { token: Token; text: string }[] {
  const name = tokens[called];
  const last = tokens.findIndex((_, index) => index > called && depthAt(tokens, called, index) === 0) - 1;
  const path = tokens[last];
  const steps = path !== undefined && tokens[last - 1]?.text === "," ? stepsOf(path.text) : undefined;
  if (name === undefined || path === undefined || steps === undefined) return [];
  return [
    { token: name, text: "JSONExtract" },
    { token: path, text: [...steps, "'Nullable(String)'"].join(", ") },
  ];
}

/** Brackets open after the token at `to`, of those since the name at `from`. */
function depthAt(tokens: readonly Token[], from: number, to: number): number {
  return tokens.slice(from + 1, to + 1).reduce((depth, { text }) => depth + (text === "(" ? 1 : text === ")" ? -1 : 0), 0);
}

const wholePath = /^'\$((?:\.\w+|\."[^"'\\]*"|\[\d+\])*)'$/;

/** `'$.a."b c"[0]'` as arguments: names as texts, places counted from 1. */
function stepsOf(literal: string): string[] | undefined {
  const path = wholePath.exec(literal)?.[1];
  if (path === undefined) return undefined;
  return [...path.matchAll(/\.(\w+)|\."([^"]*)"|\[(\d+)\]/g)].map(([, plain, quoted, place]) =>
    place === undefined ? `'${plain ?? quoted ?? ""}'` : String(Number(place) + 1),
  );
}
