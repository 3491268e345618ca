import { z } from "zod";
import { CambiumError } from "../../base/errors.js";
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

export async function timelineOf(reads: Reads, kind: string, id: string, request: TimelineRequest = {}): Promise<Timeline> {
  const limit = request.limit ?? eventsDefault;
  const belongs = kind === "user" ? await ofUser(reads, id) : await ofGroup(reads, kind, id);
  const events = await readEvents(
    reads,
    sql`WHERE (${belongs}) ${before(reads, request.before)} ORDER BY timestamp DESC, received_at DESC, message_id DESC LIMIT ${limit}`,
  );
  return { events, next: events.length === limit ? cursorAfter(events.at(-1)) : null };
}

async function ofUser(reads: Reads, id: string): Promise<Sql> {
  return sql`identifier_id IN ${idList(await subjectsOf(reads, "user", id))}`;
}

/**
 * An event belongs to the group it names (itself, or one nested in it); one that names none belongs to the only group of
 * this kind that its person was a member of at that time.
 */
async function ofGroup(reads: Reads, kind: string, id: string): Promise<Sql> {
  const subjects = idList(await subjectsOf(reads, kind, id));
  const stored = await reads.columns("raw", "events");
  const kinds = [kind, ...nestedKinds(reads, kind)].filter((candidate) => stored.has(groupColumn(candidate)));
  const columns = kinds.map((candidate) => name(groupColumn(candidate)));
  if (columns.length === 0) return sql`false`;
  const named = columns.map((column) => sql`${column} IN ${subjects}`);
  const unnamed = columns.map((column) => sql`${column} IS NULL`);
  return sql`${join(named, " OR ")} OR (${join(unnamed, " AND ")} AND message_id IN (${throughMembers(kind, id)}))`;
}

/** Ids of events that members sent while this was their only group of the kind. */
function throughMembers(kind: string, id: string): Sql {
  return sql`SELECT e.message_id FROM (SELECT user_id, valid_from, valid_to FROM growth.memberships WHERE kind = ${kind} AND group_id = ${BigInt(id)}) AS m
JOIN growth.user_subjects AS s ON s.entity_id = m.user_id
JOIN raw.events AS e ON e.identifier_id = s.subject_id AND e.timestamp >= m.valid_from AND (m.valid_to IS NULL OR e.timestamp < m.valid_to)
LEFT JOIN growth.memberships AS o ON o.kind = ${kind} AND o.user_id = m.user_id AND o.group_id <> ${BigInt(id)}
  AND e.timestamp >= o.valid_from AND (o.valid_to IS NULL OR e.timestamp < o.valid_to)
WHERE o.user_id IS NULL`;
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

function before(reads: Reads, text: string | undefined): Sql {
  if (text === undefined) return sql``;
  const parsed = cursor.safeParse(cursorParts(text));
  if (!parsed.success || Number.isNaN(Date.parse(parsed.data[0])) || Number.isNaN(Date.parse(parsed.data[1]))) {
    throw new CambiumError("BAD_REQUEST", "`before` is not a cursor of an earlier answer");
  }
  const [happened, received, message] = parsed.data;
  const at = reads.dialect.cast(sql`${happened}`, "timestamp");
  const receivedAt = reads.dialect.cast(sql`${received}`, "timestamp");
  return sql`AND (timestamp < ${at} OR (timestamp = ${at} AND (received_at < ${receivedAt} OR (received_at = ${receivedAt} AND message_id < ${message}))))`;
}

function cursorAfter(event: EventRow | undefined): string | null {
  return event === undefined ? null : cursorOf([event.timestamp, event.receivedAt, event.messageId]);
}
