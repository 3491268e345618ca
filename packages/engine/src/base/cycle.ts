import type { Instant } from "./instant.js";

/**
 * What one turn of the loop works on: the events of loads `(fromLoad, toLoad]` whose timestamp has come, and those
 * loaded before whose timestamp came since `previousNow`.
 */
export interface CycleWindow {
  readonly cycleId: number;
  readonly now: Instant;
  /** `now` of the cycle before; 0 for the first. */
  readonly previousNow: Instant;
  readonly fromLoad: number;
  readonly toLoad: number;
  /** False: no event that was loaded before is due only now. */
  readonly deferred?: boolean | undefined;
  /** The cycle's events stand in the session's table `cycle_events` too, so that old ones need not be looked at. */
  readonly copied?: boolean | undefined;
  /** Definitions differ from those of the cycle before: tables must be brought into their shape. */
  readonly redefined?: boolean | undefined;
}
