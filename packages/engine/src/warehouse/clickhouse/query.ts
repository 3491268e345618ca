import { CambiumError, messageOf } from "../../base/errors.js";
import { render, trustedSql } from "../sql.js";
import type { QueryLimits, QueryResult } from "../warehouse.js";
import { spellFunctions } from "./author-functions.js";
import { nameColumns } from "./column-names.js";
import type { ClickhouseDialect } from "./dialect.js";
import { joinGlobally } from "./global-joins.js";
import { readsShards } from "./layout.js";
import { assertReadOnly } from "./read-only.js";
import type { Server } from "./server.js";
import { portableType } from "./types.js";

/** ClickHouse's code for a statement that ran out of time. */
const timedOut = 159;

/** Answers one question of a person, within bounds of rows and time that the server keeps. */
export async function answerQuery(server: Server, dialect: ClickhouseDialect, text: string, limits: QueryLimits): Promise<QueryResult> {
  const written = spellFunctions(nameColumns(render(trustedSql(text.trim().replace(/[;\s]+$/, "")), dialect.quoting)));
  const question = readsShards(dialect.layout, written) ? joinGlobally(written) : written;
  await assertReadOnly(server, question);
  let columns: QueryResult["columns"] = [];
  const rows: QueryResult["rows"] = [];
  try {
    const settings = {
      readonly: "2",
      max_execution_time: limits.millisMax / 1000,
      max_result_rows: String(limits.rowsMax + 1),
      result_overflow_mode: "break",
    } as const;
    for await (const batch of server.rows(question, { settings, smallNumbers: true })) {
      columns = batch.columns.map(({ name, type }) => ({
        name,
        type: type === "UInt8" || type === "Nullable(UInt8)" ? "integer" : portableType(type),
      }));
      rows.push(...batch.rows.slice(0, limits.rowsMax + 1 - rows.length));
    }
  } catch (thrown) {
    if (!(thrown instanceof CambiumError)) throw thrown;
    if (thrown.details["engineCode"] === timedOut)
      throw new CambiumError("BAD_REQUEST", `the query took longer than ${limits.millisMax / 1000} s and was stopped`, { cause: thrown });
    throw new CambiumError("BAD_REQUEST", `sql: ${messageOf(thrown)}`, { cause: thrown });
  }
  return { columns, rows: rows.slice(0, limits.rowsMax), truncated: rows.length > limits.rowsMax };
}
