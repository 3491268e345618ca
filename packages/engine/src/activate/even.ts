import type { Instant } from "../base/instant.js";
import type { SyncHead } from "./head.js";

/**
 * What runs that found nothing to do know and have not written down: writing it would cost a commit a cycle and sync.
 * It is kept by the process that runs the syncs and goes with it; the next process then looks at the same changes once
 * more. Written by the next run that commits anyway, and at the latest `evenCyclesMax` cycles later, long before the
 * changes behind a head are forgotten.
 */
export interface SeenEven {
  readonly target: string;
  /** Fingerprint of the mapping. */
  readonly mapping: string;
  readonly toCycle: number;
  readonly at: Instant;
}

/** By sync. Whoever runs syncs more than once keeps one; a run without it writes down where the sync stands. */
export type EvenMemory = Map<string, SeenEven>;

export const evenCyclesMax = 500;

/** The head as it would be, had every run that found nothing written it. */
export function advanced(head: SyncHead, seen: SeenEven | undefined): SyncHead {
  if (seen === undefined || seen.target !== head.target || seen.mapping !== head.mapping.fingerprint) return head;
  return {
    ...head,
    toCycle: Math.max(head.toCycle, seen.toCycle),
    finishedAt: Math.max(head.finishedAt ?? 0, seen.at),
  };
}
