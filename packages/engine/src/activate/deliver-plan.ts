import type { Connection, Row } from "../warehouse/warehouse.js";
import type { Commits, RunRow } from "./commits.js";
import { type DeliverOptions, deliverBatch } from "./deliver.js";
import { type Page, noRows, pageOf, pageRowsFor } from "./pages.js";
import type { SyncPlan } from "./plan.js";

/**
 * The plan, page by page and batch by batch, to the destination: several batches at once, outcomes committed as they come,
 * ended early where the destination takes nothing. Appends go one batch after the other, and a row that waits holds back
 * later ones of its entity.
 */

/** Batches in a row without one row that got through, after which a destination counts as down. */
const failedBatchesMax = 3;
/** A pause that the destination asks for is waited out inside the run up to this; longer ones end the run. */
const pauseInRunMsMax = 5_000;

export interface Ended {
  readonly state: "done" | "paused" | "stopped";
  /** Rows handed to the destination. */
  readonly taken: number;
  readonly message: string | undefined;
  readonly pauseMs: number;
}

/** A run that was opened: its row, how its statements take turns, and the first page, noted as being sent. */
export interface Opened {
  readonly run: RunRow;
  readonly commits: Commits;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly firstPage: Page;
}

export async function deliverPlan(
  connection: Connection,
  options: DeliverOptions,
  { run, commits, inTurn, firstPage }: Opened,
  plan: SyncPlan,
  batchRows: number,
  concurrency: number,
): Promise<Ended> {
  const ordered = options.sync.mode === "append";
  const blocked = new Set<string>();
  const active = new Set<Promise<void>>();
  const pageRows = pageRowsFor(batchRows);
  let taken = 0;
  let allStarted = false;
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
    await commits.add(batch, { isLast: allStarted && active.size === 1 });
  };
  const aborted = () => options.signal?.aborted === true;
  const goesOn = () => stop === undefined && failure === undefined && !aborted();
  const pageAt = (from: number) => {
    const page = inTurn(() => pageOf(connection, options.mapping, options.sync, run.run_id, from, pageRows));
    return page.catch((thrown: unknown) => {
      failure ??= { thrown };
      return noRows;
    });
  };

  let next = Promise.resolve(firstPage);
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
  allStarted = true;
  // Nothing of this run may use the connection after it.
  await Promise.all([...active, next]);
  if (failure !== undefined && !aborted()) {
    await commits.done();
    throw (failure as { thrown: unknown }).thrown;
  }
  if (aborted()) stop = { state: "stopped", message: "asked to stop" };
  return { state: stop?.state ?? "done", taken, message: stop?.message, pauseMs: pause };
}

function withoutEntities(page: Page, entities: ReadonlySet<string>): Page {
  const stays = page.planned.map((row) => row.entityId === null || !entities.has(row.entityId));
  return { planned: page.planned.filter((_, index) => stays[index]), sources: page.sources.filter((_, index) => stays[index]) };
}
