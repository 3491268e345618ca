import type { Dialect, NdjsonShape } from "../../warehouse/dialect.js";
import { type Sql, name, sql } from "../../warehouse/sql.js";

/**
 * The lines of segments as the warehouse reads them (`spool/frame.ts` describes their fields): all of a line, and only what
 * says what it is, which costs a fifth.
 */
export const lineShape: NdjsonShape = {
  k: "integer",
  r: "integer",
  t: "integer",
  o: "integer",
  x: "integer",
  f: "text",
  s: "text",
  y: "text",
  m: "text",
  q: "text",
  e: {
    messageId: "text",
    userId: "text",
    anonymousId: "text",
    event: "text",
    name: "text",
    groupId: "text",
    previousId: "text",
    properties: "json",
    traits: "json",
    context: "json",
    integrations: "json",
  },
};

/** With every field of `lineShape` whose value may not fit its type: both readings take the same lines for events. */
export const headShape: NdjsonShape = {
  k: "integer",
  r: "integer",
  t: "integer",
  o: "integer",
  x: "integer",
  s: "text",
  m: "text",
  q: "text",
  d: "text",
  b: "text",
  e: { messageId: "text" },
};

/** The collector's own id where it gave one, else the client's. */
const messageId = sql`coalesce(l.m, nullif(l.e.${name("messageId")}, ''))`;

/**
 * What each line is: `file` (where from), `state` (`event`, `quarantined` or `broken`), the ids of its message, and what a
 * quarantine row needs. `lines` are in `headShape`.
 */
export function headsQuery(dialect: Dialect, lines: Sql): Sql {
  return sql`/* load: what the lines are */
SELECT file, CASE WHEN reason IS NOT NULL THEN 'quarantined' WHEN received_at IS NULL OR message_id IS NULL THEN 'broken' ELSE 'event' END AS state,
  source, received_at, message_id, ${dialect.hash64(sql`message_id`)} AS message_hash, reason, detail, body
FROM (
  SELECT l.file AS file, l.q AS reason, l.d AS detail, l.b AS body, l.s AS source, ${dialect.timestampOf(sql`l.r`)} AS received_at, ${messageId} AS message_id
  FROM ${lines} AS l WHERE l.k IS NULL
) AS l`;
}

/** The lines (in `lineShape`) that `headsQuery` calls events, field by field; timestamps are still whole microseconds. */
export function eventLines(lines: Sql): Sql {
  const text = (field: string) => sql`nullif(l.e.${name(field)}, '')`;
  return sql`SELECT * FROM (
  SELECT l.file AS file, l.s AS source, l.y AS type, ${messageId} AS message_id, l.e.event AS event, l.e.name AS name,
    ${text("userId")} AS user_id, ${text("anonymousId")} AS anonymous_id, ${text("groupId")} AS own_group_id, ${text("previousId")} AS previous_id,
    l.r AS received, coalesce(l.t, l.r - (l.x - l.o), l.o, l.r) AS happened, l.o AS original, l.x AS sent, l.f AS time_flag,
    l.e.properties AS properties, l.e.traits AS traits, l.e.context AS context, l.e.integrations AS integrations
  FROM ${lines} AS l WHERE l.k IS NULL AND l.q IS NULL AND l.r IS NOT NULL
) AS l WHERE message_id IS NOT NULL`;
}
