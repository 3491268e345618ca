import { status as statusOf } from "../../observe/status.js";
import { isoOf, microsPerSecond } from "../../base/instant.js";
import { sql } from "../../warehouse/sql.js";
import type { Overview, Status } from "../contract.js";
import type { EngineView } from "../engine-view.js";
import type { Reads } from "../reads.js";
import { titled } from "./definitions.js";

/** The whole loop on one page: status, what arrives per minute, and how audiences and syncs stand. */

const minute = 60 * microsPerSecond;
const activityMinutes = 60;

export async function readStatus(engine: EngineView, reads: Reads): Promise<Status> {
  const now = engine.clock();
  const live = await engine.live();
  const observed = await reads.use((connection) => statusOf(connection, reads.project, now, live));
  const { lease } = engine;
  return {
    ...observed,
    lease: lease === undefined ? null : { term: lease.term, mayDeliver: lease.isHeld, renewedSeconds: lease.renewedMsAgo / 1_000 },
    version: engine.version,
    startedAt: isoOf(engine.startedAt),
  };
}

export async function readOverview(engine: EngineView, reads: Reads): Promise<Overview> {
  const [status, activity, sizes, syncs, lastCycles] = await Promise.all([
    readStatus(engine, reads),
    readActivity(reads),
    reads.once("audience-counts", () => readSizes(reads)),
    readSyncTotals(reads),
    reads.read<Overview["lastCycles"][number]>(
      sql`/* newest cycles, short */ SELECT cycle_id AS "cycleId", started_at AS "startedAt", seconds, events FROM ops.cycles ORDER BY cycle_id DESC LIMIT 30`,
    ),
  ]);
  const { audiences, syncs: syncDefinitions } = reads.project;
  return {
    ...status,
    activity,
    audiences: audiences.map(({ name, entity, ...audience }) => ({
      name,
      title: titled({ name, ...audience }, name),
      entity,
      size: sizes.get(name) ?? 0,
    })),
    syncs: syncDefinitions.map((sync) => {
      const totals = syncs.get(sync.name);
      return {
        name: sync.name,
        title: titled(sync, sync.name),
        state: sync.enabled ? (totals?.state ?? "never") : "disabled",
        delivered: totals?.delivered ?? 0,
        failed: totals?.failed ?? 0,
      };
    }),
    lastCycles,
  };
}

/** Stored events per minute over the hour before the newest load: also an engine that rests shows its last hour. */
async function readActivity(reads: Reads): Promise<Overview["activity"]> {
  const { dialect } = reads;
  const newest = await reads.first<{ at: string | null }>(sql`/* newest load */ SELECT max(loaded_at) AS at FROM ops.loads`);
  if (newest?.at === null || newest?.at === undefined) return [];
  const end = Math.floor((Date.parse(newest.at) * 1000) / minute) * minute + minute;
  const start = end - activityMinutes * minute;
  const rows = await reads.read<{ slot: number; events: number }>(
    sql`/* stored events per minute */ SELECT floor(${dialect.microsBetween(dialect.timestamp(start), sql`loaded_at`)} / ${minute}) AS slot, sum(stored) AS events
FROM ops.loads WHERE loaded_at >= ${dialect.timestamp(start)} GROUP BY 1 ORDER BY 1`,
  );
  const bySlot = new Map(rows.map((row) => [row.slot, row.events]));
  return Array.from({ length: activityMinutes }, (_, slot) => ({ at: isoOf(start + slot * minute), events: bySlot.get(slot) ?? 0 }));
}

async function readSizes(reads: Reads): Promise<Map<string, number>> {
  const rows = await reads.read<{ audience: string; n: number }>(
    sql`/* size of every audience */ SELECT audience, count(*) AS n FROM growth.audience_members GROUP BY audience`,
  );
  return new Map(rows.map((row) => [row.audience, row.n]));
}

async function readSyncTotals(reads: Reads): Promise<Map<string, { state: string; delivered: number; failed: number }>> {
  const rows = await reads.read<{ sync: string; state: string; delivered: number; failed: number }>(
    sql`/* totals of every sync */ SELECT sync, ${reads.dialect.argMax(sql`state`, sql`run_id`)} AS state, sum(delivered) AS delivered, sum(failed) AS failed
FROM ops.sync_runs GROUP BY sync`,
  );
  return new Map(rows.map((row) => [row.sync, row]));
}
