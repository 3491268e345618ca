import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CambiumError, messageOf } from "../../base/errors.js";
import { watchSpool } from "../../collect/watch-spool.js";
import { type SupervisedCollector, superviseCollector } from "../../collect/supervise.js";
import { type Engine, openEngine, statePaths } from "../../engine.js";
import type { Project } from "../../project/project.js";
import { type Server, startServer } from "../../server/start-server.js";

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
}

export async function startUp(options: StartUpOptions): Promise<Running> {
  const { dir, onEvent = () => undefined } = options;
  const engine = await openEngine({
    dir,
    version: options.version,
    ...(options.env !== undefined && { env: options.env }),
    onError: (where, thrown) => onEvent(`${where}: ${messageOf(thrown)}`),
  });
  const paths = statePaths(dir);
  const config = engine.project().config;
  const collector = await superviseCollector({
    entry: distFile("collect/main.js"),
    optionsFile: path.join(paths.state, "collector.json"),
    options: {
      spoolDir: paths.spool,
      sources: collectorSources(engine.project()),
      host: config.collector.host,
      port: options.collectorPort ?? config.collector.port,
      publicHost: config.collector.public_host,
      spoolBytesMax: config.collector.spool_bytes_max,
      eventsPerSecondMax: config.collector.rate_limit,
      ...(options.collectorEndsWithUs === true && { whenOrphaned: "exit" as const }),
    },
    onSealed: () => engine.loops.requestLoadIfRunning(),
    onEvent,
  }).catch(async (thrown: unknown) => {
    await engine.close();
    throw portTaken(thrown, "collector") ?? thrown;
  });
  const stopFollowing = engine.subscribe((event) => {
    if (event.type === "project") {
      collector.replaceSources(collectorSources(engine.project())).catch((thrown: unknown) => onEvent(`collector: ${String(thrown)}`));
    }
  });
  const spoolWatch = watchSpool(paths.spool, () => engine.loops.requestLoadIfRunning());
  const token = options.env?.["CAMBIUM_TOKEN"] ?? randomBytes(24).toString("base64url");
  const server = await startServer({
    engine,
    host: options.host ?? config.server.host,
    port: options.port ?? config.server.port,
    token,
    consoleDir: distFile("../../console/dist"),
    allowedHosts: config.server.allowed_hosts ?? [],
    onError: (where, thrown) => onEvent(`${where}: ${messageOf(thrown)}`),
  }).catch(async (thrown: unknown) => {
    // A port that is taken, for example: nothing of ours may stay behind.
    spoolWatch.close();
    stopFollowing();
    await collector.close();
    await engine.close();
    throw portTaken(thrown, "console") ?? thrown;
  });
  await writeFile(paths.server, JSON.stringify({ url: server.url, token, pid: process.pid }), { mode: 0o600 });
  await chmod(paths.server, 0o600);
  return {
    engine,
    collector,
    server,
    token,
    consoleUrl: `${server.url}/?token=${token}`,
    async close() {
      spoolWatch.close();
      stopFollowing();
      await server.close();
      await rm(paths.server, { force: true });
      await collector.close();
      await engine.close();
    },
  };
}

/** The collector's process tells by its last words, our own server by the error itself. */
function portTaken(thrown: unknown, whose: "collector" | "console"): CambiumError | undefined {
  const [, address] = /EADDRINUSE: address already in use (\S+)/.exec(messageOf(thrown)) ?? [];
  if (address === undefined) return undefined;
  return new CambiumError("PORT_TAKEN", `Another program listens on ${address}, which the ${whose} was to have.`, { cause: thrown });
}

function collectorSources(project: Project) {
  return project.sources.filter((source) => source.enabled).map((source) => ({ name: source.name, writeKeys: source.write_keys }));
}

/** A file of the built engine, from wherever this code was bundled to. */
function distFile(file: string): string {
  for (let dir = path.dirname(fileURLToPath(import.meta.url)); ; dir = path.dirname(dir)) {
    const places = [path.join(dir, "dist"), path.join(dir, "packages", "engine", "dist")];
    const found = places.find((place) => existsSync(path.join(place, "collect", "main.js")));
    if (found !== undefined) return path.resolve(found, file);
    if (dir === path.dirname(dir)) throw new CambiumError("INTERNAL", "The built engine is not there: run `npm run build`.");
  }
}
