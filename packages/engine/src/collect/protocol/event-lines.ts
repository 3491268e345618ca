import type { Instant } from "../../base/instant.js";
import type { CollectorLimits } from "../limits.js";
import { batchElements } from "./batch-elements.js";
import { latin1, utf8 } from "./bytes.js";
import { type Fields, type Problem, eventProblem, isFields, kindOf } from "./event-problem.js";
import { eventTime, readInstant } from "./event-time.js";
import { type Span, badEscape, mayHaveBadEscape, valueSpan } from "./json-text.js";
import { LineWriter, type NumberedHead, hasSixteenDigits, numberedHead } from "./line-writer.js";
import type { RequestBody } from "./request-body.js";
import type { RequestFacts } from "./request-facts.js";
import { type BatchDefaults, batchDefaults, rewritten, wantsRewrite } from "./rewrite-event.js";

export interface EventLines {
  /** Valid until `release` is called. */
  readonly lines: Buffer;
  readonly release: () => void;
  readonly events: number;
  readonly quarantined: number;
}

export const callTypes: ReadonlySet<string> = new Set(["track", "identify", "page", "screen", "group", "alias"]);

/**
 * The spool lines of a request. Every element of the batch becomes exactly one line, an event or a quarantine record:
 * what a client was told is accepted can always be accounted for. The event's own bytes are copied, never re-serialised,
 * except where the request says something that must be merged into each event.
 */
export function eventLines(body: RequestBody, facts: RequestFacts, limits: CollectorLimits): EventLines {
  const { text, document } = body;
  const outer = isFields(document) ? document : undefined;
  const batch = batchOf(document);
  const sentAt = readInstant(outer?.["sentAt"] ?? outer?.["sent_at"]) ?? facts.sentAt;
  const around: Around = {
    facts,
    limits,
    prefix: linePrefix(facts, sentAt),
    usualHeads: new Map(),
    suspicious: mayHaveBadEscape(text),
    multiline: text.includes("\n") || text.includes("\r"),
    defaults: batch === undefined || outer === undefined ? undefined : batchDefaults(text, outer),
    sentAt,
  };
  if (batch === undefined) {
    const writer = new LineWriter(text.length + lineBytesExpected);
    const problem = writeLine(writer, body, document, valueSpan(text, 0), around);
    return { lines: writer.written(), release: () => writer.release(), events: 1, quarantined: problem ? 1 : 0 };
  }
  const writer = new LineWriter(text.length + batch.length * lineBytesExpected);
  const spans = batchElements(text, document, batch, limits.depthMax);
  let quarantined = 0;
  for (let index = 0; index < batch.length; index += 1) {
    const span = spans[index];
    if (span === undefined) throw new RangeError("the batch has fewer elements than its values");
    if (writeLine(writer, body, batch[index], span, around)) quarantined += 1;
  }
  return { lines: writer.written(), release: () => writer.release(), events: batch.length, quarantined };
}

/** The events of a body that has several. */
export function batchOf(document: unknown): readonly unknown[] | undefined {
  if (Array.isArray(document)) return document;
  return isFields(document) && Array.isArray(document["batch"]) ? document["batch"] : undefined;
}

/** What a line holds beside the event, usually. */
const lineBytesExpected = 120;

interface Around {
  readonly facts: RequestFacts;
  readonly limits: CollectorLimits;
  readonly prefix: string;
  /** By type of call. */
  readonly usualHeads: Map<string | undefined, NumberedHead>;
  /** The body has escapes that need a look. */
  readonly suspicious: boolean;
  readonly multiline: boolean;
  readonly defaults: BatchDefaults | undefined;
  readonly sentAt: Instant | undefined;
}

/** One line: the event's bytes as they came where that is possible. True when it is a quarantine record. */
function writeLine(writer: LineWriter, body: RequestBody, event: unknown, span: Span, around: Around): boolean {
  const { facts, limits } = around;
  const sent = () => body.text.slice(span.start, span.end);
  const refuse = (problem: Problem, messageId?: unknown) => {
    writer.text(quarantineLine(problem, messageId, sent(), facts));
    return true;
  };
  if (!isFields(event)) return refuse({ reason: "not_an_object", detail: `the event is ${kindOf(event)}` });
  const bad = textProblem(body.text, span, around);
  if (bad !== undefined) return refuse(bad, event["messageId"]);
  const type = typeOf(event, facts.type);
  if (wantsRewrite(event, type, around.defaults)) return writeRewritten(writer, sent(), type, around);
  const problem = eventProblem(event, type, limits);
  if (problem !== undefined) return refuse(problem, event["messageId"]);
  writeHead(writer, event, type, around);
  if (around.multiline) writer.text(onOneLine(sent()));
  else writer.bytes(body.bytes, span.start, span.end);
  writer.endLine();
  return false;
}

/** Merging may bring in what the event alone did not have, so all checks run on the outcome. */
function writeRewritten(writer: LineWriter, sent: string, type: string | undefined, around: Around): boolean {
  const { facts, limits } = around;
  const raw = rewritten(sent, type, around.defaults, facts.ip);
  const event = JSON.parse(raw) as Fields;
  const merged = typeOf(event, facts.type);
  const problem = textProblem(raw, valueSpan(raw, 0), around) ?? eventProblem(event, merged, limits);
  if (problem !== undefined) {
    writer.text(quarantineLine(problem, event["messageId"], raw, facts));
    return true;
  }
  writeHead(writer, event, merged, around);
  writer.text(raw);
  writer.endLine();
  return false;
}

/** Everything before the event. The usual time follows from what the line says of sending; only an unusual one is written. */
function writeHead(writer: LineWriter, event: Fields, type: string | undefined, around: Around): void {
  const { facts } = around;
  const own = event["sentAt"];
  const ownSentAt = own === undefined || own === null ? undefined : readInstant(own);
  const { timestamp, original, flag } = eventTime(
    event["originalTimestamp"] ?? event["timestamp"],
    ownSentAt ?? around.sentAt,
    facts.receivedAt,
  );
  const messageId = event["messageId"];
  const named = messageId !== undefined && messageId !== null && messageId !== "";
  if (named && ownSentAt === undefined && flag === "" && original !== undefined && hasSixteenDigits(original)) {
    return writer.numbered(usualHead(type, around), original);
  }
  let text = ownSentAt === undefined ? around.prefix : linePrefix(facts, ownSentAt);
  if (original !== undefined) text += `,"o":${original}`;
  if (flag !== "") text += `,"t":${timestamp},"f":"${flag}"`;
  if (!named) text += `,"m":"${facts.nextMessageId()}"`;
  writer.text(text + beforeEvent(type));
}

function usualHead(type: string | undefined, { prefix, usualHeads }: Around): NumberedHead {
  const known = usualHeads.get(type);
  if (known !== undefined) return known;
  const made = numberedHead(`${prefix},"o":`, beforeEvent(type));
  usualHeads.set(type, made);
  return made;
}

function beforeEvent(type: string | undefined): string {
  return `,"y":"${type ?? ""}","e":`;
}

/** What the lines of one request have in common. */
function linePrefix(facts: RequestFacts, sentAt: Instant | undefined): string {
  return `{"r":${facts.receivedAt},"s":${facts.source}${sentAt === undefined ? "" : `,"x":${sentAt}`}`;
}

function textProblem(text: string, { start, end, depth }: Span, around: Around): Problem | undefined {
  const { limits } = around;
  const size = end - start;
  if (size > limits.eventBytesMax) return { reason: "too_large", detail: `${size} bytes, at most ${limits.eventBytesMax} are taken` };
  if (depth > limits.depthMax) return { reason: "too_deep", detail: `${depth} levels, at most ${limits.depthMax} are taken` };
  const escape = around.suspicious ? badEscape(text.slice(start, end)) : undefined;
  return escape === undefined ? undefined : { reason: escape, detail: "no table can hold such text" };
}

function typeOf(event: Fields, fromPath: string | undefined): string | undefined {
  const said = event["type"];
  if (typeof said !== "string") return fromPath;
  if (callTypes.has(said)) return said;
  const lower = said.toLowerCase();
  return callTypes.has(lower) ? lower : (fromPath ?? said);
}

function quarantineLine(problem: Problem, messageId: unknown, raw: string, facts: RequestFacts): string {
  const record = {
    r: facts.receivedAt,
    q: problem.reason,
    d: problem.detail,
    ...(typeof messageId === "string" && { m: utf8(messageId.slice(0, 500)) }),
    b: utf8(raw),
  };
  return `${latin1(JSON.stringify(record)).slice(0, -1)},"s":${facts.source}}\n`;
}

/** Line breaks in valid JSON only stand between its signs: a blank does the same. */
function onOneLine(raw: string): string {
  return raw.replace(/[\r\n]/g, " ");
}
