import { type Instant, isoOf } from "../base/instant.js";
import { ledger } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import type { RunRow } from "./commits.js";

/**
 * The ledger row of a run: `changed = delivered + failed + skipped`, exactly, for every run that ended.
 * `changed` counts the rows that the run took up. A row that will be tried again counts as `failed` in this run (its
 * delivery says `retry`) and is taken up again by the run that tries it. Rows that a guard or a dead destination kept a
 * run from are in no ledger row: they are still different, and the run that takes them up counts them.
 */
export async function writeLedger(connection: Connection, run: EndedRun, now: Instant, changed: number): Promise<void> {
  const { delivered, failed, skipped } = run;
  const none = { accepted: 0, stored: 0, duplicates: 0, quarantined: 0 };
  // A run ends once: its row is in the same transaction that ends it.
  await connection.append(ledger, [
    { happened_at: isoOf(now), hop: `sync:${run.sync}`, ref: String(run.run_id), ...none, changed, delivered, failed, skipped },
  ]);
}

type EndedRun = Pick<RunRow, "sync" | "run_id" | "delivered" | "failed" | "skipped">;
