import { CambiumError } from "../base/errors.js";
import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import { scoresNamed } from "../project/compile/condition-predicate.js";
import { type Project, entityOf, traitsOf } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, name, sql } from "../warehouse/sql.js";

/**
 * The columns that a sync's mapping may read, by where the rows come from. Aliases: `t` traits, `e` entities, `p` parent
 * entities, `s_<score>` a score, `a_<audience>` a membership, `l` the change log, `m` a model.
 */

/** What compiling a sync needs besides its definition. */
export interface SyncContext {
  readonly project: Project;
  readonly dialect: Dialect;
  readonly now: Instant;
}

/** A table that a column needs joined. */
export type Join = { type: "entities" } | { type: "parent" } | { type: "score"; name: string } | { type: "audience"; name: string };

export interface SourceColumn {
  readonly expression: Sql;
  readonly joins: readonly Join[];
  /** An id: 63 bits, read as text. */
  readonly isId?: boolean;
}

/** The entity kind behind a sync, or undefined for a model. */
export function kindOf(project: Project, sync: Sync): string | undefined {
  if ("entity" in sync.from) return sync.from.entity;
  if ("model" in sync.from) return undefined;
  return audienceOf(project, sync).entity;
}

/** The audience that a sync follows. */
export function audienceOf(project: Project, sync: Sync) {
  const audienceName = "audience" in sync.from ? sync.from.audience : "changes" in sync.from ? sync.from.changes : "";
  const found = project.audiences.find((audience) => audience.name === audienceName);
  if (found === undefined)
    throw new CambiumError("PROJECT_INVALID", `sync ${sync.name} reads audience ${audienceName}, which does not exist`);
  return found;
}

/** Every column of an entity kind: traits, scores with buckets, audiences as booleans, and what is known of the entity itself. */
export function entityColumns(project: Project, kind: string): Map<string, SourceColumn> {
  const entity = entityOf(project, kind);
  const columns = new Map<string, SourceColumn>();
  const put = (column: string, expression: Sql, joins: Join[] = [], isId = false) => columns.set(column, { expression, joins, isId });
  const named: Join[] = [{ type: "entities" }];
  put("entity_id", sql`t.entity_id`, [], true);
  put("updated_at", sql`t.updated_at`);
  put("first_seen", sql`e.first_seen`, named);
  put("last_seen", sql`e.last_seen`, named);
  for (const audience of project.audiences.filter((candidate) => candidate.entity === kind)) {
    const alias = `a_${audience.name}`;
    put(audience.name, sql`(${name(alias)}.entity_id IS NOT NULL)`, [{ type: "audience", name: audience.name }]);
  }
  for (const score of project.scores.filter((candidate) => candidate.entity === kind)) {
    const joins: Join[] = [{ type: "score", name: score.name }];
    put(`${score.name}_bucket`, sql`${name(`s_${score.name}`)}.bucket`, joins);
    put(score.name, sql`${name(`s_${score.name}`)}.value`, joins);
  }
  for (const trait of traitsOf(project, kind)) put(trait.name, sql`t.${name(trait.name)}`);
  if (entity.parent !== undefined) {
    const joins: Join[] = [{ type: "entities" }, { type: "parent" }];
    put("parent_key", sql`p.key`, joins);
    put(`${entity.parent}_key`, sql`p.key`, joins);
  }
  put("key", sql`e.key`, named);
  return columns;
}

/** Columns of the change log, over those of the entity as it is now. */
export function changeColumns(project: Project, kind: string): Map<string, SourceColumn> {
  const columns = entityColumns(project, kind);
  for (const column of ["audience", "change", "happened_at", "cycle_id", "reason", "message_id"]) {
    columns.set(column, { expression: sql`l.${name(column)}`, joins: [] });
  }
  columns.set("change_id", { expression: sql`l.change_id`, joins: [], isId: true });
  columns.set("entity_id", { expression: sql`l.entity_id`, joins: [], isId: true });
  return columns;
}

/** Names of the columns that hold ids. */
export function columnsOfIds(project: Project, sync: Sync): ReadonlySet<string> {
  const kind = kindOf(project, sync);
  if (kind === undefined) return new Set();
  const columns = "changes" in sync.from ? changeColumns(project, kind) : entityColumns(project, kind);
  return new Set([...columns].filter(([, column]) => column.isId === true).map(([column]) => column));
}

/** Joins that a set of columns and the sync's own condition need, once each. */
export function joinsOf(columns: readonly SourceColumn[], sync: Sync): Join[] {
  const fromWhere: Join[] =
    "entity" in sync.from && sync.from.where !== undefined
      ? scoresNamed(sync.from.where).map((score) => ({ type: "score", name: score }))
      : [];
  const all = [...columns.flatMap((column) => column.joins), ...fromWhere];
  return [...new Map(all.map((join) => [JSON.stringify(join), join])).values()];
}
