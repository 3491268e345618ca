import type { Connection } from "../../warehouse/warehouse.js";
import { type Sql, name, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import type { CopiedTable } from "./copied-table.js";

/**
 * A table in pieces of bounded size, each the rows whose number in one column is in a range: what is copied, repeated after a
 * crash, and compared at a time. Open ends cover what the plan did not see.
 */
export interface Piece {
  readonly from: bigint | undefined;
  /** The first number that is not in it. */
  readonly to: bigint | undefined;
  /** As counted when it was planned. */
  readonly rows: number;
}

/** Of a piece before it is written small: what fits the memory of both engines beside everything else. */
const pieceBytesMax = 256_000_000;
const pieceRowsMin = 20_000;
/** What a value takes, by guess: JSON of events and texts are the large ones. */
const textBytes = 48;
const jsonBytes = 160;
const otherBytes = 9;

/** Ranges that a table is first counted by; a range with too many rows is counted by as many again. */
const rangesAtOnce = 2_000n;
const depthMax = 7;

export function rowsOfPiece(table: CopiedTable): number {
  const jsons = Object.values(table.spec.columns).filter((type) => type.startsWith("json")).length;
  const texts = table.carried.filter((column) => column.type === "text").length;
  const row = jsons * (jsonBytes - textBytes) + texts * textBytes + (table.carried.length - texts) * otherBytes;
  return Math.max(pieceRowsMin, Math.floor(pieceBytesMax / row));
}

export function conditionOf(table: CopiedTable, { from, to }: Pick<Piece, "from" | "to">): Sql {
  const column = name(table.splitBy ?? "");
  const parts = [...(from === undefined ? [] : [sql`${column} >= ${from}`]), ...(to === undefined ? [] : [sql`${column} < ${to}`])];
  if (parts.length === 0) return sql`TRUE`;
  return parts.length === 1 ? (parts[0] as Sql) : sql`${parts[0] as Sql} AND ${parts[1] as Sql}`;
}

/**
 * Pieces of at most `rowsMax` rows where the column tells rows apart so finely. Of a table that only grows they end where it
 * ends, so that later ones can follow: those from `after` on.
 */
export async function planPieces(
  connection: Connection,
  table: CopiedTable,
  rowsMax: number = rowsOfPiece(table),
  after?: bigint,
): Promise<Piece[]> {
  const { splitBy } = table;
  const scope = after === undefined ? table.planned : sql`(${table.planned}) AND ${conditionOf(table, { from: after, to: undefined })}`;
  if (splitBy === undefined) return [{ from: undefined, to: undefined, rows: await countOf(connection, table, scope) }];
  const { dialect } = connection;
  const ends = await connection.first<{ n: number; least: string | null; most: string | null }>(
    sql`/* how much there is of ${name(table.label)} */ SELECT count(*) AS n, ${dialect.idText(sql`min(${name(splitBy)})`)} AS least, ${dialect.idText(sql`max(${name(splitBy)})`)} AS most
FROM ${nameOf(table.spec)} WHERE ${scope}`,
  );
  const rows = ends?.n ?? 0;
  if (typeof ends?.least !== "string" || typeof ends.most !== "string")
    return table.growsOnly ? [] : [{ from: undefined, to: undefined, rows }];
  const end = table.growsOnly ? BigInt(ends.most) + 1n : undefined;
  if (rows <= rowsMax) return [{ from: after, to: end, rows }];
  const cuts: { from: bigint; rows: number }[] = [];
  await count(connection, table, scope, [BigInt(ends.least), BigInt(ends.most)], rowsMax, cuts, 0);
  const pieces: { from: bigint; rows: number }[] = [];
  for (const cut of cuts) {
    const last = pieces.at(-1);
    if (last !== undefined && last.rows + cut.rows <= rowsMax) last.rows += cut.rows;
    else pieces.push({ ...cut });
  }
  return pieces.map((piece, index) => ({ from: index === 0 ? after : piece.from, to: pieces[index + 1]?.from ?? end, rows: piece.rows }));
}

async function countOf(connection: Connection, table: CopiedTable, scope: Sql): Promise<number> {
  const counted = await connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ${nameOf(table.spec)} WHERE ${scope}`);
  return counted?.n ?? 0;
}

/** Counts rows by ranges of equal width between two numbers, finer where a range has too many of them. */
async function count(
  connection: Connection,
  table: CopiedTable,
  scope: Sql,
  [least, most]: readonly [bigint, bigint],
  rowsMax: number,
  cuts: { from: bigint; rows: number }[],
  depth: number,
): Promise<void> {
  const width = (most - least) / rangesAtOnce + 1n;
  const column = name(table.splitBy ?? "");
  const place = connection.dialect.wholeQuotient(sql`(${column} - ${least})`, sql`${width}`);
  const found = await connection.read<{ place: number; n: number }>(
    sql`/* rows of ${name(table.label)} by ranges */ SELECT ${place} AS place, count(*) AS n FROM ${nameOf(table.spec)}
WHERE (${scope}) AND ${column} >= ${least} AND ${column} <= ${most} GROUP BY 1 ORDER BY 1`,
  );
  for (const { place: index, n } of found) {
    const from = least + BigInt(index) * width;
    const end = from + width - 1n;
    if (n <= rowsMax || width === 1n || depth === depthMax) cuts.push({ from, rows: n });
    else await count(connection, table, scope, [from, end < most ? end : most], rowsMax, cuts, depth + 1);
  }
}
