import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { canonicalRow } from "../warehouse/canonical-row.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import type { SyncHead } from "./head.js";
import { keyIsUnique, wantedRows } from "./rows.js";
import { columnsOf } from "./wanted.js";

/**
 * `row_id` and `row_fingerprint` of the rows that a sync wants, with a number for their values that every engine gives alike
 * (`values_id`): what is confirmed in one warehouse can so be told to be confirmed in another. Of some row ids only.
 */
export type WantedValues = (among: Sql) => Sql;

/** Undefined where values say nothing: a log's entries are sent once whatever they hold, and columns may be no more. */
export async function wantedValues(
  connection: Connection,
  project: Project,
  sync: Sync,
  mapping: SyncHead["mapping"],
  now: Instant,
): Promise<WantedValues | undefined> {
  if ("changes" in sync.from) return undefined;
  const known = columnsOf(project, sync);
  if (known !== undefined && mapping.columns.some((column) => !known.has(column))) return undefined;
  const { dialect } = connection;
  const rows = (among?: Sql) => wantedRows({ project, dialect, now }, sync, mapping, among === undefined ? {} : { among });
  const types = new Map((await connection.describe(rows())).map((column) => [column.name, column.type]));
  const values = mapping.columns.map((_, index) => ({ expression: name(`c${index}`), type: types.get(`c${index}`) ?? "text" }));
  const each = keyIsUnique(sync) ? sql`SELECT` : sql`SELECT DISTINCT`;
  return (among) =>
    sql`${each} row_id, row_fingerprint, ${dialect.hash64(canonicalRow(dialect, values))} AS values_id FROM (${rows(among)}) AS w`;
}
