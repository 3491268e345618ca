import { hashBucket } from "../base/hash.js";

/**
 * Pauses before another try: doubling from one second to an hour, with jitter that is seeded, so that a replay waits the
 * same. The 20 tries of a row span about ten hours; after them it counts as refused until it changes.
 */
export const attemptsMax = 20;
const firstPauseMs = 1_000;
const pauseMsMax = 3_600_000;

/** Milliseconds before try `attempts + 1`; never shorter than what the destination asked for. */
export function pauseMs(seed: string, attempts: number, retryAfterMs: number = 0): number {
  const doubled = Math.min(pauseMsMax, firstPauseMs * 2 ** Math.max(0, attempts - 1));
  const jittered = doubled * (0.75 + 0.5 * hashBucket(seed, String(attempts)));
  return Math.round(Math.max(jittered, Math.min(retryAfterMs, pauseMsMax)));
}

/** `Retry-After` as milliseconds: seconds or an HTTP date, seen from `nowMs`. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (header.trim() !== "" && Number.isFinite(seconds)) return Math.max(0, Math.round(seconds * 1000));
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
