import type { Score } from "../../project/kinds/score.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { ScoreDetail, ScoreList, ScoreSummary } from "../contract.js";
import type { Reads } from "../reads.js";
import { definitionView, titled, versionsOf } from "./definitions.js";
import { aboutComponent } from "./profile-scores.js";
import { entityRefs, notFound, refOr } from "./rows.js";
import { scoreTrend } from "./score-trend.js";

/** Scores: how they are distributed now, how they moved, what their components give. */

const binPoints = 5;
const bins = 100 / binPoints;
const recentDays = 30;
const trendDays = 90;
const extremesMax = 10;

export async function scoreList(reads: Reads): Promise<ScoreList> {
  const scores = [];
  for (const score of reads.project.scores) scores.push(await scoreSummary(reads, score));
  return { scores };
}

export async function scoreDetail(reads: Reads, scoreName: string): Promise<ScoreDetail> {
  const score = reads.project.scores.find((candidate) => candidate.name === scoreName);
  if (score === undefined) throw notFound(`score ${scoreName}`);
  return reads.once(`score:${scoreName}`, async () => {
    const [summary, histogram, trend, components, top, bottom, versions] = await Promise.all([
      scoreSummary(reads, score),
      readHistogram(reads, score),
      scoreTrend(reads, score, trendDays),
      readComponents(reads, score),
      readExtremes(reads, score, sql`DESC`),
      readExtremes(reads, score, sql`ASC`),
      versionsOf(reads),
    ]);
    return {
      ...summary,
      nulls: histogram.nulls,
      histogram: histogram.bins,
      trend,
      components,
      definition: definitionView("score", score, score.entity, versions),
      top,
      bottom,
    };
  });
}

const tableOf = (score: Score) => `score_${score.name}`;

async function exists(reads: Reads, score: Score): Promise<boolean> {
  return reads.exists("growth", tableOf(score));
}

function scoreSummary(reads: Reads, score: Score): Promise<ScoreSummary> {
  return reads.once(`score-summary:${score.name}`, async () => {
    const counts = (await exists(reads, score)) ? await readBuckets(reads, score) : undefined;
    const trend = await scoreTrend(reads, score, trendDays);
    const versions = await versionsOf(reads);
    const bounds = Object.entries(score.buckets ?? {}).toSorted((a, b) => a[1] - b[1]);
    return {
      name: score.name,
      title: titled(score, score.name),
      entity: score.entity,
      description: score.description ?? null,
      version: versions.get(`score:${score.name}`)?.[0]?.version ?? null,
      count: counts?.count ?? 0,
      average: counts?.average ?? null,
      median: counts?.median ?? null,
      buckets: bounds.map(([bucket, from]) => ({ name: bucket, from, count: counts?.byBucket.get(bucket) ?? 0 })),
      updatedAt: counts?.updatedAt ?? null,
      recent: trend.slice(-recentDays).map(({ day, average }) => ({ day, average })),
    };
  });
}

interface Counts {
  count: number;
  average: number | null;
  median: number | null;
  updatedAt: string | null;
  byBucket: Map<string, number>;
}

async function readBuckets(reads: Reads, score: Score): Promise<Counts> {
  const table = name("growth", tableOf(score));
  const all = await reads.first<{ count: number; average: number | null; median: number | null; updatedAt: string | null }>(
    sql`/* one score, all entities */ SELECT count(value) AS count, avg(value) AS average, ${reads.dialect.quantile(sql`value`, 0.5)} AS median, max(updated_at) AS "updatedAt" FROM ${table}`,
  );
  const rows = await reads.read<{ bucket: string | null; n: number }>(
    sql`/* one score by bucket */ SELECT bucket, count(*) AS n FROM ${table} GROUP BY bucket`,
  );
  const byBucket = new Map(rows.flatMap((row) => (row.bucket === null ? [] : [[row.bucket, row.n] as const])));
  return { count: 0, average: null, median: null, updatedAt: null, ...all, byBucket };
}

async function readHistogram(reads: Reads, score: Score): Promise<{ bins: ScoreDetail["histogram"]; nulls: number }> {
  const empty = Array.from({ length: bins }, (_, bin) => ({ from: bin * binPoints, to: (bin + 1) * binPoints, count: 0 }));
  if (!(await exists(reads, score))) return { bins: empty, nulls: 0 };
  const rows = await reads.read<{ bin: number | null; n: number }>(
    sql`/* distribution of one score */ SELECT least(floor(value / ${binPoints}), ${bins - 1}) AS bin, count(*) AS n FROM ${name("growth", tableOf(score))} GROUP BY 1`,
  );
  const byBin = new Map(rows.map((row) => [row.bin, row.n]));
  return { bins: empty.map((bin, index) => ({ ...bin, count: byBin.get(index) ?? 0 })), nulls: byBin.get(null) ?? 0 };
}

async function readComponents(reads: Reads, score: Score): Promise<ScoreDetail["components"]> {
  const stored = await reads.columns("growth", tableOf(score));
  const known = score.components.filter((component) => stored.has(`c_${component.name}`));
  const figures: Sql[] = known.flatMap(({ name: component }, index) => {
    const column = name(`c_${component}`);
    return [
      sql`avg(${column}) AS ${name(`average${index}`)}`,
      sql`count(*) - count(${column}) AS ${name(`nulls${index}`)}`,
      sql`avg(CASE WHEN ${column} IS NULL THEN NULL WHEN ${column} >= 100 THEN 1.0 ELSE 0.0 END) AS ${name(`full${index}`)}`,
    ];
  });
  const row =
    figures.length === 0
      ? undefined
      : await reads.first<Record<string, number | null>>(
          sql`/* averages of all components */ SELECT ${join(figures)} FROM ${name("growth", tableOf(score))}`,
        );
  const weights = score.components.reduce((sum, component) => sum + component.weight, 0);
  return score.components.map((component) => {
    const index = known.indexOf(component);
    const average = row?.[`average${index}`] ?? null;
    return {
      ...aboutComponent(score, component),
      average,
      points: average === null ? null : (component.weight * average) / weights,
      nulls: row?.[`nulls${index}`] ?? 0,
      full: row?.[`full${index}`] ?? null,
    };
  });
}

async function readExtremes(reads: Reads, score: Score, direction: Sql): Promise<ScoreDetail["top"]> {
  if (!(await exists(reads, score))) return [];
  const rows = await reads.read<{ id: string; value: number | null; bucket: string | null }>(
    sql`/* highest or lowest of one score */ SELECT ${reads.dialect.idText(sql`entity_id`)} AS id, value, bucket FROM ${name("growth", tableOf(score))}
WHERE value IS NOT NULL ORDER BY value ${direction}, entity_id LIMIT ${extremesMax}`,
  );
  const refs = await entityRefs(
    reads,
    score.entity,
    rows.map((row) => row.id),
  );
  return rows.map(({ id, value, bucket }) => ({ ...refOr(refs, score.entity, id), value, bucket }));
}
