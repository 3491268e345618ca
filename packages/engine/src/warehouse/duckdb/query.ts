import type { DuckDBConnection } from "@duckdb/node-api";
import { CambiumError, messageOf } from "../../base/errors.js";
import type { Gate } from "../gate.js";
import type { QueryLimits, QueryResult } from "../warehouse.js";
import { cellOf, portableType } from "./connection.js";
import { assertReadOnly } from "./read-only.js";

/** Answers one question of a person on a session of its own, within bounds of rows and time. */
export async function answerQuery(connection: DuckDBConnection, gate: Gate, text: string, limits: QueryLimits): Promise<QueryResult> {
  return gate.pass(async () => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection.interrupt();
    }, limits.millisMax);
    try {
      await assertReadOnly(connection, text);
      await connection.run("BEGIN TRANSACTION READ ONLY");
      return await read(connection, text, limits.rowsMax);
    } catch (thrown) {
      if (late)
        throw new CambiumError("BAD_REQUEST", `the query took longer than ${limits.millisMax / 1000} s and was stopped`, { cause: thrown });
      if (thrown instanceof CambiumError) throw thrown;
      throw new CambiumError("BAD_REQUEST", `sql: ${messageOf(thrown)}`, { cause: thrown });
    } finally {
      clearTimeout(timer);
    }
  });
}

async function read(connection: DuckDBConnection, text: string, rowsMax: number): Promise<QueryResult> {
  const result = await connection.stream(text);
  const columns = result.deduplicatedColumnNames().map((name, index) => ({ name, type: portableType(String(result.columnType(index))) }));
  const rows: QueryResult["rows"] = [];
  while (rows.length <= rowsMax) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    const values = chunk.getColumns();
    for (let row = 0; row < chunk.rowCount && rows.length <= rowsMax; row += 1)
      rows.push(values.map((column) => cellOf(column[row] ?? null)));
  }
  return { columns, rows: rows.slice(0, rowsMax), truncated: rows.length > rowsMax };
}
