import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import type { CambiumError } from "../../base/errors.js";
import type { Clock } from "../../base/instant.js";
import type { CollectorLimits } from "../limits.js";
import type { CollectorCounts } from "../metrics.js";
import type { RateLimits } from "../rate-limits.js";
import type { Spool } from "../spool/spool.js";
import type { WriteKeys } from "../write-keys.js";
import { analyticsSettings, pixelGif, rudderSourceConfig } from "./client-settings.js";
import { batchOf, eventLines } from "./event-lines.js";
import { readInstant } from "./event-time.js";
import { basicUser, keyCandidates } from "./key-candidates.js";
import { isProblem, parseBody } from "./request-body.js";
import { type Route, routeOf } from "./routes.js";
import { snippetFor } from "./snippet.js";

/** Everything a request needs. */
export interface Context {
  readonly spool: Spool;
  readonly counts: CollectorCounts;
  readonly keys: WriteKeys;
  readonly rates: RateLimits;
  readonly registry: Registry;
  readonly limits: CollectorLimits;
  readonly clock: Clock;
  readonly publicHost: string | undefined;
  readonly snippet: string | undefined;
  readonly nextMessageId: () => string;
}

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
}

/** As text: Node sends it with the head in one write, and a buffer apart. */
const success = '{"success":true}';
const successHeaders = { "content-type": "application/json", "content-length": String(success.length) };
const noStore = { "cache-control": "no-store" };

/** Answers one request. Whatever it is, there is exactly one answer and never a throw. */
export function handle(context: Context, request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? "/";
  const cut = url.indexOf("?");
  const path = cut === -1 ? url : url.slice(0, cut);
  const method = request.method ?? "GET";
  if (method === "OPTIONS") return answer(request, response, { status: 204, body: "" });
  const route = routeOf(method, path);
  if (route.to === "events") return receiveBody(context, request, response, route.type, cut === -1 ? undefined : url.slice(cut + 1));
  request.resume();
  const query = new URLSearchParams(cut === -1 ? "" : url.slice(cut + 1));
  if (route.to === "pixel") return pixel(context, request, response, route.type, query);
  void readAnswer(context, request, route, query).then(
    (found) => answer(request, response, found),
    () => answer(request, response, failure(500, "INTERNAL", "the collector failed to answer")),
  );
}

function receiveBody(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  type: string | undefined,
  queryText: string | undefined,
): void {
  const { limits, counts, spool } = context;
  counts.requests += 1;
  if (spool.waitingBytes > limits.waitingBytesMax) {
    return refuse(context, request, response, 503, "SPOOL_FULL", "the disk is slower than the events come");
  }
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limits.bodyBytesMax) return tooLarge(context, request, response);
  let first: Buffer | undefined;
  let more: Buffer[] | undefined;
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.bodyBytesMax) {
      request.removeAllListeners("data");
      request.removeAllListeners("end");
      return tooLarge(context, request, response);
    }
    if (first === undefined) first = chunk;
    else (more ??= [first]).push(chunk);
  });
  request.on("end", () => {
    counts.bytesReceived += bytes;
    const body = more === undefined ? (first ?? Buffer.alloc(0)) : joined(more, bytes);
    try {
      receive(context, request, response, body, type, queryText);
    } catch (thrown) {
      // Nothing a client sends may get here; if it does, it is told to keep the events and try again.
      counts.refused[500] = (counts.refused[500] ?? 0) + 1;
      answer(request, response, failure(500, "INTERNAL", `the collector failed: ${String(thrown)}`));
    }
  });
  // A client that goes away in the middle was never told anything.
  request.on("error", () => undefined);
}

let joinedBuffer = Buffer.alloc(0);

/** The chunks as one buffer that is used again for the next request: all reading of a body happens before that. */
function joined(chunks: readonly Buffer[], bytes: number): Buffer {
  if (joinedBuffer.length < bytes) joinedBuffer = Buffer.allocUnsafeSlow(bytes * 2);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(joinedBuffer, at);
  return joinedBuffer.subarray(0, bytes);
}

function receive(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  sent: Buffer,
  type: string | undefined,
  queryText: string | undefined,
): void {
  const { headers } = request;
  const body = parseBody(sent, headers["content-encoding"] ?? "", context.limits);
  if (isProblem(body)) return refuse(context, request, response, body.status, body.code, body.message);
  const query = queryText === undefined ? undefined : new URLSearchParams(queryText);
  const known = context.keys.find(keyCandidates(headers, query, body.document));
  if (known === undefined) return refuse(context, request, response, 401, "UNAUTHORIZED", "unknown write key");
  const receivedAt = context.clock();
  const wait = context.rates.secondsToWait(known.key, receivedAt);
  if (wait > 0) return refuse(context, request, response, 429, "BUSY", "this write key sends more than its rate limit", wait);
  const { batchEventsMax } = context.limits;
  if ((batchOf(body.document)?.length ?? 1) > batchEventsMax) {
    return refuse(context, request, response, 413, "TOO_LARGE", `the batch has more than ${batchEventsMax} events`);
  }
  const found = eventLines(
    body,
    {
      receivedAt,
      source: JSON.stringify(known.source),
      type,
      sentAt: readInstant(headers["sentat"]),
      ip: request.socket.remoteAddress,
      nextMessageId: context.nextMessageId,
    },
    context.limits,
  );
  if (found.events === 0) return accepted(request, response);
  context.rates.take(known.key, found.events, receivedAt);
  context.spool.append(found.lines, found.events, (failed) => {
    found.release();
    if (failed !== undefined) return unavailable(context, request, response, failed);
    context.counts.accepted += found.events;
    context.counts.quarantined += found.quarantined;
    accepted(request, response);
  });
}

/** `GET …/pixel/track?data=<base64 of JSON>`: the answer is a picture whatever happens, with the status that tells. */
function pixel(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  type: string | undefined,
  query: URLSearchParams,
): void {
  const { counts, limits } = context;
  counts.requests += 1;
  const picture = (status: number, headers: OutgoingHttpHeaders = {}) => {
    if (status !== 200) counts.refused[status] = (counts.refused[status] ?? 0) + 1;
    answer(request, response, { status, body: pixelGif, headers: { "content-type": "image/gif", ...noStore, ...headers } });
  };
  const body = parseBody(Buffer.from(query.get("data") ?? "", "base64"), "", limits);
  if (isProblem(body)) return picture(body.status);
  const known = context.keys.find(keyCandidates(request.headers, query, body.document));
  if (known === undefined) return picture(401);
  const receivedAt = context.clock();
  const wait = context.rates.secondsToWait(known.key, receivedAt);
  if (wait > 0) return picture(429, { "retry-after": String(wait) });
  const found = eventLines(
    body,
    {
      receivedAt,
      source: JSON.stringify(known.source),
      type,
      sentAt: undefined,
      ip: request.socket.remoteAddress,
      nextMessageId: context.nextMessageId,
    },
    limits,
  );
  context.rates.take(known.key, found.events, receivedAt);
  context.spool.append(found.lines, found.events, (failed) => {
    found.release();
    if (failed !== undefined) return picture(503, { "retry-after": String(limits.retryAfterSeconds) });
    counts.accepted += found.events;
    counts.quarantined += found.quarantined;
    picture(200);
  });
}

async function readAnswer(context: Context, request: IncomingMessage, route: Route, query: URLSearchParams): Promise<Answer> {
  const { keys, spool } = context;
  switch (route.to) {
    case "settings": {
      if (!keys.has(route.key)) return failure(404, "UNAUTHORIZED", "unknown write key");
      const { host, protocol } = publicAddress(context, request);
      return json(200, analyticsSettings(route.key, host, protocol), { "cache-control": "public, max-age=300" });
    }
    case "source_config": {
      const key = query.get("writeKey") ?? basicUser(request.headers.authorization) ?? "";
      const known = keys.find([key]);
      if (known === undefined) return failure(404, "UNAUTHORIZED", "unknown write key");
      return json(200, rudderSourceConfig(key, known.source));
    }
    case "snippet": {
      if (!keys.has(route.key)) return failure(404, "UNAUTHORIZED", "unknown write key");
      if (context.snippet === undefined) return failure(404, "NOT_FOUND", "analytics.js is not installed beside the collector");
      const headers = { "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=300" };
      return { status: 200, body: snippetFor(route.key, context.snippet), headers };
    }
    case "flags":
      return json(200, { featureFlags: {}, featureFlagPayloads: {}, flags: {}, errorsWhileComputingFlags: false });
    case "health":
      return json(spool.full ? 503 : 200, healthOf(context), noStore);
    case "metrics":
      return { status: 200, body: await context.registry.metrics(), headers: { "content-type": context.registry.contentType } };
    default:
      return failure(404, "NOT_FOUND", "no such path");
  }
}

function healthOf({ spool, counts }: Context): unknown {
  const { node, dir, bytes, waitingBytes, full } = spool;
  return { status: full ? "full" : "ok", node, dir, pid: process.pid, bytes, waitingBytes, accepted: counts.accepted };
}

function publicAddress(context: Context, request: IncomingMessage): { host: string; protocol: string } {
  const given = /^(?:(https?):\/\/)?(.+?)\/*$/.exec(context.publicHost ?? "");
  const forwarded = request.headers["x-forwarded-proto"];
  return {
    host: given?.[2] ?? request.headers.host ?? "localhost",
    protocol: given?.[1] ?? (forwarded === "https" ? "https" : "http"),
  };
}

function accepted(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.origin !== undefined) return answer(request, response, { status: 200, body: success });
  response.writeHead(200, successHeaders);
  response.end(success);
}

function refuse(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  waitSeconds = context.limits.retryAfterSeconds,
): void {
  context.counts.refused[status] = (context.counts.refused[status] ?? 0) + 1;
  const wait = status === 503 || status === 429 ? { "retry-after": String(waitSeconds) } : {};
  const refusal = failure(status, code, message);
  answer(request, response, { ...refusal, headers: { ...refusal.headers, ...wait } });
  if (!request.complete) request.resume();
}

function unavailable(context: Context, request: IncomingMessage, response: ServerResponse, failed: CambiumError): void {
  refuse(context, request, response, failed.status, failed.code, failed.message);
}

/** The rest of the body is not read: the connection ends with the answer. */
function tooLarge(context: Context, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("connection", "close");
  refuse(context, request, response, 413, "TOO_LARGE", `the body is larger than ${context.limits.bodyBytesMax} bytes`);
}

function failure(status: number, code: string, message: string): Answer {
  return json(status, { error: { code, message } });
}

function json(status: number, body: unknown, headers: OutgoingHttpHeaders = {}): Answer {
  return { status, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };
}

function answer(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  response.writeHead(status, {
    ...(bytes.length > 0 && { "content-type": "application/json", "content-length": String(bytes.length) }),
    ...corsHeaders(request),
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** Any page may send events: the write key decides, not the origin. */
function corsHeaders({ headers }: IncomingMessage): OutgoingHttpHeaders {
  if (headers.origin === undefined) return {};
  return {
    "access-control-allow-origin": headers.origin,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers":
      headers["access-control-request-headers"] ?? "authorization, content-type, x-write-key, x-retry-count, anonymousid, sentat",
    "access-control-max-age": "86400",
    "access-control-expose-headers": "retry-after",
    "cross-origin-resource-policy": "cross-origin",
    vary: "origin",
  };
}
