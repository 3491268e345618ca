import { dayText } from "../../base/day.js";
import { instantOf, microsPerDay } from "../../base/instant.js";
import type { Component, Score } from "../../project/kinds/score.js";
import { name, sql } from "../../warehouse/sql.js";
import type { Row } from "../../warehouse/warehouse.js";
import type { ComponentView, ScoreOfEntity } from "../contract.js";
import type { Reads } from "../reads.js";
import { titled } from "./definitions.js";
import { textList } from "./rows.js";

/** Scores of one entity with every component and its history by day. */

const historyDays = 180;

export async function profileScores(reads: Reads, kind: string, id: string): Promise<ScoreOfEntity[]> {
  const scores = reads.project.scores.filter((score) => score.entity === kind);
  if (scores.length === 0) return [];
  const { dialect } = reads;
  const since = dialect.day(dialect.timestamp(reads.now() - historyDays * microsPerDay), reads.project.timezone);
  const history = await reads.read<{ score: string; day: string; value: number | null; bucket: string | null; version: number }>(
    sql`/* score history of one entity */ SELECT score, day, value, bucket, version FROM growth.score_history
WHERE day >= ${since} AND score IN ${textList(scores.map((score) => score.name))} AND entity_id = ${BigInt(id)} ORDER BY day`,
  );
  const views: ScoreOfEntity[] = [];
  for (const score of scores) {
    if (!(await reads.exists("growth", `score_${score.name}`))) continue;
    const row = await reads.first(
      sql`/* one score of one entity */ SELECT * FROM ${name("growth", `score_${score.name}`)} WHERE entity_id = ${BigInt(id)} LIMIT 1`,
    );
    if (row === undefined) continue;
    views.push({
      name: score.name,
      title: titled(score, score.name),
      value: row["value"] as number | null,
      bucket: row["bucket"] as string | null,
      version: Number(row["version"]),
      updatedAt: String(row["updated_at"]),
      components: componentsOf(score, row),
      history: historyOf(
        reads,
        row,
        history.filter((entry) => entry.score === score.name),
      ),
    });
  }
  return views;
}

/** Days that ended, then the day of the newest change, which the score's own table holds. */
function historyOf(reads: Reads, row: Row, ended: ScoreOfEntity["history"]): ScoreOfEntity["history"] {
  const now = {
    day: dayText(instantOf(String(row["updated_at"])), reads.project.timezone),
    value: row["value"] as number | null,
    bucket: row["bucket"] as string | null,
    version: Number(row["version"]),
  };
  const before = ended.filter((entry) => entry.day < now.day).map(({ day, value, bucket, version }) => ({ day, value, bucket, version }));
  return [...before, now];
}

export const componentTypes = ["milestone", "linear", "log", "steps", "percentile"] as const;

/** What the definition says of a component. */
export function aboutComponent(score: Score, component: Component) {
  return {
    name: component.name,
    title: titled(component, component.name),
    group: component.group ?? null,
    groupTitle: groupTitle(score, component),
    weight: component.weight,
    type: componentTypes.find((type) => component[type] !== undefined) ?? "unknown",
  };
}

function groupTitle(score: Score, component: Component): string | null {
  return component.group === undefined ? null : titled({ name: component.group, ...score.groups?.[component.group] }, component.group);
}

/** Points of each component, so that they sum to the score: with null ignored, its weight is shared by the others. */
function componentsOf(score: Score, row: Row): ComponentView[] {
  const counted = score.components.map((component) => countedValue(component, row[`c_${component.name}`]));
  const weights = score.components.reduce((sum, component, index) => sum + (counted[index] === null ? 0 : component.weight), 0);
  return score.components.map((component, index) => {
    const value = row[`c_${component.name}`];
    const counts = counted[index] ?? null;
    return {
      ...aboutComponent(score, component),
      value: typeof value === "number" ? value : null,
      points: counts === null || weights === 0 ? null : (component.weight * counts) / weights,
    };
  });
}

/** What a component's value counts as after its null policy; null where it does not count at all. */
function countedValue(component: Component, value: unknown): number | null {
  if (typeof value === "number") return value;
  if (component.null === "ignore") return null;
  return typeof component.null === "number" ? component.null : 0;
}
