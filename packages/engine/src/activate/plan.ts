import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { syncRows, syncState } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type SyncHead, readHead } from "./head.js";
import { type Mapping, compileMapping } from "./mapping.js";
import { firstOfKey, keyIsUnique, rankedOfKey, wantedRows } from "./rows.js";
import { type SyncContext, kindOf } from "./source.js";

/**
 * The difference between what a destination should have and what it confirmed, in temporary tables of the connection:
 *
 * 1. `sync_matched`: rows that may differ, wanted beside confirmed. Full: one join of everything wanted with everything
 *    confirmed, by row id, keeping where fingerprints differ. Incremental: the rows, wanted or confirmed, of the entities
 *    that cycles changed since the sync was last even (`sync_candidates`). Both: rows with a try that is due.
 * 2. `sync_plan`: those of them to deliver, numbered, with the mapped columns.
 *
 * A waiting row is planned even where wanted equals confirmed: its last try may have arrived. A key is in the plan once,
 * whatever the tables behind it hold.
 */
export interface SyncPlan {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Rows to deliver: the three above. */
  readonly rows: number;
  /** Rows that share their key with another one and are not sent. */
  readonly duplicates: number;
  /** Confirmed rows before the run; counted only where a guard asks. */
  readonly confirmed: number;
  readonly toCycle: number;
  readonly toChange: number;
  readonly full: boolean;
}

export interface PlanOptions {
  readonly head?: SyncHead | undefined;
  /** Compare everything, even where following the changes would do. */
  readonly full?: boolean | undefined;
  readonly mapping?: Mapping | undefined;
}

/** Counts and the temporary table `sync_plan`; changes nothing that lasts. */
export async function planSync(
  connection: Connection,
  project: Project,
  sync: Sync,
  now: Instant,
  options: PlanOptions = {},
): Promise<SyncPlan> {
  const context: SyncContext = { project, dialect: connection.dialect, now };
  const mapping = options.mapping ?? compileMapping(sync);
  const head = "head" in options ? options.head : await readHead(connection, sync.name);
  for (const statement of connection.dialect.createTable(syncState(sync.name))) await connection.run(statement);
  return connection.transaction(async () => {
    const toCycle = await largest(connection, sql`SELECT max(cycle_id) AS n FROM ops.cycles`);
    const incremental = options.full !== true && head !== undefined && followsChanges(sync);
    const run: PlanRun = { connection, context, sync, mapping, head, now, toCycle };
    if ("changes" in sync.from) return planLog(run);
    const sharedKeys = incremental ? await matchTouched(run, head) : await matchAll(run);
    await connection.run(connection.dialect.tempTable("sync_plan", resolved(run)));
    await dropRepeats(run);
    const duplicates = sharedKeys === 0 ? 0 : await countLosers(connection);
    return { ...(await counted(run)), duplicates, toCycle, toChange: 0, full: !incremental };
  });
}

interface PlanRun {
  readonly connection: Connection;
  readonly context: SyncContext;
  readonly sync: Sync;
  readonly mapping: Mapping;
  readonly head: SyncHead | undefined;
  readonly now: Instant;
  readonly toCycle: number;
}

/** Models have no change table, and a condition on the clock changes without an entity changing. */
export function followsChanges(sync: Sync): boolean {
  if ("model" in sync.from) return false;
  const where = "entity" in sync.from ? sync.from.where : undefined;
  return where === undefined || !/"(within_last|not_within_last|within_next)":/.test(JSON.stringify(where));
}

/** Whether rows that leave the wanted set are taken out at the destination. */
export function removesRows(sync: Sync): boolean {
  return (sync.mode === "mirror" || sync.mode === "add_remove") && sync.on_leave !== "nothing";
}

const stateOf = (sync: Sync) => nameOf(syncState(sync.name));

function dueRows({ context, sync, now }: PlanRun): Sql {
  return sql`SELECT row_id FROM ${nameOf(syncRows)} WHERE sync = ${sync.name} AND state = 'waiting' AND next_at <= ${context.dialect.timestamp(now)}`;
}

/** Fills `sync_matched` by one join over everything; returns how many candidate keys several rows share. */
async function matchAll(run: PlanRun): Promise<number> {
  const { connection, sync } = run;
  await connection.run(connection.dialect.tempTable("sync_matched", differingRows(run)));
  const due = await largest(connection, sql`SELECT count(*) AS n FROM (${dueRows(run)}) AS d`);
  if (due === 0 && keyIsUnique(sync)) return 0;
  const ids = sql`SELECT DISTINCT row_id FROM sync_matched${due === 0 ? empty : sql` UNION ${dueRows(run)}`}`;
  await connection.run(connection.dialect.tempTable("sync_candidates", ids));
  const shared = keyIsUnique(sync) ? 0 : await findDuplicates(run);
  if (due > 0 || shared > 0) await connection.run(connection.dialect.tempTable("sync_matched", matchedCandidates(run, shared > 0)));
  return shared;
}

/** Fills `sync_matched` with the rows of entities that changed; returns how many candidate keys several rows share. */
async function matchTouched(run: PlanRun, head: SyncHead): Promise<number> {
  const { connection, context, sync } = run;
  await connection.run(connection.dialect.tempTable("sync_candidates", touchedRows(run, head)));
  const shared = keyIsUnique(sync) ? 0 : await findDuplicates(run);
  // Where keys are unique, only the entities themselves can own a candidate row; elsewhere anyone may share its key.
  const entities = sql`${touchedEntities(context, sync, head.toCycle, run.toCycle)} UNION SELECT entity_id FROM ${nameOf(syncRows)} WHERE sync = ${sync.name} AND entity_id IS NOT NULL`;
  const matched = matchedCandidates(run, shared > 0, keyIsUnique(sync) ? entities : undefined);
  await connection.run(connection.dialect.tempTable("sync_matched", matched));
  return shared;
}

/** Columns of `sync_matched`: the row's own, whether it is wanted, and what is confirmed of it. */
function matchedColumns({ mapping }: PlanRun): Sql {
  const values = mapping.columns.map((_, index) => sql`, w.${name(`c${index}`)}`);
  return sql`w.row_key, w.entity_id, w.row_fingerprint, w.row_id IS NOT NULL AS is_wanted, s.row_id IS NOT NULL AS has_prior, s.fingerprint AS confirmed${join(values, "")}`;
}

function differingRows(run: PlanRun): Sql {
  const { context, sync, mapping } = run;
  const both = removesRows(sync) ? sql`FULL OUTER JOIN` : sql`LEFT JOIN`;
  return sql`/* rows of sync ${sync.name} whose wanted and confirmed fingerprints differ */
SELECT coalesce(w.row_id, s.row_id) AS row_id, ${matchedColumns(run)}
FROM (${wantedRows(context, sync, mapping)}) AS w ${both} (SELECT row_id, fingerprint FROM ${stateOf(sync)}) AS s ON s.row_id = w.row_id
WHERE ${context.dialect.differs(sql`w.row_fingerprint`, sql`s.fingerprint`)}`;
}

function matchedCandidates(run: PlanRun, hasDuplicates: boolean, entities?: Sql): Sql {
  const { context, sync, mapping } = run;
  const candidates = sql`SELECT row_id FROM sync_candidates`;
  const rows = wantedRows(context, sync, mapping, { entities, among: candidates });
  return sql`/* candidates of sync ${sync.name}, wanted beside confirmed */
SELECT c.row_id, ${matchedColumns(run)} FROM sync_candidates AS c
LEFT JOIN (${hasDuplicates ? firstOfKey(rows) : rows}) AS w ON w.row_id = c.row_id
LEFT JOIN (SELECT row_id, fingerprint FROM ${stateOf(sync)} WHERE row_id IN (${candidates})) AS s ON s.row_id = c.row_id`;
}

function touchedRows(run: PlanRun, head: SyncHead): Sql {
  const { context, sync, mapping, toCycle } = run;
  const touched = touchedEntities(context, sync, head.toCycle, toCycle);
  return sql`/* rows of sync ${sync.name} whose entities changed in cycles ${head.toCycle} to ${toCycle} */
SELECT row_id FROM (${wantedRows(context, sync, mapping, { entities: touched })}) AS keyed
UNION SELECT row_id FROM ${stateOf(sync)} WHERE entity_id IN (${touched})
UNION ${dueRows(run)}`;
}

function touchedEntities(context: SyncContext, sync: Sync, fromCycle: number, toCycle: number): Sql {
  const kind = kindOf(context.project, sync) as string;
  return sql`SELECT entity_id FROM growth.changes WHERE kind = ${kind} AND cycle_id > ${fromCycle} AND cycle_id <= ${toCycle}`;
}

/** Rows of candidate keys that several rows share, ranked, in `sync_shared`; returns how many keys. */
async function findDuplicates(run: PlanRun): Promise<number> {
  const { connection, context, sync, mapping } = run;
  const among = (ids: string) => wantedRows(context, sync, mapping, { among: sql`SELECT row_id FROM ${name(ids)}` });
  await connection.run(
    connection.dialect.tempTable(
      "sync_duplicates",
      sql`/* keys that several rows share */ SELECT row_id FROM (${among("sync_candidates")}) AS r GROUP BY row_id HAVING count(*) > 1`,
    ),
  );
  const keys = await largest(connection, sql`SELECT count(*) AS n FROM sync_duplicates`);
  if (keys > 0) await connection.run(connection.dialect.tempTable("sync_shared", rankedOfKey(among("sync_duplicates"))));
  return keys;
}

/** Rows that lose to another of their key, among keys that the plan delivers; kept in `sync_losers`. */
async function countLosers(connection: Connection): Promise<number> {
  await connection.run(
    connection.dialect.tempTable(
      "sync_losers",
      sql`SELECT row_key, entity_id FROM sync_shared WHERE place > 1 AND row_id IN (SELECT row_id FROM sync_plan)`,
    ),
  );
  return largest(connection, sql`SELECT count(*) AS n FROM sync_losers`);
}

function resolved(run: PlanRun): Sql {
  const { context, sync } = run;
  const { dialect } = context;
  const change = sql`CASE WHEN NOT m.is_wanted THEN 'remove' WHEN m.confirmed IS NULL THEN 'add' ELSE 'change' END`;
  const changes = removesRows(sync) ? empty : sql` AND m.is_wanted`;
  const addsOnly = sync.mode === "append" ? sql` AND NOT m.has_prior` : empty;
  const sameAsTried = sql`r.change = ${change} AND NOT ${dialect.differs(sql`r.fingerprint`, sql`m.row_fingerprint`)}`;
  return sql`/* rows that sync ${sync.name} delivers */
SELECT row_number() OVER () - 1 AS ordinal, p.* FROM (
SELECT m.row_id, coalesce(m.row_key, s.key, r.key) AS row_key, coalesce(m.entity_id, s.entity_id, r.entity_id) AS entity_id,
m.row_fingerprint, ${change} AS change, m.has_prior, coalesce(r.attempts, 0) AS attempts,
CASE WHEN ${sameAsTried} THEN r.first_run END AS first_run${columnsOfPlan(run)}
FROM sync_matched AS m
LEFT JOIN (SELECT row_id, key, entity_id FROM ${stateOf(sync)} WHERE row_id IN (${leftRows})) AS s ON s.row_id = m.row_id
LEFT JOIN (SELECT * FROM ${nameOf(syncRows)} WHERE sync = ${sync.name}) AS r ON r.row_id = m.row_id${formerRows(run)}
WHERE (${dialect.differs(sql`m.row_fingerprint`, sql`m.confirmed`)} OR coalesce(r.state = 'waiting', FALSE))
AND (r.state IS NULL OR (r.state = 'waiting' AND r.next_at <= ${dialect.timestamp(run.now)})
 OR (r.state = 'failed' AND (${dialect.differs(sql`r.fingerprint`, sql`m.row_fingerprint`)})))${changes}${addsOnly}
) AS p`;
}

/**
 * A row that a source or the confirmed table holds twice joins to itself here: n times sent would be n × n times confirmed,
 * and n × n × n × n at the next run. Sent once, it is confirmed once, and the confirmed table has mended itself.
 */
async function dropRepeats({ connection, mapping }: PlanRun): Promise<void> {
  const repeats = await largest(connection, sql`SELECT count(*) - count(DISTINCT row_id) AS n FROM sync_plan`);
  if (repeats === 0) return;
  const columns = join(
    mapping.columns.map((_, index) => sql`, ${name(`c${index}`)}`),
    "",
  );
  await connection.run(
    connection.dialect.tempTable(
      "sync_plan",
      sql`/* a key once */ SELECT row_number() OVER () - 1 AS ordinal, row_id, row_key, entity_id, row_fingerprint, change, has_prior, attempts, first_run${columns}
FROM (SELECT p.*, row_number() OVER (PARTITION BY row_id ORDER BY ordinal) AS place FROM sync_plan AS p) AS ranked WHERE place = 1`,
    ),
  );
}

const leftRows = sql`SELECT row_id FROM sync_matched WHERE NOT is_wanted`;

/** Columns of a row that left come from its entity as it is now, where the source has entities. */
function columnsOfPlan({ sync, mapping }: PlanRun): Sql {
  const former = removesRows(sync) && !("model" in sync.from);
  return join(
    mapping.columns.map((_, index) => {
      const column = name(`c${index}`);
      return former ? sql`, CASE WHEN m.is_wanted THEN m.${column} ELSE f.${column} END AS ${column}` : sql`, m.${column}`;
    }),
    "",
  );
}

function formerRows({ context, sync, mapping }: PlanRun): Sql {
  const kind = kindOf(context.project, sync);
  if (!removesRows(sync) || kind === undefined) return empty;
  const entities = sql`SELECT entity_id FROM ${stateOf(sync)} WHERE row_id IN (${leftRows})`;
  const whole = wantedRows(context, { ...sync, from: { entity: kind } }, mapping, { entities });
  return sql`\nLEFT JOIN (${keyIsUnique(sync) ? whole : firstOfKey(whole)}) AS f ON f.row_id = m.row_id AND NOT m.is_wanted`;
}

/** Appends follow the log by change id; a row waits behind an earlier one of its entity that waits. */
async function planLog(run: PlanRun): Promise<SyncPlan> {
  const { connection, context, sync, mapping, head, now } = run;
  const { dialect } = context;
  const rows = wantedRows(context, sync, mapping, { afterChange: head?.changeId ?? 0 });
  const tried = sql`SELECT * FROM ${nameOf(syncRows)} WHERE sync = ${sync.name}`;
  const waits = sql`SELECT entity_id FROM (${tried}) AS r WHERE state = 'waiting' AND next_at > ${dialect.timestamp(now)}`;
  await connection.run(
    dialect.tempTable(
      "sync_plan",
      sql`/* changes that sync ${sync.name} appends, in their order */
SELECT row_number() OVER (ORDER BY ${dialect.cast(sql`w.row_key`, "integer")}) - 1 AS ordinal, w.*, 'add' AS change, FALSE AS has_prior, coalesce(r.attempts, 0) AS attempts, r.first_run
FROM (${rows}) AS w LEFT JOIN ${stateOf(sync)} AS s ON s.row_id = w.row_id LEFT JOIN (${tried}) AS r ON r.row_id = w.row_id
WHERE s.row_id IS NULL AND coalesce(r.state, 'waiting') = 'waiting' AND w.entity_id NOT IN (${waits})`,
    ),
  );
  const toChange = await largest(connection, sql`SELECT max(change_id) AS n FROM growth.audience_changes`);
  return { ...(await counted(run)), duplicates: 0, toCycle: run.toCycle, toChange, full: false };
}

async function counted({ connection, sync }: PlanRun) {
  const rows = await connection.read<{ change: string; n: number }>(sql`SELECT change, count(*) AS n FROM sync_plan GROUP BY change`);
  const of = (change: string) => rows.find((row) => row.change === change)?.n ?? 0;
  const [added, changed, removed] = [of("add"), of("change"), of("remove")];
  const confirmed = sync.guard === undefined ? 0 : await largest(connection, sql`SELECT count(fingerprint) AS n FROM ${stateOf(sync)}`);
  return { added, changed, removed, rows: added + changed + removed, confirmed };
}

async function largest(connection: Connection, query: Sql): Promise<number> {
  return Number((await connection.first(query))?.["n"] ?? 0);
}
