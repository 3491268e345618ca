import { type RunResult } from "../activate/run.js";
import type { SyncRunner } from "../activate/runner.js";
import { dayText } from "../base/day.js";
import { type Clock, type Instant, microsPerHour } from "../base/instant.js";
import { turns } from "../base/turns.js";
import { type LineSource, spoolLines } from "../collect/load/line-source.js";
import { LoadMemory } from "../collect/load/load-memory.js";
import { type LoadSummary, loadSegments } from "../collect/load/load-segments.js";
import { type MessageFilter, emptyMessageFilter, fillMessageFilter } from "../collect/load/message-filter.js";
import { sealedSegments } from "../collect/load/sealed-segments.js";
import { type ShippedLines, shippedLines } from "../collect/load/shipped-lines.js";
import { prepareProperties } from "../collect/load/typed-properties.js";
import { propertiesRead } from "../project/compile/properties-read.js";
import type { Project } from "../project/project.js";
import type { Connection, Warehouse } from "../warehouse/warehouse.js";
import { maintain } from "./maintain.js";
import { type CycleSummary, readWatermark, runCycle } from "./cycle.js";
import { type ArrivalWatch, watchArrivals } from "./arrival-watch.js";
import { LoadPace } from "./load-pace.js";
import { ModelUpdates } from "./model-updates.js";

/**
 * The loops of the engine process: one loads sealed spool segments, one turns the cycle over what was loaded, and the
 * sync runner delivers beside them. Each wakes when there is something to do; nothing polls but the clock's own edges and,
 * where collectors ship into the warehouse, their arrivals.
 */
export interface LoopSettings {
  readonly warehouse: Warehouse;
  readonly project: () => Project;
  readonly spoolDir: string;
  readonly scratchDir: string;
  readonly clock: Clock;
  readonly runner: SyncRunner;
  readonly onLoad?: (summary: LoadSummary) => void;
  readonly onCycle?: (summary: CycleSummary) => void;
  readonly onError?: (where: LoopName, thrown: unknown) => void;
}

export type LoopName = "load" | "cycle" | "sync";

export interface LoopState {
  readonly name: LoopName;
  readonly state: "idle" | "running" | "failed";
  readonly since: Instant;
  readonly message?: string | undefined;
}

/** Looks at the clock this often for windows whose edge passed and SQL that is due. */
const clockTickMs = 15_000;
/** A loop that failed tries again after this. */
const retryAfterMs = 5_000;
/** After this long without a load the warehouse writes its log into the main file. */
const checkpointAfterIdleMs = 20_000;

/** Deltas of so many cycles are added up at once. */
const maintainEveryCycles = 300;

export class EngineLoops {
  #settings: LoopSettings;
  #loadConnection: Connection;
  #cycleConnection: Connection;
  #filter: MessageFilter;
  #filling: Promise<void> = Promise.resolve();
  #memory = new LoadMemory();
  #spooled: LineSource;
  /** What collectors elsewhere have shipped, where the warehouse lets them. */
  #shipped: ShippedLines | undefined;
  #arrivals: ArrivalWatch | undefined;
  #pace: LoadPace;
  #typed: readonly { path: string; column: string }[] = [];
  #typedFor = "";
  #loading: Promise<void> | undefined;
  /** Called when the load that runs, or is about to, has ended. */
  #afterLoad: (() => void)[] = [];
  #turning = false;
  #loadAgain = false;
  #cycling: Promise<void> | undefined;
  #cycleAgain = false;
  #states = new Map<LoopName, LoopState>();
  #timers = new Set<NodeJS.Timeout>();
  #syncTimer: NodeJS.Timeout | undefined;
  #checkpointTimer: NodeJS.Timeout | undefined;
  #started = false;
  #closed = false;
  #lastCycleNow: Instant = 0;
  #dueAt: Instant = Infinity;
  /** Loading and preparing share a session and change the same table: one after the other. */
  #alone = turns();
  #betweenCycles = turns();
  #models = new ModelUpdates();

  private constructor(settings: LoopSettings, loadConnection: Connection, cycleConnection: Connection, filter: MessageFilter) {
    this.#settings = settings;
    this.#loadConnection = loadConnection;
    this.#cycleConnection = cycleConnection;
    this.#filter = filter;
    this.#spooled = spoolLines(settings.spoolDir, settings.scratchDir);
    if (loadConnection.dialect.supports.sharing) this.#shipped = shippedLines();
    this.#pace = new LoadPace(
      async () => (await sealedSegments(settings.spoolDir)).reduce((sum, { bytes }) => sum + bytes, 0),
      () => this.#turning,
    );
    for (const name of ["load", "cycle", "sync"] as const) this.#states.set(name, { name, state: "idle", since: settings.clock() });
  }

  static async open(settings: LoopSettings): Promise<EngineLoops> {
    const loadConnection = await settings.warehouse.connect();
    const cycleConnection = await settings.warehouse.connect();
    const loops = new EngineLoops(settings, loadConnection, cycleConnection, await emptyMessageFilter(loadConnection));
    loops.#filling = loops.#fillFilter();
    loops.#lastCycleNow = (await readWatermark(cycleConnection)).now;
    return loops;
  }

  /** From now on the loops run by themselves. */
  start(): void {
    this.#started = true;
    const tick = setInterval(() => {
      if (this.#edgePassed() || this.#models.isDue(this.#settings.clock())) this.requestCycle();
    }, clockTickMs);
    this.#timers.add(tick);
    if (this.#shipped !== undefined)
      this.#arrivals = watchArrivals(
        () => this.#lookForArrivals(),
        (thrown) => this.#settings.onError?.("load", thrown),
      );
    this.requestLoad();
    this.requestCycle();
  }

  states(): LoopState[] {
    return [...this.#states.values()];
  }

  typed(): ReadonlyMap<string, string> {
    return new Map(this.#typed.map(({ path, column }) => [path, column]));
  }

  /** The spool has sealed segments. */
  requestLoad(): void {
    this.#loadAgain = true;
    this.#pace.look();
    if (this.#closed || this.#loading !== undefined) return;
    this.#loading = this.#drain("load", async () => {
      while (this.#loadAgain && (await this.#pace.turn())) {
        this.#loadAgain = false;
        await this.loadOnce();
        this.#loadEnded();
      }
    }).finally(() => {
      this.#loading = undefined;
      this.#loadEnded();
      if (this.#loadAgain && !this.#closed) this.requestLoad();
    });
  }

  /** There are new facts, definitions or a new hour. */
  requestCycle(): void {
    this.#cycleAgain = true;
    if (this.#closed || this.#cycling !== undefined) return;
    this.#cycling = this.#drain("cycle", async () => {
      while (this.#cycleAgain && !this.#closed) {
        await this.#loadFirst();
        this.#cycleAgain = false;
        this.#turning = true;
        await this.cycleOnce().finally(() => {
          this.#turning = false;
          this.#pace.look();
        });
        void this.requestSyncs();
      }
    }).finally(() => {
      this.#cycling = undefined;
      if (this.#cycleAgain && !this.#closed) this.requestCycle();
    });
  }

  /** What was sealed while the cycle before ran comes into the next one. */
  async #loadFirst(): Promise<void> {
    if (!this.#loadAgain || this.#loading === undefined || !this.#pace.isOpen) return;
    const ended = new Promise<void>((resolve) => this.#afterLoad.push(resolve));
    this.#pace.look();
    await ended;
  }

  #loadEnded(): void {
    for (const tell of this.#afterLoad.splice(0)) tell();
  }

  /** Starts syncs that are due, and comes back when the next one is. */
  async requestSyncs(): Promise<void> {
    if (this.#closed) return;
    await this.#drain("sync", async () => {
      const nextAt = await this.#settings.runner.tick();
      clearTimeout(this.#syncTimer);
      if (nextAt === undefined || this.#closed) return;
      const wait = Math.min(Math.max((nextAt - this.#settings.clock()) / 1000, 50), 60_000);
      this.#syncTimer = setTimeout(() => void this.requestSyncs(), wait);
    });
  }

  /** Loads everything that is sealed now; returns how many events that were. */
  async loadOnce(onProgress: (accepted: number) => void = () => undefined): Promise<number> {
    let accepted = 0;
    for (const source of this.#shipped === undefined ? [this.#spooled] : [this.#spooled, this.#shipped]) {
      const before = accepted;
      accepted += await this.#loadFrom(source, (more) => onProgress(before + more));
    }
    return accepted;
  }

  async #loadFrom(source: LineSource, onProgress: (accepted: number) => void): Promise<number> {
    let accepted = 0;
    for (;;) {
      await this.#prepare();
      const summary = await this.#alone(() =>
        loadSegments(this.#loadConnection, this.#settings.project(), {
          source,
          now: this.#settings.clock(),
          typed: this.#typed,
          filter: this.#filter,
          memory: this.#memory,
        }),
      );
      if (summary.loadId !== undefined) {
        accepted += summary.accepted;
        onProgress(accepted);
        this.#settings.onLoad?.(summary);
        this.requestCycleIfRunning();
        this.#checkpointLater();
      }
      if (summary.remaining === 0 || this.#closed) return accepted;
    }
  }

  async #lookForArrivals(): Promise<boolean> {
    // The load that runs takes in what has arrived.
    if (this.#loading !== undefined) return true;
    const waiting = await this.#alone(async () => this.#shipped?.waiting(this.#loadConnection) ?? []);
    if (waiting.length > 0) this.requestLoad();
    return waiting.length > 0;
  }

  async cycleOnce(options: { onStep?: (step: string) => void; everyone?: boolean } = {}): Promise<CycleSummary> {
    await this.#prepare();
    await this.updateModels();
    const summary = await this.betweenCycles(() =>
      runCycle(this.#cycleConnection, this.#settings.project(), {
        now: this.#settings.clock(),
        typed: this.typed(),
        ...(options.onStep !== undefined && { onStep: options.onStep }),
        ...(options.everyone !== undefined && { everyone: options.everyone }),
      }),
    );
    this.#lastCycleNow = summary.now;
    this.#dueAt = summary.dueAt;
    // By the cycle's number: projects that a scheduler runs a cycle at a time have their turn, too.
    if (summary.cycleId % maintainEveryCycles === 0 && summary.kind === "incremental") {
      await maintain(this.#cycleConnection, this.#settings.project());
    }
    this.#settings.onCycle?.(summary);
    return summary;
  }

  /** SQL models and Segment's layout; before a cycle, since SQL traits may read them. */
  async updateModels(options: { force?: boolean } = {}): Promise<void> {
    await this.#models.update(this.#cycleConnection, this.#settings.project(), this.#settings.clock(), {
      ...options,
      onError: (thrown) => this.#settings.onError?.("cycle", thrown),
    });
  }

  /** Runs work while no cycle of this process does: what it reads is of one moment, whatever the engine promises. */
  betweenCycles<T>(work: () => Promise<T>): Promise<T> {
    return this.#betweenCycles(work);
  }

  requestLoadIfRunning(): void {
    if (this.#started) this.requestLoad();
  }

  /** Only when `start` was called: `settle` drives the steps itself. */
  requestCycleIfRunning(): void {
    if (this.#started) this.requestCycle();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pace.close();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#syncTimer);
    clearTimeout(this.#checkpointTimer);
    await this.#settings.runner.close();
    await this.#arrivals?.close();
    await this.#loading;
    await this.#cycling;
    await this.#filling;
    // What is lost here are counts of properties, and closing goes on.
    await this.#memory.close(this.#loadConnection).catch((thrown: unknown) => this.#settings.onError?.("load", thrown));
    await this.#loadConnection.close();
    await this.#cycleConnection.close();
  }

  /** Every message id ever stored is in memory: from then on a load costs the same however long the history is. */
  get filled(): Promise<void> {
    return this.#filling;
  }

  /** Beside everything else, since a long history takes many seconds: until it is done, loads look up what they take in. */
  async #fillFilter(): Promise<void> {
    const connection = await this.#settings.warehouse.connect();
    try {
      await fillMessageFilter(connection, this.#filter, () => this.#closed);
    } catch (thrown) {
      this.#settings.onError?.("load", thrown);
      this.#later(() => (this.#filling = this.#fillFilter()));
    } finally {
      await connection.close();
    }
  }

  /** Typed columns for the properties that the definitions in force read. */
  async #prepare(): Promise<void> {
    await this.#alone(async () => {
      const project = this.#settings.project();
      if (this.#typedFor === project.fingerprint) return;
      this.#typed = await prepareProperties(this.#loadConnection, propertiesRead(project), this.#settings.clock());
      this.#typedFor = project.fingerprint;
    });
  }

  #edgePassed(): boolean {
    const now = this.#settings.clock();
    const { timezone } = this.#settings.project();
    const hourTurned = Math.floor(now / microsPerHour) !== Math.floor(this.#lastCycleNow / microsPerHour);
    // Where a zone is half an hour off, days turn within the hour.
    return now >= this.#dueAt || hourTurned || dayText(now, timezone) !== dayText(this.#lastCycleNow, timezone);
  }

  async #drain(name: LoopName, work: () => Promise<void>): Promise<void> {
    this.#states.set(name, { name, state: "running", since: this.#settings.clock() });
    try {
      await work();
      this.#states.set(name, { name, state: "idle", since: this.#settings.clock() });
    } catch (thrown) {
      if (this.#closed) return;
      this.#states.set(name, {
        name,
        state: "failed",
        since: this.#settings.clock(),
        message: thrown instanceof Error ? thrown.message : String(thrown),
      });
      this.#settings.onError?.(name, thrown);
      const again = { load: () => this.requestLoad(), cycle: () => this.requestCycle(), sync: () => void this.requestSyncs() }[name];
      this.#later(again);
    }
  }

  #later(again: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#closed) again();
    }, retryAfterMs);
    this.#timers.add(timer);
  }

  #checkpointLater(): void {
    clearTimeout(this.#checkpointTimer);
    this.#checkpointTimer = setTimeout(() => {
      if (this.#loading !== undefined || this.#cycling !== undefined) return this.#checkpointLater();
      this.#alone(async () => this.#shipped?.sweep(this.#loadConnection)).catch((thrown: unknown) =>
        this.#settings.onError?.("load", thrown),
      );
      // Somebody else may be writing (a delivery): then the next quiet moment will do.
      this.#settings.warehouse.checkpoint().catch((thrown: unknown) => {
        if (thrown instanceof Error && /transaction/i.test(thrown.message)) this.#checkpointLater();
        else this.#settings.onError?.("load", thrown);
      });
    }, checkpointAfterIdleMs);
    this.#checkpointTimer.unref();
  }
}

export type { RunResult };
