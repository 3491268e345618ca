/**
 * A token bucket: at most `perSecond` passes a second on average, with bursts of at most one second's worth (at least
 * one). Time and waiting are handed in.
 */
export interface PacerTime {
  /** Milliseconds of a clock that only moves forward. */
  nowMs(): number;
  sleep(millis: number, signal?: AbortSignal): Promise<void>;
}

export class Pacer {
  #perSecond: number | undefined;
  #time: PacerTime;
  #tokens: number;
  #filledAt: number;
  #heldUntil = 0;

  constructor(perSecond: number | undefined, time: PacerTime) {
    this.#perSecond = perSecond;
    this.#time = time;
    this.#tokens = Math.max(1, perSecond ?? 1);
    this.#filledAt = time.nowMs();
  }

  /** Waits for one token. */
  async pass(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const wait = this.#take();
      if (wait <= 0) return;
      await this.#time.sleep(wait, signal);
    }
  }

  /** Nobody passes for this long: the destination asked for a pause. */
  hold(millis: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#time.nowMs() + millis);
  }

  /** Milliseconds until the hold ends. */
  get heldMs(): number {
    return Math.max(0, this.#heldUntil - this.#time.nowMs());
  }

  /** Takes a token and returns 0, or returns how long to wait for one. */
  #take(): number {
    const now = this.#time.nowMs();
    if (now < this.#heldUntil) return this.#heldUntil - now;
    if (this.#perSecond === undefined) return 0;
    const capacity = Math.max(1, this.#perSecond);
    this.#tokens = Math.min(capacity, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
  }
}

/** Real time: the process's own monotonic clock and timers that an abort ends at once. */
export const realTime: PacerTime = {
  nowMs: () => performance.now(),
  sleep: (millis, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, millis);
      signal?.addEventListener("abort", stop, { once: true });
    }),
};
