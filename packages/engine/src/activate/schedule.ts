import type { Instant } from "../base/instant.js";
import { instantOf } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import { durationOf } from "../project/kinds/words.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { syncRows, syncRuns } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type SyncHead, readHeads, targetOf } from "./head.js";
import { compileMapping } from "./mapping.js";
import { kindOf } from "./source.js";

/**
 * Which syncs should run now, and why. Pure over a few small reads: whoever owns the clock asks after each cycle and at
 * `nextAt`.
 */
export interface DueSync {
  readonly sync: Sync;
  readonly reason: "first run" | "definition changed" | "crashed" | "retry" | "interval" | "cycle";
}

export interface Schedule {
  readonly due: readonly DueSync[];
  /** When something becomes due by the clock alone. */
  readonly nextAt: Instant | undefined;
}

/** What the warehouse says, read once for all syncs. */
interface Facts {
  readonly heads: ReadonlyMap<string, SyncHead>;
  readonly retryAt: ReadonlyMap<string, Instant>;
  readonly crashed: ReadonlySet<string>;
  /** Newest cycle that changed an entity of a kind, and newest that saw events. */
  readonly changedIn: ReadonlyMap<string, number>;
  readonly cycle: number;
  /** Newest cycle in which somebody entered or left an audience. */
  readonly logOf: ReadonlyMap<string, number>;
}

export async function dueSyncs(connection: Connection, project: Project, now: Instant): Promise<Schedule> {
  const facts = await readFacts(connection);
  const due: DueSync[] = [];
  let nextAt: Instant | undefined;
  for (const sync of project.syncs.filter((candidate) => candidate.enabled)) {
    const verdict = judge(project, sync, facts, now);
    if (verdict.reason !== undefined) due.push({ sync, reason: verdict.reason });
    else if (verdict.nextAt !== undefined) nextAt = Math.min(nextAt ?? Infinity, verdict.nextAt);
  }
  return { due, nextAt };
}

function judge(project: Project, sync: Sync, facts: Facts, now: Instant): { reason?: DueSync["reason"]; nextAt?: Instant | undefined } {
  const head = facts.heads.get(sync.name);
  if (facts.crashed.has(sync.name)) return { reason: "crashed" };
  if (head === undefined) return { reason: "first run" };
  if (head.target !== targetOf(sync) || head.mapping.fingerprint !== compileMapping(sync).fingerprint)
    return { reason: "definition changed" };
  if (head.state === "guarded") return {};
  if (head.state === "paused" && head.nextAt !== undefined) return head.nextAt <= now ? { reason: "retry" } : { nextAt: head.nextAt };
  const retryAt = facts.retryAt.get(sync.name);
  if (retryAt !== undefined && retryAt <= now) return { reason: "retry" };
  if (sync.every !== undefined) {
    const at = (head.finishedAt ?? 0) + durationOf(sync.every).micros;
    return at <= now ? { reason: "interval" } : { nextAt: Math.min(at, retryAt ?? Infinity) };
  }
  return hasNews(project, sync, head, facts) ? { reason: "cycle" } : { nextAt: retryAt };
}

function hasNews(project: Project, sync: Sync, head: SyncHead, facts: Facts): boolean {
  if ("changes" in sync.from) return (facts.logOf.get(sync.from.changes) ?? 0) > head.toCycle;
  const kind = kindOf(project, sync);
  return (kind === undefined ? facts.cycle : (facts.changedIn.get(kind) ?? 0)) > head.toCycle;
}

async function readFacts(connection: Connection): Promise<Facts> {
  const heads = await readHeads(connection);
  const since = Math.min(...[...heads.values()].map((head) => head.toCycle), Number.MAX_SAFE_INTEGER);
  const retries = await connection.read<{ sync: string; at: string }>(
    sql`/* the next try of each sync */ SELECT sync, min(next_at) AS at FROM ${nameOf(syncRows)} WHERE state = 'waiting' GROUP BY sync`,
  );
  const crashed = await connection.read<{ sync: string }>(sql`SELECT DISTINCT sync FROM ${nameOf(syncRuns)} WHERE state = 'running'`);
  const changed = await connection.read<{ kind: string; n: number }>(
    sql`/* the newest cycle that changed each kind */ SELECT kind, max(cycle_id) AS n FROM growth.changes WHERE cycle_id > ${since} GROUP BY kind`,
  );
  const cycle = await connection.first<{ n: number | null }>(sql`SELECT max(cycle_id) AS n FROM ops.cycles WHERE events > 0`);
  const log = await connection.read<{ audience: string; n: number }>(
    sql`/* the newest cycle that changed each audience */ SELECT audience, max(cycle_id) AS n FROM growth.audience_changes WHERE cycle_id > ${since} GROUP BY audience`,
  );
  return {
    heads,
    retryAt: new Map(retries.map((row) => [row.sync, instantOf(row.at)])),
    crashed: new Set(crashed.map((row) => row.sync)),
    changedIn: new Map(changed.map((row) => [row.kind, row.n])),
    cycle: cycle?.n ?? 0,
    logOf: new Map(log.map((row) => [row.audience, row.n])),
  };
}
