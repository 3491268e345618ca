/**
 * When a conductor may deliver and when a standby may take over. No clock of a machine is compared with another's: each
 * measures by its own monotonic clock how long ago something was.
 *
 *   conductor   renews ── 3 s ── renews ── 3 s ── renews …      each renewal counts from the moment it was sent
 *               delivers until 8 s after the newest renewal that the warehouse confirmed
 *   standby     looks every 0.5 s; takes over when it has seen the same for 10 s
 *
 * What a standby sees was sent before it was seen, so the conductor's 8 s end at least 2 s before the standby's 10 s, as long
 * as the two clocks run within a fifth of the same speed. A conductor that died is replaced after 7 to 11 s.
 */
export const renewEveryMs = 3_000;
export const deliverForMs = 8_000;
export const takeOverAfterMs = 10_000;
export const lookEveryMs = 500;
/** A renewal, or a look, that failed is tried again after this. */
export const tryAgainMs = 1_000;

/** Time as tests have it, too. */
export interface LeaseTime {
  /** Milliseconds of a clock that only moves forward. */
  nowMs(): number;
  /** Calls back once; returns what calls it off. */
  after(millis: number, work: () => void): () => void;
}

export const realLeaseTime: LeaseTime = {
  nowMs: () => performance.now(),
  after(millis, work) {
    const timer = setTimeout(work, Math.max(0, millis));
    return () => clearTimeout(timer);
  },
};
