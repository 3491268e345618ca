import { type SyncHead, readHeads, targetOf } from "../../activate/head.js";
import { type WantedValues, wantedValues } from "../../activate/wanted-values.js";
import { messageOf } from "../../base/errors.js";
import type { Instant } from "../../base/instant.js";
import type { Sync } from "../../project/kinds/sync.js";
import type { Project } from "../../project/project.js";
import { carriedFrom, carriedTo } from "../../warehouse/carried.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { type ColumnType, type TableColumn, type TableSpec, columnNames, nameOf } from "../../warehouse/table.js";
import { syncRows, syncSending, syncState } from "../../warehouse/tables/ops.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { CopiedTable, TableChange } from "./copied-table.js";

/**
 * Rows that syncs have confirmed, tried or are sending carry hashes of the engine that made them: of the key, and of the
 * values. Between engines whose hashes differ they travel without. The key's is made again from the key. The values' becomes
 * that of the target's own row, where that row has the very values that the destination confirmed; where it has others, or
 * the source was about to send others, it becomes one that no row has, and the row is sent.
 */
export function hasSyncHashes(spec: TableSpec): boolean {
  return spec === syncRows || spec === syncSending || spec.table.startsWith(syncState("").table);
}

/** Heads say which function their rows' hashes are of. */
export function headsChange(source: Connection, target: Connection): TableChange {
  const [from, to] = [source.dialect.fingerprintVersion, target.dialect.fingerprintVersion];
  return { column: "fingerprint_version", value: (came) => sql`CASE WHEN ${came} = ${from} THEN ${to} ELSE ${came} END` };
}

/** Why rows of a sync are sent once more than they would be without the copy. */
export interface SyncNote {
  readonly sync: string;
  readonly message: string;
}

interface Sides {
  readonly source: Connection;
  readonly target: Connection;
  readonly project: Project;
  readonly now: Instant;
  readonly note: (note: SyncNote) => void;
}

/** The tables' rows by sync, each as a table of its own. */
export async function syncTables(sides: Sides, specs: readonly TableSpec[]): Promise<CopiedTable[]> {
  const heads = await readHeads(sides.source);
  const tables: CopiedTable[] = [];
  for (const spec of specs) {
    for (const sync of await syncsIn(sides.source, spec)) {
      const definition = sides.project.syncs.find((each) => each.name === sync);
      tables.push(await syncTable(sides, spec, sync, usual(sides, definition, heads.get(sync))));
    }
  }
  return tables;
}

/** A sync and its head, where the confirmed hashes are those of its source's rows now. */
type Usual = { readonly definition: Sync; readonly head: SyncHead } | undefined;

function usual({ source }: Sides, definition: Sync | undefined, head: SyncHead | undefined): Usual {
  if (definition === undefined || head === undefined) return undefined;
  return head.target === targetOf(definition) && head.fingerprintVersion === source.dialect.fingerprintVersion
    ? { definition, head }
    : undefined;
}

async function syncsIn(source: Connection, spec: TableSpec): Promise<string[]> {
  if (spec !== syncRows && spec !== syncSending) return [spec.table.slice(syncState("").table.length)];
  const found = await source.read<{ sync: string }>(
    sql`/* syncs with rows here */ SELECT DISTINCT sync FROM ${nameOf(spec)} ORDER BY sync`,
  );
  return found.map((row) => row.sync);
}

async function valuesOn(connection: Connection, { project, now, note }: Sides, of: Usual): Promise<WantedValues | undefined> {
  if (of === undefined) return undefined;
  try {
    return await wantedValues(connection, project, of.definition, of.head.mapping, now);
  } catch (thrown) {
    note({ sync: of.definition.name, message: `its rows are sent once more, since what it wants cannot be read: ${messageOf(thrown)}` });
    return undefined;
  }
}

/** What no row's hash is, but by chance. */
const noHash = sql`0`;

async function syncTable(sides: Sides, spec: TableSpec, sync: string, of: Usual): Promise<CopiedTable> {
  const { source, target } = sides;
  const isShared = Object.hasOwn(spec.columns, "sync");
  const scope = isShared ? sql`sync = ${sync}` : sql`TRUE`;
  const others = columnNames(spec).filter((column) => column !== "row_id" && column !== "fingerprint");
  const typed = others.map((column): TableColumn => ({ name: column, type: spec.columns[column]?.replace("?", "") as ColumnType }));
  const travelling: TableColumn[] = [...typed, { name: "has_hash", type: "boolean" }, { name: "values_id", type: "integer" }];
  const wanted = await valuesOn(source, sides, of);
  return {
    spec,
    label: `${spec.schema}.${spec.table}${isShared ? ` (${sync})` : ""}`,
    scope,
    planned: scope,
    splitBy: "row_id",
    growsOnly: false,
    carried: travelling.flatMap((column) => carriedFrom(source.dialect, column, `c_${column.name}`)),
    rowsOf: (condition) => leavingRows(source, spec, others, condition, wanted),
    values: {
      ...Object.fromEntries(typed.map((column) => [column.name, carriedTo(target.dialect, column, `c_${column.name}`)])),
      row_id: target.dialect.fingerprint([name("c_key")]),
      fingerprint: sql`CASE WHEN c_has_hash THEN coalesce(c_values_id, ${noHash}) END`,
    },
    added: [],
    compared: () => [
      ...typed.map((column) => ({ expression: name(column.name), type: column.type })),
      { expression: sql`(fingerprint IS NOT NULL)`, type: "boolean" },
    ],
    comparedByPiece: false,
    finish: async () => giveHashes(target, spec, scope, await valuesOn(target, sides, of)),
  };
}

/** Rows of a piece, with the number of their values where the destination has the values that are wanted now. */
function leavingRows(
  source: Connection,
  spec: TableSpec,
  others: readonly string[],
  condition: Sql,
  wanted: WantedValues | undefined,
): Sql {
  const rows = sql`SELECT * FROM ${nameOf(spec)} WHERE ${condition}`;
  const listed = join([...others.map((column) => sql`s.${name(column)}`), sql`(s.fingerprint IS NOT NULL) AS has_hash`]);
  if (wanted === undefined) return sql`SELECT ${listed}, ${source.dialect.cast(sql`NULL`, "integer")} AS values_id FROM (${rows}) AS s`;
  const among = wanted(sql`SELECT row_id FROM ${nameOf(spec)} WHERE ${condition}`);
  return sql`SELECT ${listed}, w.values_id AS values_id FROM (${rows}) AS s
LEFT JOIN (${among}) AS w ON w.row_id = s.row_id AND w.row_fingerprint = s.fingerprint`;
}

/** Until now the rows have the number of their values in place of their hash. */
async function giveHashes(target: Connection, spec: TableSpec, scope: Sql, wanted: WantedValues | undefined): Promise<void> {
  const rows = sql`SELECT * FROM ${nameOf(spec)} WHERE ${scope} AND fingerprint IS NOT NULL`;
  const hash = wanted === undefined ? noHash : sql`coalesce(w.row_fingerprint, ${noHash})`;
  const columns = columnNames(spec).map((column) => (column === "fingerprint" ? sql`${hash} AS fingerprint` : sql`s.${name(column)}`));
  const equals =
    wanted === undefined
      ? sql``
      : sql`\nLEFT JOIN (${wanted(sql`SELECT row_id FROM ${nameOf(spec)} WHERE ${scope}`)}) AS w ON w.row_id = s.row_id AND w.values_id = s.fingerprint`;
  for (const statement of target.dialect.upsert(spec, sql`SELECT ${join(columns)} FROM (${rows}) AS s${equals}`))
    await target.run(statement);
}
