import type { IncomingHttpHeaders } from "node:http";
import { isFields } from "./event-problem.js";

/**
 * Where clients put their write key, in the order that counts: user of Basic authorization, `X-Write-Key` (before a
 * colon), `?writeKey=`, then the body's `writeKey`, `api_key`, `token`, then the first event of the batch.
 */
export function* keyCandidates(headers: IncomingHttpHeaders, query: URLSearchParams | undefined, document: unknown): Generator<unknown> {
  yield basicUser(headers.authorization);
  const header = headers["x-write-key"];
  if (typeof header === "string") yield header.split(":")[0];
  yield query?.get("writeKey");
  if (isFields(document)) {
    yield document["writeKey"];
    yield document["api_key"];
    yield document["token"];
    const batch = document["batch"];
    const first: unknown = Array.isArray(batch) ? batch[0] : undefined;
    if (isFields(first)) yield first["writeKey"];
  }
  const first: unknown = Array.isArray(document) ? document[0] : undefined;
  if (isFields(first)) yield first["writeKey"];
}

let knownHeader = "";
let knownUser: string | undefined;

/** Clients send the same header all the time, so the newest one is remembered. */
export function basicUser(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^Basic /i.test(authorization)) return undefined;
  if (authorization !== knownHeader) {
    knownHeader = authorization;
    knownUser = Buffer.from(authorization.slice(6), "base64").toString("utf8").split(":")[0];
  }
  return knownUser;
}
