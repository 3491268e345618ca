import type { DestinationRow, RequestTrace, RowOutcome } from "./engine.js";
import type { CatalogueAction } from "./entry.js";

/** What parent and child say to each other. All of it is plain data; the child keeps nothing that a call needs. */

export interface CallContext {
  readonly slug: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Values that no trace may hold. */
  readonly secrets: readonly string[];
  readonly sync: string;
  /** Instant (µs). */
  readonly now: number;
  /** Private hosts (`host` or `host:port`) that may be reached. */
  readonly allow: readonly string[];
  /** A loopback origin that gets every request instead of the real host. */
  readonly redirectTo?: string | undefined;
  /** Ask before every request: the destination's rate limit is kept on the other side. */
  readonly paced: boolean;
  /** One HTTP request at most this long. */
  readonly requestTimeoutMs: number;
  /** Single-row actions run this many at once. */
  readonly concurrency: number;
}

export interface DeliverCall extends CallContext {
  readonly type: "deliver";
  readonly id: number;
  readonly mode: "upsert" | "mirror" | "add_remove" | "append";
  readonly action: CatalogueAction;
  readonly removeAction?: CatalogueAction | undefined;
  readonly rows: readonly DestinationRow[];
  readonly dryRun: boolean;
}

export interface VerifyCall extends CallContext {
  readonly type: "verify";
  readonly id: number;
}

export type ToChild =
  | DeliverCall
  | VerifyCall
  | { readonly type: "cancel"; readonly id: number }
  /** The answer to `pace`: the request may go, or the call was stopped. */
  | { readonly type: "paced"; readonly request: number; readonly go: boolean };

export type FromChild =
  | { readonly type: "ready" }
  | { readonly type: "pace"; readonly id: number; readonly request: number }
  | { readonly type: "trace"; readonly id: number; readonly trace: RequestTrace }
  /** Rows whose outcome is known, told at once: they keep it if the child dies before the call's end. */
  | { readonly type: "settled"; readonly id: number; readonly rows: readonly (readonly [index: number, outcome: RowOutcome])[] }
  /** All rows of the call were settled. */
  | { readonly type: "delivered"; readonly id: number }
  | { readonly type: "verified"; readonly id: number }
  | { readonly type: "refused"; readonly id: number; readonly reason: string; readonly auth: boolean };
