import type { RowOutcome } from "../engine.js";
import type { Exchange } from "../child/exchange.js";
import type { PlannedRow } from "../child/plan.js";
import type { Scope } from "../child/scope.js";

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

export const truths: Readonly<Record<string, Truth>> = {};
