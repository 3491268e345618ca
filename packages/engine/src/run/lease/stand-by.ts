import { CambiumError } from "../../base/errors.js";
import type { LeaseSeen, LeaseWatch } from "../../warehouse/lease.js";
import { type LeaseTime, lookEveryMs, realLeaseTime, takeOverAfterMs, tryAgainMs } from "./lease-times.js";

export interface StandByOptions {
  /** A holder that lives: wait for its end, or fail. */
  readonly whenHeld: "wait" | "fail";
  readonly time?: LeaseTime;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** After each look; `unchangedMs` is how long it has been the same. */
  readonly onLook?: ((seen: LeaseSeen | undefined, unchangedMs: number) => void) | undefined;
  /** A look failed; the next one follows. */
  readonly onError?: ((thrown: unknown) => void) | undefined;
}

/**
 * Waits until the lease may be taken: it was let go, nobody ever had it, or nothing of it has changed for long enough. Returns
 * what was seen last, which tells a holder that woke up in between (`LeaseKeeper.open`).
 */
export async function standBy(watch: LeaseWatch, options: StandByOptions): Promise<LeaseSeen | undefined> {
  const time = options.time ?? realLeaseTime;
  const patience = new Patience();
  for (;;) {
    options.signal?.throwIfAborted();
    const sentAt = time.nowMs();
    let pause = lookEveryMs;
    try {
      const seen = await watch.read();
      if (patience.look(seen, { sentAt, answeredAt: time.nowMs() }) === "take") return seen;
      if (options.whenHeld === "fail" && patience.sawChange)
        throw new CambiumError("WAREHOUSE_HELD", `Another process turns the cycle of this warehouse and delivers (${seen?.holder ?? ""}).`);
      options.onLook?.(seen, patience.unchangedMs(sentAt));
    } catch (thrown) {
      if (options.whenHeld === "fail") throw thrown;
      options.onError?.(thrown);
      pause = tryAgainMs;
    }
    await rest(time, pause, options.signal);
  }
}

/** A while, or until `signal` aborts. */
function rest(time: LeaseTime, millis: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = time.after(millis, end);
    signal?.addEventListener("abort", end);
  });
}

/**
 * How long a lease has certainly looked the same. A look finds what was so at some moment between its request and its answer
 * (which a process may sleep over), so the time is counted from the answer of the first to the request of the last.
 */
export class Patience {
  #last: LeaseSeen | undefined;
  #since = 0;
  #changes = 0;

  look(seen: LeaseSeen | undefined, { sentAt, answeredAt }: { sentAt: number; answeredAt: number }): "take" | "wait" {
    if (seen === undefined || seen.released) return "take";
    if (this.#last?.term !== seen.term || this.#last.renewals !== seen.renewals) {
      this.#last = seen;
      this.#since = answeredAt;
      this.#changes += 1;
    }
    return this.unchangedMs(sentAt) >= takeOverAfterMs ? "take" : "wait";
  }

  unchangedMs(atMs: number): number {
    return Math.max(0, atMs - this.#since);
  }

  /** The holder gave a sign of life while this looked. */
  get sawChange(): boolean {
    return this.#changes > 1;
  }
}
