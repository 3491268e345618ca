/**
 * Whether this process may send at this moment: of several that share a warehouse only one may. A request asks right before
 * it goes out, also after the process was stopped for a while.
 */
export interface DeliveryRight {
  readonly isHeld: boolean;
  /** Throws where nothing may be sent. */
  assertHeld(): void;
  /** Aborted when the right ends. */
  readonly signal: AbortSignal;
}
