/**
 * The one way out for HTTP: replaces the core's fetch, which has no address checks, loses its deadline once headers have
 * come, and hangs on answers above 64 KB. Here the body is read whole inside the deadline, every hop of a redirect is
 * checked, and each exchange is recorded.
 */
import { randomUUID } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { bare, isAllowed, isBlockedAddress } from "./addresses.js";
import { dryAnswer } from "./dry-answers.js";
import type { Exchange } from "./exchange.js";
import { type Scope, scopes } from "./scope.js";
import { fetchModule, type FetchRequest, type FetchResponse } from "./segment.js";

const responseBytesMax = 10_000_000;
const redirectsMax = 5;
const socketsMax = 32;

const agents = {
  http: new http.Agent({ keepAlive: true, maxSockets: socketsMax }),
  https: new https.Agent({ keepAlive: true, maxSockets: socketsMax }),
};

/** Calls it replaces ask for `fetch_1.default` each time, so one assignment catches all of them. */
export function installGuardedFetch(): void {
  const { Request, Response, default: plainFetch } = fetchModule;
  fetchModule.default = async (input, init) => {
    const scope = scopes.getStore();
    if (scope === undefined) throw new Error("a request outside of any call was stopped");
    const request = input instanceof Request && init === undefined ? input : new Request(input, init);
    return send(scope, request, plainFetch, Response);
  };
}

async function send(
  scope: Scope,
  request: FetchRequest,
  plainFetch: (url: string, init: unknown) => Promise<FetchResponse>,
  Response: typeof fetchModule.Response,
): Promise<FetchResponse> {
  const url = new URL(request.url);
  const body = request.body === null || request.body === undefined ? undefined : await request.buffer();
  const headers = ownHeaders(request.headers);
  const started = performance.now();
  const exchange = { requestId: randomUUID(), method: request.method, url: url.href, headers, body: body?.toString("utf8") };
  const end = (rest: Partial<Exchange>) => {
    const done: Exchange = { ...exchange, millis: Math.round(performance.now() - started), ...rest };
    scope.exchanges.push(done);
    scope.record(done);
  };
  try {
    if (scope.redirectTo === undefined) checkAddress(url, scope.allow);
    if (scope.dryRun) {
      const answer = dryAnswer(scope.slug, request.method, url, exchange.body);
      end({ responseBody: `(dry run: not sent; what follows was built as if the answer were ${answer})` });
      return new Response(Buffer.from(answer), {
        status: 200,
        statusText: "OK",
        headers: { "content-type": "application/json" },
        url: url.href,
      });
    }
    await scope.pace();
    const { response, bytes } = await exchangeBytes(scope, request, url, headers, body, plainFetch);
    end({ status: response.status, responseHeaders: Object.fromEntries(response.headers), responseBody: bytes.toString("utf8") });
    const empty = [204, 205, 304].includes(response.status);
    return new Response(empty ? null : bytes, {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
      url: response.url,
    });
  } catch (error) {
    if (scope.exchanges.at(-1)?.requestId !== exchange.requestId) end({ error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

async function exchangeBytes(
  scope: Scope,
  request: FetchRequest,
  url: URL,
  headers: Record<string, string>,
  body: Buffer | undefined,
  plainFetch: (url: string, init: unknown) => Promise<FetchResponse>,
): Promise<{ response: FetchResponse; bytes: Buffer }> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  const timer = setTimeout(stop, scope.requestTimeoutMs);
  const signals = [request.signal, scope.signal].filter((signal): signal is AbortSignal => signal !== null && signal !== undefined);
  for (const signal of signals) signal.addEventListener("abort", stop);
  if (signals.some((signal) => signal.aborted)) stop();
  try {
    const response = await plainFetch(scope.redirectTo === undefined ? url.href : redirected(scope.redirectTo, url), {
      method: request.method,
      headers: scope.redirectTo === undefined ? headers : { ...headers, "x-destination-host": url.host },
      body,
      redirect: request.redirect,
      follow: redirectsMax,
      size: responseBytesMax,
      signal: abort.signal,
      agent: (hop: URL) => {
        // Asked for on every hop, so a redirect into a private network ends here.
        if (scope.redirectTo === undefined) checkAddress(hop, scope.allow);
        return hop.protocol === "http:" ? agents.http : agents.https;
      },
    });
    return { response, bytes: await response.buffer() };
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener("abort", stop);
  }
}

export class EgressDenied extends Error {
  readonly code = "EGRESS_DENIED";
}

/** Names are checked again where they are resolved (netguard.ts); literals are known here. */
function checkAddress(url: URL, allow: readonly string[]): void {
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new EgressDenied(`egress denied: ${url.protocol} is not HTTP`);
  const port = Number(url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port);
  if (isAllowed(allow, url.hostname, port)) return;
  const host = bare(url.hostname);
  const local = host === "localhost" || host.endsWith(".localhost") || (isIP(host) !== 0 && isBlockedAddress(host));
  if (local)
    throw new EgressDenied(`egress denied: ${url.host} is a private address (allow it in the destination's \`allow\` list if it is yours)`);
}

const redirected = (origin: string, url: URL) => origin.replace(/\/$/, "") + url.pathname + url.search;

function ownHeaders(source: Iterable<[string, string]>): Record<string, string> {
  const headers = Object.fromEntries(source);
  const agent = headers["user-agent"];
  if (agent === undefined || /segment/i.test(agent)) headers["user-agent"] = "Cambium";
  // The refresh of a token goes out through a client that was made without one.
  if (/^Bearer\s*(undefined|null)?$/.test(headers["authorization"] ?? "")) delete headers["authorization"];
  return headers;
}
