import { isoOf } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { deliveries, requests, syncRuns, syncSending } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { pauseMs } from "./backoff.js";
import type { Commits, RunRow } from "./commits.js";
import type { Ended } from "./deliver-plan.js";
import { evenCyclesMax } from "./even.js";
import { type SyncHead, putRow, writeHead } from "./head.js";
import { writeLedger } from "./ledger.js";
import type { Mapping } from "./mapping.js";
import { settleLog } from "./pages.js";
import type { SyncPlan } from "./plan.js";
import { type RunOptions, type RunResult, resultOf } from "./run-result.js";

/** The row of a run in `ops.sync_runs`, from its start to its end, and the head that moves on with it. */

const requestsPerSyncMax = 500;

export async function openRun(
  connection: Connection,
  sync: Sync,
  mapping: Mapping,
  options: RunOptions,
  plan: SyncPlan,
  guarded: string | undefined,
): Promise<RunRow> {
  const run: RunRow = {
    sync: sync.name,
    run_id: await nextRunId(connection, sync),
    started_at: isoOf(options.now),
    finished_at: guarded === undefined ? null : isoOf(options.now),
    state: guarded === undefined ? "running" : "guarded",
    definition: mapping.fingerprint,
    to_cycle: plan.toCycle,
    added: 0,
    changed: 0,
    removed: 0,
    delivered: 0,
    failed: 0,
    skipped: 0,
    message: guarded ?? null,
    planned: JSON.stringify({ added: plan.added, changed: plan.changed, removed: plan.removed }),
    remaining: guarded === undefined ? null : plan.rows,
  };
  await connection.transaction(async () => {
    if (guarded === undefined && plan.duplicates > 0) {
      run.added += plan.duplicates;
      run.skipped += plan.duplicates;
      await connection.run(sql`/* rows that share their key with another */
INSERT INTO ${nameOf(deliveries)} (sync, run_id, happened_at, key, entity_id, change, outcome, status, reason, request_id, cycle_id, payload, fingerprint)
SELECT ${sync.name}, ${run.run_id}, ${connection.dialect.timestamp(options.now)}, row_key, entity_id, 'add', 'skipped', NULL, 'another row has the same key', NULL, ${plan.toCycle}, NULL, NULL FROM sync_losers`);
    }
    // Its number is new: there is no row to replace.
    await connection.append(syncRuns, [run]);
  });
  return run;
}

export async function nextRunId(connection: Connection, sync: Sync): Promise<number> {
  const newest = await connection.first<{ n: number | null }>(
    sql`SELECT max(run_id) AS n FROM ${nameOf(syncRuns)} WHERE sync = ${sync.name}`,
  );
  return (newest?.n ?? 0) + 1;
}

export async function closeRun(
  connection: Connection,
  sync: Sync,
  options: RunOptions,
  head: SyncHead,
  plan: SyncPlan,
  run: RunRow,
  ended: Ended,
  commits: Pick<Commits, "finish" | "waiting">,
): Promise<RunResult> {
  const now = Math.max(options.clock(), options.now);
  const remaining = plan.rows - ended.taken;
  const failures = ended.state === "paused" ? head.failures + 1 : 0;
  const pause = ended.state === "paused" ? pauseMs(sync.name, failures, ended.pauseMs) : 0;
  await commits.finish(async () => {
    // Not before: a commit of outcomes that is still under way writes this row too, and would call the run ended.
    Object.assign(run, { state: ended.state, finished_at: isoOf(now), message: ended.message ?? null, remaining });
    await putRow(connection, syncRuns, run);
    await connection.run(connection.dialect.deleteWhere(syncSending, sql`sync = ${sync.name}`));
    await writeLedger(connection, run, now, ended.taken + plan.duplicates);
    const settled = "changes" in sync.from ? await settleLog(connection, sync, head.changeId, plan.toChange) : head.changeId;
    await writeHead(connection, sync.name, {
      ...head,
      // Only a run that took up everything makes the sync even with the cycle; otherwise the rest would be forgotten.
      // A log has its own cursor; rows that it leaves wait behind a try, which wakes the sync by itself.
      toCycle: remaining === 0 || ("changes" in sync.from && ended.state === "done") ? plan.toCycle : head.toCycle,
      changeId: settled,
      state: ended.state === "paused" ? "paused" : "ok",
      failures,
      nextAt: ended.state === "paused" ? now + pause * 1000 : undefined,
      finishedAt: now,
      message: ended.message,
    });
    await dropOldRequests(connection, sync.name);
  });
  options.even?.delete(sync.name);
  return resultOf(sync, ended.state, run, plan, commits.waiting);
}

/** A difference of nothing leaves no run, only a head that moved on: in memory, where that is kept and nothing else is new. */
export async function recordEven(
  connection: Connection,
  sync: Sync,
  options: RunOptions,
  head: SyncHead,
  plan: SyncPlan,
  storedCycle: number | undefined,
): Promise<RunResult> {
  const now = options.clock();
  const isOld = storedCycle !== undefined && head.state === "ok" && head.failures === 0;
  if (options.even !== undefined && isOld && plan.toCycle - storedCycle < evenCyclesMax) {
    options.even.set(sync.name, { target: head.target, mapping: head.mapping.fingerprint, toCycle: plan.toCycle, at: now });
    return resultOf(sync, "even", undefined, plan, 0);
  }
  await connection.transaction(async () => {
    const changeId = "changes" in sync.from ? await settleLog(connection, sync, head.changeId, plan.toChange) : head.changeId;
    await writeHead(connection, sync.name, {
      ...head,
      toCycle: plan.toCycle,
      changeId,
      state: "ok",
      failures: 0,
      nextAt: undefined,
      finishedAt: now,
    });
  });
  options.even?.delete(sync.name);
  return resultOf(sync, "even", undefined, plan, 0);
}

async function dropOldRequests(connection: Connection, sync: string): Promise<void> {
  const newest = sql`SELECT request_id FROM ${nameOf(requests)} WHERE sync = ${sync} ORDER BY happened_at DESC, request_id LIMIT ${requestsPerSyncMax}`;
  await connection.run(connection.dialect.deleteWhere(requests, sql`sync = ${sync} AND request_id NOT IN (${newest})`));
}
