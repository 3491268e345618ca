import { CambiumError } from "../../base/errors.js";
import type { Server } from "./server.js";

/**
 * Lets only questions through: one SELECT (also behind EXPLAIN or DESCRIBE) over tables of the warehouse. The server's own
 * parser says what a text is; table functions that reach files, addresses or other servers are refused by name.
 */
export async function assertReadOnly(server: Server, text: string): Promise<void> {
  if (severalStatements(text)) throw new CambiumError("BAD_REQUEST", "sql: one statement at a time");
  const question = text
    .replace(/^\s*(?:EXPLAIN\s+(?:\w+\s+)?(?=SELECT|WITH|\()|DESC(?:RIBE)?\s+(?:TABLE\s+)?(?=\())/i, "")
    .replace(/^\s*DESC(?:RIBE)?\s+(?:TABLE\s+)?(?=[\w"`])/i, "SELECT * FROM ");
  const lines: string[] = [];
  try {
    // In brackets only a SELECT can be read.
    for await (const { rows } of server.rows(`EXPLAIN AST SELECT * FROM (\n${question}\n)`))
      lines.push(...rows.map((row) => String(row[0])));
  } catch (thrown) {
    if (!(thrown instanceof CambiumError)) throw thrown;
    const selects = /^\s*(\/\*.*?\*\/\s*)*(SELECT|WITH|\()/is.test(question);
    const why = selects ? thrown.message : "only SELECT, EXPLAIN and DESCRIBE are answered here";
    throw new CambiumError("BAD_REQUEST", `sql: ${why}`, { cause: thrown });
  }
  refuseOutside(lines);
}

/** Table functions that read nothing but the warehouse and their arguments. */
const tableFunctions = new Set(["numbers", "numbers_mt", "zeros", "values", "generateseries", "generate_series", "null", "view"]);

/** Functions that read beyond their arguments. */
const reaching = /^(file|getServerPort|dictGet\w*|catboostEvaluate|hostName|currentUser|sleep\w*)$/i;

function refuseOutside(lines: readonly string[]): void {
  lines.forEach((line, index) => {
    const called = /^\s*Function (\S+)/.exec(line)?.[1];
    if (called === undefined) return;
    const isTable = /^\s*TableExpression\b/.test(lines[index - 1] ?? "");
    if (isTable ? !tableFunctions.has(called.toLowerCase()) : reaching.test(called))
      throw new CambiumError("BAD_REQUEST", `sql: the ${isTable ? "table " : ""}function ${called} is not allowed here`);
  });
}

/** A semicolon that is not at the end, in a text, in a name or in a comment. */
function severalStatements(text: string): boolean {
  const bare = text.replace(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|#[! ][^\n]*|\/\*[\s\S]*?\*\//g, " ");
  return bare.replace(/[;\s]+$/, "").includes(";");
}
