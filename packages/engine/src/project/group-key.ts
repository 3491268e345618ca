import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, sql } from "../warehouse/sql.js";
import { isGroupCallOf } from "./group-call.js";
import { groupKeyValue } from "./identifier-value.js";
import type { EntityKind, Project } from "./project.js";

/**
 * Which group an event (`raw.events AS e`) names itself. The loader fills `<kind>_id` with `groupIdOf`; identity takes the
 * outside id from the same event with `groupKey`. Both read the columns type, group_id, properties, traits and context,
 * where `group_id` is `groupId` of a group call and `context.groupId` of every other.
 */

/**
 * The outside id of the group of this kind that the event names, or null. A group call names the group of the kind it
 * speaks of by its `groupId`; other events by the first of the kind's `id` paths that is there.
 */
export function groupKey(dialect: Dialect, project: Project, entity: EntityKind): Sql {
  const isOwnCall = isGroupCallOf(dialect, project, entity);
  const paths = entity.id ?? [];
  const onTraits = paths.filter((path) => path.startsWith("traits."));
  const onEvents = paths.filter((path) => path !== "groupId" && !onTraits.includes(path));
  const first = (found: readonly string[]) =>
    found.length === 0 ? dialect.cast(sql`NULL`, "text") : sql`coalesce(${join(found.map((path) => atPath(dialect, entity, path)))}, NULL)`;
  return sql`CASE WHEN e.type <> 'group' THEN ${first(onEvents)} WHEN ${isOwnCall} THEN ${groupKeyValue(dialect, sql`e.group_id`)} ELSE ${first(onTraits)} END`;
}

/** The id of that group: `idOf(kind, key)`; what `raw.events.<kind>_id` holds. */
export function groupIdOf(dialect: Dialect, project: Project, entity: EntityKind): Sql {
  return dialect.hash64(sql`${`${entity.kind}:`} || (${groupKey(dialect, project, entity)})`);
}

/** The text at a dotted path of an event, as definitions write it: `context.groupId`, `traits.account_id`, `context.externalIds.github`. */
export function textAtEventPath(dialect: Dialect, path: string): Sql {
  const [head = "", ...rest] = path.split(".");
  if (head === "context" && rest[0] === "externalIds" && rest.length === 2) return externalId(dialect, rest[1] ?? "");
  if (rest.length > 0 && (head === "properties" || head === "traits" || head === "context")) {
    return dialect.jsonText(sql`e.${jsonColumns[head]}`, rest);
  }
  const column = topLevel[path];
  return column ?? dialect.jsonText(sql`e.properties`, path.split("."));
}

/** Segment's `context.externalIds: [{ id, type }]`: the first of the type, looked for among so many. */
const externalIdsMax = 5;

function externalId(dialect: Dialect, type: string): Sql {
  const at = (index: number, field: string) => dialect.jsonText(sql`e.context`, ["externalIds", String(index), field]);
  const each = Array.from(
    { length: externalIdsMax },
    (_, index) => sql`CASE WHEN ${at(index, "type")} = ${type} THEN ${at(index, "id")} END`,
  );
  return sql`coalesce(${join(each)})`;
}

const jsonColumns = { properties: sql`properties`, traits: sql`traits`, context: sql`context` };

const topLevel: Readonly<Record<string, Sql>> = {
  userId: sql`e.user_id`,
  anonymousId: sql`e.anonymous_id`,
  groupId: sql`e.group_id`,
};

function atPath(dialect: Dialect, entity: EntityKind, path: string): Sql {
  if (path !== "context.groupId") return groupKeyValue(dialect, textAtEventPath(dialect, path));
  const said = dialect.jsonText(sql`e.context`, ["groupType"]);
  const word = entity.group_type ?? entity.kind;
  return sql`CASE WHEN e.group_id IS NOT NULL AND coalesce(${said} = ${word}, TRUE) THEN ${groupKeyValue(dialect, sql`e.group_id`)} END`;
}
