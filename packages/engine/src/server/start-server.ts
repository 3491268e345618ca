import type { AddressInfo } from "node:net";
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { findConsole, serveConsole } from "./console-files.js";
import type { EngineView } from "./engine-view.js";
import { failureHandler } from "./failures.js";
import { Metrics } from "./metrics.js";
import { ReadModel } from "./read-model/read-model.js";
import type { ServerParts } from "./parts.js";
import { Reads } from "./reads.js";
import { audienceRoutes } from "./routes/audiences.js";
import { decisionRoutes } from "./routes/decisions.js";
import { entityRoutes } from "./routes/entities.js";
import { eventRoutes } from "./routes/events.js";
import { projectRoutes } from "./routes/project.js";
import { queryRoutes } from "./routes/query.js";
import { scoreRoutes } from "./routes/scores.js";
import { statusRoutes } from "./routes/status.js";
import { syncRoutes } from "./routes/syncs.js";
import { secure } from "./security.js";
import { Stream } from "./stream.js";

export interface ServerSettings {
  readonly engine: EngineView;
  /** Loopback unless told otherwise. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly token: string;
  /** The console's built files; the API works without them. */
  readonly consoleDir?: string;
  /** Host names beside loopback's and IP addresses that requests may carry. */
  readonly allowedHosts?: readonly string[];
  readonly logger?: FastifyBaseLogger;
  /** Told what went wrong on our side: requests that end in a 500, the stream, the filling of the read model. */
  readonly onError?: (where: string, thrown: unknown) => void;
}

export interface Server {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:4310` */
  readonly url: string;
  /** Resolves when the decision reads answer from memory; until then they ask the warehouse. */
  readonly warm: Promise<void>;
  /** Memory of the decision reads. */
  modelBytes(): number;
  close(): Promise<void>;
}

/** Requests are small: queries and the names of things. */
const bodyBytesMax = 256 * 1024;
/** Keys come in paths: longest one that is looked up. */
const paramLengthMax = 2000;
const requestMillisMax = 120_000;

/** Starts the HTTP side of the engine: the API, the console's files, and the decision reads. */
export async function startServer(settings: ServerSettings): Promise<Server> {
  const { engine } = settings;
  const host = settings.host ?? "127.0.0.1";
  const files = await findConsole(settings.consoleDir);
  const reads = await Reads.open(engine.warehouse, () => engine.project(), engine.clock);
  const onError = settings.onError ?? (() => undefined);
  const stream = new Stream(engine, reads, onError);
  const model = await ReadModel.open(engine, onError);
  const metrics = new Metrics(engine, reads);
  const security = { token: settings.token, host, allowedHosts: settings.allowedHosts ?? [] };

  const server = Fastify({
    ...(settings.logger === undefined ? { logger: false } : { loggerInstance: settings.logger }),
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: paramLengthMax },
    requestTimeout: requestMillisMax,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
  });
  server.setErrorHandler(failureHandler(onError));
  secure(server, security);
  metrics.observe(server);
  const parts: ServerParts = { engine, reads, stream, model, metrics };
  for (const routes of allRoutes) routes(server, parts);
  await serveConsole(server, files, security);

  const unsubscribe = engine.subscribe((event) => {
    reads.changed(event.type === "project" ? "project" : event.type === "cycle" ? "tables" : "rows");
    model.changed(event);
    stream.changed(event);
  });
  await server.listen({ host, port: settings.port });
  const { port } = server.server.address() as AddressInfo;
  return {
    host,
    port,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    warm: model.warm,
    modelBytes: () => model.bytes,
    async close() {
      unsubscribe();
      stream.close();
      await server.close();
      await model.close();
      await reads.close();
    },
  };
}

const allRoutes: readonly ((server: FastifyInstance, parts: ServerParts) => void)[] = [
  statusRoutes,
  eventRoutes,
  entityRoutes,
  scoreRoutes,
  audienceRoutes,
  syncRoutes,
  projectRoutes,
  queryRoutes,
  decisionRoutes,
];
