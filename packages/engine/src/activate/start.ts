import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { changesKeptCycles } from "../warehouse/tables/growth.js";
import { syncHeads, syncRows, syncRuns, syncSending, syncState } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type SeenEven, advanced } from "./even.js";
import { type SyncHead, definitionOf, headOf, targetOf, writeHead } from "./head.js";
import { writeLedger } from "./ledger.js";
import type { Mapping } from "./mapping.js";
import { firstOfKey, keyIsUnique, wantedRows } from "./rows.js";
import type { SyncContext } from "./source.js";
import { columnsOf } from "./wanted.js";

/**
 * What happens before a difference is taken: a run that died is closed and its rows in flight marked for another try;
 * confirmed rows that belong to another target, mapping or fingerprint function are brought in line.
 */
export interface Started {
  readonly head: SyncHead | undefined;
  /** True: compare everything; what the head knows no longer tells which rows changed. */
  readonly full: boolean;
  /** The newest cycle that the stored head knows of; undefined where the head is new or must be written anew. */
  readonly storedCycle: number | undefined;
}

/** `seen` is what an earlier run of this process found even and did not write down. */
export async function startSync(
  connection: Connection,
  project: Project,
  sync: Sync,
  mapping: Mapping,
  now: Instant,
  seen?: SeenEven,
): Promise<Started> {
  const stand = await standOf(connection, sync.name);
  const { head } = stand;
  const isUsual =
    head !== undefined &&
    head.target === targetOf(sync) &&
    head.mapping.fingerprint === mapping.fingerprint &&
    head.fingerprintVersion === connection.dialect.fingerprintVersion;
  if (!isUsual)
    return {
      ...(await connection.transaction(() => broughtInLine(connection, project, sync, mapping, now, head))),
      storedCycle: undefined,
    };
  const even = advanced(head, seen);
  return { head: even, full: even.toCycle < stand.cycle - changesKeptCycles, storedCycle: head.toCycle };
}

async function standOf(connection: Connection, sync: string): Promise<{ head: SyncHead | undefined; cycle: number }> {
  const row = await connection.first(sql`/* where sync ${sync} stands */
SELECT c.newest_cycle, h.* FROM (SELECT coalesce(max(cycle_id), 0) AS newest_cycle FROM ops.cycles) AS c LEFT JOIN ${nameOf(syncHeads)} AS h ON h.sync = ${sync}`);
  const known = typeof row?.["sync"] === "string";
  return { head: known ? headOf(row) : undefined, cycle: Number(row?.["newest_cycle"] ?? 0) };
}

type BroughtInLine = Omit<Started, "storedCycle">;

async function broughtInLine(
  connection: Connection,
  project: Project,
  sync: Sync,
  mapping: Mapping,
  now: Instant,
  head: SyncHead | undefined,
): Promise<BroughtInLine> {
  const context: SyncContext = { project, dialect: connection.dialect, now };
  for (const statement of connection.dialect.createTable(syncState(sync.name))) await connection.run(statement);
  if (head === undefined) return { head: await firstHead(connection, context, sync, mapping), full: true };
  if (head.target !== targetOf(sync)) return { head: await newTarget(connection, sync, mapping, head), full: true };
  const { fingerprintVersion } = connection.dialect;
  const otherHash = head.fingerprintVersion !== fingerprintVersion;
  if (otherHash) await renameRows(connection, sync);
  if (head.mapping.fingerprint === mapping.fingerprint) return { head: { ...head, fingerprintVersion }, full: true };
  if (sync.on_mapping_change === "keep" && !otherHash) await keepConfirmed(connection, context, sync, mapping, head);
  return { head: { ...head, fingerprintVersion, mapping: definitionOf(mapping) }, full: true };
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

/** The first run: everything is new, or (`first_run: new`) what is there now counts as delivered. */
async function firstHead(connection: Connection, context: SyncContext, sync: Sync, mapping: Mapping): Promise<SyncHead | undefined> {
  if (sync.first_run === "all") return undefined;
  const { dialect } = connection;
  const head = emptyHead(connection, sync, mapping);
  const newest = await connection.first<{ cycle: number | null; change: number | null }>(
    sql`SELECT (SELECT max(cycle_id) FROM ops.cycles) AS cycle, (SELECT max(change_id) FROM growth.audience_changes) AS change`,
  );
  if (!("changes" in sync.from)) {
    const rows = wantedRows(context, sync, mapping);
    const unique = keyIsUnique(sync) ? rows : firstOfKey(rows);
    await connection.run(sql`/* what sync ${sync.name} starts from */
INSERT INTO ${nameOf(syncState(sync.name))} (row_id, key, entity_id, fingerprint, confirmed_at, run_id)
SELECT row_id, row_key, entity_id, row_fingerprint, ${dialect.timestamp(context.now)}, 0 FROM (${unique}) AS w`);
  }
  const started = { ...head, toCycle: newest?.cycle ?? 0, changeId: newest?.change ?? 0, message: "started from what was there" };
  await writeHead(connection, sync.name, started);
  return started;
}

export function emptyHead(connection: Connection, sync: Sync, mapping: Mapping): SyncHead {
  return {
    target: targetOf(sync),
    mapping: definitionOf(mapping),
    fingerprintVersion: connection.dialect.fingerprintVersion,
    toCycle: 0,
    changeId: 0,
    state: "ok",
    failures: 0,
    nextAt: undefined,
    finishedAt: undefined,
    message: undefined,
  };
}

/** Another destination, action, key or kind of source: nothing is confirmed there. */
async function newTarget(connection: Connection, sync: Sync, mapping: Mapping, head: SyncHead): Promise<SyncHead> {
  await connection.run(connection.dialect.deleteWhere(syncState(sync.name), sql`TRUE`));
  await connection.run(connection.dialect.deleteWhere(syncRows, sql`sync = ${sync.name}`));
  const fresh = {
    ...emptyHead(connection, sync, mapping),
    changeId: head.changeId,
    message: "the target changed: every row is sent to it",
  };
  await writeHead(connection, sync.name, fresh);
  return fresh;
}

/** The engine's hash function changed: row ids are made again from the keys; fingerprints differ, so all rows are sent once more. */
async function renameRows(connection: Connection, sync: Sync): Promise<void> {
  const { dialect } = connection;
  const id = dialect.fingerprint([sql`key`]);
  await connection.run(
    sql`UPDATE ${nameOf(syncState(sync.name))} SET row_id = ${id}, fingerprint = CASE WHEN fingerprint IS NULL THEN NULL ELSE 0 END`,
  );
  await connection.run(sql`UPDATE ${nameOf(syncRows)} SET row_id = ${id}, fingerprint = NULL WHERE sync = ${sync.name}`);
}

/** Rows that equal what was confirmed under the old mapping count as confirmed under the new one. */
async function keepConfirmed(connection: Connection, context: SyncContext, sync: Sync, mapping: Mapping, head: SyncHead): Promise<void> {
  const known = columnsOf(context.project, sync);
  if (known !== undefined && head.mapping.columns.some((column) => !known.has(column))) return;
  if ("changes" in sync.from) return;
  const state = syncState(sync.name);
  const before = wantedRows(context, sync, head.mapping);
  const after = wantedRows(context, sync, mapping);
  const equal = sql`SELECT s.row_id, s.key, s.entity_id, a.row_fingerprint AS fingerprint, s.confirmed_at, s.run_id
FROM ${nameOf(state)} AS s
JOIN (${keyIsUnique(sync) ? before : firstOfKey(before)}) AS b ON b.row_id = s.row_id AND b.row_fingerprint = s.fingerprint
JOIN (${keyIsUnique(sync) ? after : firstOfKey(after)}) AS a ON a.row_id = s.row_id`;
  for (const statement of connection.dialect.upsert(state, equal)) await connection.run(statement);
  await writeHead(connection, sync.name, { ...head, mapping: definitionOf(mapping) });
}
