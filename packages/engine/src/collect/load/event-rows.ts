import { groupIdOf, textAtEventPath } from "../../project/group-key.js";
import { factIdentifier, normalValue } from "../../project/identifier-value.js";
import { type Project, groupKinds } from "../../project/project.js";
import { groupColumn } from "../../warehouse/create-tables.js";
import type { Dialect } from "../../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { columnNames } from "../../warehouse/table.js";
import { events } from "../../warehouse/tables/raw.js";
import { EventJson } from "./event-json.js";
import { eventLines } from "./spool-line.js";

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
 * The events among `lines` (in `lineShape`) as rows for `raw.events`, with the `file` that each came from; only those
 * whose `message_id` meets `wanted`. Nothing is computed for others, and each JSON value is parsed once.
 */
export function eventRows(
  engine: Dialect,
  project: Project,
  typed: readonly TypedProperty[],
  lines: Sql,
  loadId: number,
  wanted: Sql,
): Sql {
  const json = new EventJson(engine);
  const { dialect } = json;
  const instant = (column: string) => engine.timestampOf(sql`e.${name(column)}`);
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
  return sql`SELECT ${loadId} AS load_id, e.message_id, ${engine.hash64(sql`e.message_id`)} AS message_hash, e.source, e.type,
  CASE e.type WHEN 'track' THEN e.event WHEN 'page' THEN e.name WHEN 'screen' THEN e.name END AS event,
  e.user_id, e.anonymous_id, e.email, e.group_id, e.previous_id, ${owner} AS identifier_id,
  ${instant("happened")} AS timestamp, ${instant("received")} AS received_at, ${instant("sent")} AS sent_at, ${instant("original")} AS original_timestamp,
  e.time_flag, e.properties, e.traits, e.context, e.integrations${join(groupIds, "")}${join(copies, "")}, e.file
FROM (
  SELECT e.*, ${email} AS email, CASE WHEN e.type = 'group' THEN e.own_group_id ELSE nullif(${contextGroup}, '') END AS group_id
  FROM (
    SELECT l.*${lists} FROM (${eventLines(lines)}) AS l WHERE ${wanted}
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
