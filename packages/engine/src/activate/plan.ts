import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { syncState } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type SyncHead, readHead } from "./head.js";
import { type Known, knownOf } from "./known.js";
import { type Mapping, compileMapping } from "./mapping.js";
import { type Matched, type PlanRun, dueRows, largest, matchRows, removesRows } from "./match.js";
import { firstOfKey, keyIsUnique, wantedRows } from "./rows.js";
import { type SyncContext, kindOf } from "./source.js";

/**
 * The difference between what a destination should have and what it confirmed, in temporary tables of the connection:
 *
 * 1. `sync_matched` (`match.ts`): rows that may differ, wanted beside confirmed.
 * 2. `sync_plan`: those of them to deliver, numbered, with the mapped columns.
 *
 * A waiting row is planned even where wanted equals confirmed: its last try may have arrived. A key is in the plan once,
 * whatever the tables behind it hold. Where nothing may differ there is no `sync_plan`: `rows` says so.
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
  /** What is confirmed and tried, where that is not what the tables say. */
  readonly known?: Known | undefined;
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
  // Whoever has a head has a table of confirmed rows.
  if (head === undefined && options.known === undefined)
    for (const statement of connection.dialect.createTable(syncState(sync.name))) await connection.run(statement);
  const known = options.known ?? knownOf(sync);
  return connection.transaction(async () => {
    const { cycle, due } = await newest(connection, known, now);
    const run: PlanRun = { connection, context, sync, mapping, head, now, toCycle: cycle, due, known };
    if ("changes" in sync.from) return planLog(run);
    const incremental = options.full !== true && head !== undefined && followsChanges(sync);
    const matched = await matchRows(run, incremental ? head.toCycle : undefined);
    const plan = { toCycle: cycle, toChange: 0, full: !incremental };
    if (matched.rows === 0) return { ...plan, added: 0, changed: 0, removed: 0, rows: 0, duplicates: 0, confirmed: 0 };
    await connection.run(connection.dialect.tempTable("sync_plan", resolved(run, matched)));
    const counts = await counted(run);
    const duplicates = matched.sharedKeys === 0 ? 0 : await countLosers(connection);
    return { ...plan, ...counts, duplicates };
  });
}

async function newest(connection: Connection, known: Known, now: Instant): Promise<{ cycle: number; due: number }> {
  const row = await connection.first<{ cycle: number | null; due: number }>(sql`/* how far the cycles are, and tries that are due */
SELECT (SELECT max(cycle_id) FROM ops.cycles) AS cycle, (SELECT count(*) FROM (${dueRows(connection.dialect, known, now)}) AS d) AS due`);
  return { cycle: row?.cycle ?? 0, due: row?.due ?? 0 };
}

/** Models have no change table, and a condition on the clock changes without an entity changing. */
export function followsChanges(sync: Sync): boolean {
  if ("model" in sync.from) return false;
  const where = "entity" in sync.from ? sync.from.where : undefined;
  return where === undefined || !/"(within_last|not_within_last|within_next)":/.test(JSON.stringify(where));
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

function resolved(run: PlanRun, { left }: Matched): Sql {
  const { context, sync, known } = run;
  const { dialect } = context;
  const change = sql`CASE WHEN NOT m.is_wanted THEN 'remove' WHEN m.confirmed IS NULL THEN 'add' ELSE 'change' END`;
  const changes = removesRows(sync) ? empty : sql` AND m.is_wanted`;
  const addsOnly = sync.mode === "append" ? sql` AND NOT m.has_prior` : empty;
  const sameAsTried = sql`r.change = ${change} AND NOT ${dialect.differs(sql`r.fingerprint`, sql`m.row_fingerprint`)}`;
  return sql`/* rows that sync ${sync.name} delivers */
SELECT row_number() OVER () - 1 AS ordinal, p.* FROM (
SELECT m.row_id, coalesce(m.row_key, ${left ? sql`s.key, ` : empty}r.key) AS row_key, coalesce(m.entity_id, ${left ? sql`s.entity_id, ` : empty}r.entity_id) AS entity_id,
m.row_fingerprint, ${change} AS change, m.has_prior, coalesce(r.attempts, 0) AS attempts,
CASE WHEN ${sameAsTried} THEN r.first_run END AS first_run${columnsOfPlan(run, left)}
FROM sync_matched AS m
LEFT JOIN ${known.tried} AS r ON r.row_id = m.row_id${left ? formerRows(run) : empty}
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
function columnsOfPlan({ sync, mapping }: PlanRun, left: boolean): Sql {
  const former = left && removesRows(sync) && !("model" in sync.from);
  return join(
    mapping.columns.map((_, index) => {
      const column = name(`c${index}`);
      return former ? sql`, CASE WHEN m.is_wanted THEN m.${column} ELSE f.${column} END AS ${column}` : sql`, m.${column}`;
    }),
    "",
  );
}

/** What is known of rows that left: how they were confirmed, and their entities as they are now. */
function formerRows({ context, sync, mapping, known }: PlanRun): Sql {
  const kind = kindOf(context.project, sync);
  const confirmed = sql`\nLEFT JOIN (SELECT row_id, key, entity_id FROM ${known.confirmed} WHERE row_id IN (${leftRows})) AS s ON s.row_id = m.row_id`;
  if (!removesRows(sync) || kind === undefined) return confirmed;
  const entities = sql`SELECT entity_id FROM ${known.confirmed} WHERE row_id IN (${leftRows})`;
  const whole = wantedRows(context, { ...sync, from: { entity: kind } }, mapping, { entities });
  return sql`${confirmed}\nLEFT JOIN (${keyIsUnique(sync) ? whole : firstOfKey(whole)}) AS f ON f.row_id = m.row_id AND NOT m.is_wanted`;
}

/** Appends follow the log by change id; a row waits behind an earlier one of its entity that waits. */
async function planLog(run: PlanRun): Promise<SyncPlan> {
  const { connection, context, sync, mapping, head, now, known } = run;
  const { dialect } = context;
  const rows = wantedRows(context, sync, mapping, { afterChange: head?.changeId ?? 0 });
  const columns = ["row_id", "row_key", "entity_id", "row_fingerprint", ...mapping.columns.map((_, index) => `c${index}`)];
  const waits = sql`SELECT entity_id FROM ${known.tried} AS r WHERE state = 'waiting' AND next_at > ${dialect.timestamp(now)}`;
  await connection.run(
    dialect.tempTable(
      "sync_plan",
      sql`/* changes that sync ${sync.name} appends, in their order */
SELECT row_number() OVER (ORDER BY ${dialect.cast(sql`w.row_key`, "integer")}) - 1 AS ordinal, ${join(columns.map((column) => sql`w.${name(column)}`))}, 'add' AS change, FALSE AS has_prior, coalesce(r.attempts, 0) AS attempts, r.first_run
FROM (${rows}) AS w LEFT JOIN ${known.confirmed} AS s ON s.row_id = w.row_id LEFT JOIN ${known.tried} AS r ON r.row_id = w.row_id
WHERE s.row_id IS NULL AND coalesce(r.state, 'waiting') = 'waiting' AND w.entity_id NOT IN (${waits})`,
    ),
  );
  const toChange = await largest(connection, sql`SELECT max(change_id) AS n FROM growth.audience_changes`);
  return { ...(await counted(run)), duplicates: 0, toCycle: run.toCycle, toChange, full: false };
}

/** Counts of the plan, in which each row stands once afterwards. */
async function counted(run: PlanRun): Promise<Pick<SyncPlan, "added" | "changed" | "removed" | "rows" | "confirmed">> {
  const { connection, sync, known } = run;
  const of = (change: string) => connection.dialect.filtered(sql`count(*)`, sql`change = ${change}`);
  const confirmed = sync.guard === undefined ? sql`0` : sql`(SELECT count(fingerprint) FROM ${known.confirmed})`;
  const counts = await connection.first<Record<"added" | "changed" | "removed" | "repeated" | "confirmed", number>>(
    sql`/* what sync ${sync.name} delivers */ SELECT ${of("add")} AS added, ${of("change")} AS changed, ${of("remove")} AS removed,
count(*) - count(DISTINCT row_id) AS repeated, ${confirmed} AS confirmed FROM sync_plan`,
  );
  if (counts === undefined) throw new RangeError("a count without a row");
  if (counts.repeated > 0) {
    await dropRepeats(run);
    return counted(run);
  }
  const { added, changed, removed } = counts;
  return { added, changed, removed, rows: added + changed + removed, confirmed: counts.confirmed };
}
