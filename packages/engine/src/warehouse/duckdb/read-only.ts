import type { DuckDBConnection } from "@duckdb/node-api";
import { CambiumError, messageOf } from "../../base/errors.js";
import { duckdbDialect } from "./dialect.js";
import { sql, render } from "../sql.js";

/**
 * Lets only questions through: one SELECT (also behind EXPLAIN or DESCRIBE) over tables of the warehouse. The engine's
 * own parser says what a text is; files, network addresses and functions that reach outside are refused by name.
 */
export async function assertReadOnly(connection: DuckDBConnection, text: string): Promise<void> {
  const question = text.replace(/^\s*EXPLAIN\s+(ANALYZE\s+)?/i, "");
  const parsed = await parse(connection, question);
  if (parsed.error === true) {
    const message = String(parsed.error_message ?? "cannot be read");
    const why = /only select/i.test(message) ? "only SELECT, EXPLAIN and DESCRIBE are answered here" : message;
    throw new CambiumError("BAD_REQUEST", `sql: ${why}`);
  }
  if (parsed.statements?.length !== 1) throw new CambiumError("BAD_REQUEST", "sql: one statement at a time");
  refuseOutside(parsed.statements);
}

interface Parsed {
  readonly error?: boolean;
  readonly error_message?: string;
  readonly statements?: readonly unknown[];
}

/** Table functions that read nothing but the warehouse and their arguments. */
const tableFunctions = new Set([
  "range",
  "generate_series",
  "unnest",
  "repeat",
  "repeat_row",
  "json_each",
  "json_tree",
  "duckdb_columns",
  "duckdb_tables",
  "duckdb_views",
  "duckdb_functions",
  "duckdb_types",
  "pragma_table_info",
]);

/** Depth of a syntax tree that is walked; deeper texts are no honest question. */
const depthMax = 400;

function refuseOutside(node: unknown, depth = 0): void {
  if (depth > depthMax) throw new CambiumError("BAD_REQUEST", "sql: nested too deeply");
  if (Array.isArray(node)) {
    for (const item of node) refuseOutside(item, depth + 1);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const { type } = node as { type?: unknown };
  if (type === "TABLE_FUNCTION") {
    const called = (node as { function?: { function_name?: unknown } }).function?.function_name;
    if (typeof called !== "string" || !tableFunctions.has(called.toLowerCase())) {
      throw new CambiumError("BAD_REQUEST", `sql: the table function ${String(called)} is not allowed here`);
    }
  }
  if (type === "BASE_TABLE") {
    const table = String((node as { table_name?: unknown }).table_name ?? "");
    // The engine would read a file or an address of that name.
    if (!/^[\p{L}\p{N}_ $-]*$/u.test(table)) throw new CambiumError("BAD_REQUEST", `sql: ${table} is not a table of the warehouse`);
  }
  for (const value of Object.values(node)) refuseOutside(value, depth + 1);
}

async function parse(connection: DuckDBConnection, text: string): Promise<Parsed> {
  const query = render(sql`SELECT CAST(json_serialize_sql(${text}) AS VARCHAR) AS tree`, duckdbDialect.quoting);
  try {
    const reader = await connection.runAndReadAll(query);
    return JSON.parse(String(reader.getRows()[0]?.[0])) as Parsed;
  } catch (thrown) {
    throw new CambiumError("BAD_REQUEST", `sql: ${messageOf(thrown)}`, { cause: thrown });
  }
}
