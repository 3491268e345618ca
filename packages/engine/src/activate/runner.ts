import { CambiumError } from "../base/errors.js";
import type { Clock, Instant } from "../base/instant.js";
import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Project } from "../project/project.js";
import type { Warehouse } from "../warehouse/warehouse.js";
import type { DeliveryRight } from "./delivery-right.js";
import type { Destination } from "./destination.js";
import type { EvenMemory } from "./even.js";
import { Pacer, realTime } from "./pacer.js";
import { type RunOptions, type RunResult, runSync } from "./run.js";
import { type DueSync, dueSyncs } from "./schedule.js";

/**
 * Keeps the project's syncs running beside the cycle: each destination has a lane of its own, so one that is slow or dead
 * holds up nobody else, and within a lane one sync runs after the other.
 */
export interface RunnerOptions {
  readonly warehouse: Warehouse;
  /** The project as it is now. */
  readonly project: () => Project;
  readonly destinations: (definition: DestinationDefinition) => Destination;
  readonly clock: Clock;
  readonly onRun?: ((result: RunResult) => void) | undefined;
  /** A run that failed by a defect or a broken definition; the lane goes on with the next sync. */
  readonly onError?: ((sync: string, thrown: unknown) => void) | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where others may deliver as well; without one this process is alone. */
  readonly right?: DeliveryRight | undefined;
}

/** Lanes that work at the same time; the warehouse's own gate bounds their statements. */
const lanesMax = 16;
/** A run that failed by a fault of the warehouse is tried again after this. */
const failurePauseMicros = 10_000_000;
/** A process that may not send looks so often whether it may again. */
const withoutRightMicros = 1_000_000;
/** Longest wait of the runner's timer; it looks again then. */
const waitMsMax = 60_000;

export class SyncRunner {
  #options: RunnerOptions;
  #lanes = new Map<string, Promise<unknown>>();
  #pacers = new Map<string, Pacer>();
  #even: EvenMemory = new Map();
  #stop = new AbortController();
  #failed = new Map<string, { readonly fingerprint: string; readonly until: Instant }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /**
   * Starts what is due in lanes that are free, without waiting for them; a lane that ends looks again, so what came up
   * meanwhile and tries that fall due need no further call. Returns when something is due next by the clock.
   */
  async tick(): Promise<Instant | undefined> {
    if (this.#stop.signal.aborted) return undefined;
    if (this.#options.right?.isHeld === false) return this.#options.clock() + withoutRightMicros;
    const project = this.#options.project();
    const connection = await this.#options.warehouse.connect();
    let schedule;
    try {
      schedule = await dueSyncs(connection, project, this.#options.clock(), this.#even);
    } finally {
      await connection.close();
    }
    const byDestination = new Map<string, DueSync[]>();
    let nextAt = schedule.nextAt;
    for (const due of schedule.due) {
      const pausedUntil = this.#pausedUntil(project, due.sync.name);
      if (pausedUntil > this.#options.clock()) {
        if (pausedUntil < Infinity) nextAt = Math.min(nextAt ?? Infinity, pausedUntil);
        continue;
      }
      const lane = byDestination.get(due.sync.destination) ?? [];
      byDestination.set(due.sync.destination, [...lane, due]);
    }
    for (const [destination, due] of byDestination) {
      if (this.#lanes.has(destination) || this.#lanes.size >= lanesMax) continue;
      void this.#inLane(destination, () => this.#work(project, due));
    }
    this.#wakeAt(nextAt);
    return nextAt;
  }

  /** Runs one sync now, in its destination's lane: never beside another run of it. */
  async run(name: string, options: Pick<RunOptions, "confirm" | "full"> = {}): Promise<RunResult> {
    const project = this.#options.project();
    const sync = project.syncs.find((candidate) => candidate.name === name);
    if (sync === undefined) throw new CambiumError("NOT_FOUND", `there is no sync ${name}`);
    for (let lane = this.#lanes.get(sync.destination); lane !== undefined; lane = this.#lanes.get(sync.destination)) await lane;
    return this.#inLane(sync.destination, async () => {
      const connection = await this.#options.warehouse.connect();
      try {
        const result = await runSync(connection, project, sync, { ...this.#runOptions(project, sync.destination), ...options });
        this.#failed.delete(name);
        this.#options.onRun?.(result);
        return result;
      } finally {
        await connection.close();
      }
    });
  }

  /** Resolves when no sync is running. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.allSettled(this.#lanes.values());
  }

  /** Ends runs at the next batch and waits for them. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.idle();
  }

  #inLane<T>(destination: string, work: () => Promise<T>): Promise<T> {
    const done = work();
    const lane = done
      .then(
        () => undefined,
        () => undefined, // Whoever asked for the work gets the error; the lane only needs to end.
      )
      .then(() => this.#lookAgain())
      .finally(() => void this.#lanes.delete(destination));
    this.#lanes.set(destination, lane);
    return done;
  }

  /** What fell due while a lane was busy, and the tries that its runs left behind. */
  async #lookAgain(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    await new Promise((resolve) => void setImmediate(resolve));
    this.#wakeAt(this.#options.clock());
  }

  #wakeAt(at: Instant | undefined): void {
    if (at === undefined || this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    const wait = Math.min(Math.max(0, (at - this.#options.clock()) / 1000), waitMsMax);
    this.#timer = setTimeout(() => {
      this.tick().catch((thrown: unknown) => this.#options.onError?.("schedule", thrown));
    }, wait);
  }

  async #work(project: Project, due: readonly DueSync[]): Promise<void> {
    const connection = await this.#options.warehouse.connect();
    try {
      for (const { sync } of due) {
        if (this.#stop.signal.aborted) return;
        try {
          const result = await runSync(connection, project, sync, this.#runOptions(project, sync.destination));
          this.#failed.delete(sync.name);
          this.#options.onRun?.(result);
        } catch (thrown) {
          this.#noteFailure(project, sync.name, thrown);
          this.#options.onError?.(sync.name, thrown);
        }
      }
    } finally {
      await connection.close();
    }
  }

  #runOptions(project: Project, destination: string): RunOptions {
    const definition = project.destinations.find((candidate) => candidate.name === destination);
    const { right } = this.#options;
    return {
      now: this.#options.clock(),
      clock: this.#options.clock,
      destinations: this.#options.destinations,
      signal: right === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, right.signal]),
      assertMaySend: right === undefined ? undefined : () => right.assertHeld(),
      even: this.#even,
      env: this.#options.env,
      pacer: definition === undefined ? undefined : this.#pacerOf(definition),
    };
  }

  #pacerOf(definition: DestinationDefinition): Pacer {
    const key = `${definition.name}:${definition.rate ?? ""}`;
    const known = this.#pacers.get(key) ?? new Pacer(definition.rate, realTime);
    this.#pacers.set(key, known);
    return known;
  }

  /** A broken definition works again only when the project changes; anything else may have passed in a while. */
  #noteFailure(project: Project, sync: string, thrown: unknown): void {
    const broken = thrown instanceof CambiumError && thrown.code === "PROJECT_INVALID";
    this.#failed.set(sync, { fingerprint: project.fingerprint, until: broken ? Infinity : this.#options.clock() + failurePauseMicros });
  }

  #pausedUntil(project: Project, sync: string): Instant {
    const failure = this.#failed.get(sync);
    return failure === undefined || failure.fingerprint !== project.fingerprint ? 0 : failure.until;
  }
}
