import { readFile } from "node:fs/promises";
import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as contract from "../../../engine/src/server/contract.js";
import type { StreamMessage } from "../../../engine/src/server/contract.js";
import * as data from "./mock-data.js";

/**
 * The built console over generated answers, each checked against the contract before it is sent. `mode` decides whether
 * the API has data, is empty, or fails.
 */

export type Mode = "data" | "empty" | "error" | "unauthorized";

export interface MockServer {
  readonly url: string;
  mode: Mode;
  /** To everyone who listens to the stream. */
  push(message: StreamMessage): void;
  /** Ends all streams, as a restart of the engine does. */
  dropStreams(): void;
  readonly posts: string[];
  close(): Promise<void>;
}

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

export async function startMockServer(mode: Mode): Promise<MockServer> {
  const streams = new Set<ServerResponse>();
  const posts: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname === "/api/stream" && mock.mode !== "unauthorized") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(`event: hello\ndata: ${JSON.stringify({ type: "hello", at: data.ago(0), project: "orchard" })}\n\n`);
      streams.add(response);
      request.on("close", () => streams.delete(response));
      return;
    }
    if (url.pathname.startsWith("/api/")) {
      if (request.method === "POST") posts.push(url.pathname);
      const { status, body } = answer(url, mock.mode);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
      return;
    }
    void sendFile(url.pathname, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const mock: MockServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode,
    posts,
    push: (message) => {
      const text = `event: ${message.type}\ndata: ${JSON.stringify(contract.streamMessage.parse(message))}\n\n`;
      for (const stream of streams) stream.write(text);
    },
    dropStreams: () => {
      for (const stream of streams) stream.destroy();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return mock;
}

async function sendFile(path: string, response: ServerResponse): Promise<void> {
  const wanted = normalize(join(dist, path === "/" || extname(path) === "" ? "index.html" : path));
  try {
    if (!wanted.startsWith(dist)) throw new Error("outside");
    const bytes = await readFile(wanted);
    response.writeHead(200, { "content-type": types[extname(wanted)] ?? "application/octet-stream", "content-security-policy": policy });
    response.end(bytes);
  } catch (error) {
    response.writeHead(404).end(String(error));
  }
}

const failed = {
  error: {
    code: "WAREHOUSE_FAILED",
    message: "The warehouse could not be read: disk I/O error.",
    next: "Run `cambium verify`; it checks the tables.",
    details: {},
  },
};
const unauthorized = {
  error: { code: "UNAUTHORIZED", message: "This console needs its token.", next: "Use the token printed at start.", details: {} },
};
const notFound = { error: { code: "NOT_FOUND", message: "There is no such thing.", next: "Check the id.", details: {} } };

function answer(url: URL, mode: Mode): { status: number; body: unknown } {
  if (mode === "unauthorized") return { status: 401, body: unauthorized };
  if (mode === "error" && url.pathname !== "/api/project") return { status: 500, body: failed };
  try {
    const body = route(url, mode === "empty");
    return body === undefined ? { status: 404, body: notFound } : { status: 200, body };
  } catch (error) {
    const message = `The generated answer breaks the contract: ${String(error).slice(0, 400)}`;
    return { status: 500, body: { error: { code: "INTERNAL", message, next: "Correct mock-data.ts.", details: {} } } };
  }
}

type Kind = "user" | "workspace" | "account";

function route(url: URL, empty: boolean): unknown {
  const [first, second, third, fourth] = url.pathname.slice("/api/".length).split("/").map(decodeURIComponent);
  if (second === "missing" || third === "missing") return undefined;
  if (first === "overview") return contract.overview.parse(empty ? emptied(data.overview()) : data.overview());
  if (first === "project") return contract.projectView.parse(data.project());
  if (first === "events") return contract.eventsPage.parse(events(url, empty));
  if (first === "quarantine") return contract.quarantinePage.parse(empty ? { reasons: [], rows: [], next: null } : data.quarantine());
  if (first === "runs") return contract.runs.parse(empty ? { cycles: [], loads: [], syncRuns: [] } : data.runs());
  if (first === "entities" && third === undefined) return contract.entitiesPage.parse(entities(second as Kind, url, empty));
  if (first === "entities" && fourth === "explain")
    return contract.explanation.parse(data.explanation(url.searchParams.get("audience") === null));
  if (first === "entities" && fourth === "timeline")
    return contract.timeline.parse({ events: [data.event(9e5), data.event(9.1e5)], next: null });
  if (first === "entities")
    return contract.profile.parse(empty ? emptyProfile(second as Kind, third ?? "") : data.profile(second as Kind, third ?? ""));
  if (first === "scores" && second === undefined) return contract.scoreList.parse({ scores: empty ? [] : data.scoreNames.map(data.score) });
  if (first === "scores") return contract.scoreDetail.parse(empty ? emptyScore(second ?? "") : data.score(second ?? ""));
  if (first === "audiences" && second === undefined) return contract.audienceList.parse({ audiences: empty ? [] : data.audiences() });
  if (first === "audiences") return contract.audienceDetail.parse(empty ? emptyAudience(second ?? "") : data.audience(second ?? ""));
  if (first === "syncs" && second === undefined) return contract.syncList.parse({ syncs: empty ? [] : data.syncs() });
  if (first === "syncs" && third === "dry-run") return contract.dryRun.parse(data.dryRun(second ?? ""));
  if (first === "syncs" && third !== undefined)
    return contract.syncRunResult.parse({ sync: second, accepted: true, sentence: "The run started.", run: data.syncRun(second ?? "", 0) });
  if (first === "syncs")
    return contract.syncDetail.parse(empty ? emptySync(second ?? "") : data.syncs().find((sync) => sync.name === second));
  return undefined;
}

function events(url: URL, empty: boolean): contract.EventsPage {
  const all = data.eventsPage();
  if (empty) return { ...all, events: [], next: null, total: 0, searched: 0 };
  const messageId = url.searchParams.get("messageId");
  if (messageId !== null) return { ...all, events: [{ ...data.event(5), messageId }], next: null };
  const type = url.searchParams.get("type");
  return { ...all, events: all.events.filter((event) => type === null || event.type === type) };
}

function entities(kind: Kind, url: URL, empty: boolean): contract.EntitiesPage {
  const page = data.entities(kind, Number(url.searchParams.get("page") ?? "1"));
  const q = url.searchParams.get("q")?.toLowerCase();
  if (empty) return { ...page, rows: [], total: 0, more: false };
  if (q === undefined) return page;
  const rows = page.rows.filter((row) => `${row.name} ${row.key}`.toLowerCase().includes(q));
  return { ...page, rows, total: rows.length, more: false };
}

function emptied(overview: contract.Overview): contract.Overview {
  return {
    ...overview,
    hops: overview.hops.map((hop) => ({
      ...hop,
      count: 0,
      ratePerSecond: null,
      lagSeconds: null,
      newestAt: null,
      behindSeconds: null,
      backlog: null,
      lastSeconds: null,
      facts: [],
      health: { state: "ok", sentence: "Waiting." },
    })),
    ledger: [],
    problems: [],
    freshness: null,
    activity: [],
    audiences: [],
    syncs: [],
    lastCycles: [],
    entities: overview.entities.map((entity) => ({ ...entity, count: 0 })),
  };
}

function emptyProfile(kind: Kind, key: string): contract.Profile {
  const nothing = {
    identifiers: [],
    identifiersTotal: 0,
    merges: [],
    refusals: [],
    traits: [],
    scores: [],
    audiences: [],
    audienceChanges: [],
    memberships: [],
    membershipsTotal: 0,
    children: [],
    childrenTotal: 0,
    deliveries: [],
  };
  return { ...data.profile(kind, key), ...nothing, name: null, parent: null, timeline: { events: [], next: null } };
}

function emptyScore(name: string): contract.ScoreDetail {
  const full = data.score(name);
  return {
    ...full,
    count: 0,
    average: null,
    median: null,
    version: null,
    updatedAt: null,
    recent: [],
    trend: [],
    top: [],
    bottom: [],
    buckets: [],
    histogram: full.histogram.map((bin) => ({ ...bin, count: 0 })),
    definition: { ...full.definition, versions: [] },
  };
}

function emptyAudience(name: string): contract.AudienceDetail {
  const full = data.audience(name);
  return {
    ...full,
    size: 0,
    heldOut: 0,
    entered: 0,
    left: 0,
    version: null,
    updatedAt: null,
    sizes: [],
    changes: [],
    causes: [],
    recent: [],
    members: { page: 1, pageRows: 50, total: 0, more: false, rows: [] },
    definition: { ...full.definition, versions: [] },
  };
}

function emptySync(name: string): contract.SyncDetail {
  const full = data.syncs().find((sync) => sync.name === name) ?? (data.syncs()[0] as contract.SyncDetail);
  return {
    ...full,
    state: "never",
    lastRun: null,
    confirmed: 0,
    waiting: 0,
    refused: 0,
    runs: [],
    outcomes: [],
    errors: [],
    requests: [],
    health: { state: "ok", sentence: "Not run yet." },
    deliveries: { page: 1, pageRows: 50, total: 0, more: false, rows: [] },
    definition: { ...full.definition, versions: [] },
  };
}
