import { writeFile, rm } from "node:fs/promises";
import path from "node:path";
import duckdb from "@duckdb/node-api";
import type { DuckDBConnection, DuckDBDataChunk, DuckDBMaterializedResult, DuckDBValue } from "@duckdb/node-api";
import { CambiumError, messageOf } from "../../base/errors.js";
import { isoOf } from "../../base/instant.js";
import type { Gate } from "../gate.js";
import { type Sql, join, name, render, sql } from "../sql.js";
import { type ColumnType, type TableColumn, type TableSpec, nameOf } from "../table.js";
import type { CarriedFile, Cell, Connection, Row } from "../warehouse.js";
import type { NdjsonShape } from "../dialect.js";
import { duckdbDialect, fileRows, readNdjson } from "./dialect.js";

/** Rows up to this many travel inside the statement; more of them as a file that the engine reads itself. */
const inlineRowsMax = 200;

const csvRowsMax = 50_000;
/** Chunks of 2,048 rows that are read before others get their turn. */
const chunksAtOnce = 4;

/** One DuckDB session. Statements are serialised; the gate bounds how many run at once over all sessions. */
export class DuckdbSession implements Connection {
  readonly dialect = duckdbDialect;
  #connection: DuckDBConnection;
  #gate: Gate;
  #scratchDir: string;
  #depth = 0;
  #appended = 0;
  /** Statements on their way to the engine or in it: closed under one of them, the engine crashes and the process with it. */
  #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(connection: DuckDBConnection, gate: Gate, scratchDir: string) {
    this.#connection = connection;
    this.#gate = gate;
    this.#scratchDir = scratchDir;
  }

  async run(statement: Sql): Promise<number> {
    return this.#execute(statement, async (text) => (await this.#connection.run(text)).rowsChanged);
  }

  async read<T = Row>(query: Sql): Promise<T[]> {
    return this.#execute(query, async (text) => {
      const result = await this.#connection.run(text);
      const columns = result.deduplicatedColumnNames();
      const rows: T[] = [];
      for await (const chunk of chunksOf(result)) for (const row of rowsOf(columns, chunk)) rows.push(row as T);
      return rows;
    });
  }

  async first<T = Row>(query: Sql): Promise<T | undefined> {
    return (await this.read<T>(query))[0];
  }

  async describe(query: Sql): Promise<{ name: string; type: string }[]> {
    const rows = await this.read<{ column_name: string; column_type: string }>(sql`DESCRIBE ${query}`);
    return rows.map((row) => ({ name: row.column_name, type: portableType(row.column_type) }));
  }

  async *batches<T = Row>(query: Sql, batchRowsMax = 2048): AsyncIterable<T[]> {
    const result = await this.#execute(query, (text) => this.#connection.stream(text));
    const columns = result.deduplicatedColumnNames();
    let batch: T[] = [];
    const next = () => this.#counted(() => result.fetchChunk());
    for (let chunk = await next(); chunk !== null && chunk.rowCount > 0; chunk = await next()) {
      for (const row of rowsOf(columns, chunk)) {
        batch.push(row as T);
        if (batch.length >= batchRowsMax) {
          yield batch;
          batch = [];
        }
      }
    }
    if (batch.length > 0) yield batch;
  }

  async columns(query: Sql): Promise<Record<string, Cell[]>> {
    return this.#execute(query, async (text) => {
      const result = await this.#connection.run(text);
      const found = result.deduplicatedColumnNames().map((column): [string, Cell[]] => [column, []]);
      for await (const chunk of chunksOf(result)) {
        for (const [position, [, values]] of found.entries()) {
          chunk.visitColumnValues(position, (value) => void values.push(cellOf(value)));
        }
      }
      return Object.fromEntries(found);
    });
  }

  async integers(query: Sql): Promise<BigInt64Array> {
    return this.#execute(query, async (text) => {
      const result = await this.#connection.run(text);
      const all = new BigInt64Array(result.rowCount);
      let at = 0;
      for await (const chunk of chunksOf(result)) {
        // The vector's own memory: a value a time costs ten times as much. Declared private, present in every 1.x.
        const { items } = chunk.getColumnVector(0) as unknown as { items: BigInt64Array };
        all.set(items.subarray(0, chunk.rowCount), at);
        at += chunk.rowCount;
      }
      return all;
    });
  }

  async append(table: TableSpec, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const types = await this.#columnTypes(table, rows);
    const columns = join([...types.keys()].map((column) => name(column)));
    const casts = join([...types].map(([column, type]) => sql`${duckdbDialect.cast(name(column), type)}`));
    const shape = join(
      [...types].map(([column, type]) => sql`${column}: ${type === "json" ? "JSON" : type === "text[]" ? "VARCHAR[]" : "VARCHAR"}`),
    );
    const file = path.join(
      this.#scratchDir,
      `append-${process.pid}-${(this.#appended += 1)}-${Math.floor(performance.now() * 1000)}.ndjson`,
    );
    if (rows.length <= inlineRowsMax) {
      const values = join(rows.map((row) => sql`(${join([...types].map(([column, type]) => literal(row[column] ?? null, type)))})`));
      await this.run(sql`INSERT INTO ${nameOf(table)} (${columns}) VALUES ${values}`);
      return;
    }
    await writeFile(file, rows.map((row) => lineOf(row, types)).join("\n"));
    try {
      await this.run(
        sql`INSERT INTO ${nameOf(table)} (${columns}) SELECT ${casts} FROM read_json(${file}, format = 'newline_delimited', columns = {${shape}}, maximum_object_size = 67108864)`,
      );
    } finally {
      await rm(file, { force: true });
    }
  }

  async appendLines(table: TableSpec, column: string, file: string, values: Readonly<Record<string, string>>): Promise<void> {
    const constants = Object.entries(values);
    await this.run(sql`INSERT INTO ${nameOf(table)} (${join([...constants.map(([constant]) => name(constant)), name(column)])})
SELECT ${join([...constants.map(([, value]) => sql`${value}`), sql`line`])} FROM (SELECT unnest(string_split(content, chr(10))) AS line FROM read_text(${file})) AS l WHERE line <> ''`);
  }

  async stage(table: string, columns: Readonly<Record<string, ArrayLike<number>>>): Promise<void> {
    const names = Object.keys(columns);
    const data = Object.values(columns);
    const rows = data[0]?.length ?? 0;
    const shape = join(names.map((column) => sql`${name(column)} BIGINT`));
    await this.run(sql`CREATE OR REPLACE TEMP TABLE ${name(table)} (${shape})`);
    if (rows === 0) return;
    if (rows <= inlineRowsMax) {
      const values = join(
        Array.from({ length: rows }, (_, index) => sql`(${join(data.map((column) => sql`${column[index] as number}`))})`),
      );
      await this.run(sql`INSERT INTO ${name(table)} VALUES ${values}`);
      return;
    }
    const file = path.join(this.#scratchDir, `stage-${process.pid}-${(this.#appended += 1)}-${Math.floor(performance.now() * 1000)}.csv`);
    try {
      await writeFile(file, csvLines(data, rows));
      const types = join(names.map((column) => sql`${column}: 'BIGINT'`));
      await this.run(
        sql`INSERT INTO ${name(table)} SELECT * FROM read_csv(${file}, header = false, auto_detect = false, delim = ',', columns = {${types}})`,
      );
    } finally {
      await rm(file, { force: true });
    }
  }

  withNdjson<T>(files: readonly string[], lineBytesMax: number, work: (rows: (shape: NdjsonShape) => Sql) => Promise<T>): Promise<T> {
    return work((shape) => readNdjson(files, shape, lineBytesMax));
  }

  async columnsOf(table: TableSpec): Promise<TableColumn[]> {
    const columns = await this.describe(sql`SELECT * FROM ${nameOf(table)}`);
    return columns.map(({ name: column, type }) => ({ name: column, type: type as ColumnType }));
  }

  async exportRows(query: Sql, file: string): Promise<void> {
    await this.run(sql`COPY (${query}) TO ${file} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`);
  }

  async importRows(table: TableSpec, values: Readonly<Record<string, Sql>>, file: CarriedFile): Promise<void> {
    const columns = join(Object.keys(values).map((column) => name(column)));
    await this.run(sql`/* rows that were carried here */ INSERT INTO ${nameOf(table)} (${columns})
SELECT ${join(Object.values(values))} FROM ${fileRows(file.path, "parquet")}`);
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.#depth > 0) return work();
    await this.run(sql`BEGIN TRANSACTION`);
    this.#depth += 1;
    try {
      const outcome = await work();
      await this.run(sql`COMMIT`);
      return outcome;
    } catch (thrown) {
      // The engine aborts the transaction itself on some errors; then ROLLBACK has nothing to do and says so.
      await this.run(sql`ROLLBACK`).catch(() => undefined);
      throw thrown;
    } finally {
      this.#depth -= 1;
    }
  }

  /** What runs ends first; whoever comes later is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.#connection.closeSync();
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new CambiumError("WAREHOUSE_FAILED", "The session with the warehouse is closed.");
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #execute<T>(statement: Sql, work: (text: string) => Promise<T>): Promise<T> {
    const text = render(statement, duckdbDialect.quoting);
    return this.#gate.pass(async () => {
      try {
        return await this.#counted(() => work(text));
      } catch (thrown) {
        if (thrown instanceof CambiumError) throw thrown;
        throw new CambiumError("WAREHOUSE_FAILED", messageOf(thrown), { cause: thrown, details: { sql: text.slice(0, 20_000) } });
      }
    });
  }

  /** Portable types of the columns that the rows have: from the spec, or from the table for columns added later. */
  async #columnTypes(table: TableSpec, rows: readonly Row[]): Promise<Map<string, ColumnType>> {
    const present = new Set(rows.flatMap((row) => Object.keys(row)));
    const known = new Map<string, ColumnType>();
    for (const column of present) {
      const declared = table.columns[column];
      if (declared !== undefined) known.set(column, declared.replace("?", "") as ColumnType);
    }
    if (known.size < present.size) {
      for (const { name: column, type } of await this.describe(sql`SELECT * FROM ${nameOf(table)}`)) {
        if (present.has(column)) known.set(column, type as ColumnType);
      }
    }
    return known;
  }
}

/** Pieces of bounded size, so that millions of rows never stand in memory as one text. */
function* csvLines(data: readonly ArrayLike<number>[], rows: number): Iterable<string> {
  for (let start = 0; start < rows; start += csvRowsMax) {
    let text = "";
    for (let index = start; index < Math.min(rows, start + csvRowsMax); index += 1) {
      for (let column = 0; column < data.length; column += 1) text += (column === 0 ? "" : ",") + String(data[column]?.[index]);
      text += "\n";
    }
    yield text;
  }
}

function literal(cell: Cell, type: ColumnType): Sql {
  if (cell === null) return sql`NULL`;
  if (type === "json") return sql`CAST(${typeof cell === "string" ? cell : JSON.stringify(cell)} AS JSON)`;
  if (type === "text[]") return sql`CAST(${JSON.stringify(cell)} AS JSON)::VARCHAR[]`;
  if (typeof cell === "object") return duckdbDialect.cast(sql`${JSON.stringify(cell)}`, type);
  return duckdbDialect.cast(sql`${cell}`, type);
}

/** One line of the file: JSON cells are text in a `Row`, so they go in as they are. */
function lineOf(row: Row, types: ReadonlyMap<string, ColumnType>): string {
  const fields = [...types].map(([column, type]) => {
    const cell = row[column] ?? null;
    return `${JSON.stringify(column)}:${type === "json" && typeof cell === "string" ? cell : JSON.stringify(cell)}`;
  });
  return `{${fields.join(",")}}`;
}

/**
 * Chunks of a finished result. They are there, so that fetching each by way of a thread of the pool would only cost time;
 * after some of them others get their turn.
 */
async function* chunksOf(result: DuckDBMaterializedResult): AsyncIterable<DuckDBDataChunk> {
  const chunks = result.chunkCount;
  for (let index = 0; index < chunks; index += 1) {
    yield result.getChunk(index);
    if (index % chunksAtOnce === chunksAtOnce - 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Row by row, so that who takes them may pause: a whole chunk of text takes several milliseconds. */
function* rowsOf(columns: readonly string[], chunk: DuckDBDataChunk): Iterable<Row> {
  const vectors = columns.map((_, position) => chunk.getColumnVector(position));
  const rows = chunk.rowCount;
  for (let index = 0; index < rows; index += 1) {
    const row: Row = {};
    columns.forEach((column, position) => {
      row[column] = cellOf(vectors[position]?.getItem(index) ?? null);
    });
    yield row;
  }
}

export function cellOf(value: DuckDBValue): Cell {
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "bigint") {
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
  }
  if (value instanceof duckdb.DuckDBTimestampValue || value instanceof duckdb.DuckDBTimestampTZValue) return isoOf(Number(value.micros));
  if (value instanceof duckdb.DuckDBDateValue) return value.toString();
  if (value instanceof duckdb.DuckDBDecimalValue) {
    const number = value.toDouble();
    return Math.abs(number) < 1e11 ? number : value.toString();
  }
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue) return value.items.map(cellOf);
  if (value instanceof duckdb.DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([field, item]) => [field, cellOf(item)]));
  }
  return String(value);
}

export function portableType(type: string): string {
  if (type.startsWith("DECIMAL")) return "decimal";
  if (type.startsWith("STRUCT")) return "position";
  const portable: Record<string, string> = {
    VARCHAR: "text",
    BIGINT: "integer",
    INTEGER: "integer",
    SMALLINT: "integer",
    TINYINT: "integer",
    UBIGINT: "integer",
    HUGEINT: "decimal",
    DOUBLE: "double",
    FLOAT: "double",
    BOOLEAN: "boolean",
    TIMESTAMP: "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    DATE: "date",
    JSON: "json",
    "VARCHAR[]": "text[]",
  };
  return portable[type] ?? type.toLowerCase();
}
