import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { changesKeptCycles } from "../warehouse/tables/growth.js";
import { syncHeads, syncRows, syncRuns, syncSending } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { inLine, putInLine, showInLine } from "./bring-in-line.js";
import { type SeenEven, advanced } from "./even.js";
import { type SyncHead, headOf, targetOf } from "./head.js";
import { type Known, knownOf } from "./known.js";
import { writeLedger } from "./ledger.js";
import type { Mapping } from "./mapping.js";

/**
 * What happens before a difference is taken: a run that died is closed and its rows in flight marked for another try;
 * confirmed rows that belong to another target, mapping or fingerprint function are brought in line (`bring-in-line.ts`).
 */
export interface Started {
  readonly head: SyncHead | undefined;
  /** True: compare everything; what the head knows no longer tells which rows changed. */
  readonly full: boolean;
  /** The newest cycle that the stored head knows of; undefined where the head is new or must be written anew. */
  readonly storedCycle: number | undefined;
  /** What is confirmed and tried: the tables, or what a dry run would make of them. */
  readonly known: Known;
}

export interface StartOptions {
  /** What an earlier run of this process found even and did not write down. */
  readonly seen?: SeenEven | undefined;
  /** Change nothing that lasts. */
  readonly dryRun?: boolean | undefined;
}

export async function startSync(
  connection: Connection,
  project: Project,
  sync: Sync,
  mapping: Mapping,
  now: Instant,
  { seen, dryRun = false }: StartOptions = {},
): Promise<Started> {
  const stand = await standOf(connection, sync.name);
  const { head } = stand;
  const isUsual =
    head !== undefined &&
    head.target === targetOf(sync) &&
    head.mapping.fingerprint === mapping.fingerprint &&
    head.fingerprintVersion === connection.dialect.fingerprintVersion;
  if (!isUsual) {
    const wanted = await inLine({ connection, context: { project, dialect: connection.dialect, now }, sync, mapping }, head);
    const known = await (dryRun ? showInLine(connection, sync, wanted) : putInLine(connection, sync, wanted));
    return { head: wanted.head, full: true, storedCycle: undefined, known };
  }
  const even = advanced(head, seen);
  return { head: even, full: even.toCycle < stand.cycle - changesKeptCycles, storedCycle: head.toCycle, known: knownOf(sync) };
}

async function standOf(connection: Connection, sync: string): Promise<{ head: SyncHead | undefined; cycle: number }> {
  const row = await connection.first(sql`/* where sync ${sync} stands */
SELECT c.newest_cycle, h.* FROM (SELECT coalesce(max(cycle_id), 0) AS newest_cycle FROM ops.cycles) AS c LEFT JOIN ${nameOf(syncHeads)} AS h ON h.sync = ${sync}`);
  const known = typeof row?.["sync"] === "string";
  return { head: known ? headOf(row) : undefined, cycle: Number(row?.["newest_cycle"] ?? 0) };
}

/** Closes a run that a crash cut off, so that the ledger has its counts; what was on its way is sent again. */
export async function closeCrashedRun(connection: Connection, sync: string, now: Instant): Promise<void> {
  const crashed = await connection.first(
    sql`/* a run of ${sync} that never ended */ SELECT * FROM ${nameOf(syncRuns)} WHERE sync = ${sync} AND state = 'running' ORDER BY run_id DESC LIMIT 1`,
  );
  if (crashed === undefined) return;
  const { dialect } = connection;
  const at = dialect.timestamp(now);
  await connection.transaction(async () => {
    const unknown = sql`SELECT s.* FROM ${nameOf(syncSending)} AS s WHERE s.sync = ${sync}
AND s.key NOT IN (SELECT key FROM ops.deliveries WHERE sync = ${sync} AND run_id = ${Number(crashed["run_id"])})`;
    await connection.run(dialect.deleteWhere(syncRows, sql`sync = ${sync} AND row_id IN (SELECT row_id FROM (${unknown}) AS u)`));
    await connection.run(sql`/* rows of which nobody knows whether they arrived */
INSERT INTO ${nameOf(syncRows)} (sync, row_id, key, entity_id, fingerprint, change, state, attempts, first_run, next_at, status, reason, updated_at)
SELECT u.sync, u.row_id, u.key, u.entity_id, u.fingerprint, u.change, 'waiting', u.attempts + 1, u.first_run, ${at}, NULL, 'the engine stopped while it was being sent', ${at}
FROM (${unknown}) AS u`);
    await connection.run(dialect.deleteWhere(syncSending, sql`sync = ${sync}`));
    const ended = { state: sql`'crashed'`, finished_at: at, message: sql`'the engine stopped during this run'` };
    await connection.run(dialect.updateWhere(syncRuns, ended, sql`sync = ${sync} AND state = 'running'`));
    // Counts of what was taken up commit with the outcomes, so they are whole whenever the crash came.
    const taken = Number(crashed["added"]) + Number(crashed["changed"]) + Number(crashed["removed"]);
    const count = (column: "delivered" | "failed" | "skipped") => Number(crashed[column]);
    const outcomes = { delivered: count("delivered"), failed: count("failed"), skipped: count("skipped") };
    await writeLedger(connection, { sync, run_id: Number(crashed["run_id"]), ...outcomes }, now, taken);
  });
}
