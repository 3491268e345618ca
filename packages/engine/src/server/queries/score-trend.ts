import { isoOf, microsPerDay } from "../../base/instant.js";
import type { Score } from "../../project/kinds/score.js";
import { join, name, sql } from "../../warehouse/sql.js";
import type { ScoreDetail } from "../contract.js";
import type { Reads } from "../reads.js";

/**
 * A score by day. History keeps a row only for the days on which an entity's score changed, so the value of a day is
 * the newest row up to it; the score's own table has the newest of all. With many entities the quantiles come from some 5,000 of them, chosen by their ids (which
 * are hashes, so the choice is fair and the same every day); `count` is then scaled up.
 */
const sampleMax = 5_000;
/** Days that are over hardly move: a trend may be this old. */
const keepMs = 60_000;

export function scoreTrend(reads: Reads, score: Score, days: number): Promise<ScoreDetail["trend"]> {
  return reads.once(
    `trend:${score.name}:${days}`,
    async () => {
      const table = `score_${score.name}`;
      if (!(await reads.exists("growth", table))) return [];
      const size = await reads.first<{ n: number; newest: string | null }>(
        sql`/* how many entities have the score */ SELECT count(*) AS n, max(${reads.dialect.day(sql`updated_at`, reads.project.timezone)}) AS newest FROM ${name("growth", table)}`,
      );
      if (size === undefined || size.newest === null || size.n === 0) return [];
      const every = Math.max(1, Math.ceil(size.n / sampleMax));
      const { dialect } = reads;
      const wanted = lastDays(size.newest, days);
      const dayRows = join(
        wanted.map((day) => sql`SELECT ${dialect.date(day)} AS day`),
        " UNION ALL ",
      );
      const quantile = (share: number) => dialect.quantile(sql`h.value`, share);
      return reads.read<ScoreDetail["trend"][number]>(
        sql`/* one score by day, carried forward */ SELECT d.day, count(h.value) * ${every} AS count, avg(h.value) AS average,
  ${quantile(0.1)} AS p10, ${quantile(0.25)} AS p25, ${quantile(0.5)} AS p50, ${quantile(0.75)} AS p75, ${quantile(0.9)} AS p90
FROM (${dayRows}) AS d
JOIN (SELECT day, value, ${dialect.nextOf(sql`day`, sql`PARTITION BY entity_id ORDER BY day`)} AS until FROM (
    SELECT entity_id, day, value FROM growth.score_history WHERE score = ${score.name}
    UNION ALL SELECT entity_id, ${dialect.day(sql`updated_at`, reads.project.timezone)} AS day, value FROM ${name("growth", table)}) AS points
  WHERE entity_id % ${every} = 0 AND entity_id IN (SELECT entity_id FROM ${name("growth", table)})) AS h
  ON h.day <= d.day AND (h.until IS NULL OR h.until > d.day)
GROUP BY d.day ORDER BY d.day`,
      );
    },
    keepMs,
  );
}

function lastDays(newest: string, days: number): string[] {
  const end = Date.parse(`${newest}T00:00:00Z`) * 1000;
  return Array.from({ length: days }, (_, index) => isoOf(end - (days - 1 - index) * microsPerDay).slice(0, 10));
}
