import { CambiumError } from "../../base/errors.js";
import { hasTable } from "../../warehouse/has-table.js";
import { sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { copyLog } from "../../warehouse/tables/copy.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { Piece } from "./pieces.js";

/** What a copy wrote down in its target: where it comes from, its pieces, and which of them are there. */
export interface CopyState {
  readonly source: string;
  /** What was in the target before is being dropped, and some of it may be there still. */
  readonly isClearing: boolean;
  readonly tables: ReadonlyMap<string, TableState>;
}

export interface TableState {
  /** What the source was like when the table was planned (`source-mark.ts`). */
  readonly mark: string;
  readonly pieces: readonly Piece[];
  /** By their places in the plan. */
  readonly begun: ReadonlySet<number>;
  readonly copied: ReadonlySet<number>;
  /** Nothing remains to be done with the rows of it. */
  readonly isFinished: boolean;
  /** Compared, it was not the same, and nobody can tell where. */
  readonly isDoubted: boolean;
}

/** What the log notes (`copy-log.ts`). */
export type Step = "started" | "cleared" | "planned" | "begun" | "copied" | "finished" | "doubted" | "forgotten";

/** Is there a copy that never became whole? Then nothing else may use this warehouse. */
export async function hasUnfinishedCopy(connection: Connection): Promise<boolean> {
  if (!(await hasTable(connection, copyLog))) return false;
  const written = await connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ${nameOf(copyLog)}`);
  return (written?.n ?? 0) > 0;
}

/** Refuses a warehouse that a copy left half full: a loop on it would take what is missing for what never was. */
export async function refuseUnfinishedCopy(connection: Connection): Promise<void> {
  if (await hasUnfinishedCopy(connection))
    throw new CambiumError("COPY_UNFINISHED", "This warehouse holds a copy of another one that is not whole yet.");
}

export async function readCopyState(connection: Connection): Promise<CopyState | undefined> {
  if (!(await hasTable(connection, copyLog))) return undefined;
  const rows = await connection.read<{ step: Step; label: string | null; piece: number | null; detail: string | null }>(
    sql`/* how far the copy is */ SELECT step, ${{ parts: [{ name: "table" }] }} AS label, piece, detail FROM ${nameOf(copyLog)} ORDER BY happened_at`,
  );
  let source: string | undefined;
  let isClearing = false;
  const tables = new Map<string, OpenState>();
  for (const { step, label, piece, detail } of rows) {
    if (step === "started") {
      const start = JSON.parse(detail ?? "") as StartDetail;
      source = start.source;
      isClearing ||= start.clears;
    } else if (step === "cleared") {
      isClearing = false;
      tables.clear();
    } else if (step === "forgotten") tables.delete(label ?? "");
    else if (step === "planned") tables.set(label ?? "", planned(tables.get(label ?? ""), detail ?? ""));
    else note(tables.get(label ?? ""), step, piece);
  }
  return source === undefined ? undefined : { source, isClearing, tables };
}

export interface StartDetail {
  readonly source: string;
  readonly clears: boolean;
}

type OpenState = { -readonly [part in keyof TableState]: TableState[part] } & { readonly begun: Set<number>; readonly copied: Set<number> };

/** A longer plan of the same table begins with the pieces that were there. */
function planned(before: OpenState | undefined, detail: string): OpenState {
  const { mark, pieces } = JSON.parse(detail) as { mark: string; pieces: PieceText[] };
  const { begun, copied } = before ?? { begun: new Set<number>(), copied: new Set<number>() };
  return { mark, pieces: pieces.map(pieceOf), begun, copied, isFinished: false, isDoubted: false };
}

function note(table: OpenState | undefined, step: "begun" | "copied" | "finished" | "doubted", piece: number | null): void {
  if (table === undefined) throw new RangeError("the log of the copy names a table that it never planned");
  if (step === "begun") table.begun.add(piece ?? 0);
  else if (step === "copied") table.copied.add(piece ?? 0);
  else if (step === "finished") table.isFinished = true;
  else {
    table.isFinished = false;
    if (piece === null) table.isDoubted = true;
    else table.copied.delete(piece);
  }
}

/** Ids have 63 bits: as text. */
export type PieceText = readonly [from: string | null, to: string | null, rows: number];

function pieceOf([from, to, rows]: PieceText): Piece {
  const bound = (text: string | null) => (text === null ? undefined : BigInt(text));
  return { from: bound(from), to: bound(to), rows };
}
