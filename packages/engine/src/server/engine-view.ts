import type { ExplainRequest } from "../run/explain.js";
import type { Clock, Instant } from "../base/instant.js";
import type { Project } from "../project/project.js";
import type { Warehouse } from "../warehouse/warehouse.js";
import type { DryRun, Explanation, SyncRunResult, VerifyAnswer } from "./contract.js";

/** What the server needs from the engine, and nothing more: `engine.ts` implements it, tests make a small one. */
export interface EngineView {
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  /** Of the program, such as `0.1.0`. */
  readonly version: string;
  readonly startedAt: Instant;
  /** The project as it is in force; another object after its files changed. */
  project(): Project;

  /** Where several programs share the warehouse: this one's right to conduct. */
  readonly lease?: { readonly term: string; readonly isHeld: boolean; readonly renewedMsAgo: number } | undefined;

  /** Why a value is what it is. `entityId` exists; exactly one of the others is given, or none for the entity itself. */
  explain(request: ExplainRequest): Promise<Explanation>;
  /** Incremental state against a recompute; `kind` narrows it. */
  verify(request: { readonly kind?: string | undefined }): Promise<VerifyAnswer>;
  /** The exact requests that a run would send, without sending them. */
  dryRun(sync: string): Promise<DryRun>;
  /** Starts a run now, beside the schedule. */
  runSync(sync: string): Promise<SyncRunResult>;
  /** Lets a run that the guard stopped go on, once. */
  confirmSync(sync: string): Promise<SyncRunResult>;

  /** Calls back after each committed load, cycle and sync run. Returns the function that ends it. */
  subscribe(listener: (event: EngineEvent) => void): () => void;
  /** The engine's loops and the spool in front of them. */
  live(): LiveState | Promise<LiveState>;
}

/** Says that rows were committed; the server reads them from the tables. */
export type EngineEvent =
  | { readonly type: "load"; readonly loadId: number }
  | { readonly type: "cycle"; readonly cycleId: number }
  | { readonly type: "sync"; readonly sync: string; readonly runId: number }
  | { readonly type: "project"; readonly fingerprint: string };

export interface LiveState {
  readonly spool?: { readonly segments: number; readonly bytes: number; readonly oldestAt: string | null } | undefined;
  readonly loops: readonly {
    readonly name: "load" | "cycle" | "sync";
    readonly state: "idle" | "running" | "failed";
    readonly since: Instant;
    readonly message?: string | undefined;
  }[];
}
