import { CambiumError, messageOf } from "../base/errors.js";
import { type Clock, type Instant, isoOf } from "../base/instant.js";
import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { deliveries, requests, syncRuns, syncSending } from "../warehouse/tables/ops.js";
import type { Connection, Row } from "../warehouse/warehouse.js";
import { pauseMs } from "./backoff.js";
import { Commits, type RunRow } from "./commits.js";
import { type DeliverOptions, deliverBatch } from "./deliver.js";
import type { Destination, RequestTrace } from "./destination.js";
import { fieldTypesOf } from "./field-types.js";
import { type SyncHead, putRow, writeHead } from "./head.js";
import { writeLedger } from "./ledger.js";
import { type Mapping, compileMapping } from "./mapping.js";
import { Pacer, realTime } from "./pacer.js";
import { type Page, pageOf, pageRowsFor, settleLog } from "./pages.js";
import { type SyncPlan, planSync } from "./plan.js";
import { fillKnownSecrets, fillSecrets } from "./secrets.js";
import { closeCrashedRun, emptyHead, startSync } from "./start.js";
import { turns } from "./turns.js";

/**
 * One run of a sync. States of the run's row:
 *
 *   running ──► done       every row of the difference was taken up
 *           ├─► paused     the destination refuses everything: the rest stays different and is tried later
 *           ├─► stopped    asked to stop
 *           └─► crashed    found still running by the next run
 *   guarded                nothing was sent: the difference is larger than the guard allows
 *
 * A try that may help later is state (`ops.sync_rows`, with the moment of the next try), never a loop in here.
 */
export interface RunOptions {
  readonly now: Instant;
  readonly clock: Clock;
  /** The destination behind a definition. */
  readonly destinations: (definition: DestinationDefinition) => Destination;
  readonly dryRun?: boolean | undefined;
  /** Goes past the guard once. */
  readonly confirm?: boolean | undefined;
  /** Compares everything, whatever the change table says. */
  readonly full?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The destination's own, where several syncs share it. */
  readonly pacer?: Pacer | undefined;
}

export interface RunResult {
  readonly sync: string;
  /** `even`: there was nothing to do and no run was recorded. */
  readonly state: "done" | "even" | "guarded" | "paused" | "stopped" | "dry_run";
  readonly runId: number | undefined;
  readonly planned: Pick<SyncPlan, "added" | "changed" | "removed" | "duplicates" | "full">;
  readonly delivered: number;
  /** Refused for good or waiting; `waiting` of them will be tried again. */
  readonly failed: number;
  readonly waiting: number;
  readonly skipped: number;
  readonly remaining: number;
  readonly message: string | undefined;
  /** Dry run: the exact requests of the first rows. */
  readonly requests: readonly RequestTrace[];
}

/** Batches in a row without one delivered row, after which a destination counts as down. */
const failedBatchesMax = 3;
/** A pause that the destination asks for is waited out inside the run up to this; longer ones end the run. */
const pauseInRunMsMax = 5_000;
const dryRunRowsMax = 100;
const requestsPerSyncMax = 500;

export async function runSync(connection: Connection, project: Project, sync: Sync, options: RunOptions): Promise<RunResult> {
  const { definition, destination, action } = resolve(project, sync, options);
  const mapping = compileMapping(sync);
  if (options.dryRun === true) return dryRun(connection, project, sync, options, { definition, destination, action: action.name, mapping });
  await closeCrashedRun(connection, sync.name, options.now);
  const { head, full } = await startSync(connection, project, sync, mapping, options.now);
  const plan = await planSync(connection, project, sync, options.now, { head, mapping, full: full || options.full === true });
  const next: SyncHead = head ?? emptyHead(connection, sync, mapping);
  if (plan.rows === 0 && plan.duplicates === 0) return recordEven(connection, sync, options, next, plan);
  const guarded = options.confirm === true ? undefined : guardMessage(sync, plan);
  const run = await openRun(connection, sync, mapping, options, plan, guarded);
  if (guarded !== undefined) {
    await writeHead(connection, sync.name, { ...next, state: "guarded", message: guarded });
    return resultOf(sync, "guarded", run, plan, 0);
  }
  const filled = await fill(connection, sync, definition, options, next, run, plan);
  if ("result" in filled) return filled.result;
  const deliver: DeliverOptions = {
    sync,
    mapping,
    destination,
    action: action.name,
    filled: filled.filled,
    allow: definition.allow,
    pacer: options.pacer ?? new Pacer(definition.rate, realTime),
    clock: options.clock,
    dryRun: false,
    signal: options.signal,
    fieldTypes: await fieldTypesOf(connection, project, sync, mapping, options.now),
  };
  const batchRows = Math.min(sync.batch_rows ?? action.batchRowsMax, action.batchRowsMax);
  const ended = await deliverPlan(connection, deliver, run, plan, batchRows, sync.mode === "append" ? 1 : definition.concurrency);
  return closeRun(connection, sync, options, next, plan, run, ended);
}

function resolve(project: Project, sync: Sync, options: RunOptions) {
  const definition = project.destinations.find((candidate) => candidate.name === sync.destination);
  if (definition === undefined)
    throw new CambiumError("PROJECT_INVALID", `sync ${sync.name} goes to destination ${sync.destination}, which does not exist`);
  const destination = options.destinations(definition);
  const { actions } = destination.spec;
  const action =
    sync.action === undefined
      ? (actions.find((candidate) => candidate.modes.includes(sync.mode)) ?? actions[0])
      : actions.find((candidate) => candidate.name === sync.action);
  if (action === undefined) {
    throw new CambiumError(
      "PROJECT_INVALID",
      `sync ${sync.name} asks ${definition.type} for action ${sync.action ?? ""}; it has ${actions.map((candidate) => candidate.name).join(", ")}`,
    );
  }
  if (!action.modes.includes(sync.mode)) {
    throw new CambiumError(
      "PROJECT_INVALID",
      `sync ${sync.name} uses mode ${sync.mode}; ${action.name} of ${definition.type} does ${action.modes.join(", ")}`,
    );
  }
  if ("changes" in sync.from && sync.mode !== "append") {
    throw new CambiumError("PROJECT_INVALID", `sync ${sync.name} reads changes, which can only be appended: set mode: append`);
  }
  return { definition, destination, action };
}

async function recordEven(connection: Connection, sync: Sync, options: RunOptions, head: SyncHead, plan: SyncPlan): Promise<RunResult> {
  const now = options.clock();
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
  return resultOf(sync, "even", undefined, plan, 0);
}

function guardMessage(sync: Sync, plan: SyncPlan): string | undefined {
  if (sync.guard === undefined || plan.confirmed === 0) return undefined;
  const altered = plan.changed + plan.removed;
  const percent = (100 * altered) / plan.confirmed;
  if (altered < sync.guard.min_rows || percent <= sync.guard.max_change_percent) return undefined;
  return `would change ${plan.changed} and remove ${plan.removed} of ${plan.confirmed} rows (${percent.toFixed(1)} %; the guard allows ${sync.guard.max_change_percent} %)`;
}

async function openRun(
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
    await putRow(connection, syncRuns, run);
  });
  return run;
}

async function nextRunId(connection: Connection, sync: Sync): Promise<number> {
  const newest = await connection.first<{ n: number | null }>(
    sql`SELECT max(run_id) AS n FROM ${nameOf(syncRuns)} WHERE sync = ${sync.name}`,
  );
  return (newest?.n ?? 0) + 1;
}

/** Secrets in, or the run ends paused with the reason. */
async function fill(
  connection: Connection,
  sync: Sync,
  definition: DestinationDefinition,
  options: RunOptions,
  head: SyncHead,
  run: RunRow,
  plan: SyncPlan,
) {
  try {
    return { filled: fillSecrets(definition.name, definition.settings, options.env ?? process.env) };
  } catch (thrown) {
    const ended: Ended = { state: "paused", taken: 0, message: messageOf(thrown), waiting: 0, pauseMs: 0 };
    return { result: await closeRun(connection, sync, options, head, plan, run, ended) };
  }
}

interface Ended {
  readonly state: "done" | "paused" | "stopped";
  /** Rows handed to the destination. */
  readonly taken: number;
  readonly message: string | undefined;
  readonly waiting: number;
  readonly pauseMs: number;
}

async function deliverPlan(
  connection: Connection,
  options: DeliverOptions,
  run: RunRow,
  plan: SyncPlan,
  batchRows: number,
  concurrency: number,
): Promise<Ended> {
  const inTurn = turns();
  const commits = new Commits(connection, options.sync, run, options.clock, inTurn, plan.rows);
  const ordered = options.sync.mode === "append";
  const blocked = new Set<string>();
  const active = new Set<Promise<void>>();
  const pageRows = pageRowsFor(batchRows);
  let taken = 0;
  let failedBatches = 0;
  let pause = 0;
  let stop: { state: "paused" | "stopped"; message: string } | undefined;
  let failure: { thrown: unknown } | undefined;

  const send = async (planned: Parameters<typeof deliverBatch>[1], sources: readonly Row[]) => {
    const batch = await deliverBatch(options, planned, sources);
    taken += planned.length;
    if (ordered) {
      batch.outcomes.forEach((outcome, index) => {
        const entity = planned[index]?.entityId;
        if (outcome.outcome === "retry" && entity !== null && entity !== undefined) blocked.add(entity);
      });
    }
    failedBatches = batch.outcomes.every((outcome) => outcome.outcome === "retry") ? failedBatches + 1 : 0;
    if (batch.stop !== undefined) stop ??= { state: "paused", message: batch.stop };
    if (failedBatches >= failedBatchesMax) {
      const [first] = batch.outcomes;
      const reason = first !== undefined && "reason" in first ? first.reason : "";
      stop ??= { state: "paused", message: `the destination does not take rows: ${reason}` };
    }
    if (batch.retryAfterMs > 0) {
      options.pacer.hold(batch.retryAfterMs);
      pause = Math.max(pause, batch.retryAfterMs);
      if (batch.retryAfterMs > pauseInRunMsMax) {
        stop ??= { state: "paused", message: `the destination asked for a pause of ${Math.ceil(batch.retryAfterMs / 1000)} s` };
      }
    }
    await commits.add(batch);
  };
  const aborted = () => options.signal?.aborted === true;

  const goesOn = () => stop === undefined && failure === undefined && !aborted();
  const pageAt = (from: number) => {
    const page = inTurn(() => pageOf(connection, options.mapping, options.sync, run.run_id, from, pageRows));
    page.catch(() => undefined); // It is awaited later, or never when the run ends before.
    return page;
  };

  let next = pageAt(0);
  for (let from = 0; from < plan.rows && goesOn(); from += pageRows) {
    const page = await next;
    if (from + pageRows < plan.rows) next = pageAt(from + pageRows);
    for (let start = 0; start < page.planned.length && goesOn(); start += batchRows) {
      while (active.size >= concurrency) await Promise.race(active);
      if (!goesOn()) break;
      const batch = { planned: page.planned.slice(start, start + batchRows), sources: page.sources.slice(start, start + batchRows) };
      const { planned, sources } = blocked.size === 0 ? batch : withoutEntities(batch, blocked);
      if (planned.length === 0) continue;
      const sending = send(planned, sources).catch((thrown: unknown) => {
        failure ??= { thrown };
      });
      const tracked: Promise<void> = sending.finally(() => void active.delete(tracked));
      active.add(tracked);
    }
  }
  await Promise.all(active);
  await commits.done();
  if (failure !== undefined && !aborted()) throw (failure as { thrown: unknown }).thrown;
  if (aborted()) stop = { state: "stopped", message: "asked to stop" };
  return { state: stop?.state ?? "done", taken, message: stop?.message, waiting: commits.waiting, pauseMs: pause };
}

function withoutEntities(page: Page, entities: ReadonlySet<string>): Page {
  const stays = page.planned.map((row) => row.entityId === null || !entities.has(row.entityId));
  return { planned: page.planned.filter((_, index) => stays[index]), sources: page.sources.filter((_, index) => stays[index]) };
}

async function closeRun(
  connection: Connection,
  sync: Sync,
  options: RunOptions,
  head: SyncHead,
  plan: SyncPlan,
  run: RunRow,
  ended: Ended,
): Promise<RunResult> {
  const now = Math.max(options.clock(), options.now);
  const remaining = plan.rows - ended.taken;
  run.state = ended.state;
  run.finished_at = isoOf(now);
  run.message = ended.message ?? null;
  run.remaining = remaining;
  const failures = ended.state === "paused" ? head.failures + 1 : 0;
  const pause = ended.state === "paused" ? pauseMs(sync.name, failures, ended.pauseMs) : 0;
  await connection.transaction(async () => {
    await putRow(connection, syncRuns, run);
    await connection.run(connection.dialect.deleteWhere(syncSending, sql`sync = ${sync.name}`));
    await writeLedger(connection, sync.name, run.run_id, now, ended.taken + plan.duplicates);
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
  return resultOf(sync, ended.state, run, plan, ended.waiting);
}

async function dropOldRequests(connection: Connection, sync: string): Promise<void> {
  const newest = sql`SELECT request_id FROM ${nameOf(requests)} WHERE sync = ${sync} ORDER BY happened_at DESC, request_id LIMIT ${requestsPerSyncMax}`;
  await connection.run(connection.dialect.deleteWhere(requests, sql`sync = ${sync} AND request_id NOT IN (${newest})`));
}

function resultOf(
  sync: Sync,
  state: RunResult["state"],
  run: RunRow | undefined,
  plan: SyncPlan,
  waiting: number,
  sent: readonly RequestTrace[] = [],
): RunResult {
  const { added, changed, removed, duplicates, full } = plan;
  return {
    sync: sync.name,
    state,
    runId: run?.run_id,
    planned: { added, changed, removed, duplicates, full },
    delivered: run?.delivered ?? 0,
    failed: run?.failed ?? 0,
    waiting,
    skipped: run?.skipped ?? 0,
    remaining: run === undefined ? plan.rows : (run.remaining ?? 0),
    message: run?.message ?? undefined,
    requests: sent,
  };
}

/** The difference and the exact requests of its first rows, with nothing sent and nothing kept. */
async function dryRun(
  connection: Connection,
  project: Project,
  sync: Sync,
  options: RunOptions,
  parts: { definition: DestinationDefinition; destination: Destination; action: string; mapping: Mapping },
): Promise<RunResult> {
  const { definition, destination, action, mapping } = parts;
  let outcome: { plan: SyncPlan; page: Awaited<ReturnType<typeof pageOf>>; fieldTypes: Record<string, string> } | undefined;
  const rolledBack = new Error("dry run");
  try {
    await connection.transaction(async () => {
      const { head, full } = await startSync(connection, project, sync, mapping, options.now);
      const plan = await planSync(connection, project, sync, options.now, { head, mapping, full: full || options.full === true });
      const fieldTypes = await fieldTypesOf(connection, project, sync, mapping, options.now);
      outcome = {
        plan,
        page: await pageOf(connection, mapping, sync, await nextRunId(connection, sync), 0, dryRunRowsMax, { dryRun: true }),
        fieldTypes,
      };
      throw rolledBack;
    });
  } catch (thrown) {
    if (thrown !== rolledBack || outcome === undefined) throw thrown;
  }
  const { plan, page, fieldTypes } = outcome as NonNullable<typeof outcome>;
  const filled = fillKnownSecrets(definition.name, definition.settings, options.env ?? process.env);
  const pacer = new Pacer(undefined, realTime);
  const deliver: DeliverOptions = {
    sync,
    mapping,
    destination,
    action,
    filled,
    allow: definition.allow,
    pacer,
    clock: options.clock,
    dryRun: true,
    signal: options.signal,
    fieldTypes,
  };
  const spec = destination.spec.actions.find((candidate) => candidate.name === action);
  const batchRows = Math.min(sync.batch_rows ?? dryRunRowsMax, spec?.batchRowsMax ?? dryRunRowsMax);
  const traces: RequestTrace[] = [];
  for (let start = 0; start < page.planned.length; start += batchRows) {
    const batch = await deliverBatch(deliver, page.planned.slice(start, start + batchRows), page.sources.slice(start, start + batchRows));
    traces.push(...batch.traces);
  }
  return resultOf(sync, "dry_run", undefined, plan, 0, traces);
}
