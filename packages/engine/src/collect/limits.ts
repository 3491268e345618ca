/** What the collector takes, and what it refuses or sets aside. Every number is a bound that something would otherwise lack. */
export interface CollectorLimits {
  /** Body as sent. More is 413. Clients exist that send 850 KB, so this is far above Segment's own 500 KB. */
  readonly bodyBytesMax: number;
  /** Body after gzip. More is 413: the bound on decompression bombs. */
  readonly decompressedBytesMax: number;
  /** Events in one request. More is 413: a quarantine record is far larger than the `{}` that it is about. */
  readonly batchEventsMax: number;
  /** One event. A larger one goes to quarantine. */
  readonly eventBytesMax: number;
  /** Objects and lists inside each other. A deeper event goes to quarantine. */
  readonly depthMax: number;
  /** Characters of an id or a name. A longer one goes to quarantine. */
  readonly idLengthMax: number;
  /** Bytes that wait for the disk. More is 503 with Retry-After: the bound on memory. */
  readonly waitingBytesMax: number;
  /** Seconds that a refused client is asked to wait. */
  readonly retryAfterSeconds: number;
}

export const defaultLimits: CollectorLimits = {
  bodyBytesMax: 8_000_000,
  decompressedBytesMax: 16_000_000,
  batchEventsMax: 20_000,
  eventBytesMax: 1_000_000,
  depthMax: 64,
  idLengthMax: 500,
  waitingBytesMax: 128_000_000,
  retryAfterSeconds: 1,
};
