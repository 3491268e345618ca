import { z } from "zod";
import { CambiumError } from "../../base/errors.js";
import { type Instant, instantOf, microsPerDay } from "../../base/instant.js";
import type { Dialect } from "../../warehouse/dialect.js";
import { published } from "../../warehouse/published.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { groupColumn } from "../../warehouse/create-tables.js";
import type { EventRow, Timeline, TimelineRequest } from "../contract.js";
import type { Reads } from "../reads.js";
import { readEvents } from "./events.js";
import { cursorOf, cursorParts, idList } from "./rows.js";

/** Events of one entity, newest first by event time; a user's through all identifiers, a group's as attribution says. */

const eventsDefault = 50;
/** Raw subjects of one entity that its timeline follows; a group with more members shows those named on events. */
const subjectsMax = 5_000;

const cursor = z.tuple([z.string().max(40), z.string().max(40), z.string().max(1000)]);

/** Days looked at before everything is: a page is full within the first of them for whoever is busy. */
const lookBackDays = [7, 90];

export async function timelineOf(reads: Reads, kind: string, id: string, request: TimelineRequest = {}): Promise<Timeline> {
  const limit = request.limit ?? eventsDefault;
  const start = request.before === undefined ? await lastSeen(reads, kind, id) : cursorOfText(request.before);
  const belongs = kind === "user" ? await ofUser(reads, id) : await ofGroup(reads, kind, id);
  const { dialect } = reads;
  let events: EventRow[] = [];
  for (const days of [...lookBackDays, undefined]) {
    const since = days === undefined ? undefined : dialect.timestamp(start.at - days * microsPerDay);
    const within = (alias: Sql) =>
      sql`${since === undefined ? sql`` : sql` AND ${alias}.timestamp >= ${since}`}${before(dialect, alias, start)}`;
    events = await readEvents(
      reads,
      sql`AS e WHERE ${published(sql`e.load_id`)} AND (${belongs(within(sql`e`))})${within(sql`e`)} ORDER BY timestamp DESC, received_at DESC, message_id DESC LIMIT ${limit}`,
    );
    if (events.length === limit) break;
  }
  return { events, next: events.length === limit ? cursorAfter(events.at(-1)) : null };
}

/** A condition on `raw.events AS e`; `within` bounds what is read to find out. */
type Belongs = (within: Sql) => Sql;

async function ofUser(reads: Reads, id: string): Promise<Belongs> {
  const subjects = idList(await subjectsOf(reads, "user", id));
  return () => sql`e.identifier_id IN ${subjects}`;
}

/**
 * An event belongs to the group it names (itself, or one nested in it); one that names none belongs to the only group of
 * this kind that its person was a member of at that time.
 */
async function ofGroup(reads: Reads, kind: string, id: string): Promise<Belongs> {
  const subjects = idList(await subjectsOf(reads, kind, id));
  const stored = await reads.columns("raw", "events");
  const kinds = [kind, ...nestedKinds(reads, kind)].filter((candidate) => stored.has(groupColumn(candidate)));
  const columns = kinds.map((candidate) => sql`e.${name(groupColumn(candidate))}`);
  if (columns.length === 0) return () => sql`false`;
  const named = columns.map((column) => sql`${column} IN ${subjects}`);
  const unnamed = sql`${join(
    columns.map((column) => sql`${column} IS NULL`),
    " AND ",
  )}`;
  return (within) => sql`${join(named, " OR ")} OR e.message_id IN (${throughMembers(kind, id, sql`${unnamed}${within}`)})`;
}

/** Ids of events that members sent while this was their only group of the kind. */
function throughMembers(kind: string, id: string, condition: Sql): Sql {
  return sql`SELECT e.message_id FROM (SELECT user_id, valid_from, valid_to FROM growth.memberships WHERE kind = ${kind} AND group_id = ${BigInt(id)}) AS m
JOIN growth.user_subjects AS s ON s.entity_id = m.user_id
JOIN raw.events AS e ON e.identifier_id = s.subject_id AND e.timestamp >= m.valid_from AND (m.valid_to IS NULL OR e.timestamp < m.valid_to)
LEFT JOIN growth.memberships AS o ON o.kind = ${kind} AND o.user_id = m.user_id AND o.group_id <> ${BigInt(id)}
  AND e.timestamp >= o.valid_from AND (o.valid_to IS NULL OR e.timestamp < o.valid_to)
WHERE o.user_id IS NULL AND ${condition}`;
}

/** Kinds whose groups lie within groups of `kind`, at any depth. */
function nestedKinds(reads: Reads, kind: string): string[] {
  const children = reads.project.entities.filter((entity) => entity.parent === kind).map((entity) => entity.kind);
  return [...children, ...children.flatMap((child) => (child === kind ? [] : nestedKinds(reads, child)))];
}

async function subjectsOf(reads: Reads, kind: string, id: string): Promise<string[]> {
  const rows = await reads.read<{ id: string }>(
    sql`/* raw subjects of one entity */ SELECT ${reads.dialect.idText(sql`subject_id`)} AS id FROM ${name("growth", `${kind}_subjects`)}
WHERE entity_id = ${BigInt(id)} ORDER BY subject_id LIMIT ${subjectsMax}`,
  );
  return [...new Set([id, ...rows.map((row) => row.id)])];
}

/** Where a page starts: the moment, and where an earlier page ended, that event. */
interface Start {
  readonly at: Instant;
  readonly event?: { readonly receivedAt: Instant; readonly messageId: string };
}

/** Around its newest event; the look-back has no end, so one that only its members sent is found, too. */
async function lastSeen(reads: Reads, kind: string, id: string): Promise<Start> {
  const row = await reads.first<{ at: string | null }>(
    sql`/* when an entity was last seen */ SELECT last_seen AS at FROM ${name("growth", `${kind}_entities`)} WHERE entity_id = ${BigInt(id)}`,
  );
  return { at: row?.at === null || row?.at === undefined ? reads.now() : instantOf(row.at) };
}

function cursorOfText(text: string): Start {
  const parsed = cursor.safeParse(cursorParts(text));
  if (!parsed.success || Number.isNaN(Date.parse(parsed.data[0])) || Number.isNaN(Date.parse(parsed.data[1]))) {
    throw new CambiumError("BAD_REQUEST", "`before` is not a cursor of an earlier answer");
  }
  const [happened, received, messageId] = parsed.data;
  return { at: instantOf(happened), event: { receivedAt: instantOf(received), messageId } };
}

function before(dialect: Dialect, alias: Sql, { at, event }: Start): Sql {
  if (event === undefined) return sql``;
  const [happened, received] = [dialect.timestamp(at), dialect.timestamp(event.receivedAt)];
  return sql` AND (${alias}.timestamp < ${happened} OR (${alias}.timestamp = ${happened}
  AND (${alias}.received_at < ${received} OR (${alias}.received_at = ${received} AND ${alias}.message_id < ${event.messageId}))))`;
}

function cursorAfter(event: EventRow | undefined): string | null {
  return event === undefined ? null : cursorOf([event.timestamp, event.receivedAt, event.messageId]);
}
