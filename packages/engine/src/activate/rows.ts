import type { Sync } from "../project/kinds/sync.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import type { Mapping } from "./mapping.js";
import { type SyncContext, columnsOfIds } from "./source.js";
import { type WantedOptions, wanted } from "./wanted.js";

/**
 * Wanted rows with what tells them apart: `row_id` (hash of the key), `row_key`, `entity_id`, `row_fingerprint` (hash of
 * mapping and the columns it reads), and those columns as `c0`, `c1`, … in the order of `mapping.columns`. What a query
 * does not use of these costs nothing. `among` keeps the rows of some row ids before anything else is computed.
 */
export function wantedRows(
  context: SyncContext,
  sync: Sync,
  mapping: Pick<Mapping, "columns" | "fingerprint">,
  options: Omit<WantedOptions, "columns"> & { among?: Sql } = {},
): Sql {
  const { dialect } = context;
  const log = "changes" in sync.from;
  const columns = log && !mapping.columns.includes("change_id") ? ["change_id", ...mapping.columns] : mapping.columns;
  const source = wanted(context, sync, { ...options, columns });
  const key = dialect.cast(sql`q.${name(log ? "change_id" : sync.key)}`, "text");
  const entity = "model" in sync.from ? dialect.cast(sql`NULL`, "integer") : sql`q.entity_id`;
  const ids = columnsOfIds(context.project, sync);
  const read = mapping.columns.map((column) => (ids.has(column) ? dialect.idText(sql`q.${name(column)}`) : sql`q.${name(column)}`));
  const named = read.map((expression, index) => sql`, ${expression} AS ${name(`c${index}`)}`);
  const values = mapping.columns.map((_, index) => sql`k.${name(`c${index}`)}`);
  const among = options.among === undefined ? sql`` : sql` WHERE k.row_id IN (${options.among})`;
  return sql`SELECT k.row_id, k.row_key, k.entity_id, ${dialect.fingerprint([sql`${mapping.fingerprint}`, ...values])} AS row_fingerprint${join(
    values.map((value) => sql`, ${value}`),
    "",
  )}
FROM (SELECT ${dialect.fingerprint([key])} AS row_id, ${key} AS row_key, ${entity} AS entity_id${join(named, "")}
FROM (${source}) AS q WHERE ${key} IS NOT NULL AND ${key} <> '') AS k${among}`;
}

/** Whether the source itself promises one row a key. */
export function keyIsUnique(sync: Sync): boolean {
  return "changes" in sync.from || (sync.key === "key" && !("model" in sync.from));
}

/** Rows with their `place` among those of the same key: by entity id, then by fingerprint. */
export function rankedOfKey(rows: Sql): Sql {
  return sql`SELECT r.*, row_number() OVER (PARTITION BY row_id ORDER BY entity_id, row_fingerprint) AS place FROM (${rows}) AS r`;
}

/** One row a key: the first of those that share it. */
export function firstOfKey(rows: Sql): Sql {
  return sql`SELECT * FROM (${rankedOfKey(rows)}) AS ranked WHERE place = 1`;
}
