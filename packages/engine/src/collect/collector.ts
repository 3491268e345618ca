import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { type Clock, systemClock } from "../base/instant.js";
import { type CollectorLimits, defaultLimits } from "./limits.js";
import { collectorRegistry, commitHistogram, newCounts } from "./metrics.js";
import { type Context, handle } from "./protocol/handle.js";
import { findSnippet } from "./protocol/snippet.js";
import { Spool, type SpoolFiles } from "./spool/spool.js";
import { RateLimits } from "./rate-limits.js";
import { type CollectorSource, WriteKeys } from "./write-keys.js";

/** What a collector needs to know; plain data (but for the last three), so that it travels to a child process as JSON. */
export interface CollectorOptions {
  readonly spoolDir: string;
  readonly sources: readonly CollectorSource[];
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port?: number | undefined;
  /** Host (and port) that browsers reach the collector at, where it differs from the request's. */
  readonly publicHost?: string | undefined;
  /** Name of this collector's folder in the spool; kept from the run before when not given. */
  readonly node?: string | undefined;
  readonly spoolBytesMax?: number | undefined;
  readonly segmentBytesMax?: number | undefined;
  readonly segmentAgeMaxMs?: number | undefined;
  /** Events a second of one write key; more is 429 with Retry-After. No limit when not given. */
  readonly eventsPerSecondMax?: number | undefined;
  readonly limits?: Partial<CollectorLimits> | undefined;
  /** analytics.min.js to serve; found by itself when not given. */
  readonly snippetFile?: string | undefined;
  readonly clock?: Clock;
  readonly onSealed?: (file: string) => void;
  readonly files?: SpoolFiles;
}

export interface Collector {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly spool: Spool;
  replaceSources(sources: readonly CollectorSource[]): void;
  /** Stops listening, answers what is under way, seals the spool. */
  close(): Promise<void>;
}

/** Clients keep connections open; a proxy's own timeout should be below this. */
const keepAliveMs = 65_000;
const requestMs = 30_000;

/**
 * Accepts events over HTTP and appends them to the spool; 200 means durable. It knows nothing of the warehouse: while the
 * engine is down, busy or being upgraded, events are accepted all the same.
 */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const commitSeconds = commitHistogram();
  const spool = await Spool.open({
    dir: options.spoolDir,
    onCommit: (seconds) => commitSeconds.observe(seconds),
    ...(options.node !== undefined && { node: options.node }),
    ...(options.spoolBytesMax !== undefined && { bytesMax: options.spoolBytesMax }),
    ...(options.segmentBytesMax !== undefined && { segmentBytesMax: options.segmentBytesMax }),
    ...(options.segmentAgeMaxMs !== undefined && { segmentAgeMaxMs: options.segmentAgeMaxMs }),
    ...(options.onSealed !== undefined && { onSealed: options.onSealed }),
    ...(options.files !== undefined && { files: options.files }),
  });
  const counts = newCounts();
  const keys = new WriteKeys(options.sources);
  const idPrefix = `srv-${spool.node}-${randomBytes(6).toString("hex")}-`;
  let idsGiven = 0;
  const context: Context = {
    spool,
    counts,
    keys,
    rates: new RateLimits(options.eventsPerSecondMax),
    registry: collectorRegistry(counts, spool, commitSeconds),
    limits: { ...defaultLimits, ...options.limits },
    clock: options.clock ?? systemClock,
    publicHost: options.publicHost,
    snippet: await findSnippet(options.snippetFile),
    nextMessageId: () => idPrefix + String((idsGiven += 1)),
  };
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: requestMs, noDelay: true }, (request, response) =>
    handle(context, request, response),
  );
  const host = options.host ?? "127.0.0.1";
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, host, resolve);
    });
  } catch (thrown) {
    await spool.close();
    throw thrown;
  }
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    spool,
    replaceSources: (sources) => keys.replace(sources),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // What is being answered may end; clients that hold a connection open without a request may not hold us up.
      const patience = setTimeout(() => server.closeAllConnections(), 2000);
      await closed;
      clearTimeout(patience);
      await spool.close();
    },
  };
}
