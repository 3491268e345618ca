import { distance } from "fastest-levenshtein";
import { CambiumError } from "../base/errors.js";
import { conditionPredicate } from "../project/compile/condition-predicate.js";
import type { Sync } from "../project/kinds/sync.js";
import { type Project, entityOf } from "../project/project.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { type Join, type SourceColumn, type SyncContext, audienceOf, changeColumns, entityColumns, joinsOf, kindOf } from "./source.js";

/** The rows that a destination should have, as SQL: the sync's source with the columns asked for. */

export interface WantedOptions {
  /** Column names; all of them unless said (a model's are its own). */
  readonly columns?: readonly string[] | undefined;
  /** Only these entities: a query with one column of ids. */
  readonly entities?: Sql | undefined;
  /** Only changes after this one (sources of changes). */
  readonly afterChange?: number | undefined;
}

/** One row an entity, member, change or model row: `"entity_id"` first (NULL for models), then each column under its name. */
export function wanted(context: SyncContext, sync: Sync, options: WantedOptions = {}): Sql {
  const { project } = context;
  if ("model" in sync.from) return wantedOfModel(sync.from.model, options);
  const kind = kindOf(project, sync) as string;
  const columns = columnsOf(project, sync) as Map<string, SourceColumn>;
  const names = options.columns ?? [...columns.keys()];
  const chosen = names.map((column) => [column, columnNamed(columns, sync, column)] as const);
  const log = "changes" in sync.from;
  const list = join(
    [
      ["entity_id", { expression: log ? sql`l.entity_id` : sql`t.entity_id`, joins: [] }] as const,
      ...chosen.filter(([column]) => column !== "entity_id"),
    ].map(([column, { expression }]) => sql`${expression} AS ${name(column)}`),
  );
  const traits = tableOf(`${kind}_traits`, options);
  const joins = joinsOf(
    chosen.map(([, column]) => column),
    sync,
  ).map((one) => joinSql(project, kind, one, log, options));
  return sql`/* rows that sync ${sync.name} wants at its destination */
SELECT ${list} FROM ${fromOf(sync, options, sql`${traits} AS t`)}
${join(joins, "\n")}${filterOf(context, sync, kind)}`;
}

/** Columns by name, or undefined where only the warehouse knows them (models). */
export function columnsOf(project: Project, sync: Sync): Map<string, SourceColumn> | undefined {
  const kind = kindOf(project, sync);
  if (kind === undefined) return undefined;
  return "changes" in sync.from ? changeColumns(project, kind) : entityColumns(project, kind);
}

function wantedOfModel(model: string, options: WantedOptions): Sql {
  const columns =
    options.columns === undefined ? sql`m.*` : join(options.columns.map((column) => sql`m.${name(column)} AS ${name(column)}`));
  return sql`/* rows of model ${model} */ SELECT ${columns} FROM ${name("models", model)} AS m`;
}

/** Each table is narrowed before they are joined: a join of a million rows for a few costs several times as much. */
function tableOf(table: string, { entities }: WantedOptions): Sql {
  return entities === undefined ? name("growth", table) : sql`(SELECT * FROM ${name("growth", table)} WHERE entity_id IN (${entities}))`;
}

function membersOf(audience: string, { entities }: WantedOptions): Sql {
  const only = entities === undefined ? empty : sql` AND entity_id IN (${entities})`;
  return sql`SELECT entity_id FROM growth.audience_members WHERE audience = ${audience} AND NOT held_out${only}`;
}

function fromOf(sync: Sync, options: WantedOptions, traits: Sql): Sql {
  if ("audience" in sync.from) {
    return sql`(${membersOf(sync.from.audience, options)}) AS member JOIN ${traits} ON t.entity_id = member.entity_id`;
  }
  if ("changes" in sync.from) {
    const log = sql`(SELECT * FROM growth.audience_changes WHERE audience = ${sync.from.changes} AND NOT held_out AND change_id > ${options.afterChange ?? 0}) AS l`;
    return sql`${log} LEFT JOIN ${traits} ON t.entity_id = l.entity_id`;
  }
  return traits;
}

function filterOf(context: SyncContext, sync: Sync, kind: string): Sql {
  if (!("entity" in sync.from) || sync.from.where === undefined) return empty;
  const operators = { dialect: context.dialect, now: context.now, timezone: context.project.timezone };
  return sql`\nWHERE ${conditionPredicate(operators, context.project, kind, sync.from.where)}`;
}

function joinSql(project: Project, kind: string, one: Join, log: boolean, options: WantedOptions): Sql {
  const id = log ? sql`l.entity_id` : sql`t.entity_id`;
  switch (one.type) {
    case "entities":
      return sql`JOIN ${tableOf(`${kind}_entities`, options)} AS e ON e.entity_id = ${id}`;
    case "parent":
      return sql`LEFT JOIN ${name("growth", `${entityOf(project, kind).parent ?? kind}_entities`)} AS p ON p.entity_id = e.parent_id`;
    case "score":
      return sql`LEFT JOIN ${tableOf(`score_${one.name}`, options)} AS ${name(`s_${one.name}`)} ON ${name(`s_${one.name}`)}.entity_id = ${id}`;
    case "audience": {
      const alias = name(`a_${one.name}`);
      // A held-out member counts as outside: a tool that reads `true` here would reach whom it must not.
      return sql`LEFT JOIN (${membersOf(one.name, options)}) AS ${alias} ON ${alias}.entity_id = ${id}`;
    }
  }
}

function columnNamed(columns: ReadonlyMap<string, SourceColumn>, sync: Sync, column: string): SourceColumn {
  const found = columns.get(column);
  if (found !== undefined) return found;
  const nearest = [...columns.keys()].sort((a, b) => distance(a, column) - distance(b, column))[0];
  throw new CambiumError(
    "PROJECT_INVALID",
    `sync ${sync.name} reads column ${column}, which its source does not have; did you mean ${nearest}?`,
    {
      details: { sync: sync.name, column, columns: [...columns.keys()] },
    },
  );
}

/** The audience name of a sync of members or changes, for messages. */
export function sourceTitle(project: Project, sync: Sync): string {
  if ("entity" in sync.from) return `entity ${sync.from.entity}`;
  if ("model" in sync.from) return `model ${sync.from.model}`;
  return `audience ${audienceOf(project, sync).name}`;
}
