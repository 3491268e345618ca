/**
 * The right to turn the cycle and to deliver, where several programs may have a warehouse open: of those that took it, only
 * the newest has it. What it knows is in the warehouse; no clock of a machine is compared with another's.
 */
export interface Lease {
  /** Grows with each that takes the lease. */
  readonly term: string;
  /** What was to be seen of the holder before, once this one had the lease. */
  readonly before: LeaseSeen | undefined;
  /** Lets others see that this program lives. Throws `WAREHOUSE_TAKEN_OVER` once a newer one has the lease. */
  renew(): Promise<void>;
}

/** What others see of a lease; it changes with each renewal. */
export interface LeaseSeen {
  readonly term: string;
  readonly renewals: number;
  /** It was let go of: anybody may take it. */
  readonly released: boolean;
  /** Who has it, for people. */
  readonly holder: string;
}

export interface LeaseWatch {
  /** Undefined where nobody ever had it. */
  read(): Promise<LeaseSeen | undefined>;
  close(): Promise<void>;
}
