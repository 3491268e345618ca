import { parse } from "csv-parse/sync";
import { messageOf } from "../base/errors.js";

const listRowsMax = 1_000_000;

/** A CSV file with a header and an `id` column → distinct ids in the file's order; a file that is no such thing says why. */
export function readList(text: string): { ids: readonly string[]; problem?: { line: number; message: string; remedy: string } } {
  const remedy = "The first line names the columns, one of them `id`; each further line is one member.";
  let rows: string[][];
  try {
    rows = parse(text, { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true });
  } catch (error) {
    const line = typeof error === "object" && error !== null && "lines" in error ? Number(error.lines) : 1;
    return { ids: [], problem: { line, message: `This is not readable CSV: ${messageOf(error)}.`, remedy } };
  }
  const column = (rows[0] ?? []).indexOf("id");
  if (column < 0) return { ids: [], problem: { line: 1, message: "This list has no column `id`.", remedy } };
  if (rows.length > listRowsMax) {
    const message = `This list has ${rows.length - 1} rows; a manual list holds at most ${listRowsMax}.`;
    return { ids: [], problem: { line: 1, message, remedy: "Load it as a table and write a model over it." } };
  }
  const ids = rows.slice(1).flatMap((row) => (row[column] === undefined || row[column] === "" ? [] : [row[column]]));
  return { ids: [...new Set(ids)] };
}

/** `./lists/x.csv` and `lists/x.csv` are the same file. */
export function normalPath(path: string): string {
  return path.replace(/^(\.\/)+/, "");
}
