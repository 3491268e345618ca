import { type Instant, microsPerSecond } from "../base/instant.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import type { Connection, Row } from "../warehouse/warehouse.js";

/** The raw figures that status is made of: a few aggregate queries, none of them over the events themselves. */

export interface LoadFigures {
  accepted: number;
  stored: number;
  duplicates: number;
  quarantined: number;
  newestReceivedAt: string | null;
  newestLoadedAt: string | null;
  lastSeconds: number | null;
  acceptedLastMinute: number;
  storedLastMinute: number;
  quarantinedLastHour: number;
}

export interface CycleFigures {
  cycleId: number;
  toLoad: number;
  now: string;
  startedAt: string;
  seconds: number;
  steps: string;
}

export interface SyncFigures {
  sync: string;
  state: string | null;
  message: string | null;
  finishedAt: string | null;
  delivered: number;
  failed: number;
  skipped: number;
  waiting: number;
  refused: number;
  oldestWaitingAt: string | null;
}

const minute = 60 * microsPerSecond;

export async function loadFigures(connection: Connection, now: Instant): Promise<LoadFigures> {
  const { dialect } = connection;
  const recent = sql`loaded_at > ${dialect.timestamp(now - minute)}`;
  const lastHour = sql`loaded_at > ${dialect.timestamp(now - 60 * minute)}`;
  const sum = (column: string, condition: Sql) => sql`coalesce(${dialect.filtered(sql`sum(${name(column)})`, condition)}, 0)`;
  const row = await connection.first<Row>(
    sql`/* status: loads */ SELECT coalesce(sum(accepted), 0) AS "accepted", coalesce(sum(stored), 0) AS "stored",
  coalesce(sum(duplicates), 0) AS "duplicates", coalesce(sum(quarantined), 0) AS "quarantined",
  max(last_received_at) AS "newestReceivedAt", max(loaded_at) AS "newestLoadedAt", ${dialect.argMax(sql`seconds`, sql`load_id`)} AS "lastSeconds",
  ${sum("accepted", recent)} AS "acceptedLastMinute", ${sum("stored", recent)} AS "storedLastMinute",
  ${sum("quarantined", lastHour)} AS "quarantinedLastHour"
FROM ops.loads`,
  );
  return row as unknown as LoadFigures;
}

export function lastCycle(connection: Connection): Promise<CycleFigures | undefined> {
  return connection.first<CycleFigures>(
    sql`/* status: the newest cycle */ SELECT cycle_id AS "cycleId", to_load AS "toLoad", "now" AS "now", started_at AS "startedAt", seconds, steps
FROM ops.cycles ORDER BY cycle_id DESC LIMIT 1`,
  );
}

/** What was loaded after the last cycle, and since when it waits; and the newest event that a cycle has seen. */
export async function cycleBacklog(
  connection: Connection,
  toLoad: number,
): Promise<{ events: number; oldestLoadedAt: string | null; newestSeenAt: string | null }> {
  const { dialect } = connection;
  const row = await connection.first<{ events: number; oldestLoadedAt: string | null; newestSeenAt: string | null }>(
    sql`/* status: loads that no cycle has seen */ SELECT coalesce(${dialect.filtered(sql`sum(stored)`, sql`load_id > ${toLoad}`)}, 0) AS events,
  ${dialect.filtered(sql`min(loaded_at)`, sql`load_id > ${toLoad} AND stored > 0`)} AS "oldestLoadedAt",
  ${dialect.filtered(sql`max(last_received_at)`, sql`load_id <= ${toLoad}`)} AS "newestSeenAt" FROM ops.loads`,
  );
  return row ?? { events: 0, oldestLoadedAt: null, newestSeenAt: null };
}

export async function entityCounts(connection: Connection, kinds: readonly string[]): Promise<Map<string, number>> {
  if (kinds.length === 0) return new Map();
  const parts = kinds.map((kind) => sql`SELECT ${kind} AS kind, count(*) AS n FROM ${name("growth", `${kind}_entities`)}`);
  const rows = await connection.read<{ kind: string; n: number }>(sql`/* status: entities by kind */ ${join(parts, " UNION ALL ")}`);
  return new Map(rows.map((row) => [row.kind, row.n]));
}

export interface DecideFigures {
  /** Ever: change ids have no gaps, the log itself is kept for a while. */
  changes: number;
  newestChangeAt: string | null;
  changesLastMinute: number;
  merges: number;
  members: number;
}

export async function decideFigures(connection: Connection, now: Instant): Promise<DecideFigures> {
  const { dialect } = connection;
  const row = await connection.first<DecideFigures>(
    sql`/* status: what was decided */ SELECT
  (SELECT coalesce(max(change_id), 0) FROM growth.audience_changes) AS changes, (SELECT max(happened_at) FROM growth.audience_changes) AS "newestChangeAt",
  (SELECT count(*) FROM growth.audience_changes WHERE happened_at > ${dialect.timestamp(now - minute)}) AS "changesLastMinute",
  (SELECT count(*) FROM growth.merges) AS merges, (SELECT count(*) FROM growth.audience_members) AS members`,
  );
  return row ?? { changes: 0, newestChangeAt: null, changesLastMinute: 0, merges: 0, members: 0 };
}

/** Per sync: where it stands, totals of its runs, and the rows that wait or were refused. One that was even from its first run has no runs. */
export function syncFigures(connection: Connection): Promise<SyncFigures[]> {
  const { dialect } = connection;
  return connection.read<SyncFigures>(
    sql`/* status: syncs */ SELECT x.sync, coalesce(h.state, r.state) AS state, coalesce(h.message, r.message) AS message, coalesce(r.finished_at, h.finished_at) AS "finishedAt",
  coalesce(r.delivered, 0) AS delivered, coalesce(r.failed, 0) AS failed, coalesce(r.skipped, 0) AS skipped, coalesce(w.waiting, 0) AS waiting, coalesce(w.refused, 0) AS refused, w.oldest AS "oldestWaitingAt"
FROM (SELECT sync FROM ops.sync_heads UNION SELECT sync FROM ops.sync_runs) AS x
LEFT JOIN (SELECT sync, ${dialect.argMax(sql`state`, sql`run_id`)} AS state, ${dialect.argMax(sql`message`, sql`run_id`)} AS message,
    max(finished_at) AS finished_at, sum(delivered) AS delivered, sum(failed) AS failed, sum(skipped) AS skipped
  FROM ops.sync_runs GROUP BY sync) AS r ON r.sync = x.sync
LEFT JOIN ops.sync_heads AS h ON h.sync = x.sync
LEFT JOIN (SELECT sync, ${dialect.filtered(sql`count(*)`, sql`next_at IS NOT NULL`)} AS waiting,
    ${dialect.filtered(sql`count(*)`, sql`next_at IS NULL`)} AS refused, ${dialect.filtered(sql`min(updated_at)`, sql`next_at IS NOT NULL`)} AS oldest
  FROM ops.sync_rows GROUP BY sync) AS w ON w.sync = x.sync
ORDER BY x.sync`,
  );
}

export async function deliveredLastMinute(connection: Connection, now: Instant): Promise<number> {
  const row = await connection.first<{ n: number }>(
    sql`/* status: deliveries of the last minute */ SELECT count(*) AS n FROM ops.deliveries
WHERE happened_at > ${connection.dialect.timestamp(now - minute)} AND outcome = 'delivered'`,
  );
  return row?.n ?? 0;
}

/**
 * Seconds from an event's arrival to the end of the cycle that took it in, over the loads of the newest cycles: the
 * longest-waiting event of each load stands for it, so the figures err on the slow side.
 */
export async function freshness(connection: Connection): Promise<{ p50Seconds: number; p95Seconds: number; cycles: number } | null> {
  const { dialect } = connection;
  const rows = await connection.read<{ cycle_id: number; micros: number }>(
    sql`/* status: freshness of the last cycles */ SELECT c.cycle_id, max(${dialect.microsBetween(sql`l.first_received_at`, sql`c.started_at`)} + c.seconds * 1000000) AS micros
FROM (SELECT * FROM ops.cycles WHERE events > 0 ORDER BY cycle_id DESC LIMIT ${freshnessCyclesMax}) AS c
JOIN ops.loads AS l ON l.load_id > c.from_load AND l.load_id <= c.to_load
WHERE l.first_received_at IS NOT NULL GROUP BY c.cycle_id`,
  );
  if (rows.length === 0) return null;
  const waits = rows.map((row) => Math.max(0, row.micros / microsPerSecond)).toSorted((a, b) => a - b);
  return { p50Seconds: quantile(waits, 0.5), p95Seconds: quantile(waits, 0.95), cycles: waits.length };
}

const freshnessCyclesMax = 100;

/** Nearest-rank quantile of sorted numbers. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;
}

/** Age in seconds at `now`; never negative. */
export function ageSeconds(now: Instant, at: string | null): number | null {
  return at === null ? null : Math.max(0, (now - Date.parse(at) * 1000) / microsPerSecond);
}
