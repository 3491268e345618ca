import type { CycleWindow } from "../base/cycle.js";
import { dayText } from "../base/day.js";
import type { Score } from "../project/kinds/score.js";
import type { Project } from "../project/project.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { score as scoreTable, scoreHistory } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { componentColumn } from "./score-sql.js";
import { dayTurned } from "./touch-edges.js";

/**
 * In the first cycle of a new day, the scores that changed on the day that ended become its history: a row only for days
 * on which an entity's score changed. Today's values are in the score tables themselves.
 */
export async function closeDay(connection: Connection, project: Project, window: CycleWindow): Promise<void> {
  if (window.previousNow === 0 || !dayTurned(window, project.timezone)) return;
  const { dialect } = connection;
  const ended = dayText(window.previousNow, project.timezone);
  const since = dialect.dayStart(dialect.date(ended), project.timezone);
  const present = new Set(
    (
      await connection.read<{ table: string }>(
        sql`/* score tables there are */ SELECT name AS "table" FROM ${dialect.tablesOf("growth")} AS t`,
      )
    ).map((row) => row.table),
  );
  for (const score of project.scores.filter((each) => present.has(scoreTable(each.name).table) && window.redefined !== true)) {
    const changed = sql`${nameOf(scoreTable(score.name))} WHERE updated_at >= ${since}`;
    await connection.run(insertHistory(connection, score, changed, ended));
  }
}

/** Adds rows of a table with the score's columns to the history of one day. */
export function insertHistory(connection: Connection, score: Score, from: Sql, day: string): Sql {
  const { dialect } = connection;
  const components = dialect.jsonObject(score.components.map((component) => [component.name, name(componentColumn(component))] as const));
  return sql`/* scores of a day that ended */ INSERT INTO ${nameOf(scoreHistory)} (score, entity_id, day, value, bucket, version, components)
SELECT ${score.name}, entity_id, ${dialect.date(day)}, value, bucket, version, ${components} FROM ${from}`;
}
