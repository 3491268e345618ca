import { CambiumError, messageOf } from "../base/errors.js";
import { hash64 } from "../base/hash.js";
import type { Clock } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Row } from "../warehouse/warehouse.js";
import type { BatchOutcome, PlannedRow } from "./commits.js";
import type { DeliveryContext, Destination, DestinationRow, RequestTrace, RowOutcome } from "./destination.js";
import { isAuth } from "./http.js";
import type { Mapping } from "./mapping.js";
import type { Pacer } from "./pacer.js";
import { type FilledSettings, redactOutcome, redactTrace, redactor } from "./secrets.js";

/** One batch of planned rows to the destination: mapped, sent, every row with an outcome. Never throws. */

export interface DeliverOptions {
  readonly sync: Sync;
  readonly mapping: Mapping;
  readonly destination: Destination;
  readonly action: string;
  readonly filled: FilledSettings;
  readonly allow: readonly string[];
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly dryRun: boolean;
  readonly signal: AbortSignal | undefined;
  /** Throws where nothing may be sent any more. */
  readonly assertMaySend: () => void;
  readonly fieldTypes: Readonly<Record<string, string>>;
}

export interface DeliveredBatch extends BatchOutcome {
  /** Set where nothing will get through until somebody acts: wrong secret, address refused. */
  readonly stop: string | undefined;
  /** Longest pause that the destination asked for. */
  readonly retryAfterMs: number;
}

export function contextOf(options: DeliverOptions, trace: (request: RequestTrace) => void): DeliveryContext {
  return {
    settings: options.filled.settings,
    action: options.action,
    mode: options.sync.mode,
    sync: options.sync.name,
    now: options.clock(),
    allow: options.allow,
    dryRun: options.dryRun,
    trace,
    signal: options.signal,
    pace: () => pass(options),
    fieldTypes: options.fieldTypes,
    keyField: [...options.mapping.plainColumns].find(([, column]) => column === options.sync.key)?.[0],
  };
}

/** After whatever wait: the moment before the request is the one that matters. */
async function pass({ pacer, signal, assertMaySend }: DeliverOptions): Promise<void> {
  await pacer.pass(signal);
  assertMaySend();
}

export async function deliverBatch(
  options: DeliverOptions,
  planned: readonly PlannedRow[],
  sources: readonly Row[],
): Promise<DeliveredBatch> {
  const redact = redactor(options.filled.secrets);
  const mapped = planned.map((row, index) => mapRow(options, row, sources[index] as Row));
  const rows = planned.map((row, index) => ({ ...row, sent: mapped[index]?.row }));
  const good = mapped.flatMap(({ row }) => (row === undefined ? [] : [row]));
  const traces: RequestTrace[] = [];
  let stop: string | undefined;
  let answers: readonly RowOutcome[] = [];
  try {
    if (good.length > 0) {
      if (options.destination.spec.pacesRequests !== true && !options.dryRun) await pass(options);
      answers = await options.destination.deliver(
        good,
        contextOf(
          options,
          (trace) =>
            void traces.push(options.filled.secrets.length === 0 ? redactTrace(trace, (text) => text) : redactTrace(trace, redact)),
        ),
      );
    }
  } catch (thrown) {
    // Nobody knows whether a row arrived that was on its way when somebody asked to stop: it is tried again.
    const reason = options.signal?.aborted === true ? "stopped while it was being sent" : redact(messageOf(thrown));
    if (thrown instanceof CambiumError && stopping.has(thrown.code)) stop = reason;
    answers = good.map(() => ({ outcome: "retry", reason }));
  }
  const rest = answers[Symbol.iterator]();
  const outcomes = mapped.map(({ problem }): RowOutcome => {
    if (problem !== undefined) return { outcome: "failed", reason: problem };
    const next = rest.next();
    return next.done === true
      ? { outcome: "retry", reason: "the destination reported no outcome for this row" }
      : redactOutcome(next.value, redact);
  });
  const refused = outcomes.find(
    (outcome) => outcome.outcome !== "delivered" && "status" in outcome && outcome.status !== undefined && isAuth(outcome.status),
  );
  if (refused !== undefined && "reason" in refused) stop ??= refused.reason;
  return { rows, outcomes: outcomes.map(patient), traces, stop, retryAfterMs: longestPause(outcomes) };
}

const stopping: ReadonlySet<string> = new Set(["EGRESS_DENIED", "DESTINATION_AUTH", "PROJECT_INVALID", "WAREHOUSE_TAKEN_OVER"]);

/** A wrong secret says nothing about the row: it is tried again. */
function patient(outcome: RowOutcome): RowOutcome {
  if (outcome.outcome === "failed" && outcome.status !== undefined && isAuth(outcome.status)) return { ...outcome, outcome: "retry" };
  return outcome;
}

function longestPause(outcomes: readonly RowOutcome[]): number {
  return outcomes.reduce((longest, outcome) => Math.max(longest, outcome.outcome === "retry" ? (outcome.retryAfterMs ?? 0) : 0), 0);
}

function mapRow(options: DeliverOptions, row: PlannedRow, source: Row): { row?: DestinationRow; problem?: string } {
  const { sync, mapping } = options;
  const clears = row.change === "remove" && sync.on_leave === "clear" && sync.mode === "mirror";
  try {
    const fields = clears ? mapping.clearedFields(source) : mapping.fields(source);
    return {
      row: { key: row.key, change: clears ? "change" : row.change, fields, idempotencyKey: idempotencyKey(sync.name, row, fields) },
    };
  } catch (thrown) {
    return { problem: `the mapping failed: ${messageOf(thrown)}` };
  }
}

/**
 * The same for every try of one change, another for every later change: the run that first tried these values is part of
 * it. Without, a value that changes there, somewhere else and back again would look like a repetition, and a careful
 * destination would drop it and keep the value in between. Of what is sent, not of its fingerprint: a try may come from
 * another warehouse than the first. A removal is one whatever is known of the row by then.
 */
function idempotencyKey(sync: string, row: PlannedRow, fields: DestinationRow["fields"]): string {
  const values = row.change === "remove" ? "" : JSON.stringify(fields);
  return hash64([sync, row.key, row.change, values, row.firstRun].join("\u0000"));
}
