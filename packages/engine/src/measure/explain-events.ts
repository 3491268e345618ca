import type { CycleWindow } from "../base/cycle.js";
import type { ExplainedEvent } from "../base/explanation.js";
import { type EventScope, callOf, eventPredicate, propertyText } from "../project/compile/event-predicate.js";
import type { EventFilter } from "../project/kinds/condition.js";
import { durationOf } from "../project/kinds/words.js";
import type { EntityKind } from "../project/project.js";
import { type Sql, empty, sql } from "../warehouse/sql.js";
import { type ExplainContext, ownEvents } from "./explain-context.js";

/** The newest this many events stand in an explanation; their number is always said. */
const eventsShownMax = 10;

export interface EventsBehind {
  readonly events: ExplainedEvent[];
  readonly total: number;
}

/** The events of one entity that pass a filter, newest first: what a measure counted. */
export async function eventsBehind(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  filter: EventFilter & { within?: string | undefined; exact?: boolean | undefined },
  property?: string,
): Promise<EventsBehind> {
  const { connection, scope, window } = context;
  const { dialect } = connection;
  const shown = property === undefined ? dialect.cast(sql`NULL`, "text") : propertyText(scope, callOf(filter), property);
  const rows = await connection.read<{
    message_id: string;
    type: string;
    event: string | null;
    happened_at: string;
    received_at: string;
    shown: string | null;
    total: number;
  }>(
    sql`/* the newest events behind a value, and how many there are */ SELECT e.message_id, e.type, e.event, e.timestamp AS happened_at, e.received_at, ${shown} AS shown, count(*) OVER () AS total
FROM ${await ownEvents(context, entity, entityId)} AS e WHERE ${eventPredicate(scope, filter)}${inWindow(scope, window, filter)}
ORDER BY e.timestamp DESC, e.received_at DESC, e.message_id DESC LIMIT ${eventsShownMax}`,
  );
  return {
    total: rows[0]?.total ?? 0,
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
