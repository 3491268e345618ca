import type { CycleWindow } from "../base/cycle.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import type { EntityKind, Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type ColumnType, type TableSpec, nameOf } from "../warehouse/table.js";
import { traits } from "../warehouse/tables/growth.js";
import { traitsNow } from "../warehouse/tables/working.js";
import type { Connection } from "../warehouse/warehouse.js";
import { needsEverybody } from "./score-sql.js";
import { hasQuickTraits, tiedColumn, traitColumns, traitsQuery } from "./trait-sql.js";

export interface TraitUpdate {
  readonly touched: number;
  readonly changed: number;
  /** Entities were touched that are no more: a merge swallowed them. */
  readonly vanished: boolean;
  /** The temporary table with the traits of all that scores and audiences look at; undefined where those look at more. */
  readonly traits?: string | undefined;
}

/**
 * Recomputes the traits of the entities that the cycle touched and writes what differs. Afterwards the temporary table
 * `touched_<kind>` holds who was looked at and why, for scores and audiences.
 */
export async function updateTraits(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
): Promise<TraitUpdate> {
  const { dialect } = connection;
  const { kind } = entity;
  const table = traits(kind);
  const columns = traitColumns(project, kind);
  if (window.redefined === true) await matchTraitColumns(connection, table, columns);
  await connection.run(dialect.tempTable(touchedTable(kind), touchedQuery(connection, kind)));
  const before = await connection.first<{ n: number; named: number }>(
    sql`/* how many are looked at, of how many touched */ SELECT (SELECT count(*) FROM ${name(touchedTable(kind))}) AS n,
  (SELECT count(DISTINCT entity_id) FROM touched WHERE kind = ${kind}) AS named`,
  );
  const touched = before?.n ?? 0;
  const vanished = (before?.named ?? 0) > touched;
  if (vanished) await removeVanished(connection, kind, window);
  if (touched === 0) return { touched, changed: 0, vanished };
  await computeTraits(connection, scope, project, kind, window, touched);
  // A percentile moves for others too: their traits are not in this table.
  const looked = project.scores.some((score) => score.entity === kind && needsEverybody(score)) ? undefined : traitsNow;
  const differs =
    columns.length === 0
      ? sql`o.entity_id IS NULL`
      : sql`o.entity_id IS NULL OR ${join(
          columns.map(({ column }) => dialect.differs(sql`n.${name(column)}`, sql`o.${name(column)}`)),
          " OR ",
        )}`;
  await connection.run(
    dialect.tempTable(
      "traits_changed",
      sql`SELECT n.entity_id, ${join(
        columns.map(({ column }) => sql`n.${name(column)}, `),
        "",
      )}${dialect.timestamp(window.now)} AS updated_at, ${window.cycleId} AS cycle_id FROM ${name(traitsNow)} AS n
LEFT JOIN ${nameOf(table)} AS o ON o.entity_id = n.entity_id WHERE ${differs}`,
    ),
  );
  const after = await connection.first<{ n: number }>(sql`/* how many changed */ SELECT count(*) AS n FROM traits_changed`);
  const changed = after?.n ?? 0;
  if (changed === 0) return { touched, changed, vanished, traits: looked };
  const names = ["entity_id", "updated_at", "cycle_id", ...columns.map(({ column }) => column)];
  for (const statement of dialect.upsert(table, sql`SELECT ${join(names.map((column) => name(column)))} FROM traits_changed`, names))
    await connection.run(statement);
  await recordChanges(connection, kind, window, sql`SELECT entity_id FROM traits_changed`);
  return { touched, changed, vanished, traits: looked };
}

/** Up to so many entities the quick query is worth a look at whether it sufficed. */
const quickEntitiesMax = 20_000;

/** Makes the temporary table `traits_now`. */
async function computeTraits(
  connection: Connection,
  scope: EventScope,
  project: Project,
  kind: string,
  window: CycleWindow,
  touched: number,
): Promise<void> {
  const make = (quick: boolean) =>
    connection.run(connection.dialect.tempTable(traitsNow, traitsQuery(scope, project, kind, window, touchedTable(kind), { quick })));
  if (touched > quickEntitiesMax || !hasQuickTraits(project, kind)) {
    await make(false);
    return;
  }
  await make(true);
  const ties = await connection.first<{ n: number }>(
    sql`/* entities whose facts tie */ SELECT count(*) AS n FROM ${name(traitsNow)} WHERE ${name(tiedColumn)}`,
  );
  if ((ties?.n ?? 0) > 0) await make(false);
}

export function touchedTable(kind: string): string {
  return `touched_${kind}`;
}

/** One row per entity that still exists; the strongest reason first, the newest event as cause. */
function touchedQuery(connection: Connection, kind: string): Sql {
  const { dialect } = connection;
  return sql`/* whom this cycle looks at */ SELECT t.entity_id, min(t.reason) AS reason, ${dialect.argMax(sql`t.message_id`, sql`CASE WHEN t.message_id IS NULL THEN 0 ELSE 1 END`)} AS message_id
FROM touched AS t JOIN ${name("growth", `${kind}_entities`)} AS x ON x.entity_id = t.entity_id
WHERE t.kind = ${kind} GROUP BY t.entity_id`;
}

/** Profiles that a merge swallowed have no traits any more, and those who follow changes must hear of it. */
async function removeVanished(connection: Connection, kind: string, window: CycleWindow): Promise<void> {
  const gone = sql`SELECT entity_id FROM touched WHERE kind = ${kind} AND entity_id NOT IN (SELECT entity_id FROM ${name("growth", `${kind}_entities`)})`;
  await connection.run(connection.dialect.deleteWhere(traits(kind), sql`entity_id IN (${gone})`));
  await connection.run(sql`/* entities that are no more */ INSERT INTO growth.changes (cycle_id, kind, entity_id, reason, message_id)
SELECT DISTINCT ${window.cycleId}, ${kind}, g.entity_id, 'merge', ${connection.dialect.cast(sql`NULL`, "text")} FROM (${gone}) AS g`);
}

/** Adds to `growth.changes` those that are not in it for this cycle yet, with their cause. */
export async function recordChanges(connection: Connection, kind: string, window: CycleWindow, entities: Sql): Promise<void> {
  await connection.run(sql`/* what syncs and readers follow */
INSERT INTO growth.changes (cycle_id, kind, entity_id, reason, message_id)
SELECT ${window.cycleId}, ${kind}, t.entity_id, t.reason, t.message_id
FROM ${name(touchedTable(kind))} AS t JOIN (${entities}) AS c ON c.entity_id = t.entity_id
WHERE t.entity_id NOT IN (SELECT entity_id FROM growth.changes WHERE cycle_id = ${window.cycleId} AND kind = ${kind})`);
}

async function matchTraitColumns(
  connection: Connection,
  table: TableSpec,
  wanted: readonly { column: string; type: ColumnType }[],
): Promise<void> {
  const present = new Map((await connection.describe(sql`SELECT * FROM ${nameOf(table)}`)).map((column) => [column.name, column.type]));
  for (const column of present.keys()) {
    const isOwn = Object.hasOwn(table.columns, column);
    const still = wanted.some((each) => each.column === column && each.type === present.get(column));
    if (!isOwn && !still) {
      await connection.run(connection.dialect.dropColumn(table, column));
      present.delete(column);
    }
  }
  for (const { column, type } of wanted) {
    if (!present.has(column)) await connection.run(connection.dialect.addColumn(table, column, type));
  }
}
