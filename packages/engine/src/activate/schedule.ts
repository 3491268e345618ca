import type { Instant } from "../base/instant.js";
import { instantOf } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import { durationOf } from "../project/kinds/words.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { syncRows, syncRuns } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type EvenMemory, advanced } from "./even.js";
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

/** `even` is what runs of this process found without writing it down. */
export async function dueSyncs(connection: Connection, project: Project, now: Instant, even: EvenMemory = new Map()): Promise<Schedule> {
  const enabled = project.syncs.filter((candidate) => candidate.enabled);
  const facts = await readFacts(connection, enabled, even);
  const due: DueSync[] = [];
  let nextAt: Instant | undefined;
  for (const sync of enabled) {
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

async function readFacts(connection: Connection, syncs: readonly Sync[], even: EvenMemory): Promise<Facts> {
  const { dialect } = connection;
  const stored = await readHeads(connection);
  const heads = new Map([...stored].map(([sync, head]) => [sync, advanced(head, even.get(sync))]));
  // Only those that ask for news say how far back to look.
  const asking = syncs.filter((sync) => sync.every === undefined && heads.has(sync.name));
  const since = Math.min(...asking.map((sync) => heads.get(sync.name)?.toCycle ?? 0), Number.MAX_SAFE_INTEGER);
  const none = (type: "timestamp" | "integer") => dialect.cast(sql`NULL`, type);
  const [no, never] = [none("integer"), none("timestamp")];
  const rows = await connection.read<{
    fact: "retry" | "crashed" | "cycle" | "kind" | "log";
    of: string;
    at: string | null;
    n: number | null;
  }>(
    sql`/* what may be due: tries, runs cut off, the newest cycle with events, and the newest that changed each kind and audience */
SELECT 'retry' AS fact, sync AS "of", min(next_at) AS at, ${no} AS n FROM ${nameOf(syncRows)} WHERE state = 'waiting' GROUP BY sync
UNION ALL SELECT DISTINCT 'crashed', sync, ${never}, ${no} FROM ${nameOf(syncRuns)} WHERE state = 'running'
UNION ALL SELECT 'cycle', '', ${never}, max(cycle_id) FROM ops.cycles WHERE events > 0
UNION ALL SELECT 'kind', kind, ${never}, max(cycle_id) FROM growth.changes WHERE cycle_id > ${since} GROUP BY kind
UNION ALL SELECT 'log', audience, ${never}, max(cycle_id) FROM growth.audience_changes WHERE cycle_id > ${since} GROUP BY audience`,
  );
  const of = (fact: (typeof rows)[number]["fact"]) => rows.filter((row) => row.fact === fact);
  return {
    heads,
    retryAt: new Map(of("retry").flatMap((row) => (row.at === null ? [] : [[row.of, instantOf(row.at)] as const]))),
    crashed: new Set(of("crashed").map((row) => row.of)),
    changedIn: new Map(of("kind").map((row) => [row.of, row.n ?? 0])),
    cycle: of("cycle")[0]?.n ?? 0,
    logOf: new Map(of("log").map((row) => [row.of, row.n ?? 0])),
  };
}
