import { CambiumError } from "../../base/errors.js";
import type { Lease, LeaseSeen } from "../../warehouse/lease.js";
import { type LeaseTime, deliverForMs, realLeaseTime, renewEveryMs, takeOverAfterMs, tryAgainMs } from "./lease-times.js";

export interface LeaseKeeperSettings {
  /** What a standby saw last of the holder before: the same for long enough, or let go. */
  readonly waitedOut?: LeaseSeen | undefined;
  readonly time?: LeaseTime;
  /** Once: another process has the lease. Nothing may be written or sent any more. */
  readonly onLost: (error: CambiumError) => void;
  /** A renewal failed; it is tried again. */
  readonly onError?: (thrown: unknown) => void;
}

/**
 * Keeps the conductor's lease: renews it, and knows at any moment whether this process may send anything. Whoever was stopped
 * (a machine that slept, SIGSTOP) and wakes up finds here that its time is over before it sends its next request.
 */
export class LeaseKeeper {
  readonly term: string;
  #lease: Lease;
  #time: LeaseTime;
  #settings: LeaseKeeperSettings;
  /** When the newest confirmed renewal was sent. */
  #renewedAt = Number.NEGATIVE_INFINITY;
  #right = new AbortController();
  #lost: CambiumError | undefined;
  #closed = false;
  #cancelRenewal: () => void = () => undefined;
  #cancelEnd: () => void = () => undefined;
  #renewing: Promise<void> = Promise.resolve();

  private constructor(lease: Lease, settings: LeaseKeeperSettings) {
    this.term = lease.term;
    this.#lease = lease;
    this.#settings = settings;
    this.#time = settings.time ?? realLeaseTime;
  }

  /** Resolves when whoever had the lease before can send nothing any more, and this process may. */
  static async open(lease: Lease, settings: LeaseKeeperSettings): Promise<LeaseKeeper> {
    const keeper = new LeaseKeeper(lease, settings);
    await keeper.#renew();
    if (!isWaitedOut(lease.before, settings.waitedOut)) {
      // It lived a moment ago, or two took the lease at once: its right to send ends within this time.
      await new Promise<void>((resolve) => void keeper.#time.after(takeOverAfterMs, resolve));
    }
    if (keeper.#lost !== undefined) throw keeper.#lost;
    return keeper;
  }

  /** Aborted when the right to send ends; another one once there is a right again. */
  get signal(): AbortSignal {
    return this.#right.signal;
  }

  get isHeld(): boolean {
    return this.#lost === undefined && !this.#closed && this.renewedMsAgo < deliverForMs;
  }

  get renewedMsAgo(): number {
    return this.#time.nowMs() - this.#renewedAt;
  }

  assertHeld(): void {
    if (this.isHeld) return;
    const seconds = Math.round(this.renewedMsAgo / 1_000);
    throw (
      this.#lost ??
      new CambiumError("WAREHOUSE_TAKEN_OVER", `This process could not renew its lease for ${seconds} s: another may have taken it over.`)
    );
  }

  /** Something else found that another process has the lease. */
  lose(error: CambiumError): void {
    if (this.#lost !== undefined || this.#closed) return;
    this.#lost = error;
    this.#end();
    this.#settings.onLost(error);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#end();
    await this.#renewing;
  }

  #end(): void {
    this.#cancelRenewal();
    this.#cancelEnd();
    this.#right.abort(new CambiumError("WAREHOUSE_TAKEN_OVER", "This process is not the conductor any more."));
  }

  async #renew(): Promise<void> {
    const sentAt = this.#time.nowMs();
    let next = renewEveryMs;
    try {
      await this.#lease.renew();
      if (this.#lost === undefined && !this.#closed) this.#confirmed(sentAt);
    } catch (thrown) {
      if (thrown instanceof CambiumError && thrown.code === "WAREHOUSE_TAKEN_OVER") return this.lose(thrown);
      if (!this.#closed) this.#settings.onError?.(thrown);
      next = this.#time.nowMs() - sentAt + tryAgainMs;
    }
    if (this.#lost !== undefined || this.#closed) return;
    this.#cancelRenewal = this.#time.after(sentAt + next - this.#time.nowMs(), () => (this.#renewing = this.#renew()));
  }

  #confirmed(sentAt: number): void {
    this.#renewedAt = sentAt;
    this.#cancelEnd();
    const left = deliverForMs - this.renewedMsAgo;
    if (left <= 0) return;
    if (this.#right.signal.aborted) this.#right = new AbortController();
    this.#cancelEnd = this.#time.after(left, () =>
      this.#right.abort(new CambiumError("WAREHOUSE_TAKEN_OVER", "The lease was not renewed in time.")),
    );
  }
}

function isWaitedOut(before: LeaseSeen | undefined, waitedOut: LeaseSeen | undefined): boolean {
  if (before === undefined || before.released) return true;
  return before.term === waitedOut?.term && before.renewals === waitedOut.renewals;
}
