import { randomUUID } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import path from "node:path";
import { sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { type CopiedTable, selected } from "./copied-table.js";
import type { CopyLog } from "./copy-log.js";
import type { TableState } from "./copy-state.js";
import { type Piece, conditionOf, planPieces } from "./pieces.js";

export interface TableCopy {
  readonly source: Connection;
  readonly target: Connection;
  readonly log: CopyLog;
  readonly scratchDir: string;
  /** Rows of a piece at most, where not what fits memory decides. */
  readonly pieceRows?: number | undefined;
  readonly onPiece: (rows: number, bytes: number) => void;
}

/**
 * The plan of a table: as it was written down, longer where the table has grown since; from the beginning where the source
 * is another by now (`mark`), where the copy of it differed, or where it was cut off and cannot go on.
 */
export async function plannedTable(
  { source, target, log, pieceRows }: TableCopy,
  table: CopiedTable,
  mark: string,
  before: TableState | undefined,
): Promise<TableState> {
  const { label } = table;
  const isStale = before !== undefined && before.mark !== mark && !table.growsOnly;
  const cannotGoOn = before !== undefined && !before.isFinished && table.finish !== undefined;
  if (before === undefined || isStale || cannotGoOn || before.isDoubted) {
    if (before !== undefined) {
      await target.run(target.dialect.deleteWhere(table.spec, table.scope));
      await log.forgotten(label);
    }
    const pieces = await planPieces(source, table, pieceRows);
    await log.planned(label, mark, pieces);
    return { mark, pieces, begun: new Set(), copied: new Set(), isFinished: false, isDoubted: false };
  }
  if (before.mark === mark) return before;
  const pieces = [...before.pieces, ...(await planPieces(source, table, pieceRows, before.pieces.at(-1)?.to))];
  await log.planned(label, mark, pieces);
  return { ...before, mark, pieces, isFinished: false };
}

/**
 * The rows of one table, piece by piece, through files: while one arrives, the next leaves. Each piece is written down before
 * it and after it; one that was begun and never ended is removed and sent again.
 */
export async function copyTable(copy: TableCopy, table: CopiedTable, state: TableState): Promise<void> {
  const { source, target, log, scratchDir, onPiece } = copy;
  const open = state.pieces
    .map((piece, index) => ({ piece, index }))
    .filter(({ piece, index }) => piece.rows > 0 && !state.copied.has(index));
  const send = (place: number): Promise<Leaving> | undefined => {
    const next = open[place];
    if (next === undefined) return undefined;
    // A name of its own: an engine may remember what a file of this name held.
    const sent = leave(source, table, next.piece, path.join(scratchDir, `${randomUUID()}.parquet`));
    // Whoever waits for it gets the error; nobody may, when the piece before it fails.
    sent.catch(() => undefined);
    return sent;
  };
  let leaving = send(0);
  try {
    for (const [place, { piece, index }] of open.entries()) {
      await log.begun(table.label, index);
      if (state.begun.has(index))
        await target.run(target.dialect.deleteWhere(table.spec, sql`(${table.scope}) AND (${conditionOf(table, piece)})`));
      const { file, bytes } = (await leaving) as Leaving;
      leaving = send(place + 1);
      await target.importRows(table.spec, table.values, { path: file, columns: table.carried });
      await rm(file, { force: true });
      await log.copied(table.label, index);
      onPiece(piece.rows, bytes);
    }
  } finally {
    const left = await leaving?.catch(() => undefined);
    if (left !== undefined) await rm(left.file, { force: true });
  }
  await table.finish?.();
  await log.finished(table.label);
}

interface Leaving {
  readonly file: string;
  readonly bytes: number;
}

async function leave(source: Connection, table: CopiedTable, piece: Piece, file: string): Promise<Leaving> {
  await source.exportRows(selected(table, conditionOf(table, piece)), file);
  return { file, bytes: (await stat(file)).size };
}
