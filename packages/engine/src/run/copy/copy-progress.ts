/** How far a copy is, for whoever waits for it. */
export interface CopyProgress {
  readonly phase: "copy" | "compare";
  readonly table: string;
  /** Of the table, in this phase. */
  readonly rows: number;
  readonly total: number;
  /** Tables that came before it, of how many. */
  readonly place: number;
  readonly places: number;
}

export type OnProgress = ((progress: CopyProgress) => void) | undefined;

/** Tells rows that are done, of all of a table's. */
export function tableProgress(
  onProgress: OnProgress,
  { phase, table, place, places }: Pick<CopyProgress, "phase" | "table" | "place" | "places">,
) {
  let rows = 0;
  let total = 0;
  const tell = () => onProgress?.({ phase, table, rows, total, place, places });
  return {
    begin(pieces: readonly { readonly rows: number }[], done: ReadonlySet<number> = new Set()): void {
      total = pieces.reduce((sum, piece) => sum + piece.rows, 0);
      rows = pieces.reduce((sum, piece, index) => sum + (done.has(index) ? piece.rows : 0), 0);
      tell();
    },
    add(more: number): void {
      rows += more;
      tell();
    },
  };
}
