import type { Sync } from "../project/kinds/sync.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, columnNames, nameOf } from "../warehouse/table.js";
import { syncRows, syncState } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type SyncHead, definitionOf, targetOf, writeHead } from "./head.js";
import { type Known, knownOf } from "./known.js";
import type { Mapping } from "./mapping.js";
import { firstOfKey, keyIsUnique, wantedRows } from "./rows.js";
import type { SyncContext } from "./source.js";
import { columnsOf } from "./wanted.js";

/**
 * Confirmed and tried rows that belong to another target, mapping or fingerprint function than a sync has now, as they
 * shall be: said as queries, which a run puts in force and a dry run only looks at.
 */
export interface InLine {
  readonly head: SyncHead | undefined;
  /** The head is written with the rows; else by the run that follows. */
  readonly writesHead: boolean;
  /** Rows as they shall be, with their table's columns; absent where they stay. */
  readonly confirmed?: Sql;
  readonly tried?: Sql;
}

export interface LineUp {
  readonly connection: Connection;
  readonly context: SyncContext;
  readonly sync: Sync;
  readonly mapping: Mapping;
}

/** Reads, and changes nothing. */
export async function inLine(line: LineUp, head: SyncHead | undefined): Promise<InLine> {
  const { connection, sync, mapping } = line;
  if (head === undefined) return firstHead(line);
  if (head.target !== targetOf(sync)) return newTarget(line, head);
  const { fingerprintVersion } = connection.dialect;
  const otherHash = head.fingerprintVersion !== fingerprintVersion;
  const renamed = otherHash ? renamedRows(line) : {};
  if (head.mapping.fingerprint === mapping.fingerprint) return { head: { ...head, fingerprintVersion }, writesHead: false, ...renamed };
  const next = { ...head, fingerprintVersion, mapping: definitionOf(mapping) };
  const kept = sync.on_mapping_change === "keep" && !otherHash ? keptRows(line, head) : undefined;
  return kept === undefined ? { head: next, writesHead: false, ...renamed } : { head: next, writesHead: true, confirmed: kept };
}

/** Makes the tables so. New rows come before old ones go: whatever a crash leaves is brought in line by the next run. */
export async function putInLine(connection: Connection, sync: Sync, { head, writesHead, confirmed, tried }: InLine): Promise<Known> {
  await connection.transaction(async () => {
    for (const statement of connection.dialect.createTable(syncState(sync.name))) await connection.run(statement);
    if (confirmed !== undefined) await replaceRows(connection, syncState(sync.name), confirmed, sql`TRUE`);
    if (tried !== undefined) await replaceRows(connection, syncRows, tried, sql`sync = ${sync.name}`);
    if (writesHead && head !== undefined) await writeHead(connection, sync.name, head);
  });
  return knownOf(sync);
}

/** The same as temporary tables, with the real ones as they are. */
export async function showInLine(connection: Connection, sync: Sync, { head, confirmed, tried }: InLine): Promise<Known> {
  const known = knownOf(sync);
  const shown = async (table: string, rows: Sql | undefined) => {
    if (rows === undefined) return undefined;
    await connection.run(connection.dialect.tempTable(table, rows));
    return name(table);
  };
  // A sync that never ran has no table of confirmed rows yet.
  return {
    confirmed: (await shown("sync_confirmed", confirmed ?? (head === undefined ? noRows(connection) : undefined))) ?? known.confirmed,
    tried: (await shown("sync_tried", tried)) ?? known.tried,
  };
}

async function replaceRows(connection: Connection, spec: TableSpec, rows: Sql, scope: Sql): Promise<void> {
  const { dialect } = connection;
  const key = spec.key.at(-1) as string;
  await connection.run(dialect.tempTable("sync_in_line", rows));
  for (const statement of dialect.upsert(spec, sql`SELECT * FROM sync_in_line`)) await connection.run(statement);
  await connection.run(dialect.deleteWhere(spec, sql`${scope} AND ${name(key)} NOT IN (SELECT ${name(key)} FROM sync_in_line)`));
}

/** The first run: everything is new, or (`first_run: new`) what is there now counts as delivered. */
async function firstHead({ connection, context, sync, mapping }: LineUp): Promise<InLine> {
  if (sync.first_run === "all") return { head: undefined, writesHead: false };
  const { dialect } = connection;
  const newest = await connection.first<{ cycle: number | null; change: number | null }>(
    sql`SELECT (SELECT max(cycle_id) FROM ops.cycles) AS cycle, (SELECT max(change_id) FROM growth.audience_changes) AS change`,
  );
  const head = {
    ...emptyHead(connection, sync, mapping),
    toCycle: newest?.cycle ?? 0,
    changeId: newest?.change ?? 0,
    message: "started from what was there",
  };
  if ("changes" in sync.from) return { head, writesHead: true, confirmed: noRows(connection) };
  const rows = wantedRows(context, sync, mapping);
  const confirmed = sql`/* what sync ${sync.name} starts from */
SELECT row_id, row_key AS key, entity_id, row_fingerprint AS fingerprint, ${dialect.timestamp(context.now)} AS confirmed_at, 0 AS run_id
FROM (${keyIsUnique(sync) ? rows : firstOfKey(rows)}) AS w`;
  return { head, writesHead: true, confirmed };
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
function newTarget({ connection, sync, mapping }: LineUp, { changeId }: SyncHead): InLine {
  const message = "the target changed: every row is sent to it";
  return {
    head: { ...emptyHead(connection, sync, mapping), changeId, message },
    writesHead: true,
    confirmed: noRows(connection),
    tried: sql`SELECT * FROM ${nameOf(syncRows)} WHERE FALSE`,
  };
}

function noRows({ dialect }: Connection): Sql {
  const none = (column: "integer" | "text" | "timestamp") => dialect.cast(sql`NULL`, column);
  return sql`SELECT ${none("integer")} AS row_id, ${none("text")} AS key, ${none("integer")} AS entity_id, ${none("integer")} AS fingerprint,
${none("timestamp")} AS confirmed_at, ${none("integer")} AS run_id WHERE FALSE`;
}

/** The engine's hash function changed: row ids are made again from the keys; fingerprints differ, so all rows are sent once more. */
function renamedRows({ connection, sync }: LineUp): Pick<InLine, "confirmed" | "tried"> {
  const { dialect } = connection;
  const id = dialect.fingerprint([sql`r.key`]);
  const renamed = (spec: TableSpec, rows: Sql, fingerprint: Sql) => {
    const values = new Map([
      ["row_id", id],
      ["fingerprint", fingerprint],
    ]);
    const columns = columnNames(spec).map((column) => sql`${values.get(column) ?? sql`r.${name(column)}`} AS ${name(column)}`);
    return sql`SELECT ${join(columns)} FROM ${rows} AS r`;
  };
  const known = knownOf(sync);
  const none = dialect.cast(sql`NULL`, "integer");
  return {
    confirmed: renamed(syncState(sync.name), known.confirmed, sql`CASE WHEN r.fingerprint IS NULL THEN ${none} ELSE 0 END`),
    tried: renamed(syncRows, known.tried, none),
  };
}

/** Rows that equal what was confirmed under the old mapping count as confirmed under the new one. */
function keptRows({ context, sync, mapping }: LineUp, head: SyncHead): Sql | undefined {
  const known = columnsOf(context.project, sync);
  if (known !== undefined && head.mapping.columns.some((column) => !known.has(column))) return undefined;
  if ("changes" in sync.from) return undefined;
  const before = wantedRows(context, sync, head.mapping);
  const after = wantedRows(context, sync, mapping);
  return sql`/* confirmed rows of sync ${sync.name}, those that stayed the same under its new mapping */
SELECT s.row_id, s.key, s.entity_id, CASE WHEN b.row_id IS NULL OR a.row_id IS NULL THEN s.fingerprint ELSE a.row_fingerprint END AS fingerprint, s.confirmed_at, s.run_id
FROM ${knownOf(sync).confirmed} AS s
LEFT JOIN (${keyIsUnique(sync) ? before : firstOfKey(before)}) AS b ON b.row_id = s.row_id AND b.row_fingerprint = s.fingerprint
LEFT JOIN (${keyIsUnique(sync) ? after : firstOfKey(after)}) AS a ON a.row_id = s.row_id`;
}
