import { parseSteps } from "../../observe/hops.js";
import { type Sql, sql } from "../../warehouse/sql.js";
import type { CycleView, LoadView, Runs, SyncRun } from "../contract.js";
import type { Reads } from "../reads.js";
import { jsonOf, where } from "./rows.js";

/** The newest cycles, loads and sync runs. */

const cyclesMax = 100;
const loadsMax = 100;
const syncRunsMax = 100;

export async function runs(reads: Reads): Promise<Runs> {
  const [cycles, loads, syncRuns] = await Promise.all([
    readCycles(reads, sql``, cyclesMax),
    readLoads(reads, sql``, loadsMax),
    readSyncRuns(reads, [], syncRunsMax),
  ]);
  return { cycles, loads, syncRuns };
}

export async function readCycles(reads: Reads, condition: Sql, limit: number): Promise<CycleView[]> {
  const rows = await reads.read<Omit<CycleView, "steps"> & { touched: string; changed: string; steps: string }>(
    sql`/* newest cycles */ SELECT cycle_id AS "cycleId", kind, started_at AS "startedAt", "now" AS "now", from_load AS "fromLoad", to_load AS "toLoad",
  events, touched, changed, steps, seconds, definitions FROM ops.cycles ${condition} ORDER BY cycle_id DESC LIMIT ${limit}`,
  );
  return rows.map((row) => ({ ...row, touched: jsonOf(row.touched), changed: jsonOf(row.changed), steps: parseSteps(row.steps) }));
}

export async function readLoads(reads: Reads, condition: Sql, limit: number): Promise<LoadView[]> {
  const rows = await reads.read<Omit<LoadView, "lagSeconds"> & { micros: number | null }>(
    sql`/* newest loads */ SELECT load_id AS "loadId", segment, node, accepted, stored, duplicates, quarantined, bytes, loaded_at AS "loadedAt", seconds,
  ${reads.dialect.microsBetween(sql`last_received_at`, sql`loaded_at`)} AS micros
FROM ops.loads ${condition} ORDER BY load_id DESC LIMIT ${limit}`,
  );
  return rows.map(({ micros, ...row }) => ({ ...row, lagSeconds: micros === null ? null : Math.max(0, micros / 1_000_000) }));
}

export function readSyncRuns(reads: Reads, conditions: readonly Sql[], limit: number): Promise<SyncRun[]> {
  return reads.read<SyncRun>(
    sql`/* newest sync runs */ SELECT sync, run_id AS "runId", started_at AS "startedAt", finished_at AS "finishedAt", state, to_cycle AS "toCycle",
  added, changed, removed, delivered, failed, skipped, message
FROM ops.sync_runs ${where(conditions)} ORDER BY started_at DESC, run_id DESC LIMIT ${limit}`,
  );
}
