import type { Instant } from "../../base/instant.js";

/** What is known of a request beside its body. */
export interface RequestFacts {
  readonly receivedAt: Instant;
  /** As JSON text, quotes included. */
  readonly source: string;
  /** The kind of call that the path names, for events that do not say. */
  readonly type: string | undefined;
  readonly sentAt: Instant | undefined;
  readonly ip: string | undefined;
  /** Ids for events that come without one. */
  readonly nextMessageId: () => string;
}
