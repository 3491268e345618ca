import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, sql } from "../warehouse/sql.js";
import type { EntityKind, Project } from "./project.js";
import { groupKinds } from "./project.js";

/**
 * Does this `group` call (`raw.events AS e`) speak of this kind? `traits.group_type`, else `context.groupType`, says so;
 * calls without one mean the first group kind.
 */
export function isGroupCallOf(dialect: Dialect, project: Project, entity: EntityKind): Sql {
  const said = sql`coalesce(${dialect.jsonText(sql`e.traits`, ["group_type"])}, ${dialect.jsonText(sql`e.context`, ["groupType"])})`;
  const word = entity.group_type ?? entity.kind;
  const known = groupKinds(project).map((candidate) => candidate.group_type ?? candidate.kind);
  const isFirst = groupKinds(project)[0]?.kind === entity.kind;
  if (!isFirst) return sql`coalesce(${said} = ${word}, FALSE)`;
  const others = known.filter((candidate) => candidate !== word);
  if (others.length === 0) return sql`TRUE`;
  return sql`coalesce(${said} NOT IN (${join(others.map((other) => sql`${other}`))}), TRUE)`;
}
