import type { Clock, Instant } from "../base/instant.js";
import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Project } from "../project/project.js";
import type { Warehouse } from "../warehouse/warehouse.js";
import type { Destination } from "./destination.js";
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
}

/** Lanes that work at the same time; the warehouse's own gate bounds their statements. */
const lanesMax = 16;

export class SyncRunner {
  #options: RunnerOptions;
  #lanes = new Map<string, Promise<void>>();
  #pacers = new Map<string, Pacer>();
  #stop = new AbortController();
  #failedAt = new Map<string, string>();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Starts what is due in lanes that are free. Returns when something is due next by the clock, without waiting for runs. */
  async tick(): Promise<Instant | undefined> {
    if (this.#stop.signal.aborted) return undefined;
    const project = this.#options.project();
    const connection = await this.#options.warehouse.connect();
    let schedule;
    try {
      schedule = await dueSyncs(connection, project, this.#options.clock());
    } finally {
      await connection.close();
    }
    const byDestination = new Map<string, DueSync[]>();
    for (const due of schedule.due.filter(({ sync }) => !this.#brokenAsBefore(project, sync.name))) {
      byDestination.set(due.sync.destination, [...(byDestination.get(due.sync.destination) ?? []), due]);
    }
    for (const [destination, due] of byDestination) {
      if (this.#lanes.has(destination) || this.#lanes.size >= lanesMax) continue;
      const lane = this.#work(project, destination, due).finally(() => void this.#lanes.delete(destination));
      this.#lanes.set(destination, lane);
    }
    return schedule.nextAt;
  }

  /** Resolves when no sync is running. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values());
  }

  /** Ends runs at the next batch and waits for them. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.idle();
  }

  pacerOf(definition: DestinationDefinition): Pacer {
    const key = `${definition.name}:${definition.rate ?? ""}`;
    const known = this.#pacers.get(key) ?? new Pacer(definition.rate, realTime);
    this.#pacers.set(key, known);
    return known;
  }

  async #work(project: Project, destination: string, due: readonly DueSync[]): Promise<void> {
    const definition = project.destinations.find((candidate) => candidate.name === destination);
    const connection = await this.#options.warehouse.connect();
    try {
      for (const { sync } of due) {
        if (this.#stop.signal.aborted) return;
        const options: RunOptions = {
          now: this.#options.clock(),
          clock: this.#options.clock,
          destinations: this.#options.destinations,
          signal: this.#stop.signal,
          env: this.#options.env,
          pacer: definition === undefined ? undefined : this.pacerOf(definition),
        };
        try {
          const result = await runSync(connection, project, sync, options);
          this.#failedAt.delete(sync.name);
          this.#options.onRun?.(result);
        } catch (thrown) {
          this.#failedAt.set(sync.name, project.fingerprint);
          this.#options.onError?.(sync.name, thrown);
        }
      }
    } finally {
      await connection.close();
    }
  }

  /** A sync whose run threw is left alone until the project changes: nothing else would make it work. */
  #brokenAsBefore(project: Project, sync: string): boolean {
    return this.#failedAt.get(sync) === project.fingerprint;
  }
}
