import type { Sync } from "../project/kinds/sync.js";
import { join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { syncRows, syncSending, syncState } from "../warehouse/tables/ops.js";
import type { Connection, Row } from "../warehouse/warehouse.js";
import type { PlannedRow } from "./commits.js";
import type { Mapping } from "./mapping.js";

/** Reading the plan page by page, and settling what a log has behind it. */

const pageRowsMax = 20_000;

/** Rows of a page for batches of this size: whole batches, and at least one. */
export function pageRowsFor(batchRows: number): number {
  return batchRows * Math.max(1, Math.floor(pageRowsMax / batchRows));
}

export interface Page {
  readonly planned: readonly PlannedRow[];
  /** The mapped columns of each row under their own names. */
  readonly sources: readonly Row[];
}

export const noRows: Page = { planned: [], sources: [] };

/**
 * Rows `[from, from + rows)` of the plan. Unless it is a dry run, they are noted as being sent before anyone sees them.
 */
export async function pageOf(
  connection: Connection,
  mapping: Mapping,
  sync: Sync,
  runId: number,
  from: number,
  rows: number,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<Page> {
  const { dialect } = connection;
  const range = sql`ordinal >= ${from} AND ordinal < ${from + rows}`;
  if (!dryRun) {
    await connection.transaction(async () => {
      await connection.run(sql`/* what ${sync.name} is about to send */
INSERT INTO ${nameOf(syncSending)} (sync, run_id, row_id, key, entity_id, fingerprint, change, attempts, first_run)
SELECT ${sync.name}, ${runId}, row_id, row_key, entity_id, row_fingerprint, change, attempts, coalesce(first_run, ${runId}) FROM sync_plan WHERE ${range}`);
    });
  }
  const columns = join(
    mapping.columns.map((_, index) => sql`, ${name(`c${index}`)}`),
    "",
  );
  const read = await connection.read(
    sql`/* a page of what ${sync.name} sends */ SELECT ordinal, ${dialect.idText(sql`row_id`)} AS row_id, row_key, ${dialect.idText(sql`entity_id`)} AS entity_id,
${dialect.idText(sql`row_fingerprint`)} AS row_fingerprint, change, has_prior, attempts, coalesce(first_run, ${runId}) AS first_run${columns} FROM sync_plan WHERE ${range} ORDER BY ordinal`,
  );
  return { planned: read.map(plannedOf), sources: read.map((row) => sourceOf(row, mapping, sync)) };
}

function plannedOf(row: Row): PlannedRow {
  return {
    ordinal: Number(row["ordinal"]),
    rowId: String(row["row_id"]),
    key: String(row["row_key"]),
    entityId: (row["entity_id"] as string | null) ?? null,
    fingerprint: (row["row_fingerprint"] as string | null) ?? null,
    change: row["change"] as PlannedRow["change"],
    hasPrior: row["has_prior"] === true,
    attempts: Number(row["attempts"]),
    firstRun: Number(row["first_run"]),
    sent: undefined,
  };
}

function sourceOf(row: Row, mapping: Mapping, sync: Sync): Row {
  const source: Row = {};
  mapping.columns.forEach((column, index) => {
    source[column] = row[`c${index}`] ?? null;
  });
  if (!("changes" in sync.from)) source[sync.key] ??= row["row_key"] ?? null;
  return source;
}

/** Moves a log's cursor over everything delivered or refused for good, and forgets what lies behind it. */
export async function settleLog(connection: Connection, sync: Sync, from: number, to: number): Promise<number> {
  if (!("changes" in sync.from)) return from;
  const state = syncState(sync.name);
  const { dialect } = connection;
  const key = dialect.cast(sql`change_id`, "text");
  const open = await connection.first<{ n: number | null }>(sql`/* the first change that ${sync.name} has not settled */
SELECT min(change_id) AS n FROM growth.audience_changes WHERE audience = ${sync.from.changes} AND NOT held_out AND change_id > ${from} AND change_id <= ${to}
AND ${key} NOT IN (SELECT key FROM ${nameOf(state)}) AND ${key} NOT IN (SELECT key FROM ${nameOf(syncRows)} WHERE sync = ${sync.name} AND state = 'failed')`);
  const settled = open?.n === null || open?.n === undefined ? Math.max(from, to) : open.n - 1;
  await connection.run(dialect.deleteWhere(state, sql`${dialect.cast(sql`key`, "integer")} <= ${settled}`));
  return settled;
}
