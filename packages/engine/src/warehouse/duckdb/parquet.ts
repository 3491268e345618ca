import type { ColumnType } from "../table.js";
import { sql } from "../sql.js";
import type { Row } from "../warehouse.js";
import { fileRows } from "./dialect.js";
import { openDuckdb } from "./open.js";

/**
 * Parquet files on this machine, read and written by an embedded engine of their own: they have nothing to do with the
 * warehouse, which may be elsewhere.
 */

/** Small: files pass through it in pieces. */
const memoryMax = "500MB";

export async function* readParquet(file: string, scratchDir: string): AsyncGenerator<Row[]> {
  const warehouse = await openDuckdb({ file: ":memory:", scratchDir, memoryMax, threads: 1 });
  const connection = await warehouse.connect();
  try {
    yield* connection.batches(sql`/* rows of a file */ SELECT * FROM ${fileRows(file, "parquet")}`);
  } finally {
    await connection.close();
    await warehouse.close();
  }
}

/** Writes the rows of a file of JSON lines as Parquet. */
export async function writeParquet(
  lines: string,
  columns: Readonly<Record<string, ColumnType>>,
  file: string,
  scratchDir: string,
): Promise<void> {
  const warehouse = await openDuckdb({ file: ":memory:", scratchDir, memoryMax, threads: 1 });
  const connection = await warehouse.connect();
  try {
    await connection.run(sql`COPY (SELECT * FROM ${fileRows(lines, "jsonl", columns)}) TO ${file} (FORMAT parquet)`);
  } finally {
    await connection.close();
    await warehouse.close();
  }
}
