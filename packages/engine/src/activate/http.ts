import { randomUUID } from "node:crypto";
import { type Dispatcher, request } from "undici";
import { CambiumError, messageOf } from "../base/errors.js";
import { retryAfterMs } from "./backoff.js";
import type { DeliveryContext, RequestTrace } from "./destination.js";

/**
 * One HTTP request of a destination: paced, bounded in time and size, traced, inside the egress fence (the dispatcher).
 * Never throws for what the network or the other side did: that is a result like any other.
 */

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds from first byte out to last byte in. */
  readonly timeoutMs?: number | undefined;
}

export type HttpResult =
  | {
      readonly type: "answered";
      readonly requestId: string;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly retryAfterMs: number | undefined;
    }
  /** Nobody knows whether it arrived. */
  | { readonly type: "unanswered"; readonly requestId: string; readonly reason: string }
  | { readonly type: "denied"; readonly requestId: string; readonly reason: string }
  | { readonly type: "dry"; readonly requestId: string };

const timeoutMsDefault = 30_000;
const responseBytesMax = 1_000_000;
const redirectsMax = 3;

export async function sendRequest(context: DeliveryContext, dispatcher: Dispatcher, sent: HttpRequest): Promise<HttpResult> {
  const requestId = randomUUID();
  const started = performance.now();
  const trace = (answer: Partial<RequestTrace>) =>
    context.trace({
      requestId,
      method: sent.method,
      url: sent.url,
      requestHeaders: sent.headers,
      requestBody: sent.body,
      millis: Math.round((performance.now() - started) * 1000) / 1000,
      ...answer,
    });
  if (context.dryRun) {
    trace({});
    return { type: "dry", requestId };
  }
  await context.pace?.();
  try {
    const { status, headers, body } = await exchange(context, dispatcher, sent);
    trace({ status, responseHeaders: headers, responseBody: body });
    return { type: "answered", requestId, status, headers, body, retryAfterMs: retryAfterMs(headers["retry-after"], context.now / 1000) };
  } catch (thrown) {
    context.signal?.throwIfAborted();
    const denial = denialIn(thrown);
    const reason = denial === undefined ? reasonOf(thrown) : denial.message;
    trace({ error: reason });
    return { type: denial === undefined ? "unanswered" : "denied", requestId, reason };
  }
}

async function exchange(context: DeliveryContext, dispatcher: Dispatcher, sent: HttpRequest) {
  const deadline = AbortSignal.timeout(sent.timeoutMs ?? timeoutMsDefault);
  const signal = context.signal === undefined ? deadline : AbortSignal.any([deadline, context.signal]);
  let url = sent.url;
  for (let redirects = 0; ; redirects += 1) {
    const { protocol } = new URL(url);
    if (protocol !== "https:" && protocol !== "http:") throw new CambiumError("EGRESS_DENIED", `${protocol} addresses are not reached`);
    const answer = await request(url, {
      method: sent.method as Dispatcher.HttpMethod,
      headers: { ...sent.headers },
      body: sent.body ?? null,
      dispatcher,
      signal,
    });
    const headers = headersOf(answer.headers);
    const location = headers["location"];
    // Only 307 and 308 keep method and body; another redirect of a POST is an answer that the destination must judge.
    if (location !== undefined && (answer.statusCode === 307 || answer.statusCode === 308) && redirects < redirectsMax) {
      await answer.body.dump();
      const next = new URL(location, url);
      if (next.origin !== new URL(url).origin)
        throw new CambiumError("EGRESS_DENIED", `redirect to another host, ${next.origin}, is not followed`);
      url = next.href;
      continue;
    }
    return { status: answer.statusCode, headers, body: await boundedText(answer.body) };
  }
}

/** The body up to its bound; what is longer is cut, and the connection with it. */
async function boundedText(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > responseBytesMax) {
      body.destroy();
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, responseBytesMax).toString("utf8");
}

function headersOf(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([header, value]) =>
      value === undefined ? [] : [[header, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}

function denialIn(thrown: unknown): CambiumError | undefined {
  if (thrown instanceof CambiumError && thrown.code === "EGRESS_DENIED") return thrown;
  return thrown instanceof Error && thrown.cause !== undefined ? denialIn(thrown.cause) : undefined;
}

/** `ECONNREFUSED: connect …`, `timeout after 30 s`. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === "TimeoutError") return "no answer in time";
  const code = thrown instanceof Error && "code" in thrown ? `${String(thrown.code)}: ` : "";
  const message = messageOf(thrown) || "the connection failed";
  return `${code}${message}`;
}

/** Whether another try of a request with this status can help. */
export function isRetryable(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** The secret or its rights are wrong: nothing of this destination will work until somebody acts. */
export function isAuth(status: number): boolean {
  return status === 401 || status === 403 || status === 407;
}
