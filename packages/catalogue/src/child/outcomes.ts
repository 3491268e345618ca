import type { RowOutcome } from "../engine.js";
import { type Exchange, retryAfterOf } from "./exchange.js";
import type { RowStatus } from "./segment.js";

/**
 * From what an action answered or threw to the outcome of a row:
 * 2xx delivered · 401, 403 the credentials' fault, so the row waits · 408, 425, 429, 5xx another try · other 4xx refused.
 */

export const reasonCharactersMax = 500;

export function outcomeOfStatus(status: number, reason: string, last: Exchange | undefined, nowMillis: number): RowOutcome {
  const common = { status, requestId: last?.requestId };
  if (status >= 200 && status < 300) return { outcome: "delivered", ...common };
  const text = short(reason === "" ? `the destination answered ${status}` : reason);
  if (status === 401 || status === 403) return { outcome: "retry", reason: short(`credentials refused (${status}): ${text}`), ...common };
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return { outcome: "retry", reason: text, ...common, retryAfterMs: retryAfterOf(last, nowMillis) };
  }
  // A redirect that was not followed and the likes are nobody's row's fault, and no delivery either.
  return { outcome: "failed", reason: text, ...common };
}

export function outcomeOfRow(row: RowStatus | undefined, exchanges: readonly Exchange[], nowMillis: number): RowOutcome {
  const last = exchanges.at(-1);
  if (row === undefined) return { outcome: "retry", reason: "the action gave no answer for this row", requestId: last?.requestId };
  const status = typeof row.status === "number" ? row.status : 200;
  const throttled = exchanges.findLast((exchange) => exchange.status === status) ?? last;
  return outcomeOfStatus(
    status,
    reasonOf(row),
    row.errorreporter === "INTEGRATIONS" ? (exchanges.at(-1) ?? throttled) : throttled,
    nowMillis,
  );
}

const reasonOf = (row: RowStatus) => {
  if (row.errormessage !== undefined) return String(row.errormessage);
  if (row.body === undefined || row.body === null) return "";
  return typeof row.body === "string" ? row.body : JSON.stringify(row.body);
};

export interface ThrownError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly status?: number;
  readonly response?: { readonly status?: number; readonly data?: unknown; readonly content?: unknown };
}

/** `status` undefined: the action itself broke, or the network did; both are worth another try. */
export function statusOfError(thrown: unknown): { status: number | undefined; reason: string; validation: boolean } {
  const error = (typeof thrown === "object" && thrown !== null ? thrown : { message: String(thrown) }) as ThrownError;
  const message = error.message ?? String(thrown);
  if (typeof error.response?.status === "number") {
    const data = error.response.data ?? error.response.content;
    const detail = data === undefined || data === "" ? "" : `: ${typeof data === "string" ? data : JSON.stringify(data)}`;
    return { status: error.response.status, reason: `${error.response.status} ${message}${detail}`, validation: false };
  }
  if (error.name === "AggregateAjvError" || error.name === "ValidationError" || error.name === "PayloadValidationError") {
    return { status: 400, reason: message, validation: true };
  }
  if (error.code === "EGRESS_DENIED" || message.includes("egress denied")) return { status: undefined, reason: message, validation: false };
  if (error.code === "OAUTH_REFRESH_FAILED" || error.code === "REFRESH_TOKEN_EXPIRED")
    return { status: 401, reason: message, validation: false };
  if (error.code === "ETIMEDOUT" || error.code === "REQUESTCLIENTERROR" || error.code === "REQUESTTIMEOUTERROR") {
    return { status: 408, reason: "no answer in time", validation: false };
  }
  if (typeof error.status === "number") return { status: error.status, reason: message, validation: error.status === 400 };
  return { status: undefined, reason: message, validation: false };
}

export function outcomeOfError(thrown: unknown, exchanges: readonly Exchange[], nowMillis: number): RowOutcome {
  const { status, reason } = statusOfError(thrown);
  const last = exchanges.findLast((exchange) => exchange.status === status) ?? exchanges.at(-1);
  if (status === undefined) return { outcome: "retry", reason: short(reason), requestId: last?.requestId };
  return outcomeOfStatus(status, reason, last, nowMillis);
}

export const short = (text: string) => (text.length <= reasonCharactersMax ? text : `${text.slice(0, reasonCharactersMax)}…`);
