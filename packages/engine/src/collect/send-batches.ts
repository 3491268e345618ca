import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Pool } from "undici";
import { CambiumError, messageOf } from "../base/errors.js";

/**
 * A client of the collector for bulk work (imports, simulated history): messages as JSON text, in batches over kept-alive
 * connections, several requests in flight. Every try of a batch carries the same message ids, so a batch whose answer was
 * lost counts once.
 */
export interface SendOptions {
  /** Where the collector listens: `http://127.0.0.1:4300`. */
  readonly url: string;
  readonly writeKey: string;
  /** `/v1/batch`, or `/v1/import` for history. */
  readonly path?: string;
  /** Messages and bytes in one request at most. */
  readonly batchRowsMax?: number;
  readonly batchBytesMax?: number;
  /** Requests at once. */
  readonly inFlight?: number;
  readonly gzip?: boolean;
  /** Tries of one batch before giving up; pauses grow from 0.1 to 5 seconds, or are what the collector asks for. */
  readonly attemptsMax?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: SendProgress): void;
}

export interface SendProgress {
  readonly messages: number;
  readonly requests: number;
  readonly retries: number;
  readonly bytes: number;
}

const defaults = { path: "/v1/batch", batchRowsMax: 500, batchBytesMax: 400_000, inFlight: 4, gzip: false, attemptsMax: 30 };
const requestTimeoutMs = 30_000;
const pauseMsMin = 100;
const pauseMsMax = 5_000;
const retryAfterMsMax = 60_000;
const compress = promisify(gzip);

export async function sendBatches(messages: Iterable<string> | AsyncIterable<string>, options: SendOptions): Promise<SendProgress> {
  const { path, batchRowsMax, batchBytesMax, inFlight, attemptsMax, ...rest } = { ...defaults, ...options };
  const pool = new Pool(new URL(options.url).origin, {
    connections: inFlight,
    headersTimeout: requestTimeoutMs,
    bodyTimeout: requestTimeoutMs,
  });
  const headers = {
    authorization: `Basic ${Buffer.from(`${options.writeKey}:`).toString("base64")}`,
    "content-type": "application/json",
    ...(rest.gzip ? { "content-encoding": "gzip" } : {}),
  };
  const progress = { messages: 0, requests: 0, retries: 0, bytes: 0 };
  const running = new Set<Promise<void>>();
  let failure: unknown;

  const deliver = async (batch: readonly string[]): Promise<void> => {
    const text = `{"batch":[${batch.join(",")}]}`;
    const body = rest.gzip ? await compress(text) : text;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await tryOnce(pool, path, headers, body, options.signal);
      progress.requests += 1;
      if (answer.state === "accepted") break;
      if (answer.state === "refused" || attempt >= attemptsMax) throw failed(options.url, answer.reason, attempt);
      progress.retries += 1;
      const pause = answer.retryAfterMs ?? Math.min(pauseMsMax, pauseMsMin * 2 ** (attempt - 1));
      await sleep(pause, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
    progress.messages += batch.length;
    progress.bytes += body.length;
    options.onProgress?.({ ...progress });
  };
  const start = async (batch: readonly string[]): Promise<void> => {
    while (running.size >= inFlight) await Promise.race(running);
    const task: Promise<void> = deliver(batch)
      .catch((thrown: unknown) => {
        failure ??= thrown;
      })
      .finally(() => running.delete(task));
    running.add(task);
  };

  try {
    let batch: string[] = [];
    let bytes = 0;
    for await (const message of messages) {
      if (batch.length >= batchRowsMax || (bytes > 0 && bytes + message.length > batchBytesMax)) {
        await start(batch);
        batch = [];
        bytes = 0;
      }
      if (failure !== undefined) break;
      batch.push(message);
      bytes += message.length + 1;
    }
    if (batch.length > 0 && failure === undefined) await start(batch);
    await Promise.all(running);
  } finally {
    await pool.close();
  }
  if (failure !== undefined) throw failure;
  return progress;
}

type Answer =
  | { readonly state: "accepted" }
  | { readonly state: "again"; readonly reason: string; readonly retryAfterMs?: number | undefined }
  | { readonly state: "refused"; readonly reason: string };

async function tryOnce(
  pool: Pool,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  try {
    const response = await pool.request({ method: "POST", path, headers, body, ...(signal === undefined ? {} : { signal }) });
    const { statusCode } = response;
    if (statusCode < 300) {
      await response.body.dump();
      return { state: "accepted" };
    }
    const reason = `answered ${statusCode}: ${(await response.body.text()).slice(0, 200)}`;
    const again = statusCode === 429 || statusCode === 408 || statusCode >= 500;
    return again ? { state: "again", reason, retryAfterMs: pauseOf(response.headers["retry-after"]) } : { state: "refused", reason };
  } catch (thrown) {
    signal?.throwIfAborted();
    return { state: "again", reason: messageOf(thrown) };
  }
}

function pauseOf(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(retryAfterMsMax, seconds * 1000) : undefined;
}

function failed(url: string, reason: string, attempts: number): CambiumError {
  return new CambiumError("COLLECTOR_UNREACHABLE", `the collector at ${url} did not take a batch after ${attempts} tries: ${reason}`);
}
