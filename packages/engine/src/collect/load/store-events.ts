import { CambiumError } from "../../base/errors.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { events } from "../../warehouse/tables/raw.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { newMessages } from "./duplicates.js";
import type { MessageFilter } from "./message-filter.js";

/** The events of a load. */
export interface LoadedEvents {
  readonly loadId: number;
  /** How many of `incoming` are events. */
  readonly count: number;
  /** Columns of `raw.events` to fill. */
  readonly columns: readonly string[];
  /** Rows with these columns and `file`, of the events whose `message_id` meets a condition: a pass over the files. */
  readonly rows: (wanted: Sql) => Sql;
}

/**
 * Puts into `raw.events` what was never stored, straight from the files: which messages those are is known from `incoming`
 * before, so that each event is written once. Returns how many rows each file gave, or undefined when that was all of its events.
 */
export async function storeEvents(
  connection: Connection,
  loaded: LoadedEvents,
  filter: MessageFilter | undefined,
): Promise<Map<string, number> | undefined> {
  const into = join(loaded.columns.map((column) => name(column)));
  const insert = (from: Sql) =>
    connection.run(sql`/* load: store events */ INSERT INTO ${nameOf(events)} (${into}) SELECT ${into} FROM ${from} AS e`);
  const suspects = await suspectsOf(connection, filter);
  if (suspects?.length === 0) {
    await insert(sql`(${loaded.rows(sql`TRUE`)})`);
    await assertStored(connection, loaded.loadId, loaded.count);
    return undefined;
  }
  const { once, repeated } = await newMessages(connection, loaded.loadId, suspects);
  await insert(sql`(${loaded.rows(once)})`);
  const counts = await countByFile(connection, sql`incoming WHERE state = 'event' AND ${once}`);
  if (repeated !== undefined) {
    await connection.run(connection.dialect.tempTable("first_copies", firstCopies(loaded.rows(repeated))));
    await insert(sql`first_copies`);
    for (const [file, count] of await countByFile(connection, sql`first_copies`)) counts.set(file, (counts.get(file) ?? 0) + count);
  }
  await assertStored(
    connection,
    loaded.loadId,
    [...counts.values()].reduce((sum, count) => sum + count, 0),
  );
  return counts;
}

/** Hashes of events that may be duplicates; undefined where all may. */
async function suspectsOf(connection: Connection, filter: MessageFilter | undefined): Promise<bigint[] | undefined> {
  if (filter === undefined) return undefined;
  const wasComplete = filter.isComplete;
  const hashes = await connection.integers(sql`/* load: message hashes */ SELECT message_hash FROM incoming WHERE state = 'event'`);
  const suspects = await filter.add(hashes);
  return wasComplete ? suspects : undefined;
}

function firstCopies(rows: Sql): Sql {
  return sql`/* load: the earliest copy of each */
SELECT * FROM (
  SELECT i.*, row_number() OVER (PARTITION BY i.message_id ORDER BY i.received_at, i.timestamp, i.file, i.properties, i.traits, i.context) AS copy
  FROM (${rows}) AS i
) AS copies WHERE copy = 1`;
}

async function countByFile(connection: Connection, from: Sql): Promise<Map<string, number>> {
  const rows = await connection.read<{ file: string; n: number }>(
    sql`/* load: rows of each file */ SELECT file, count(*) AS n FROM ${from} GROUP BY file`,
  );
  return new Map(rows.map((row) => [row.file, row.n]));
}

/** The files are read twice, and a line that only one reading took for an event must not get lost between them. */
async function assertStored(connection: Connection, loadId: number, expected: number): Promise<void> {
  const found = await connection.first<{ n: number }>(
    sql`/* load: rows of this load */ SELECT count(*) AS n FROM ${nameOf(events)} WHERE load_id = ${loadId}`,
  );
  if ((found?.n ?? 0) < expected)
    throw new CambiumError("WAREHOUSE_FAILED", `load ${loadId} has ${expected} events, but ${found?.n ?? 0} rows were stored`);
}
