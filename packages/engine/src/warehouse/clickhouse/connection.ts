import { createReadStream } from "node:fs";
import { CambiumError } from "../../base/errors.js";
import type { NdjsonShape } from "../dialect.js";
import { type Sql, join, name, render, sql, trustedSql } from "../sql.js";
import { type TableColumn, type TableSpec, nameOf } from "../table.js";
import type { CarriedFile, Cell, Connection, Row } from "../warehouse.js";
import { spellFunctions } from "./author-functions.js";
import { nameColumns } from "./column-names.js";
import type { ClickhouseDialect } from "./dialect.js";
import { joinGlobally } from "./global-joins.js";
import { linesAs } from "./json.js";
import { isSharded, readsShards } from "./layout.js";
import { listLookups, qualifyTemporary } from "./mutations.js";
import type { Commits } from "./commits.js";
import type { Server, StatementOptions } from "./server.js";
import { parquetSettings, onAllReplicas } from "./settings.js";
import { spread } from "./spread.js";
import { type Numbers, commentOf } from "./statement-number.js";
import type { TableName } from "./stored-table.js";
import { takeApart } from "./tables-named.js";
import type { Prepared, Transaction } from "./transaction.js";
import { bare, columnTypeOf, nullable, portableType, portableTypeOf } from "./types.js";

/** Rows that are turned into text at a time while they are sent. */
const rowsAtOnce = 1_000;
const stagedAtOnce = 50_000;
const batchRows = 2_048;
/** ClickHouse's code for a database that is not there. */
const unknownDatabase = 81;

/**
 * How a session writes: with commits of several statements; straight into tables that are its own (a shadow); not at all.
 */
export type Writing = { readonly commits: Commits } | { readonly numbers: Numbers } | undefined;

/**
 * One session: its temporary tables are tables of a database of its own, which is the default of its statements and goes
 * with it. HTTP sessions of the server would bind it to one replica's memory and break on every reconnection.
 */
export class ClickhouseSession implements Connection {
  readonly dialect: ClickhouseDialect;
  #server: Server;
  #scratch: string;
  #commits: Commits | undefined;
  #numbers: Numbers | undefined;
  #transaction: Transaction | undefined;
  #files = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: Server, dialect: ClickhouseDialect, scratch: string, writing: Writing) {
    this.#server = server;
    this.dialect = dialect;
    this.#scratch = scratch;
    this.#commits = writing !== undefined && "commits" in writing ? writing.commits : undefined;
    this.#numbers = writing !== undefined && "numbers" in writing ? writing.numbers : this.#commits?.term;
  }

  run(statement: Sql): Promise<number> {
    return this.#write(statement, (text, options) => this.#server.run(text, options), 0);
  }

  async read<T = Row>(query: Sql): Promise<T[]> {
    return this.#inTurn(async () => {
      const text = this.#query(query);
      const all: T[] = [];
      for await (const { columns, rows } of this.#server.rows(text, this.#reading())) {
        for (const row of rows) all.push(rowOf(columns, row) as T);
      }
      return all;
    });
  }

  async first<T = Row>(query: Sql): Promise<T | undefined> {
    return (await this.read<T>(query))[0];
  }

  async describe(query: Sql): Promise<{ name: string; type: string }[]> {
    const rows = await this.read<{ name: string; type: string }>(sql`DESCRIBE TABLE (${query})`);
    return rows.map((row) => ({ name: row.name, type: portableType(row.type) }));
  }

  async *batches<T = Row>(query: Sql, batchRowsMax = batchRows): AsyncIterable<T[]> {
    let batch: T[] = [];
    await this.#commits?.settle();
    for await (const { columns, rows } of this.#server.rows(this.#query(query), this.#reading())) {
      for (const row of rows) {
        batch.push(rowOf(columns, row) as T);
        if (batch.length < batchRowsMax) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  async columns(query: Sql): Promise<Record<string, Cell[]>> {
    return this.#inTurn(async () => {
      const text = this.#query(query);
      const found: Record<string, Cell[]> = {};
      for await (const { columns, rows } of this.#server.rows(text, this.#reading())) {
        columns.forEach((column, index) => {
          const values = (found[column.name] ??= []);
          for (const row of rows) values.push(row[index] ?? null);
        });
      }
      return found;
    });
  }

  async integers(query: Sql): Promise<BigInt64Array> {
    const [column] = await this.read<{ name: string; type: string }>(sql`DESCRIBE TABLE (${query})`);
    if (column === undefined || !/^U?Int(8|16|32|64)$/.test(bare(column.type)))
      throw new CambiumError("WAREHOUSE_FAILED", `one column of whole numbers is wanted, not ${column?.type ?? "none"}`);
    const whole = sql`SELECT toInt64(assumeNotNull(${name(column.name)})) AS ${name(column.name)} FROM (${query}) AS q`;
    const bytes = await this.#inTurn(() =>
      this.#server.bytes(this.#query(column.type === "Int64" ? query : whole), "RowBinary", this.#reading()),
    );
    return new BigInt64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  async append(table: TableSpec, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const present = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const jsons = new Set(present.filter((column) => table.columns[column]?.startsWith("json")));
    if (this.#transaction !== undefined && table.schema === "raw") return this.#appendRaw(table, rows, present);
    const into = sql`INSERT INTO ${nameOf(table)} (${join(present.map((column) => name(column)))})`;
    await this.#write(
      into,
      (text, options) => this.#server.insert(text, "JSONCompactEachRow", linesOf(rows, present, jsons), options),
      undefined,
    );
  }

  /** By way of a table of the session: only a SELECT can say in the same statement for whom it runs. */
  async #appendRaw(table: TableSpec, rows: readonly Row[], present: readonly string[]): Promise<void> {
    const spec = { ...table, columns: Object.fromEntries(Object.entries(table.columns).filter(([column]) => present.includes(column))) };
    const columns = Object.entries(spec.columns).map(([column, type]) => sql`${name(column)} ${trustedSql(columnTypeOf(type))}`);
    const into = join(Object.keys(spec.columns).map((column) => name(column)));
    await this.run(sql`CREATE OR REPLACE TABLE appended_rows (${join(columns)}) ENGINE = Memory`);
    const jsons = new Set(Object.keys(spec.columns).filter((column) => spec.columns[column]?.startsWith("json")));
    const text = this.#text(sql`INSERT INTO appended_rows (${into})`);
    const lines = linesOf(rows, Object.keys(spec.columns), jsons);
    await this.#inTurn(() => this.#server.insert(text, "JSONCompactEachRow", lines, this.#reading()));
    await this.run(sql`/* rows of a transaction */ INSERT INTO ${nameOf(table)} (${into}) SELECT ${into} FROM appended_rows`);
  }

  async appendLines(table: TableSpec, column: string, file: string, values: Readonly<Record<string, string>>): Promise<void> {
    const constants = Object.entries(values);
    const into = sql`INSERT INTO ${nameOf(table)} (${join([...constants.map(([constant]) => name(constant)), name(column)])})
SELECT ${join([...constants.map(([, value]) => sql`${value}`), sql`line`])} FROM input('line String')`;
    await this.#write(into, (text, options) => this.#server.insert(text, "LineAsString", bytesOf(file), options), undefined);
  }

  async stage(table: string, columns: Readonly<Record<string, ArrayLike<number>>>): Promise<void> {
    const shape = join(Object.keys(columns).map((column) => sql`${name(column)} Int64`));
    await this.run(sql`CREATE OR REPLACE TABLE ${name(table)} (${shape}) ENGINE = Memory`);
    const data = Object.values(columns);
    const rows = data[0]?.length ?? 0;
    if (rows === 0) return;
    const into = this.#text(sql`INSERT INTO ${name(table)}`);
    await this.#inTurn(() => this.#server.insert(into, "RowBinary", wholeNumbers(data, rows), this.#reading()));
  }

  async withNdjson<T>(
    files: readonly string[],
    _lineBytesMax: number,
    work: (rows: (shape: NdjsonShape) => Sql) => Promise<T>,
  ): Promise<T> {
    const table = name(`uploaded_lines_${(this.#files += 1)}`);
    await this.run(
      sql`/* lines of files, with the name of each */ CREATE OR REPLACE TABLE ${table} (line String, file String DEFAULT getSetting('log_comment')) ENGINE = Memory`,
    );
    try {
      const into = this.#text(sql`INSERT INTO ${table} (line)`);
      for (const file of files) {
        await this.#inTurn(() => this.#server.insert(into, "LineAsString", bytesOf(file), { database: this.#scratch, comment: file }));
      }
      return await work((shape) => linesAs(table, shape));
    } finally {
      await this.run(sql`DROP TABLE IF EXISTS ${table}`);
    }
  }

  async columnsOf(table: TableSpec): Promise<TableColumn[]> {
    const columns = await this.read<{ name: string; type: string; default_type: string; comment: string }>(
      sql`/* columns as they stand */ DESCRIBE TABLE ${nameOf(table)}`,
    );
    return columns
      .filter((column) => column.default_type === "")
      .map((column) => ({ name: column.name, type: portableTypeOf(table, column.name, column.type, column.comment) }));
  }

  async exportRows(query: Sql, file: string): Promise<void> {
    await this.#inTurn(() => this.#server.download(this.#query(query), "Parquet", file, { ...this.#reading(), settings: parquetSettings }));
  }

  async importRows(table: TableSpec, values: Readonly<Record<string, Sql>>, file: CarriedFile): Promise<void> {
    const structure = file.columns.map((column) => `${column.name} ${nullable(column.type)}`).join(", ");
    const columns = join(Object.keys(values).map((column) => name(column)));
    const into = sql`/* rows that were carried here */ INSERT INTO ${nameOf(table)} (${columns})
SELECT ${join(Object.values(values))} FROM input(${structure})`;
    await this.#write(into, (text, options) => this.#server.insert(text, "Parquet", createReadStream(file.path), options), undefined);
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.#commits === undefined || this.#transaction !== undefined) return work();
    await this.#commits.settle();
    const own = this.#commits.begin();
    this.#transaction = own;
    try {
      const outcome = await work();
      await this.#inTurn(async () => this.#commits?.commit(own, this.#alive));
      return outcome;
    } catch (thrown) {
      this.#commits.rollBack(own);
      if (thrown instanceof CambiumError && thrown.details["lost"] === this.#scratch) await this.open();
      throw thrown;
    } finally {
      this.#transaction = undefined;
    }
  }

  /** Makes the session's database. */
  async open(): Promise<void> {
    await this.#server.run(this.#text(sql`CREATE DATABASE IF NOT EXISTS ${name(this.#scratch)}`));
    await this.#server.run(
      this.#text(
        sql`/* lost when the server loses temporary tables */ CREATE OR REPLACE TABLE ${this.#alive} ENGINE = Memory AS SELECT 1 AS one`,
      ),
    );
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#server.run(this.#text(sql`DROP DATABASE IF EXISTS ${name(this.#scratch)} SYNC`));
  }

  /** Has a row as long as temporary tables have theirs: when the server starts anew, they are there and empty. */
  get #alive(): Sql {
    return name(this.#scratch, "alive");
  }

  #text(statement: Sql): string {
    const { layout, quoting } = this.dialect;
    const text = qualifyTemporary(spellFunctions(nameColumns(render(statement, quoting))), this.#scratch);
    if (readsShards(layout, text)) return joinGlobally(text);
    return layout.cluster === undefined ? text : listLookups(text);
  }

  #query(query: Sql): string {
    return this.#text(this.#transaction?.reading(query) ?? query);
  }

  #reading(): StatementOptions {
    return { database: this.#scratch };
  }

  #write<T>(statement: Sql, send: (text: string, options: StatementOptions) => Promise<T>, nothing: T): Promise<T> {
    return this.#inTurn(async () => {
      const transaction = this.#transaction;
      try {
        const prepared = transaction === undefined ? this.#direct(statement) : await transaction.writing(statement);
        if (prepared === undefined) return nothing;
        const options = this.#writing(prepared);
        let outcome = nothing;
        for (const each of spread(this.dialect.layout, prepared.statement)) outcome = await send(this.#text(each), options);
        if (prepared.changesTables === true) this.#commits?.tablesChanged();
        return outcome;
      } catch (thrown) {
        transaction?.fail(thrown);
        throw thrown;
      }
    });
  }

  #writing({ comment, statement }: Prepared): StatementOptions {
    const { pieces, target } = takeApart(statement);
    const named = target === undefined ? undefined : (pieces[target] as { named: TableName }).named;
    const { layout } = this.dialect;
    if (layout.cluster === undefined || named?.schema !== "raw") return { database: this.#scratch, comment };
    const { replicas, all } = this.#server.nodes;
    return { database: this.#scratch, comment, settings: onAllReplicas(isSharded(layout, named) ? replicas : all) };
  }

  /** Outside of a transaction: temporary tables are anybody's to write, tables of the warehouse only a writer's. */
  #direct(statement: Sql): Prepared {
    const { verb, target } = takeApart(statement);
    const isOwn = target === undefined;
    if (this.#numbers === undefined && !isOwn && verb !== "create")
      throw new CambiumError("WAREHOUSE_FAILED", "This process opened the warehouse for reading only.");
    const comment = commentOf(this.#numbers?.next() ?? "0");
    return { statement, comment, changesTables: !isOwn && /^(create|alter|drop)$/.test(verb) };
  }

  /** One statement at a time, in order. A session whose database was cleared away after days of rest gets it back. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => {
      await this.#commits?.settle();
      try {
        return await work();
      } catch (thrown) {
        if (
          !(thrown instanceof CambiumError) ||
          thrown.details["engineCode"] !== unknownDatabase ||
          !thrown.message.includes(this.#scratch) ||
          this.#transaction !== undefined
        )
          throw thrown;
        await this.open();
        return work();
      }
    });
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** Opened when it is its turn to be sent: a file that is gone by then fails the statement, not the program. */
async function* bytesOf(file: string): AsyncGenerator<Buffer> {
  yield* createReadStream(file) as AsyncIterable<Buffer>;
}

function rowOf(columns: readonly { name: string }[], values: readonly Cell[]): Row {
  const row: Row = {};
  columns.forEach((column, index) => {
    row[column.name] = values[index] ?? null;
  });
  return row;
}

/** JSON columns hold JSON's text: what is not text yet becomes it. */
function* linesOf(rows: readonly Row[], columns: readonly string[], jsons: ReadonlySet<string>): Iterable<string> {
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    let text = "";
    for (const row of rows.slice(start, start + rowsAtOnce)) {
      const cells = columns.map((column) => {
        const cell = row[column] ?? null;
        return jsons.has(column) && cell !== null && typeof cell !== "string" ? JSON.stringify(cell) : cell;
      });
      text += `${JSON.stringify(cells)}\n`;
    }
    yield text;
  }
}

/** Rows of 64-bit whole numbers, in pieces of bounded size. */
function* wholeNumbers(data: readonly ArrayLike<number>[], rows: number): Iterable<Buffer> {
  for (let start = 0; start < rows; start += stagedAtOnce) {
    const end = Math.min(rows, start + stagedAtOnce);
    const numbers = new BigInt64Array((end - start) * data.length);
    let at = 0;
    for (let row = start; row < end; row += 1) {
      for (const column of data) numbers[at++] = BigInt(column[row] as number);
    }
    yield Buffer.from(numbers.buffer);
  }
}
