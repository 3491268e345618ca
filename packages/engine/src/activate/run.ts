import { CambiumError, messageOf } from "../base/errors.js";
import { turns } from "../base/turns.js";
import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import type { Connection } from "../warehouse/warehouse.js";
import { emptyHead } from "./bring-in-line.js";
import { Commits } from "./commits.js";
import type { DeliverOptions } from "./deliver.js";
import { type Opened, deliverPlan } from "./deliver-plan.js";
import { dryRun } from "./dry-run.js";
import { fieldTypesOf } from "./field-types.js";
import { type SyncHead, writeHead } from "./head.js";
import { type Mapping, compileMapping } from "./mapping.js";
import { Pacer, realTime } from "./pacer.js";
import { pageOf, pageRowsFor } from "./pages.js";
import { type SyncPlan, planSync } from "./plan.js";
import { type RunOptions, type RunResult, resultOf } from "./run-result.js";
import { closeRun, openRun, recordEven } from "./run-row.js";
import { type FilledSettings, fillSecrets } from "./secrets.js";
import { closeCrashedRun, startSync } from "./start.js";

export type { RunOptions, RunResult };

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
 *
 * A run commits twice where its rows are few: before anything is sent, its row and what is about to be sent; after it,
 * the outcomes and the end. One that finds nothing to do commits nothing.
 */
export async function runSync(connection: Connection, project: Project, sync: Sync, options: RunOptions): Promise<RunResult> {
  const { definition, destination, action } = resolve(project, sync, options);
  const mapping = compileMapping(sync);
  if (options.dryRun === true) {
    const guarded = (plan: SyncPlan) => guardMessage(sync, plan);
    return dryRun(connection, project, sync, options, guarded, { definition, destination, action: action.name, mapping });
  }
  await closeCrashedRun(connection, sync.name, options.now);
  const { head, full, storedCycle } = await startSync(connection, project, sync, mapping, options.now, {
    seen: options.even?.get(sync.name),
  });
  // What was even with another target or mapping says nothing, should those come back.
  if (storedCycle === undefined) options.even?.delete(sync.name);
  const plan = await planSync(connection, project, sync, options.now, { head, mapping, full: full || options.full === true });
  const next: SyncHead = head ?? emptyHead(connection, sync, mapping);
  if (plan.rows === 0 && plan.duplicates === 0) return recordEven(connection, sync, options, next, plan, storedCycle);
  const guarded = options.confirm === true ? undefined : guardMessage(sync, plan);
  if (guarded !== undefined) {
    const run = await connection.transaction(async () => {
      await writeHead(connection, sync.name, { ...next, state: "guarded", message: guarded });
      return openRun(connection, sync, mapping, options, plan, guarded);
    });
    options.even?.delete(sync.name);
    return resultOf(sync, "guarded", run, plan, 0);
  }
  const batchRows = Math.min(sync.batch_rows ?? action.batchRowsMax, action.batchRowsMax);
  const opened = await open(connection, sync, mapping, options, plan, batchRows);
  const filled = fill(definition, options);
  if ("message" in filled) {
    const ended = { state: "paused", taken: 0, message: filled.message, pauseMs: 0 } as const;
    return closeRun(connection, sync, options, next, plan, opened.run, ended, opened.commits);
  }
  const deliver: DeliverOptions = {
    sync,
    mapping,
    destination,
    action: action.name,
    filled: filled.settings,
    allow: definition.allow,
    pacer: options.pacer ?? new Pacer(definition.rate, realTime),
    clock: options.clock,
    dryRun: false,
    signal: options.signal,
    assertMaySend: options.assertMaySend ?? (() => undefined),
    fieldTypes: await fieldTypesOf(connection, project, sync, mapping, options.now),
  };
  const ended = await deliverPlan(connection, deliver, opened, plan, batchRows, sync.mode === "append" ? 1 : definition.concurrency);
  return closeRun(connection, sync, options, next, plan, opened.run, ended, opened.commits);
}

/** The one commit before anything is sent: a crash from here on finds what may have arrived. */
async function open(
  connection: Connection,
  sync: Sync,
  mapping: Mapping,
  options: RunOptions,
  plan: SyncPlan,
  batchRows: number,
): Promise<Opened> {
  const inTurn = turns();
  return connection.transaction(async () => {
    const run = await openRun(connection, sync, mapping, options, plan, undefined);
    const firstPage = await pageOf(connection, mapping, sync, run.run_id, 0, pageRowsFor(batchRows));
    return { run, firstPage, inTurn, commits: new Commits(connection, sync, run, options.clock, inTurn, plan.rows) };
  });
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

function guardMessage(sync: Sync, plan: SyncPlan): string | undefined {
  if (sync.guard === undefined || plan.confirmed === 0) return undefined;
  const altered = plan.changed + plan.removed;
  const percent = (100 * altered) / plan.confirmed;
  if (altered < sync.guard.min_rows || percent <= sync.guard.max_change_percent) return undefined;
  return `would change ${plan.changed} and remove ${plan.removed} of ${plan.confirmed} rows (${percent.toFixed(1)} %; the guard allows ${sync.guard.max_change_percent} %)`;
}

/** The settings with their secrets, or why there are none. */
function fill(definition: DestinationDefinition, options: RunOptions): { settings: FilledSettings } | { message: string } {
  try {
    return { settings: fillSecrets(definition.name, definition.settings, options.env ?? process.env) };
  } catch (thrown) {
    return { message: messageOf(thrown) };
  }
}
