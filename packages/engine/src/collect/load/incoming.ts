import { groupIdOf, textAtEventPath } from "../../project/group-key.js";
import { factIdentifier, normalValue } from "../../project/identifier-value.js";
import { type Project, groupKinds } from "../../project/project.js";
import { groupColumn } from "../../warehouse/create-tables.js";
import type { Dialect, NdjsonShape } from "../../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { columnNames } from "../../warehouse/table.js";
import { events } from "../../warehouse/tables/raw.js";
import { EventJson } from "./event-json.js";

/** The fields of a spool line, as `spool/frame.ts` describes them. */
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
  d: "text",
  b: "text",
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

/** A typed copy of a property: its path within `properties`, and the column it goes to. */
export interface TypedProperty {
  readonly path: string;
  readonly column: string;
}

/** Columns of `raw.events` that a load fills, in order. */
export function eventColumns(project: Project, typed: readonly TypedProperty[]): string[] {
  return [...columnNames(events), ...groupKinds(project).map(({ kind }) => groupColumn(kind)), ...typed.map(({ column }) => column)];
}

/**
 * The lines of some segments as rows for `raw.events`, with `file` (where from), `state` (`event`, `quarantined` or
 * `broken`) and what a quarantine row needs. `lines` are the rows of the files in `lineShape`: one pass over them, each JSON value is parsed once.
 */
export function incomingQuery(engine: Dialect, project: Project, typed: readonly TypedProperty[], lines: Sql, loadId: number): Sql {
  const json = new EventJson(engine);
  const { dialect } = json;
  const instant = (column: string) => engine.timestampOf(name(column));
  const id = (field: string) => sql`nullif(l.e.${name(field)}, '')`;
  const groupIds = groupKinds(project).map((entity) => sql`, ${groupIdOf(dialect, project, entity)} AS ${name(groupColumn(entity.kind))}`);
  const copies = typed.map(({ path, column }) => sql`, ${dialect.jsonText(sql`e.properties`, path.split("."))} AS ${name(column)}`);
  const owner = factIdentifier(dialect, project.identifiers, {
    user_id: sql`e.user_id`,
    anonymous_id: sql`e.anonymous_id`,
    email: sql`e.email`,
  });
  const email = emailOf(dialect, project);
  const contextGroup = dialect.jsonText(sql`e.context`, ["groupId"]);
  // Rendered last: by now every path that somebody reads is known.
  const lists = json.lists();
  return sql`/* load: lines of segments as events */
SELECT ${loadId} AS load_id, e.message_id, ${engine.hash64(sql`e.message_id`)} AS message_hash, e.source, e.type,
  CASE e.type WHEN 'track' THEN e.event WHEN 'page' THEN e.name WHEN 'screen' THEN e.name END AS event,
  e.user_id, e.anonymous_id, e.email, e.group_id, e.previous_id, ${owner} AS identifier_id,
  e.timestamp, e.received_at, e.sent_at, e.original_timestamp, e.time_flag, e.properties, e.traits, e.context, e.integrations${join(groupIds, "")}${join(copies, "")},
  e.file, CASE WHEN e.reason IS NOT NULL THEN 'quarantined' WHEN e.received_at IS NULL OR e.timestamp IS NULL OR e.message_id IS NULL THEN 'broken' ELSE 'event' END AS state,
  e.reason, e.detail, e.body
FROM (
  SELECT e.*, ${email} AS email, CASE WHEN e.type = 'group' THEN e.own_group_id ELSE nullif(${contextGroup}, '') END AS group_id
  FROM (
    SELECT l.*${lists} FROM (
      SELECT file, q AS reason, d AS detail, b AS body, s AS source, y AS type, coalesce(m, ${id("messageId")}) AS message_id,
        l.e.event AS event, l.e.name AS name, ${id("userId")} AS user_id, ${id("anonymousId")} AS anonymous_id, ${id("groupId")} AS own_group_id,
        ${id("previousId")} AS previous_id, ${instant("r")} AS received_at, ${engine.timestampOf(sql`coalesce(t, r - (x - o), o, r)`)} AS timestamp, ${instant("o")} AS original_timestamp,
        ${instant("x")} AS sent_at, f AS time_flag, l.e.properties AS properties, l.e.traits AS traits, l.e.context AS context,
        l.e.integrations AS integrations
      FROM ${lines} AS l WHERE l.k IS NULL
    ) AS l
  ) AS e
) AS e`;
}

/** The first of the rule's paths that is there, as the identifier knows it. */
function emailOf(dialect: Dialect, project: Project): Sql {
  const rule = project.identifiers.find(({ type }) => type === "email");
  if (rule === undefined) return dialect.cast(sql`NULL`, "text");
  const found = rule.paths.map((path) => sql`nullif(${textAtEventPath(dialect, path)}, '')`);
  return normalValue(dialect, rule, sql`coalesce(${join(found)}, NULL)`);
}
