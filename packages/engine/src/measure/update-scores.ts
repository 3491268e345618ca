import type { CycleWindow } from "../base/cycle.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import type { Score } from "../project/kinds/score.js";
import type { EntityKind, Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { score as scoreTable } from "../warehouse/tables/growth.js";
import { traitsNow } from "../warehouse/tables/working.js";
import type { Connection } from "../warehouse/warehouse.js";
import { componentColumn, needsEverybody, scoreQuery } from "./score-sql.js";
import { type TraitUpdate, recordChanges, touchedTable } from "./update-traits.js";

/** Recomputes the scores of the entities that the cycle touched, and writes what differs. */
export async function updateScores(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
  versions: ReadonlyMap<string, number>,
  looked: TraitUpdate,
): Promise<number> {
  let changed = 0;
  for (const score of project.scores.filter((candidate) => candidate.entity === entity.kind)) {
    changed += await updateScore(connection, scope, project, score, window, versions.get(score.name) ?? 1, looked);
  }
  return changed;
}

export async function ensureScoreTable(connection: Connection, score: Score): Promise<TableSpec> {
  const table = scoreTable(score.name);
  for (const statement of connection.dialect.createTable(table)) await connection.run(statement);
  const present = (await connection.describe(sql`SELECT * FROM ${nameOf(table)}`)).map((column) => column.name);
  const wanted = score.components.map(componentColumn);
  for (const column of present.filter((each) => each.startsWith("c_") && !wanted.includes(each)))
    await connection.run(connection.dialect.dropColumn(table, column));
  for (const column of wanted.filter((each) => !present.includes(each)))
    await connection.run(connection.dialect.addColumn(table, column, "double"));
  return table;
}

async function updateScore(
  connection: Connection,
  scope: EventScope,
  project: Project,
  score: Score,
  window: CycleWindow,
  version: number,
  looked: TraitUpdate,
): Promise<number> {
  const { dialect } = connection;
  const table = window.redefined === true ? await ensureScoreTable(connection, score) : scoreTable(score.name);
  const touched = name(touchedTable(score.entity));
  const everybody = needsEverybody(score);
  if (looked.vanished) await removeGone(connection, table, score, touched);
  if (looked.touched === 0 && !(everybody && looked.vanished)) return 0;
  const from = everybody ? sql`${name("growth", `${score.entity}_traits`)} AS t` : sql`${name(traitsNow)} AS t`;
  await connection.run(dialect.tempTable("scores_now", scoreQuery(scope, project, score, from)));
  const compared = ["value", "bucket", ...score.components.map(componentColumn)];
  const differs = join(
    [
      sql`o.entity_id IS NULL`,
      sql`o.version <> ${version}`,
      ...compared.map((column) => dialect.differs(sql`n.${name(column)}`, sql`o.${name(column)}`)),
    ],
    " OR ",
  );
  await connection.run(
    dialect.tempTable(
      "scores_changed",
      sql`SELECT n.*, ${version} AS version, ${dialect.timestamp(window.now)} AS updated_at, ${window.cycleId} AS cycle_id
FROM scores_now AS n LEFT JOIN ${nameOf(table)} AS o ON o.entity_id = n.entity_id WHERE ${differs}`,
    ),
  );
  const counted = await connection.first<{ n: number }>(sql`/* how many changed */ SELECT count(*) AS n FROM scores_changed`);
  const changed = counted?.n ?? 0;
  if (changed === 0) return 0;
  const columns = ["entity_id", "version", "updated_at", "cycle_id", ...compared];
  for (const statement of dialect.upsert(table, sql`SELECT ${join(columns.map((column) => name(column)))} FROM scores_changed`, columns))
    await connection.run(statement);
  if (everybody) await touchChanged(connection, score, window);
  await recordChanges(connection, score.entity, window, sql`SELECT entity_id FROM scores_changed`);
  return changed;
}

/** Somebody's percentile moved because somebody else's trait did: audiences must look at them too. */
async function touchChanged(connection: Connection, score: Score, window: CycleWindow): Promise<void> {
  await connection.run(sql`/* percentiles that moved */ INSERT INTO ${name(touchedTable(score.entity))} (entity_id, reason, message_id)
SELECT c.entity_id, 'event', NULL FROM scores_changed AS c WHERE c.entity_id NOT IN (SELECT entity_id FROM ${name(touchedTable(score.entity))}) AND ${window.cycleId} > 0`);
}

async function removeGone(connection: Connection, table: TableSpec, score: Score, touched: Sql): Promise<void> {
  await connection.run(
    connection.dialect.deleteWhere(
      table,
      sql`entity_id IN (SELECT entity_id FROM touched WHERE kind = ${score.entity}) AND entity_id NOT IN (SELECT entity_id FROM ${touched})`,
    ),
  );
}
