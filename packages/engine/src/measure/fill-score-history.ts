import type { CycleWindow } from "../base/cycle.js";
import { dayText } from "../base/day.js";
import { type Instant, instantOf, microsPerDay } from "../base/instant.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import type { Score } from "../project/kinds/score.js";
import type { Project } from "../project/project.js";
import { published } from "../warehouse/published.js";
import { name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { insertHistory } from "./close-day.js";
import { scoreQuery } from "./score-sql.js";
import { traitsQuery } from "./trait-sql.js";

/** Past days with a point of their own; earlier ones get one a week. */
const dailyPointsMax = 30;

/**
 * Computes what each score would have been at the end of past days that have no history yet: measures are kept by day,
 * so a past moment is the same statement with another `now`. Identity and SQL traits are those of today.
 */
export async function fillScoreHistory(
  connection: Connection,
  project: Project,
  window: CycleWindow,
  days: number,
  onDay: (done: number, of: number) => void = () => undefined,
): Promise<number> {
  const { dialect } = connection;
  const missing = await missingDays(connection, project, window.now, days);
  let done = 0;
  for (const { day, end } of missing) {
    const scope: EventScope = { dialect, now: end, timezone: project.timezone, typed: new Map() };
    const past: CycleWindow = { ...window, now: end };
    await connection.transaction(async () => {
      for (const { kind } of project.entities) {
        await connection.run(
          dialect.tempTable(
            `past_${kind}`,
            sql`SELECT entity_id FROM ${name("growth", `${kind}_entities`)} WHERE first_seen <= ${dialect.timestamp(end)}`,
          ),
        );
        await connection.run(
          dialect.tempTable(
            `past_${kind}_traits`,
            traitsQuery(scope, project, kind, past, `past_${kind}`, { traitTable: (other) => name(`past_${other}_traits`) }),
          ),
        );
        for (const score of project.scores.filter((candidate) => candidate.entity === kind))
          await fillScore(connection, scope, project, score, day, done === 0);
      }
    });
    done += 1;
    onDay(done, missing.length);
  }
  return done;
}

/** A row for each entity whose score differs from the past day looked at before. */
async function fillScore(
  connection: Connection,
  scope: EventScope,
  project: Project,
  score: Score,
  day: string,
  isFirst: boolean,
): Promise<void> {
  const { dialect } = connection;
  const before = name(`past_score_${score.name}`);
  const query = scoreQuery(scope, project, score, sql`${name(`past_${score.entity}_traits`)} AS t`);
  await connection.run(dialect.tempTable("past_score", sql`SELECT q.*, 1 AS version FROM (${query}) AS q`));
  // The first of the past days starts from nothing.
  if (isFirst) await connection.run(dialect.tempTable(`past_score_${score.name}`, sql`SELECT * FROM past_score WHERE FALSE`));
  const changed = sql`(SELECT n.* FROM past_score AS n LEFT JOIN ${before} AS o ON o.entity_id = n.entity_id WHERE o.entity_id IS NULL OR ${dialect.differs(sql`n.value`, sql`o.value`)}) AS changed`;
  await connection.run(insertHistory(connection, score, changed, day));
  await connection.run(dialect.tempTable(`past_score_${score.name}`, sql`SELECT * FROM past_score`));
}

/** Days before today that lie after the first event and have no row of any score, oldest first: the last 30 days each, and weekly points before. */
async function missingDays(connection: Connection, project: Project, now: Instant, days: number): Promise<{ day: string; end: Instant }[]> {
  const { dialect } = connection;
  const row = await connection.first<{ first: string | null }>(
    sql`/* where history starts */ SELECT min(timestamp) AS first FROM raw.events WHERE ${published()}`,
  );
  if (row?.first === undefined || row.first === null || project.scores.length === 0) return [];
  const known = new Set(
    (await connection.read<{ day: string }>(sql`/* days with history */ SELECT DISTINCT day FROM growth.score_history`)).map(
      (each) => each.day,
    ),
  );
  const first = instantOf(row.first);
  const found: { day: string; end: Instant }[] = [];
  for (let back = 1; back <= days; back += back < dailyPointsMax ? 1 : 7) {
    const day = dayText(now - back * microsPerDay, project.timezone);
    if (known.has(day)) continue;
    const bound = await connection.first<{ end: string }>(
      sql`/* when a local day ends */ SELECT ${dialect.addMicros(dialect.dayStart(dialect.addDays(dialect.date(day), 1), project.timezone), -1)} AS "end"`,
    );
    const end = instantOf(bound?.end ?? "");
    if (end < first) break;
    found.push({ day, end });
  }
  return found.reverse();
}
