import type { Dialect, NdjsonShape } from "./dialect.js";
import type { Lease } from "./lease.js";
import type { Sql } from "./sql.js";
import type { TableColumn, TableSpec } from "./table.js";

/**
 * A value read from the warehouse. Integers, decimals and doubles are numbers when a number holds them exactly and text
 * otherwise (so ids, which are 63-bit, are selected as text: `dialect.idText`). Timestamps are ISO text with six
 * decimals and Z; dates are `YYYY-MM-DD`; JSON columns are JSON text; lists are arrays, tuples are objects.
 */
export type Cell = string | number | boolean | null | Cell[] | { [field: string]: Cell };
export type Row = Record<string, Cell>;

/**
 * A session of the warehouse: one statement at a time, in order. Temporary tables belong to it.
 * Errors are `CambiumError("WAREHOUSE_FAILED")` with the rendered statement in `details.sql`, or say that the server is not
 * to be reached or refuses (`WAREHOUSE_UNREACHABLE`, `_AUTH`, `_DENIED`).
 */
export interface Connection {
  readonly dialect: Dialect;
  /** Runs a statement; resolves with the number of rows it changed (0 where the engine does not say). */
  run(statement: Sql): Promise<number>;
  /** Runs a query whose result is known to be small (bounded by a LIMIT, an aggregate or a batch). */
  read<T = Row>(query: Sql): Promise<T[]>;
  /** The first row, or undefined. */
  first<T = Row>(query: Sql): Promise<T | undefined>;
  /** Column names and portable types of a query, without running it. */
  describe(query: Sql): Promise<{ name: string; type: string }[]>;
  /** A result of any size, in batches, with bounded memory. Order it if order matters. */
  batches<T = Row>(query: Sql, batchRowsMax?: number): AsyncIterable<T[]>;
  /** A result by column, for what JavaScript computes over millions of rows; values as in `Cell`. */
  columns(query: Sql): Promise<Record<string, Cell[]>>;
  /** One whole-number column of any size, with all 64 bits and in the query's order; empty for no rows. No nulls. */
  integers(query: Sql): Promise<BigInt64Array>;
  /** Inserts rows made in JavaScript (hundreds to some hundred thousand; bulk data comes as files). */
  append(table: TableSpec, rows: readonly Row[]): Promise<void>;
  /**
   * Adds the lines of a newline-delimited file on this machine as they are, one a row in this column, with the same
   * `values` beside each. A failure may leave some of them.
   */
  appendLines(table: TableSpec, column: string, file: string, values: Readonly<Record<string, string>>): Promise<void>;
  /** Whole numbers computed in JavaScript as a temporary table of this session, by column; millions of rows are fine. */
  stage(table: string, columns: Readonly<Record<string, ArrayLike<number>>>): Promise<void>;
  /**
   * Rows of newline-delimited JSON files on this machine, for the statements of `work`: what it gets makes of a shape what
   * stands in a FROM; reading few fields costs less. A line that is no JSON gives a row of nulls, a value that does not fit
   * gives null. The column `file` is the path as given.
   */
  withNdjson<T>(files: readonly string[], lineBytesMax: number, work: (rows: (shape: NdjsonShape) => Sql) => Promise<T>): Promise<T>;
  /** Columns of a table as it stands: those of its spec, and those added since. Hidden ones of the engine are not among them. */
  columnsOf(table: TableSpec): Promise<TableColumn[]>;
  /** Writes a query's rows to a Parquet file on this machine. Its columns are of types that travel (`carried.ts`). */
  exportRows(query: Sql, file: string): Promise<void>;
  /** Adds the rows of such a file to a table: the value of each column is said in terms of the file's. */
  importRows(table: TableSpec, values: Readonly<Record<string, Sql>>, file: CarriedFile): Promise<void>;
  /**
   * Everything in `work` happens, or nothing. Its statements see what it wrote to `growth` and `ops`, and nobody else does
   * before its end; rows of `raw` count with the row of `ops.loads` that publishes them. Nested calls join the outer one.
   */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A Parquet file on this machine, with the columns that it has. */
export interface CarriedFile {
  readonly path: string;
  readonly columns: readonly TableColumn[];
}

export interface Warehouse {
  readonly dialect: Dialect;
  /** Of a program that writes where others may, too; where the engine itself lets in one alone, there is none. */
  readonly lease?: Lease | undefined;
  /** A new session. At most `connectionsMax` statements run at once; further ones wait. */
  connect(): Promise<Connection>;
  /**
   * A session on an empty warehouse beside this one that sees this one's `raw` schema and nothing else: what a full
   * recompute writes into. Everything in it is gone when it is closed. `mainTable` names this one's tables from there.
   */
  shadow(): Promise<{ connection: Connection; mainTable(spec: TableSpec): Sql; close(): Promise<void> }>;
  /** Answers SQL that a person wrote, on a session of its own: it must only read, and stays within the limits. */
  query(text: string, limits: QueryLimits): Promise<QueryResult>;
  /** Drops every table and view that is in it, but this one and what the engine needs to go on. Not within a transaction. */
  clear(kept: TableSpec): Promise<void>;
  /** Writes what is pending to the main file; called when idle. */
  checkpoint(): Promise<void>;
  /** Where files for bulk reading and writing may be put (same machine). */
  readonly scratchDir: string;
  close(): Promise<void>;
}

export interface QueryLimits {
  readonly rowsMax: number;
  readonly millisMax: number;
}

export interface QueryResult {
  readonly columns: { name: string; type: string }[];
  readonly rows: Cell[][];
  /** There were more rows. */
  readonly truncated: boolean;
}
