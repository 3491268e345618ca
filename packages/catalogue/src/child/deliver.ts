/**
 * Delivers the rows of one call and settles each of them. Nothing is thrown for a row: what an action throws is mapped
 * to outcomes, and a batch that one bad row spoils is halved until the bad row stands alone.
 */
import type { RowOutcome } from "../engine.js";
import type { DeliverCall } from "../protocol.js";
import type { Batch, Truth } from "../truth/truth.js";
import { singleTruths, truths } from "../truth/truths.js";
import { eventOf, mappingOf } from "./events.js";
import { jsonOf, objectOf } from "./exchange.js";
import { isLoginRefused, refreshed } from "./oauth.js";
import { outcomeOfError, outcomeOfRow, outcomeOfStatus, short, statusOfError } from "./outcomes.js";
import { type Chunk, type PlannedRow, planOf } from "./plan.js";
import { inScope, type Scope } from "./scope.js";
import { type Data, type ExecuteInput, loadDestination, payloadOf, type RowStatus, type SegmentDestination } from "./segment.js";
import { credentialsOf, settingsOf } from "./settings.js";
import { hostStubs, transactionContext } from "./stubs.js";

/** Halvings of one chunk at most: ten bad rows among a thousand need about a hundred. */
const halvingsMax = 128;

export type SettledRow = readonly [index: number, outcome: RowOutcome];

interface Work {
  readonly settle: (rows: readonly SettledRow[]) => void;
  readonly call: DeliverCall;
  readonly destination: SegmentDestination;
  readonly settings: Data;
  readonly scope: Scope;
  readonly nowMillis: number;
}

/** `settle` hears of every row as soon as its outcome is known; of a row that is tried twice, twice. */
export async function deliver(call: DeliverCall, scope: Scope, settle: (rows: readonly SettledRow[]) => void): Promise<void> {
  const destination = loadDestination(call.slug);
  const work: Work = {
    settle,
    call,
    destination,
    settings: settingsOf(destination, call.settings),
    scope,
    nowMillis: Math.floor(call.now / 1000),
  };
  const { waves, settled } = planOf(call);
  settle([...settled]);
  for (const wave of waves) {
    await limited(wave, call.concurrency, async (chunk) => {
      const outcomes = await deliverChunk(work, chunk);
      settle(
        chunk.rows.map(({ index }, place) => [index, outcomes[place] ?? { outcome: "retry", reason: "the row was not reached" }] as const),
      );
    });
  }
}

async function deliverChunk(work: Work, chunk: Chunk): Promise<RowOutcome[]> {
  const run = () => (chunk.batch ? deliverBatch(work, chunk, { left: halvingsMax, delivered: false }) : deliverSingly(work, chunk));
  const first = await run();
  work.destination.responses.length = 0; // grows for ever otherwise
  if (!isLoginRefused(first) || work.call.dryRun) return first;
  const renewed = await inScope(work.scope, () => refreshed(work.destination, work.call, work.settings));
  if (!renewed) return first;
  const again = first.map((outcome) => outcome.outcome === "retry" && outcome.status === 401);
  const rest: Chunk = { ...chunk, rows: chunk.rows.filter((_, index) => again[index]) };
  const second = await (rest.batch ? deliverBatch(work, rest, { left: halvingsMax, delivered: false }) : deliverSingly(work, rest));
  const queue = [...second];
  return first.map((outcome, index) => (again[index] === true ? (queue.shift() ?? outcome) : outcome));
}

async function deliverSingly(work: Work, chunk: Chunk): Promise<RowOutcome[]> {
  const outcomes: RowOutcome[] = [];
  await limited(chunk.rows.entries(), work.call.concurrency, async ([place, planned]) => {
    const outcome = await inScope(work.scope, (scope) => deliverOne({ ...work, scope }, chunk, planned));
    outcomes[place] = outcome;
    work.settle([[planned.index, outcome]]);
  });
  return outcomes;
}

async function deliverOne(work: Work, chunk: Chunk, planned: PlannedRow): Promise<RowOutcome> {
  const { call, destination, scope, nowMillis } = work;
  const event = eventOf(planned.row, planned.own, chunk.action, call);
  const mapping = mappingOf([planned.own], chunk.action, false, chunk.syncMode);
  try {
    const results = await destination.executeAction(chunk.action.name, { ...inputOf(work, mapping, planned), event });
    if (results.length === 0) return { outcome: "failed", reason: `there is no action ${chunk.action.name}` };
    if (call.dryRun) return { outcome: "skipped", reason: "dry run" };
    const said = silentRefusal(scope, nowMillis) ?? outcomeOfStatus(200, "", scope.exchanges.at(-1), nowMillis);
    return singleTruths[`${call.slug}.${chunk.action.name}`]?.(said, scope.exchanges) ?? said;
  } catch (error) {
    return dryOr(call, error, () => outcomeOfError(error, scope.exchanges, nowMillis), scope.exchanges.length);
  }
}

interface Halvings {
  left: number;
  /** Some part went through, so the rest is worth another try when the halvings run out. */
  delivered: boolean;
}

async function deliverBatch(work: Work, chunk: Chunk, halvings: Halvings): Promise<RowOutcome[]> {
  const { valid, outcomes } = validated(work, chunk);
  if (valid.length === 0) return outcomes.filter((outcome) => outcome !== undefined);
  const results = await inScope(work.scope, (scope) => sendBatch({ ...work, scope }, { ...chunk, rows: valid }, halvings));
  const queue = [...results];
  return outcomes.map((outcome) => outcome ?? queue.shift() ?? { outcome: "retry", reason: "the action gave no answer for this row" });
}

/**
 * Some actions read the raw rows beside the validated payloads and take them for the same list: invalid rows must be out
 * before they are called. All others leave them out themselves and say so per row.
 */
function validated(work: Work, chunk: Chunk): { valid: PlannedRow[]; outcomes: (RowOutcome | undefined)[] } {
  if (!chunk.action.readsRawRows) return { valid: [...chunk.rows], outcomes: chunk.rows.map(() => undefined) };
  const mapping = mappingOf(
    chunk.rows.map((planned) => planned.own),
    chunk.action,
    true,
    chunk.syncMode,
  );
  const outcomes = chunk.rows.map((planned): RowOutcome | undefined => {
    try {
      payloadOf(work.destination, chunk.action.name, mapping, eventOf(planned.row, planned.own, chunk.action, work.call));
      return undefined;
    } catch (error) {
      return outcomeOfError(error, [], work.nowMillis);
    }
  });
  return { valid: chunk.rows.filter((_, index) => outcomes[index] === undefined), outcomes };
}

async function sendBatch(work: Work, chunk: Chunk, halvings: Halvings): Promise<RowOutcome[]> {
  const { call, destination, scope, nowMillis } = work;
  const mapping = mappingOf(
    chunk.rows.map((planned) => planned.own),
    chunk.action,
    true,
    chunk.syncMode,
  );
  const events = chunk.rows.map((planned) => eventOf(planned.row, planned.own, chunk.action, call));
  let rows: (RowStatus | undefined)[];
  try {
    rows = await destination.executeBatch(chunk.action.name, { ...inputOf(work, mapping, chunk.rows[0]), events });
  } catch (error) {
    const { status } = statusOfError(error);
    if (!call.dryRun && isWorthHalving(status, chunk, work, halvings)) return halve(work, chunk, halvings);
    return chunk.rows.map(() => dryOr(call, error, () => outcomeOfError(error, scope.exchanges, nowMillis), scope.exchanges.length));
  }
  const invalid = rows.map((row) => row?.errorreporter === "INTEGRATIONS" && row.errortype === "PAYLOAD_VALIDATION_FAILED");
  if (call.dryRun) {
    return rows.map((row, index) =>
      invalid[index] === true ? outcomeOfRow(row, scope.exchanges, nowMillis) : { outcome: "skipped", reason: "dry run" },
    );
  }
  const refusal = rows.every((row, index) => invalid[index] === true || isSuccess(row)) ? silentRefusal(scope, nowMillis) : undefined;
  const said = chunk.rows.map((_, index) =>
    refusal !== undefined && invalid[index] !== true ? refusal : outcomeOfRow(rows[index], scope.exchanges, nowMillis),
  );
  const truth = truths[`${call.slug}.${chunk.action.name}`];
  const outcomes =
    truth === undefined ? said : await told(truth, { rows: chunk.rows, outcomes: said, exchanges: [...scope.exchanges], scope });
  if (outcomes.some((outcome) => outcome.outcome === "delivered")) halvings.delivered = true;
  return outcomes;
}

/** When what happened cannot be found out, rows that "were delivered" are worth another try. */
async function told(truth: Truth, batch: Batch): Promise<RowOutcome[]> {
  try {
    return await truth(batch);
  } catch (error) {
    const reason = short(`delivery is not confirmed: ${statusOfError(error).reason}`);
    return batch.outcomes.map((outcome) => (outcome.outcome === "delivered" ? { outcome: "retry", reason } : outcome));
  }
}

const isSuccess = (row: RowStatus | undefined) => row !== undefined && (row.status === undefined || row.status < 300);

/** A refused batch may hold one bad row. Not repeated where a part of it could have been written as a new record. */
function isWorthHalving(status: number | undefined, chunk: Chunk, work: Work, halvings: Halvings): boolean {
  if (chunk.rows.length < 2 || halvings.left <= 0) return false;
  if (status !== 400 && status !== 404 && status !== 413 && status !== 422 && status !== undefined) return false;
  const wrote = work.scope.exchanges.some(
    (exchange) => exchange.method !== "GET" && exchange.status !== undefined && exchange.status < 300,
  );
  if (status === undefined) return work.scope.exchanges.length === 0; // the action broke before it sent anything
  return work.call.mode !== "append" || !wrote;
}

async function halve(work: Work, chunk: Chunk, halvings: Halvings): Promise<RowOutcome[]> {
  const middle = Math.ceil(chunk.rows.length / 2);
  const outcomes: RowOutcome[] = [];
  for (const rows of [chunk.rows.slice(0, middle), chunk.rows.slice(middle)]) {
    halvings.left -= 1;
    outcomes.push(...(await inScope(work.scope, (scope) => sendBatch({ ...work, scope }, { ...chunk, rows }, halvings))));
  }
  if (halvings.left > 0 || !halvings.delivered) return outcomes;
  // The halvings ran out: rows that were refused only in company get another try.
  return outcomes.map((outcome) => (outcome.outcome === "failed" && chunk.rows.length > 1 ? { ...outcome, outcome: "retry" } : outcome));
}

/** Some actions answer "sent" whatever came back. Lookups that find nothing are no refusal. */
function silentRefusal(scope: Scope, nowMillis: number): RowOutcome | undefined {
  const last = scope.exchanges.findLast((exchange) => exchange.method !== "GET");
  const status = last?.status;
  if (status === undefined || status < 400 || [404, 409, 410].includes(status)) return undefined;
  const message = objectOf(jsonOf(last?.responseBody))["message"];
  return outcomeOfStatus(status, typeof message === "string" ? message : (last?.responseBody ?? ""), last, nowMillis);
}

/** In a dry run an action may stumble over our made-up answers: its requests are what counts. */
function dryOr(call: DeliverCall, error: unknown, otherwise: () => RowOutcome, requests: number): RowOutcome {
  if (!call.dryRun || statusOfError(error).validation) return otherwise();
  if (requests > 0) return { outcome: "skipped", reason: "dry run" };
  return { outcome: "failed", reason: statusOfError(error).reason };
}

function inputOf(work: Work, mapping: Data, first: PlannedRow | undefined): ExecuteInput {
  return {
    mapping,
    settings: { ...work.settings },
    auth: credentialsOf(work.destination, work.call),
    subscriptionMetadata: { actionConfigId: work.call.sync, destinationConfigId: work.call.slug },
    ...hostStubs(),
    transactionContext: transactionContext(first?.own.transaction ?? {}),
    // With a signal the core leaves deadlines to us; without, it gives up after ten seconds while the request goes on.
    signal: work.scope.signal,
  };
}

async function limited<Item>(items: Iterable<Item>, atOnce: number, work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const lane = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: Math.max(1, atOnce) }, lane));
}
