import { rm } from "node:fs/promises";
import path from "node:path";
import { readParquet, writeParquet } from "../../../warehouse/duckdb/parquet.js";
import type { ColumnType } from "../../../warehouse/table.js";
import { flatten } from "./csv.js";
import type { FileFormat, FileRow } from "./format.js";
import { jsonlFormat } from "./jsonl.js";

/**
 * Parquet, beside the warehouse. Column types come from the values: numbers, booleans, else text. Nested fields become
 * `a.b` columns.
 */
export const parquetFormat: FileFormat = {
  ending: "parquet",
  async *read(file) {
    for await (const batch of readParquet(file, path.dirname(file))) yield* batch;
  },
  async write(file, rows) {
    const columns = new Map<string, ColumnType>();
    const lines = `${file}.jsonl`;
    try {
      await jsonlFormat.write(lines, noting(rows, columns));
      await writeParquet(lines, Object.fromEntries(columns), file, path.dirname(file));
    } finally {
      await rm(lines, { force: true });
    }
  },
};

async function* noting(rows: AsyncIterable<FileRow>, columns: Map<string, ColumnType>): AsyncGenerator<FileRow> {
  const empty = new Set<string>();
  for await (const row of rows) {
    const flat = flatten(row);
    for (const [column, value] of flat) {
      if (value === null || value === undefined) empty.add(column);
      else columns.set(column, wider(columns.get(column), value));
    }
    yield Object.fromEntries(
      [...flat].map(([column, value]) => [column, typeof value === "object" && value !== null ? JSON.stringify(value) : value]),
    );
  }
  for (const column of empty) if (!columns.has(column)) columns.set(column, "text");
}

/** The type that holds what was seen so far and this value. */
function wider(known: ColumnType | undefined, value: unknown): ColumnType {
  const type: ColumnType =
    typeof value === "boolean" ? "boolean" : typeof value === "number" ? (Number.isInteger(value) ? "integer" : "double") : "text";
  if (known === undefined || known === type) return type;
  return (known === "integer" && type === "double") || (known === "double" && type === "integer") ? "double" : "text";
}
