import { mkdir } from "node:fs/promises";
import path from "node:path";
import { openCatalogue } from "@cambium/catalogue";
import { destinationsBehind } from "./activate/destinations/index.js";
import { type RunResult, runSync } from "./activate/run.js";
import { SyncRunner } from "./activate/runner.js";
import { CambiumError } from "./base/errors.js";
import { type Clock, systemClock } from "./base/instant.js";
import { checkLedger } from "./observe/ledger.js";
import { loadProject } from "./project/load-project.js";
import type { Project } from "./project/project.js";
import { refuseUnfinishedCopy } from "./run/copy/copy-state.js";
import { EngineLoops } from "./run/engine-loops.js";
import { explain } from "./run/explain.js";
import { LeaseKeeper } from "./run/lease/lease-keeper.js";
import { type StandByOptions, standBy } from "./run/lease/stand-by.js";
import { spoolState } from "./run/spool-state.js";
import { verify } from "./run/verify.js";
import { watchProject } from "./run/watch-project.js";
import { dryRunAnswerOf, syncAnswerOf, verifyAnswerOf } from "./server/answers.js";
import type { EngineEvent, EngineView, LiveState } from "./server/engine-view.js";
import { createTables } from "./warehouse/create-tables.js";
import type { LeaseSeen } from "./warehouse/lease.js";
import { type WarehouseSettings, openWarehouse, warehouseSettings, watchLease } from "./warehouse/open-warehouse.js";
import type { Connection, Warehouse } from "./warehouse/warehouse.js";

/**
 * The composition root: opens a project's warehouse and starts the loops that load events, turn the cycle and run syncs.
 * The collector is another process; the server and the CLI talk to what is returned here.
 */
export interface Engine extends EngineView {
  readonly loops: EngineLoops;
  /** Where several programs share the warehouse: this one's right to turn the cycle and to deliver. */
  readonly lease: LeaseKeeper | undefined;
  /** Loads, cycles and syncs until nothing is left to do; for `--once` and tests. */
  settle(onProgress?: (what: string) => void): Promise<void>;
  /** Runs every sync that is due and waits for the end; one result per run. */
  deliver(): Promise<RunResult[]>;
  close(): Promise<void>;
}

export interface EngineSettings {
  readonly dir: string;
  readonly version: string;
  readonly clock?: Clock;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with what went wrong in a loop; the loop goes on. */
  readonly onError?: (where: string, thrown: unknown) => void;
  /** Where several programs share the warehouse: how to come to its lease, and what to do without it. */
  readonly lease?: {
    /** When another program has it and lives: `wait` for its end, or `fail` (unless said otherwise). */
    readonly whenHeld?: StandByOptions["whenHeld"];
    readonly onLook?: StandByOptions["onLook"];
    readonly signal?: AbortSignal;
    /** Another program has it now: this engine does nothing more and is to be closed. */
    readonly onLost?: (error: CambiumError) => void;
  };
}

const unsettledRoundsMax = 1_000;
const resultsKeptMax = 1_000;

export async function openEngine(settings: EngineSettings): Promise<Engine> {
  const opened = await openProject(settings);
  try {
    return await assemble(opened, settings);
  } catch (thrown) {
    await opened.lease?.close();
    await opened.warehouse.close();
    throw thrown;
  }
}

async function assemble({ paths, warehouse, lease, project: first }: Opened, settings: EngineSettings): Promise<Engine> {
  const clock = settings.clock ?? systemClock;
  const onError = (where: string, thrown: unknown) => {
    if (thrown instanceof CambiumError && thrown.code === "WAREHOUSE_TAKEN_OVER") lease?.lose(thrown);
    settings.onError?.(where, thrown);
  };
  let project = first;
  const listeners = new Set<(event: EngineEvent) => void>();
  const tell = (event: EngineEvent) => {
    for (const listener of listeners) listener(event);
  };
  const catalogue = openCatalogue({ environment: settings.env ?? process.env });
  const destinations = destinationsBehind({
    projectDir: settings.dir,
    catalogueDestination: (slug) => catalogue.destination(slug),
  });
  const ran: RunResult[] = [];
  const runner = new SyncRunner({
    warehouse,
    project: () => project,
    destinations: (definition) => destinations.of(definition),
    clock,
    env: settings.env ?? process.env,
    onRun: (result) => {
      ran.push(result);
      if (ran.length > resultsKeptMax) ran.shift();
      if (result.runId !== undefined) tell({ type: "sync", sync: result.sync, runId: result.runId });
    },
    right: lease,
    onError: (sync, thrown) => onError(`sync ${sync}`, thrown),
  });
  const loops = await EngineLoops.open({
    warehouse,
    project: () => project,
    spoolDir: paths.spool,
    scratchDir: paths.scratch,
    clock,
    runner,
    onLoad: ({ loadId }) => {
      if (loadId !== undefined) tell({ type: "load", loadId });
    },
    onCycle: ({ cycleId }) => tell({ type: "cycle", cycleId }),
    onError,
  });
  const withConnection = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await warehouse.connect();
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  };
  const dryRun = (name: string): Promise<RunResult> => {
    const sync = project.syncs.find((candidate) => candidate.name === name);
    if (sync === undefined) throw new CambiumError("NOT_FOUND", `There is no sync ${name}.`);
    return withConnection((connection) =>
      runSync(connection, project, sync, {
        now: clock(),
        clock,
        destinations: (definition) => destinations.of(definition),
        env: settings.env ?? process.env,
        dryRun: true,
      }),
    );
  };
  const deliver = async () => {
    ran.length = 0;
    await runner.tick();
    await runner.idle();
    return [...ran];
  };
  const watcher = watchProject(settings.dir, async () => {
    try {
      const next = await loadProject(settings.dir);
      if (next.fingerprint === project.fingerprint) return;
      await withConnection((connection) => prepareTables(connection, next));
      project = next;
      tell({ type: "project", fingerprint: next.fingerprint });
      loops.requestCycleIfRunning();
    } catch (thrown) {
      settings.onError?.("definitions", thrown);
    }
  });

  return {
    warehouse,
    lease,
    clock,
    version: settings.version,
    startedAt: clock(),
    loops,
    project: () => project,
    explain: (request) => withConnection((connection) => explain(connection, project, request, loops.typed())),
    verify: ({ kind }) =>
      withConnection(async (connection) =>
        verifyAnswerOf(
          await verify(warehouse, connection, project, { kind, typed: loops.typed(), atRest: (work) => loops.betweenCycles(work) }),
          await checkLedger(connection),
        ),
      ),
    dryRun: async (sync) => dryRunAnswerOf(await dryRun(sync)),
    runSync: async (sync) => syncAnswerOf(await runner.run(sync)),
    confirmSync: async (sync) => syncAnswerOf(await runner.run(sync, { confirm: true })),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    live: async (): Promise<LiveState> => ({ loops: loops.states(), spool: await spoolState(paths.spool) }),
    async settle(onProgress = () => undefined) {
      for (let round = 0; round < unsettledRoundsMax; round += 1) {
        onProgress("loading");
        const accepted = await loops.loadOnce();
        if (accepted === 0 && round > 0) break;
        await loops.cycleOnce({ onStep: onProgress });
      }
      onProgress("delivering");
      await deliver();
    },
    deliver,
    async close() {
      await watcher.close();
      await loops.close();
      await destinations.close();
      await catalogue.close();
      await lease?.close();
      await warehouse.close();
    },
  };
}

/** Where a project keeps its state. */
export function statePaths(dir: string) {
  const state = path.join(dir, ".cambium");
  return {
    state,
    spool: path.join(state, "spool"),
    scratch: path.join(state, "scratch"),
    server: path.join(state, "server.json"),
    warehouse: path.join(state, "warehouse.duckdb"),
  };
}

interface Opened {
  readonly project: Project;
  readonly warehouse: Warehouse;
  readonly lease: LeaseKeeper | undefined;
  readonly paths: ReturnType<typeof statePaths>;
}

async function openProject(settings: EngineSettings): Promise<Opened> {
  const { dir, env = process.env } = settings;
  const project = await loadProject(dir);
  const paths = statePaths(dir);
  await mkdir(paths.spool, { recursive: true });
  await mkdir(paths.scratch, { recursive: true });
  const { config } = project;
  const file = config.warehouse.file === undefined ? paths.warehouse : path.resolve(dir, config.warehouse.file);
  const named = warehouseSettings(config.warehouse, { file, scratchDir: paths.scratch }, env);
  const waitedOut = await leaseFree(named, settings);
  const warehouse = await openWarehouse(named);
  let lease: LeaseKeeper | undefined;
  try {
    lease =
      warehouse.lease &&
      (await LeaseKeeper.open(warehouse.lease, {
        waitedOut,
        onLost: (error) => settings.lease?.onLost?.(error),
        onError: (thrown) => settings.onError?.("lease", thrown),
      }));
    const connection = await warehouse.connect();
    try {
      await refuseUnfinishedCopy(connection);
      await prepareTables(connection, project);
    } finally {
      await connection.close();
    }
    return { project, warehouse, lease, paths };
  } catch (thrown) {
    await lease?.close();
    await warehouse.close();
    throw thrown;
  }
}

/** Resolves when this program may take the warehouse's lease, with what it saw of the holder before. */
async function leaseFree(named: WarehouseSettings, { lease, onError }: EngineSettings): Promise<LeaseSeen | undefined> {
  const watch = watchLease(named);
  if (watch === undefined) return undefined;
  try {
    return await standBy(watch, {
      whenHeld: lease?.whenHeld ?? "fail",
      signal: lease?.signal,
      onLook: lease?.onLook,
      onError: (thrown) => onError?.("lease", thrown),
    });
  } finally {
    await watch.close();
  }
}

async function prepareTables(connection: Connection, project: Project): Promise<void> {
  const kinds = project.entities.map((entity) => entity.kind);
  await createTables(
    connection,
    kinds,
    project.entities.filter((entity) => entity.isGroup).map((entity) => entity.kind),
  );
}
