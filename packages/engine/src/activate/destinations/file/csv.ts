import { createReadStream } from "node:fs";
import { parse } from "csv-parse";
import { type FileFormat, type FileRow, writeLines } from "./format.js";

/**
 * CSV as RFC 4180 has it, UTF-8, with a header. Nested fields become `a.b` columns, lists are JSON, null is empty. The
 * columns are those of all rows, so rows are passed over twice: once for the names, once for the values.
 */
export const csvFormat: FileFormat = {
  ending: "csv",
  async *read(file) {
    for await (const row of createReadStream(file).pipe(parse({ columns: true, bom: true, relax_column_count: true })))
      yield row as FileRow;
  },
  async write(file, rows) {
    const columns = new Set<string>();
    const flat: Map<string, unknown>[] = [];
    for await (const row of rows) {
      const one = flatten(row);
      for (const column of one.keys()) columns.add(column);
      flat.push(one);
    }
    await writeLines(file, linesOf([...columns], flat));
  },
};

async function* linesOf(columns: readonly string[], rows: readonly Map<string, unknown>[]): AsyncGenerator<string> {
  yield `${columns.map(cellOf).join(",")}\n`;
  for (const row of rows) yield `${columns.map((column) => cellOf(row.get(column))).join(",")}\n`;
}

/** `{ a: { b: 1 } }` → `a.b`: 1. */
export function flatten(row: FileRow): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) flat.set(path, value);
    else for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`);
  };
  walk(row, "");
  return flat;
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
