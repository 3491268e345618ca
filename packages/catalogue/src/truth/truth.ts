import type { Exchange } from "../child/exchange.js";
import type { PlannedRow } from "../child/plan.js";
import type { Scope } from "../child/scope.js";
import type { RowOutcome } from "../engine.js";

/**
 * Actions that answer "delivered" for rows that were not. Each correction reads the recorded answers of the destination
 * and says per row what really happened; one file per destination.
 */
export interface Batch {
  readonly rows: readonly PlannedRow[];
  /** What the action said. */
  readonly outcomes: readonly RowOutcome[];
  readonly exchanges: readonly Exchange[];
  readonly scope: Scope;
}

export type Truth = (batch: Batch) => RowOutcome[] | Promise<RowOutcome[]>;

export type SingleTruth = (said: RowOutcome, exchanges: readonly Exchange[]) => RowOutcome;

/** Places of the rows that were sent: those that the action's validation left in. */
export const sentPlaces = (batch: Batch): number[] =>
  batch.outcomes.flatMap((outcome, place) => (outcome.outcome === "delivered" ? [place] : []));
