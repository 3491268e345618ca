import { type Clock, type Instant, isoOf } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import { join, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { deliveries, requests, syncRows, syncRuns, syncState } from "../warehouse/tables/ops.js";
import type { Connection, Row } from "../warehouse/warehouse.js";
import { attemptsMax, pauseMs } from "./backoff.js";
import type { DestinationRow, RequestTrace, RowOutcome } from "./destination.js";
import { putRow } from "./head.js";

/**
 * Writes outcomes: what was delivered becomes confirmed, what was not becomes a waiting or refused row, each with its row
 * in `ops.deliveries`, the requests behind it and the run's counts, in one transaction. Batches that end while a commit
 * runs share the next one, and the last batch shares the one that ends the run.
 */

/** A row of the plan with what was sent for it. */
export interface PlannedRow {
  /** Its number in `sync_plan`. */
  readonly ordinal: number;
  readonly rowId: string;
  readonly key: string;
  readonly entityId: string | null;
  readonly fingerprint: string | null;
  readonly change: "add" | "change" | "remove";
  readonly hasPrior: boolean;
  readonly attempts: number;
  /** The run that first tried these values. */
  readonly firstRun: number;
  readonly sent: DestinationRow | undefined;
}

export interface BatchOutcome {
  readonly rows: readonly PlannedRow[];
  readonly outcomes: readonly RowOutcome[];
  readonly traces: readonly RequestTrace[];
}

export interface RunRow extends Row {
  sync: string;
  run_id: number;
  started_at: string;
  finished_at: string | null;
  state: string;
  definition: string;
  to_cycle: number;
  added: number;
  changed: number;
  removed: number;
  delivered: number;
  failed: number;
  skipped: number;
  message: string | null;
  planned: string | null;
  remaining: number | null;
}

/** Requests kept of one commit; failed ones first. */
const tracesPerCommitMax = 20;
/** Characters kept of one request's or answer's body. */
const traceBodyMax = 32_000;
/** Runs of at most so many rows keep the payload of each; larger ones of those not delivered only. */
const payloadsPerRunMax = 10_000;
/** Rows with an outcome that no commit has taken yet: more of them make senders wait. */
const uncommittedRowsMax = 50_000;

type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export class Commits {
  #connection: Connection;
  #sync: Sync;
  #run: RunRow;
  #clock: Clock;
  #inTurn: InTurn;
  #pending: BatchOutcome[] = [];
  #pendingRows = 0;
  #running: Promise<void> | undefined;
  #failure: { thrown: unknown } | undefined;
  #lastAt: Instant = 0;
  #isBulk: boolean;
  #waiting = 0;

  constructor(connection: Connection, sync: Sync, run: RunRow, clock: Clock, inTurn: InTurn, plannedRows: number) {
    this.#connection = connection;
    this.#sync = sync;
    this.#run = run;
    this.#clock = clock;
    this.#inTurn = inTurn;
    this.#isBulk = plannedRows > payloadsPerRunMax;
  }

  /** Rows of this run that wait for another try. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes outcomes over; resolves when there is room for more. Throws what an earlier commit threw. */
  async add(batch: BatchOutcome, { isLast }: { isLast: boolean }): Promise<void> {
    this.#pending.push(batch);
    this.#pendingRows += batch.rows.length;
    if (!isLast) this.#running ??= this.#drain();
    if (this.#pendingRows > uncommittedRowsMax) await this.#running;
    this.#throwIfFailed();
  }

  /** No commit is under way when this resolves; outcomes of the last batch may be left for `finish`. */
  async settled(): Promise<void> {
    await this.#running;
    this.#throwIfFailed();
  }

  /** Everything taken over so far is committed when this resolves. */
  async done(): Promise<void> {
    if (this.#pending.length > 0) this.#running ??= this.#drain();
    await this.settled();
  }

  /** Commits what is left together with `ending`, which writes the end of the run, its row included. */
  async finish(ending: () => Promise<void>): Promise<void> {
    await this.settled();
    const taken = this.#take();
    await this.#inTurn(() =>
      this.#connection.transaction(async () => {
        if (taken.length > 0) await this.#commit(taken);
        await ending();
      }),
    );
  }

  #take(): BatchOutcome[] {
    const taken = this.#pending;
    this.#pending = [];
    this.#pendingRows = 0;
    return taken;
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  async #drain(): Promise<void> {
    // Outcomes that arrive in this very moment belong to the first commit.
    await Promise.resolve();
    try {
      while (this.#pending.length > 0) {
        const taken = this.#take();
        await this.#inTurn(() =>
          this.#connection.transaction(async () => {
            await this.#commit(taken);
            await putRow(this.#connection, syncRuns, this.#run);
          }),
        );
      }
    } catch (thrown) {
      this.#failure = { thrown };
    } finally {
      this.#running = undefined;
    }
  }

  async #commit(batches: readonly BatchOutcome[]): Promise<void> {
    // Each commit has a moment of its own, which is how the statements below find its deliveries.
    const at = Math.max(this.#clock(), this.#lastAt + 1);
    this.#lastAt = at;
    const pairs = batches.flatMap(({ rows, outcomes }) => rows.map((row, index) => ({ row, outcome: settled(row, outcomes[index]) })));
    const [inBulk, oneByOne] = this.#isBulk ? splitBy(pairs, ({ outcome }) => outcome.outcome === "delivered") : [[], pairs];
    await this.#recordRanges(rangesOf(inBulk), at);
    await this.#connection.append(
      deliveries,
      oneByOne.map(({ row, outcome }) => this.#deliveryRow(row, outcome, at)),
    );
    await this.#confirm(pairs, at);
    await this.#keepTried(pairs, at);
    await this.#keepTraces(batches, at);
    this.#count(pairs);
  }

  /** Delivered rows of a large run are copied from the plan within the warehouse: they never pass through here again. */
  async #recordRanges(ranges: readonly Range[], at: Instant): Promise<void> {
    if (ranges.length === 0) return;
    const first = Math.min(...ranges.map((range) => range.from));
    const last = Math.max(...ranges.map((range) => range.to));
    const values = join(ranges.map(({ from, to, status, requestId }) => sql`(${from}, ${to}, ${status ?? null}, ${requestId ?? null})`));
    const { dialect } = this.#connection;
    await this.#connection.run(sql`/* outcomes of rows that were delivered */
INSERT INTO ${nameOf(deliveries)} (sync, run_id, happened_at, key, entity_id, change, outcome, status, reason, request_id, cycle_id, payload, fingerprint)
SELECT ${this.#sync.name}, ${this.#run.run_id}, ${dialect.timestamp(at)}, p.row_key, p.entity_id, p.change, 'delivered', ${dialect.cast(sql`g.status`, "integer")}, NULL,
${dialect.cast(sql`g.request_id`, "text")}, ${this.#run.to_cycle}, NULL, p.row_fingerprint
FROM (SELECT * FROM sync_plan WHERE ordinal >= ${first} AND ordinal <= ${last}) AS p
JOIN (VALUES ${values}) AS g(first, last, status, request_id) ON p.ordinal >= g.first AND p.ordinal <= g.last`);
  }

  async #confirm(pairs: readonly Pair[], at: Instant): Promise<void> {
    const delivered = pairs.filter(({ outcome }) => outcome.outcome === "delivered");
    if (delivered.length === 0) return;
    const { dialect } = this.#connection;
    const state = syncState(this.#sync.name);
    const mine = sql`FROM ${nameOf(deliveries)} WHERE sync = ${this.#sync.name} AND run_id = ${this.#run.run_id} AND happened_at = ${dialect.timestamp(at)} AND outcome = 'delivered'`;
    const rowId = dialect.fingerprint([sql`key`]);
    if (delivered.some(({ row }) => row.hasPrior)) {
      await this.#connection.run(dialect.deleteWhere(state, sql`row_id IN (SELECT ${rowId} ${mine})`));
    }
    await this.#connection.run(sql`/* rows that the destination of ${this.#sync.name} acknowledged */
INSERT INTO ${nameOf(state)} (row_id, key, entity_id, fingerprint, confirmed_at, run_id)
SELECT ${rowId}, key, entity_id, fingerprint, happened_at, run_id ${mine}`);
  }

  async #keepTried(pairs: readonly Pair[], at: Instant): Promise<void> {
    const before = pairs.filter(({ row }) => row.attempts > 0);
    if (before.length > 0) {
      const ids = join(before.map(({ row }) => sql`${BigInt(row.rowId)}`));
      await this.#connection.run(this.#connection.dialect.deleteWhere(syncRows, sql`sync = ${this.#sync.name} AND row_id IN (${ids})`));
    }
    const tried = pairs.filter(({ outcome }) => outcome.outcome !== "delivered");
    await this.#connection.append(
      syncRows,
      tried.map(({ row, outcome }) => this.#triedRow(row, outcome, at)),
    );
  }

  #triedRow(row: PlannedRow, outcome: RowOutcome, at: Instant): Row {
    const attempts = row.attempts + 1;
    const seed = `${this.#sync.name}:${row.key}`;
    const waits = outcome.outcome === "retry";
    const pause = waits ? pauseMs(seed, attempts, outcome.retryAfterMs) : 0;
    return {
      sync: this.#sync.name,
      row_id: row.rowId,
      key: row.key,
      entity_id: row.entityId,
      fingerprint: row.fingerprint,
      change: row.change,
      state: waits ? "waiting" : "failed",
      attempts,
      first_run: row.firstRun,
      next_at: waits ? isoOf(at + pause * 1000) : null,
      status: "status" in outcome ? (outcome.status ?? null) : null,
      reason: "reason" in outcome ? outcome.reason.slice(0, 2000) : "",
      updated_at: isoOf(at),
    };
  }

  #deliveryRow(row: PlannedRow, outcome: RowOutcome, at: Instant): Row {
    return {
      sync: this.#sync.name,
      run_id: this.#run.run_id,
      happened_at: isoOf(at),
      key: row.key,
      entity_id: row.entityId,
      change: row.change,
      outcome: outcome.outcome,
      status: "status" in outcome ? (outcome.status ?? null) : null,
      reason: "reason" in outcome ? outcome.reason.slice(0, 2000) : null,
      request_id: "requestId" in outcome ? (outcome.requestId ?? null) : null,
      cycle_id: this.#run.to_cycle,
      payload: row.sent !== undefined ? JSON.stringify(row.sent.fields) : null,
      fingerprint: row.fingerprint,
    };
  }

  async #keepTraces(batches: readonly BatchOutcome[], at: Instant): Promise<void> {
    const traces = batches.flatMap((batch) => batch.traces);
    const bad = (trace: RequestTrace) => trace.error !== undefined || (trace.status ?? 200) >= 400;
    const kept = [...traces.filter(bad), ...traces.filter((trace) => !bad(trace))].slice(0, tracesPerCommitMax);
    await this.#connection.append(
      requests,
      kept.map((trace) => ({
        request_id: trace.requestId,
        sync: this.#sync.name,
        run_id: this.#run.run_id,
        happened_at: isoOf(at),
        method: trace.method,
        url: trace.url,
        request_headers: JSON.stringify(trace.requestHeaders),
        request_body: trace.requestBody?.slice(0, traceBodyMax) ?? null,
        status: trace.status ?? null,
        response_headers: trace.responseHeaders === undefined ? null : JSON.stringify(trace.responseHeaders),
        response_body: trace.responseBody?.slice(0, traceBodyMax) ?? null,
        millis: trace.millis,
        error: trace.error ?? null,
      })),
    );
  }

  #count(pairs: readonly Pair[]): void {
    for (const { row, outcome } of pairs) {
      this.#run[row.change === "add" ? "added" : row.change === "change" ? "changed" : "removed"] += 1;
      if (outcome.outcome === "delivered") this.#run.delivered += 1;
      else if (outcome.outcome === "skipped") this.#run.skipped += 1;
      else this.#run.failed += 1;
      if (outcome.outcome === "retry") this.#waiting += 1;
    }
  }
}

/** Consecutive rows of the plan that one request delivered. */
interface Range {
  readonly from: number;
  to: number;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
}

function rangesOf(pairs: readonly Pair[]): Range[] {
  const ranges: Range[] = [];
  for (const { row, outcome } of pairs) {
    const status = "status" in outcome ? outcome.status : undefined;
    const requestId = "requestId" in outcome ? outcome.requestId : undefined;
    const last = ranges.at(-1);
    if (last !== undefined && last.to + 1 === row.ordinal && last.status === status && last.requestId === requestId) last.to = row.ordinal;
    else ranges.push({ from: row.ordinal, to: row.ordinal, status, requestId });
  }
  return ranges;
}

function splitBy<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

interface Pair {
  readonly row: PlannedRow;
  readonly outcome: RowOutcome;
}

/** What a row's outcome comes to: a missing one is worth a try, and tries end. */
function settled(row: PlannedRow, outcome: RowOutcome | undefined): RowOutcome {
  if (outcome === undefined) return { outcome: "retry", reason: "the destination reported no outcome for this row" };
  if (outcome.outcome === "retry" && row.attempts + 1 >= attemptsMax) {
    return { ...outcome, outcome: "failed", reason: `given up after ${attemptsMax} tries: ${outcome.reason}` };
  }
  return outcome;
}
