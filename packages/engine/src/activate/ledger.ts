import { type Instant, isoOf } from "../base/instant.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { ledger, syncRuns } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { putRow } from "./head.js";

/**
 * The ledger row of a run: `changed = delivered + failed + skipped`, exactly, for every run that ended.
 * `changed` counts the rows that the run took up. A row that will be tried again counts as `failed` in this run (its
 * delivery says `retry`) and is taken up again by the run that tries it. Rows that a guard or a dead destination kept a
 * run from are in no ledger row: they are still different, and the run that takes them up counts them.
 */
export async function writeLedger(connection: Connection, sync: string, runId: number, now: Instant, changed: number): Promise<void> {
  const run = await connection.first<Record<"delivered" | "failed" | "skipped", number>>(
    sql`SELECT delivered, failed, skipped FROM ${nameOf(syncRuns)} WHERE sync = ${sync} AND run_id = ${runId}`,
  );
  const { delivered, failed, skipped } = run ?? { delivered: 0, failed: 0, skipped: 0 };
  await putRow(connection, ledger, {
    happened_at: isoOf(now),
    hop: `sync:${sync}`,
    ref: String(runId),
    accepted: 0,
    stored: 0,
    duplicates: 0,
    quarantined: 0,
    changed,
    delivered,
    failed,
    skipped,
  });
}
