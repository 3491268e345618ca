import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import type { SyncHead } from "./head.js";
import type { Known } from "./known.js";
import type { Mapping } from "./mapping.js";
import { firstOfKey, keyIsUnique, rankedOfKey, wantedRows } from "./rows.js";
import { type SyncContext, kindOf } from "./source.js";

/**
 * `sync_matched`: the rows of a sync that may differ, wanted beside confirmed. Full: one join of everything wanted with
 * everything confirmed, by row id, keeping where fingerprints differ. Incremental: the same of the entities in
 * `sync_touched`, which cycles changed since the sync was last even; where there are none, nothing else is read. Rows
 * with a try that is due belong to both, and rows that share a differing key are ranked.
 */
export interface PlanRun {
  readonly connection: Connection;
  readonly context: SyncContext;
  readonly sync: Sync;
  readonly mapping: Mapping;
  readonly head: SyncHead | undefined;
  readonly now: Instant;
  readonly toCycle: number;
  /** Rows whose next try is due. */
  readonly due: number;
  readonly known: Known;
}

export interface Matched {
  readonly rows: number;
  /** Some of them are not wanted any more. */
  readonly left: boolean;
  /** Keys among them that several rows share. */
  readonly sharedKeys: number;
}

/** Fills `sync_matched`: from what changed after `fromCycle`, or from everything. */
export async function matchRows(run: PlanRun, fromCycle: number | undefined): Promise<Matched> {
  const { connection, sync, due } = run;
  const follows = fromCycle !== undefined;
  if (follows) {
    const touched = await findTouched(run, fromCycle);
    if (touched === 0 && due === 0) return { rows: 0, left: false, sharedKeys: 0 };
  }
  await connection.run(connection.dialect.tempTable("sync_matched", follows ? differingAmongTouched(run) : differingRows(run)));
  const found = await countMatched(connection);
  if (due === 0 && (found.rows === 0 || keyIsUnique(sync))) return { ...found, sharedKeys: 0 };
  const ids = sql`SELECT DISTINCT row_id FROM sync_matched${due === 0 ? empty : sql` UNION ${dueRows(connection.dialect, run.known, run.now)}`}`;
  await connection.run(connection.dialect.tempTable("sync_candidates", ids));
  const sharedKeys = keyIsUnique(sync) ? 0 : await findDuplicates(run);
  if (due === 0 && sharedKeys === 0 && !follows) return { ...found, sharedKeys };
  // Where keys are unique, only the entities themselves can own a candidate row; elsewhere anyone may share its key.
  const entities = follows && keyIsUnique(sync) ? touchedIds : undefined;
  await connection.run(connection.dialect.tempTable("sync_matched", matchedCandidates(run, sharedKeys > 0, entities)));
  return { ...(await countMatched(connection)), sharedKeys };
}

/** Whether rows that leave the wanted set are taken out at the destination. */
export function removesRows(sync: Sync): boolean {
  return (sync.mode === "mirror" || sync.mode === "add_remove") && sync.on_leave !== "nothing";
}

export function dueRows(dialect: Dialect, { tried }: Known, now: Instant, column = "row_id"): Sql {
  return sql`SELECT ${name(column)} FROM ${tried} AS r WHERE state = 'waiting' AND next_at <= ${dialect.timestamp(now)}`;
}

export async function largest(connection: Connection, query: Sql): Promise<number> {
  return Number((await connection.first(query))?.["n"] ?? 0);
}

async function countMatched(connection: Connection): Promise<{ rows: number; left: boolean }> {
  const counts = await connection.first<{ n: number; gone: number }>(
    sql`/* rows that may differ */ SELECT count(*) AS n, ${connection.dialect.filtered(sql`count(*)`, sql`NOT is_wanted`)} AS gone FROM sync_matched`,
  );
  return { rows: counts?.n ?? 0, left: (counts?.gone ?? 0) > 0 };
}

const touchedIds = sql`SELECT entity_id FROM sync_touched`;

/**
 * Fills `sync_touched`: entities that cycles changed, and those of tries that are due. Of an audience only its members
 * and who is confirmed: everybody else of the kind may change as they like. Two statements, since joining a large table
 * with the log of changes itself takes thirty times as long as joining it with the few ids that come out of it.
 */
async function findTouched({ connection, context, sync, now, due, toCycle, known }: PlanRun, fromCycle: number): Promise<number> {
  const { dialect } = connection;
  const kind = kindOf(context.project, sync) as string;
  const tried =
    due === 0 ? empty : sql` UNION SELECT entity_id FROM (${dueRows(dialect, known, now, "entity_id")}) AS d WHERE entity_id IS NOT NULL`;
  const changed = sql`/* whom cycles ${fromCycle} to ${toCycle} changed, for sync ${sync.name} */
SELECT DISTINCT entity_id FROM growth.changes WHERE kind = ${kind} AND cycle_id > ${fromCycle} AND cycle_id <= ${toCycle}`;
  if ("audience" in sync.from) {
    const among = sql`entity_id IN (SELECT entity_id FROM sync_changed)`;
    await connection.run(dialect.tempTable("sync_changed", changed));
    await connection.run(
      dialect.tempTable(
        "sync_touched",
        sql`/* members and former members among them */ SELECT entity_id FROM growth.audience_members WHERE audience = ${sync.from.audience} AND NOT held_out AND ${among}
UNION SELECT entity_id FROM ${known.confirmed} WHERE fingerprint IS NOT NULL AND ${among}${tried}`,
      ),
    );
  } else await connection.run(dialect.tempTable("sync_touched", sql`${changed}${tried}`));
  return largest(connection, sql`SELECT count(*) AS n FROM sync_touched`);
}

/** Columns of `sync_matched`: the row's own, whether it is wanted, and what is confirmed of it. */
function matchedColumns({ mapping }: PlanRun): Sql {
  const values = mapping.columns.map((_, index) => sql`, w.${name(`c${index}`)}`);
  return sql`w.row_key, w.entity_id, w.row_fingerprint, w.row_id IS NOT NULL AS is_wanted, s.row_id IS NOT NULL AS has_prior, s.fingerprint AS confirmed${join(values, "")}`;
}

function differingRows(run: PlanRun): Sql {
  const { context, sync, mapping, known } = run;
  const both = removesRows(sync) ? sql`FULL OUTER JOIN` : sql`LEFT JOIN`;
  return sql`/* rows of sync ${sync.name} whose wanted and confirmed fingerprints differ */
SELECT coalesce(w.row_id, s.row_id) AS row_id, ${matchedColumns(run)}
FROM (${wantedRows(context, sync, mapping)}) AS w ${both} (SELECT row_id, fingerprint FROM ${known.confirmed}) AS s ON s.row_id = w.row_id
WHERE ${context.dialect.differs(sql`w.row_fingerprint`, sql`s.fingerprint`)}`;
}

/** A row may have been confirmed for another entity: what is confirmed is looked up by entity and by row. */
function differingAmongTouched(run: PlanRun): Sql {
  const { context, sync, mapping, known } = run;
  const confirmed = sql`SELECT row_id, fingerprint FROM ${known.confirmed} WHERE`;
  return sql`/* rows of sync ${sync.name} that differ among those of entities that changed */
WITH wanted_now AS (${wantedRows(context, sync, mapping, { entities: touchedIds })})
SELECT coalesce(w.row_id, s.row_id) AS row_id, ${matchedColumns(run)}
FROM wanted_now AS w FULL OUTER JOIN (${confirmed} entity_id IN (${touchedIds}) UNION ${confirmed} row_id IN (SELECT row_id FROM wanted_now)) AS s ON s.row_id = w.row_id
WHERE ${context.dialect.differs(sql`w.row_fingerprint`, sql`s.fingerprint`)}`;
}

function matchedCandidates(run: PlanRun, hasDuplicates: boolean, entities?: Sql): Sql {
  const { context, sync, mapping, known } = run;
  const candidates = sql`SELECT row_id FROM sync_candidates`;
  const rows = wantedRows(context, sync, mapping, { entities, among: candidates });
  return sql`/* candidates of sync ${sync.name}, wanted beside confirmed */
SELECT c.row_id, ${matchedColumns(run)} FROM sync_candidates AS c
LEFT JOIN (${hasDuplicates ? firstOfKey(rows) : rows}) AS w ON w.row_id = c.row_id
LEFT JOIN (SELECT row_id, fingerprint FROM ${known.confirmed} WHERE row_id IN (${candidates})) AS s ON s.row_id = c.row_id`;
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
