import { createHmac } from "node:crypto";
import { CambiumError } from "../../../base/errors.js";
import { hash64 } from "../../../base/hash.js";
import { isoOf } from "../../../base/instant.js";
import type { DeliveryContext, Destination, DestinationRow, RowOutcome } from "../../destination.js";
import { guardedAgents } from "../../egress.js";
import { type HttpResult, isRetryable, sendRequest } from "../../http.js";
import { readResults } from "./results.js";
import { webhookSpec } from "./spec.js";

/**
 * Rows as JSON to any address, signed as Standard Webhooks says (standardwebhooks.com).
 *
 * `send_batch` posts `{"type":"rows.changed","timestamp","sync","mode","data":[{"key","change","idempotency_key","fields"}]}`,
 * `send` the same with one object as `data` and `"type":"row.changed"`. A receiver may answer per row:
 * `{"results":[{"status":200},{"status":422,"error":"no such plan"}]}` in the order of `data`, or with a `key` each.
 * `webhook-id` is the same for every try of the same change.
 */
export function webhookDestination(): Destination {
  const agents = guardedAgents();
  const post: Post = (context, messageId, body) =>
    sendRequest(context, agents.of(context.allow), {
      method: "POST",
      url: urlOf(context),
      headers: headersOf(context, messageId, body),
      body,
    });
  return {
    spec: webhookSpec,
    async verify(context) {
      urlOf(context);
      const body = JSON.stringify({ type: "cambium.test", timestamp: isoOf(context.now), sync: context.sync, data: [] });
      const result = await post(context, `test-${context.now}`, body);
      if (result.type === "answered" && result.status < 400) return;
      throw new CambiumError("DESTINATION_REJECTED", `the receiver answered a test with ${describe(result)}`);
    },
    async deliver(rows, context) {
      if (context.action === "send") return Promise.all(rows.map((row) => deliverOne(post, row, context)));
      return deliverMany(post, rows, context);
    },
    close: () => agents.close(),
  };
}

type Post = (context: DeliveryContext, messageId: string, body: string) => Promise<HttpResult>;

async function deliverOne(post: Post, row: DestinationRow, context: DeliveryContext): Promise<RowOutcome> {
  const body = bodyOf(context, "row.changed", dataOf(row));
  const result = await post(context, row.idempotencyKey, body);
  return outcomeOf(result);
}

/** A batch refused as a whole (400, 413, 422) is halved until the rows that are to blame stand alone. */
async function deliverMany(post: Post, rows: readonly DestinationRow[], context: DeliveryContext): Promise<RowOutcome[]> {
  const body = bodyOf(context, "rows.changed", rows.map(dataOf));
  const messageId =
    rows.length === 1 ? (rows[0] as DestinationRow).idempotencyKey : hash64(rows.map((row) => row.idempotencyKey).join(" "));
  const result = await post(context, messageId, body);
  const whole = outcomeOf(result);
  if (result.type !== "answered") return rows.map(() => whole);
  if (result.status < 300) return readResults(result, rows) ?? rows.map(() => whole);
  if (rows.length > 1 && (result.status === 400 || result.status === 413 || result.status === 422)) {
    const named = readResults(result, rows);
    if (named !== undefined) return named;
    const middle = Math.ceil(rows.length / 2);
    const first = await deliverMany(post, rows.slice(0, middle), context);
    return [...first, ...(await deliverMany(post, rows.slice(middle), context))];
  }
  return rows.map(() => whole);
}

function dataOf(row: DestinationRow) {
  return { key: row.key, change: row.change, idempotency_key: row.idempotencyKey, fields: row.fields };
}

function bodyOf(context: DeliveryContext, type: string, data: unknown): string {
  return JSON.stringify({ type, timestamp: isoOf(context.now), sync: context.sync, mode: context.mode, data });
}

function outcomeOf(result: HttpResult): RowOutcome {
  switch (result.type) {
    case "dry":
      return { outcome: "skipped", reason: "dry run" };
    case "denied":
      throw new CambiumError("EGRESS_DENIED", result.reason);
    case "unanswered":
      return { outcome: "retry", reason: result.reason, requestId: result.requestId };
    case "answered": {
      const { status, requestId } = result;
      if (status < 300) return { outcome: "delivered", status, requestId };
      const reason = `the receiver answered ${describe(result)}`;
      if (isRetryable(status)) return { outcome: "retry", reason, status, requestId, retryAfterMs: result.retryAfterMs };
      return { outcome: "failed", reason, status, requestId };
    }
  }
}

const answerCharactersMax = 300;

function describe(result: HttpResult): string {
  if (result.type === "answered") return `${result.status}: ${result.body.slice(0, answerCharactersMax)}`;
  return result.type === "dry" ? "nothing (dry run)" : result.reason;
}

function urlOf(context: DeliveryContext): string {
  const url = context.settings["url"];
  if (typeof url !== "string" || !URL.canParse(url) || !/^https?:/.test(url)) {
    throw new CambiumError("PROJECT_INVALID", "a webhook needs settings.url, an http(s) address");
  }
  return url;
}

/** `webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`; the secret is base64 after `whsec_`. */
function headersOf(context: DeliveryContext, messageId: string, body: string): Record<string, string> {
  const seconds = Math.floor(context.now / 1_000_000);
  const secret = context.settings["secret"];
  const extra = context.settings["headers"];
  const own =
    typeof extra === "object" && extra !== null
      ? Object.fromEntries(Object.entries(extra).map(([header, value]) => [header.toLowerCase(), String(value)]))
      : {};
  return {
    ...own,
    "content-type": "application/json",
    "user-agent": "cambium",
    "webhook-id": messageId,
    "webhook-timestamp": String(seconds),
    ...(typeof secret === "string" ? { "webhook-signature": signature(secret, messageId, seconds, body) } : {}),
  };
}

export function signature(secret: string, messageId: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${messageId}.${seconds}.${body}`, "utf8").digest("base64")}`;
}
