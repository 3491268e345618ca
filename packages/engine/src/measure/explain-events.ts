import type { CycleWindow } from "../base/cycle.js";
import type { ExplainedEvent } from "../base/explanation.js";
import { type EventScope, callOf, eventPredicate, propertyText } from "../project/compile/event-predicate.js";
import type { EventFilter } from "../project/kinds/condition.js";
import { durationOf } from "../project/kinds/words.js";
import type { EntityKind, Project } from "../project/project.js";
import { type Sql, empty, name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { namedSubject, soleMemberships } from "./insert-facts.js";
import { allEvents } from "./window.js";

/** The newest this many events stand in an explanation; their number is always said. */
const eventsShownMax = 10;

export interface EventsBehind {
  readonly events: ExplainedEvent[];
  readonly total: number;
}

/** The raw events of one entity that pass a filter, newest first: what a measure counted. */
export async function eventsBehind(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  entityId: string,
  window: CycleWindow,
  filter: EventFilter & { within?: string | undefined; exact?: boolean | undefined },
  property?: string,
): Promise<EventsBehind> {
  const { dialect } = connection;
  const shown = property === undefined ? dialect.cast(sql`NULL`, "text") : propertyText(scope, callOf(filter), property);
  const from = sql`raw.events AS e WHERE ${allEvents(dialect, window).where} AND ${belongsTo(project, entity, entityId)} AND ${eventPredicate(scope, filter)}${inWindow(scope, window, filter)}`;
  const total = await connection.first<{ n: number }>(sql`/* events behind a value */ SELECT count(*) AS n FROM ${from}`);
  const rows = await connection.read<{
    message_id: string;
    type: string;
    event: string | null;
    happened_at: string;
    received_at: string;
    shown: string | null;
  }>(
    sql`/* the newest of them */ SELECT e.message_id, e.type, e.event, e.timestamp AS happened_at, e.received_at, ${shown} AS shown FROM ${from} ORDER BY e.timestamp DESC, e.received_at DESC, e.message_id DESC LIMIT ${eventsShownMax}`,
  );
  return {
    total: total?.n ?? 0,
    events: rows.map((row) => ({
      messageId: row.message_id,
      type: row.type,
      event: row.event,
      timestamp: row.happened_at,
      receivedAt: row.received_at,
      detail: property === undefined ? null : `${property}: ${row.shown ?? "(missing)"}`,
    })),
  };
}

function inWindow(scope: EventScope, window: CycleWindow, filter: { within?: string | undefined; exact?: boolean | undefined }): Sql {
  if (filter.within === undefined) return empty;
  const { dialect, timezone } = scope;
  const { grain, length, micros } = durationOf(filter.within);
  if (filter.exact === true) return sql` AND e.timestamp > ${dialect.timestamp(window.now - micros)}`;
  const now = dialect.timestamp(window.now);
  if (grain === "hour")
    return sql` AND ${dialect.hour(sql`e.timestamp`)} > ${dialect.addMicros(dialect.hour(now), -length * 3_600_000_000)}`;
  return sql` AND ${dialect.day(sql`e.timestamp`, timezone)} > ${dialect.addDays(dialect.day(now, timezone), -length)}`;
}

/** Events whose subject is this entity: by what they name, else by the sole membership of their person at that time. */
function belongsTo(project: Project, entity: EntityKind, entityId: string): Sql {
  const id = { parts: [{ text: numberText(entityId) }] };
  const subjects = sql`SELECT subject_id FROM ${name("growth", `${entity.kind}_subjects`)} WHERE entity_id = ${id}`;
  const named = sql`${namedSubject(project, entity)} IN (${subjects})`;
  if (!entity.isGroup) return named;
  // Identifiers through whose membership facts came; which of their events count is decided as when they were counted.
  const through = sql`SELECT f.via FROM ${name("growth", `${entity.kind}_facts`)} AS f WHERE f.via <> 0 AND f.subject_id IN (${subjects})`;
  const sole = soleMemberships(project, entity, { from: sql`raw.events`, where: sql`e.identifier_id IN (${through})`, few: true });
  return sql`(${named} OR e.message_id IN (SELECT a.message_id FROM (${sole}) AS a WHERE a.group_id IN (${subjects})))`;
}

/** Ids are decimal text from the warehouse itself; anything else must not reach a statement. */
export function numberText(id: string): string {
  if (!/^\d{1,19}$/.test(id)) throw new RangeError(`not an id: ${id}`);
  return id;
}
