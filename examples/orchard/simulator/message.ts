import type { Fault } from "./faulty.js";

/** The messages of Segment's specification that the simulator sends, and how one travels to the collector. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface SegmentMessage {
  readonly type: "identify" | "group" | "track" | "page" | "screen";
  readonly messageId: string;
  /** What the client's clock said when it happened. */
  readonly timestamp: string;
  /** What the client's clock said when it sent; only clients with a wrong clock send it, so that the collector corrects them. */
  readonly sentAt?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly event?: string;
  readonly name?: string;
  readonly groupId?: string;
  readonly properties?: JsonObject;
  readonly traits?: JsonObject;
  readonly context: JsonObject;
}

/** One transmission. The same message may be sent twice (a client that got no answer): same `messageId`, later `at`. */
export interface Sending {
  /** When it reaches the collector: whole milliseconds since 1970. */
  readonly at: number;
  /** How far the client's clock is ahead of the truth, in milliseconds; 0 for nearly all. */
  readonly skewMs: number;
  readonly message: SegmentMessage;
  /** The same message was sent before: the client got no answer. */
  readonly repeat: boolean;
  /** Sent by a client that leaves something out; `message` is then what it would have been. */
  readonly fault?: Fault;
}
