import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "./exchange.js";

/** What the guarded fetch must know about the call that a request belongs to. */
export interface Scope {
  readonly slug: string;
  readonly allow: readonly string[];
  readonly redirectTo?: string | undefined;
  readonly requestTimeoutMs: number;
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Resolves when the rate limit lets the next request go; rejects when the call was stopped. */
  pace(): Promise<void>;
  /** In order of their ends. */
  readonly exchanges: Exchange[];
  record(exchange: Exchange): void;
}

export const scopes = new AsyncLocalStorage<Scope>();

/** Runs `work` with exchanges of its own, so that an answer can be told to the rows it was for. */
export function inScope<Result>(scope: Scope, work: (own: Scope) => Promise<Result>): Promise<Result> {
  const own: Scope = { ...scope, exchanges: [] };
  return scopes.run(own, () => work(own));
}
