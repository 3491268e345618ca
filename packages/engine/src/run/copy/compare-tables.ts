import { sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { type Checksum, checksumOf } from "./checksum.js";
import type { CopiedTable } from "./copied-table.js";
import { type Piece, conditionOf } from "./pieces.js";

/** One table on both sides. */
export interface ComparedTable {
  readonly table: string;
  readonly rows: number;
  readonly rowsThere: number;
  readonly equal: boolean;
  /** Pieces that differ, by their places in the plan; undefined where the table was compared as a whole. */
  readonly differing: readonly number[] | undefined;
}

export async function compareTable(
  source: Connection,
  target: Connection,
  table: CopiedTable,
  planned: readonly Piece[],
  onPiece: (rows: number) => void,
): Promise<ComparedTable> {
  const whole = { from: undefined, to: undefined };
  const pieces = table.comparedByPiece ? planned : [whole];
  const differing: number[] = [];
  let rows = 0;
  let rowsInPieces = 0;
  for (const [index, piece] of pieces.entries()) {
    const condition = conditionOf(table, piece);
    const [here, there] = await Promise.all([checksumOf(source, table, condition), checksumOf(target, table, condition)]);
    if (!isEqual(here, there)) differing.push(index);
    rows += here.rows;
    rowsInPieces += there.rows;
    onPiece(here.rows);
  }
  const rowsThere = coversAll(pieces) ? rowsInPieces : await countIn(target, table);
  return {
    table: table.label,
    rows,
    rowsThere,
    equal: differing.length === 0 && rowsThere === rowsInPieces,
    differing: table.comparedByPiece && rowsThere === rowsInPieces ? differing : undefined,
  };
}

/** Else rows that no piece asks for would be seen by nobody. */
function coversAll(pieces: readonly Pick<Piece, "from" | "to">[]): boolean {
  return pieces.length > 0 && pieces[0]?.from === undefined && pieces.at(-1)?.to === undefined;
}

async function countIn(target: Connection, table: CopiedTable): Promise<number> {
  const counted = await target.first<{ n: number }>(
    sql`/* rows in all */ SELECT count(*) AS n FROM ${nameOf(table.spec)} WHERE ${table.scope}`,
  );
  return counted?.n ?? 0;
}

function isEqual(a: Checksum, b: Checksum): boolean {
  return a.rows === b.rows && a.sum === b.sum;
}
