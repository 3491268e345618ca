import { messageOf } from "../../base/errors.js";
import type { CambiumError } from "../../base/errors.js";
import type { SupervisedCollector } from "../../collect/supervise.js";
import { watchSpool } from "../../collect/watch-spool.js";
import { type Engine, openEngine, statePaths } from "../../engine.js";
import type { Server } from "../../server/start-server.js";
import { portTaken } from "./port-taken.js";
import { collectorSources, startCollectorProcess } from "./start-collector-process.js";
import { startConsole } from "./start-console.js";
import { tellWaiting } from "./tell-waiting.js";

/** Everything that `cambium up` runs: the engine in this process, the collector in its own, the server on loopback. */
export interface Running {
  readonly engine: Engine;
  readonly collector: SupervisedCollector;
  readonly server: Server;
  /** The console's address with its token: open it once. */
  readonly consoleUrl: string;
  readonly token: string;
  close(): Promise<void>;
}

export interface StartUpOptions {
  readonly dir: string;
  readonly version: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ports of cambium.yml unless given; 0 takes a free one. */
  readonly port?: number;
  readonly collectorPort?: number;
  readonly host?: string;
  readonly onEvent?: (sentence: string) => void;
  /** The collector ends with this process instead of accepting events for the next one. */
  readonly collectorEndsWithUs?: boolean;
  /** Another process has become the conductor of the warehouse: this one is to be closed. */
  readonly onLost?: (error: CambiumError) => void;
}

export async function startUp(options: StartUpOptions): Promise<Running> {
  const { dir, env, onEvent = () => undefined } = options;
  const engine = await openEngine({
    dir,
    version: options.version,
    ...(env !== undefined && { env }),
    lease: { onLook: tellWaiting(onEvent), ...(options.onLost !== undefined && { onLost: options.onLost }) },
    onError: (where, thrown) => onEvent(`${where}: ${messageOf(thrown)}`),
  });
  const collector = await startCollectorProcess(engine.project(), {
    port: options.collectorPort,
    endsWithUs: options.collectorEndsWithUs,
    onSealed: () => engine.loops.requestLoadIfRunning(),
    onEvent,
  }).catch(async (thrown: unknown) => {
    await engine.close();
    throw thrown;
  });
  const stopFollowing = engine.subscribe((event) => {
    if (event.type === "project") {
      collector.replaceSources(collectorSources(engine.project())).catch((thrown: unknown) => onEvent(`collector: ${String(thrown)}`));
    }
  });
  const spoolWatch = watchSpool(statePaths(dir).spool, () => engine.loops.requestLoadIfRunning());
  const shown = await startConsole(engine, { dir, env, host: options.host, port: options.port, onEvent }).catch(async (thrown: unknown) => {
    // A port that is taken, for example: nothing of ours may stay behind.
    spoolWatch.close();
    stopFollowing();
    await collector.close();
    await engine.close();
    throw portTaken(thrown, "console") ?? thrown;
  });
  return {
    engine,
    collector,
    server: shown.server,
    token: shown.token,
    consoleUrl: shown.url,
    async close() {
      spoolWatch.close();
      stopFollowing();
      await shown.close();
      await collector.close();
      await engine.close();
    },
  };
}
