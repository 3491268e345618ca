import { type Instant, instantOf, microsPerSecond } from "../../base/instant.js";

/** How much later than its arrival an event may claim to have happened. */
export const futureMaxMicros = 300 * microsPerSecond;

/** Years that every engine's timestamps hold. */
const earliest = instantOf("0001-01-02T00:00:00Z");
const latest = instantOf("9999-12-30T00:00:00Z");

export interface EventTime {
  readonly timestamp: Instant;
  readonly original: Instant | undefined;
  readonly flag: "" | "clamped" | "unreadable";
}

/**
 * When an event happened. The client's clock may be wrong, but the time between the event and its sending is right:
 * `receivedAt − (sentAt − originalTimestamp)`; without `sentAt` the client's time as it is; never later than
 * `receivedAt` + 5 minutes (then it is `receivedAt`, flagged `clamped`). No time at all means now.
 */
export function eventTime(originalTimestamp: unknown, sentAt: Instant | undefined, receivedAt: Instant): EventTime {
  if (originalTimestamp === undefined || originalTimestamp === null) return { timestamp: receivedAt, original: undefined, flag: "" };
  const original = readInstant(originalTimestamp);
  if (original === undefined) return { timestamp: receivedAt, original, flag: "unreadable" };
  const timestamp = sentAt === undefined ? original : receivedAt - (sentAt - original);
  if (timestamp > receivedAt + futureMaxMicros) return { timestamp: receivedAt, original, flag: "clamped" };
  if (timestamp < earliest) return { timestamp: receivedAt, original, flag: "unreadable" };
  return { timestamp, original, flag: "" };
}

let cachedDay = "";
let cachedDayMillis = 0;

/** An instant from ISO text (UTC where no zone is said) or epoch seconds or milliseconds; undefined when it is none. */
export function readInstant(value: unknown): Instant | undefined {
  if (typeof value === "string") return (value.length === 24 ? readCanonical(value) : undefined) ?? readText(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  return bounded(Math.round(Math.abs(value) < 1e11 ? value * 1e6 : value * 1e3));
}

/** `2026-03-01T12:00:00.123Z`, which nearly all clients send: the day is looked up, the rest is six digits. */
function readCanonical(text: string): Instant | undefined {
  if (text.charCodeAt(10) !== 84 || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  if (text.charCodeAt(19) !== 46 || text.charCodeAt(23) !== 90) return undefined;
  const hour = digits2(text, 11);
  const minute = digits2(text, 14);
  const second = digits2(text, 17);
  const millis = digits2(text, 20) * 10 + digit(text, 22);
  if (!(hour < 24 && minute < 60 && second < 60 && millis >= 0)) return undefined;
  const day = text.slice(0, 10);
  if (day !== cachedDay) {
    const parsed = Date.parse(day);
    if (Number.isNaN(parsed)) return undefined;
    cachedDay = day;
    cachedDayMillis = parsed;
  }
  return (cachedDayMillis + ((hour * 60 + minute) * 60 + second) * 1000 + millis) * 1000;
}

function digits2(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

/** NaN for what is no digit, so that every comparison with it fails. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at) - 48;
  return code >= 0 && code <= 9 ? code : Number.NaN;
}

const withoutZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;

function readText(text: string): Instant | undefined {
  const zoned = withoutZone.test(text) ? `${text.replace(" ", "T")}Z` : text;
  if (Number.isNaN(Date.parse(zoned))) return undefined;
  return bounded(instantOf(zoned));
}

function bounded(instant: Instant): Instant | undefined {
  return instant >= earliest && instant <= latest ? instant : undefined;
}
