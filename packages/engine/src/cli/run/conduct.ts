import { setTimeout as sleep } from "node:timers/promises";
import { CambiumError, messageOf } from "../../base/errors.js";
import { watchSpool } from "../../collect/watch-spool.js";
import { openEngine, statePaths } from "../../engine.js";
import { loadProject } from "../../project/load-project.js";
import { type StandbyState, startStandby } from "../../server/start-standby.js";
import { assertShared } from "../../warehouse/open-warehouse.js";
import { portTaken } from "./port-taken.js";
import { settingsOf } from "../open-local.js";
import { startConsole } from "./start-console.js";

export interface ConductOptions {
  readonly dir: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Ends it, in order. */
  readonly signal: AbortSignal;
  readonly onEvent: (sentence: string) => void;
  /** It has become the conductor: the console's address. */
  readonly onConducting: (consoleUrl: string) => void;
}

/** A start that failed because the warehouse was away is tried again after this. */
const startAgainMs = 3_000;

/**
 * What `cambium engine` runs: stands by until the warehouse's lease is free, conducts until another process has it or until
 * told to end, and stands by again.
 */
export async function conduct(options: ConductOptions): Promise<void> {
  const { signal, onEvent } = options;
  const project = await loadProject(options.dir);
  assertShared(settingsOf(project, options.env));
  while (!signal.aborted) {
    try {
      await conductOnce(options, { host: options.host ?? project.config.server.host, port: options.port ?? project.config.server.port });
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof CambiumError) || !passing.has(thrown.code)) throw thrown;
      onEvent(`${messageOf(thrown)} Standing by.`);
      await sleep(startAgainMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

const passing: ReadonlySet<string> = new Set(["WAREHOUSE_TAKEN_OVER", "WAREHOUSE_UNREACHABLE"]);

/** One time from standing by to the end of conducting; throws why it ended, unless it was told to end. */
async function conductOnce(options: ConductOptions, listen: { host: string; port: number }): Promise<void> {
  const { dir, env, onEvent, signal } = options;
  const lost = new AbortController();
  let state: StandbyState = { conductor: undefined, silentMs: 0 };
  const standby = await startStandby({ ...listen, state: () => state }).catch((thrown: unknown) => {
    throw portTaken(thrown, "console") ?? thrown;
  });
  const engine = await openEngine({
    dir,
    version: options.version,
    env,
    lease: {
      whenHeld: "wait",
      signal,
      onLook: (conductor, silentMs) => {
        if (conductor?.term !== state.conductor?.term && conductor !== undefined)
          onEvent(`standing by: the conductor is ${conductor.holder} (term ${conductor.term})`);
        state = { conductor, silentMs };
      },
      onLost: (error) => lost.abort(error),
    },
    onError: (where, thrown) => onEvent(`${where}: ${messageOf(thrown)}`),
  }).finally(() => standby.close());
  const spoolWatch = watchSpool(statePaths(dir).spool, () => engine.loops.requestLoadIfRunning());
  try {
    const shown = await startConsole(engine, { dir, env, ...listen, onEvent });
    try {
      engine.loops.start();
      onEvent(`conducting (term ${engine.lease?.term ?? "none"})`);
      options.onConducting(shown.url);
      const ended = AbortSignal.any([signal, lost.signal]);
      if (!ended.aborted) await new Promise((resolve) => void ended.addEventListener("abort", resolve, { once: true }));
    } finally {
      await shown.close();
    }
  } finally {
    spoolWatch.close();
    await engine.close();
  }
  if (!signal.aborted) lost.signal.throwIfAborted();
}
