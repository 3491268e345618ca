import type { Clock, Instant } from "../base/instant.js";
import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Sync } from "../project/kinds/sync.js";
import type { RunRow } from "./commits.js";
import type { Destination, DestinationRow, RequestTrace } from "./destination.js";
import type { EvenMemory } from "./even.js";
import type { Pacer } from "./pacer.js";
import type { SyncPlan } from "./plan.js";

/** What a run is asked for and what it comes to. */

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
  /** Throws where this process may not send (`delivery-right.ts`); asked right before each request. */
  readonly assertMaySend?: (() => void) | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The destination's own, where several syncs share it. */
  readonly pacer?: Pacer | undefined;
  /** What earlier runs found even without writing it; without it every run writes where the sync stands. */
  readonly even?: EvenMemory | undefined;
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
  readonly preview?: Preview | undefined;
}

/** What only a dry run says. */
export interface Preview {
  /** Rows that the destination has and that stay as they are. */
  readonly unchanged: number;
  /** The first rows as they would be sent. */
  readonly rows: readonly DestinationRow[];
  /** Those of the first rows that would be refused at once. */
  readonly problems: readonly { readonly key: string; readonly reason: string }[];
  /** Why the guard would stop the run. */
  readonly guarded: string | undefined;
}

export function resultOf(
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
