import type { Quoting, Sql } from "./sql.js";
import type { ColumnType, TableSpec } from "./table.js";

/** Names and types of the fields of a file's lines; a nested record holds a sub-object's fields. */
export type NdjsonShape = Readonly<Record<string, ColumnType | Readonly<Record<string, ColumnType>>>>;

/**
 * What differs between engines, as pure functions from SQL to SQL. Code outside `warehouse/` never asks which engine it
 * talks to: it asks for the thing it needs here, or for a capability in `supports`.
 */
export interface Dialect {
  readonly quoting: Quoting;
  readonly supports: {
    /** The statements of a transaction read one moment, whatever others commit meanwhile. */
    readonly snapshots: boolean;
    /** MERGE / UPDATE change rows in place. */
    readonly updates: boolean;
    /** Several programs, on several machines, may have the warehouse open and write at once. */
    readonly sharing: boolean;
  };

  type(type: ColumnType): string;
  createTable(spec: TableSpec): Sql[];
  createSchema(schema: string): Sql;
  /** A view in place of the view of this name, if there is one. */
  createView(path: Sql, query: Sql): Sql;
  /** A table with a query's rows in place of the table of this name, if there is one. */
  createTableAs(path: Sql, query: Sql): Sql;
  addColumn(spec: TableSpec, column: string, type: ColumnType): Sql;
  dropColumn(spec: TableSpec, column: string): Sql;
  /**
   * Rows of `source` (same column names) replace those with equal key, new ones are added. `source` has unique keys. Where
   * `columns` leaves out some of the spec's, those and all others keep their values; else it must name every column there is.
   */
  upsert(spec: TableSpec, source: Sql, columns?: readonly string[]): Sql[];
  deleteWhere(spec: TableSpec, condition: Sql): Sql;
  /** CREATE OR REPLACE TEMP TABLE name AS query, for this connection. */
  tempTable(table: string, query: Sql): Sql;
  /** Gives columns new values where a condition holds: for rare rewriting of history, where `upsert` has no key to go by. */
  updateWhere(spec: TableSpec, values: Readonly<Record<string, Sql>>, condition: Sql): Sql;
  /** Takes rows out of a temporary table. */
  deleteTemp(table: string, condition: Sql): Sql;
  /** Tables and views of a schema: rows of `name` and `is_view`. */
  tablesOf(schema: string): Sql;

  /** A cast that gives null where the text does not fit. */
  tryCast(expression: Sql, type: ColumnType): Sql;
  cast(expression: Sql, type: ColumnType): Sql;
  /** A timestamp literal from an instant (µs). */
  timestamp(instant: number): Sql;
  /** A timestamp from an expression of whole µs since 1970. */
  timestampOf(micros: Sql): Sql;
  date(day: string): Sql;
  /** Local date of an instant in a zone. */
  day(timestamp: Sql, zone: string): Sql;
  /** The instant at which a local date starts in a zone. */
  dayStart(day: Sql, zone: string): Sql;
  /** Start of the UTC hour, as timestamp. */
  hour(timestamp: Sql): Sql;
  addDays(day: Sql, days: number): Sql;
  addMicros(timestamp: Sql, micros: number): Sql;
  /** Days since 1970 of a date, and back; for every date there is. */
  dayNumber(day: Sql): Sql;
  dayOfNumber(days: Sql): Sql;
  /** Whole days between two dates (b − a). */
  daysBetween(a: Sql, b: Sql): Sql;
  microsBetween(a: Sql, b: Sql): Sql;
  /** A whole number divided by another, without the rest. */
  wholeQuotient(a: Sql, b: Sql): Sql;

  /** Text at a path of a JSON value: scalars without quotes, objects and arrays as JSON, missing and null as NULL. */
  jsonText(json: Sql, path: readonly string[]): Sql;
  /** JSON at a path. */
  jsonAt(json: Sql, path: readonly string[]): Sql;
  /** Texts at several paths of one JSON value, as a list in that order; parses the value once. */
  jsonTexts(json: Sql, paths: readonly (readonly string[])[]): Sql;
  /** A list of expressions of one type; nulls stay in it. */
  list(items: readonly Sql[]): Sql;
  /** A list of text from its JSON; null from null. */
  listOfJson(json: Sql): Sql;
  /** The i-th item of a list, counted from 0. */
  listItem(list: Sql, index: number): Sql;
  /** Names of an object's keys, as a list of text (empty for anything else). */
  jsonKeys(json: Sql): Sql;
  /** JSON under a key that is itself an expression. */
  jsonEntry(json: Sql, key: Sql): Sql;
  /** A JSON object of named expressions. */
  jsonObject(fields: readonly (readonly [string, Sql])[]): Sql;
  /** A JSON list of expressions. */
  jsonArray(items: readonly Sql[]): Sql;
  /** A column of an author's SELECT that may be a truth value: numbers so small that an engine takes them for one stay numbers. */
  authored(expression: Sql): Sql;
  /** JSON of a value. */
  toJson(expression: Sql): Sql;
  /** What a JSON value is: `text`, `number`, `boolean`, `object`, `list` or `null`. */
  jsonKind(json: Sql): Sql;
  /** Is this text valid JSON, as this engine reads it? */
  jsonValid(text: Sql): Sql;
  /**
   * The rows of a query with the columns `file` and `line`, each line of JSON parsed as `Connection.withNdjson` does: what
   * stands in a FROM.
   */
  linesAs(lines: Sql, shape: NdjsonShape): Sql;
  /** The 63-bit id of a text: same numbers as `base/hash.ts`. */
  hash64(text: Sql): Sql;
  /** A 64-bit fingerprint of several columns, nulls told apart; stable as long as `fingerprintVersion` is. */
  fingerprint(columns: readonly Sql[]): Sql;
  readonly fingerprintVersion: string;
  /** An id column as decimal text. */
  idText(id: Sql): Sql;
  /**
   * A value of a portable type as text that is the same on every engine, and another for any other value; null for null.
   * Whole numbers and decimals of the same value are the same.
   */
  canonicalText(expression: Sql, type: string): Sql;
  /** Sum of the ids (`hash64`) of a text over all rows, exact, as text: tells sets of rows apart, in whatever order they are. */
  hashSum(text: Sql): Sql;

  /** Order key of an event with a value: `max(position)` is the last value, `min(position)` the first. */
  position(timestamp: Sql, receivedAt: Sql, messageId: Sql, value: Sql): Sql;
  positionValue(position: Sql): Sql;
  positionTimestamp(position: Sql): Sql;
  positionReceivedAt(position: Sql): Sql;
  positionMessageId(position: Sql): Sql;

  /** Value in the next, the previous row of a window (`PARTITION BY … ORDER BY …`); null where there is none. */
  nextOf(value: Sql, window: Sql): Sql;
  previousOf(value: Sql, window: Sql): Sql;
  /** Value of `value` in the row where `by` is largest / smallest. */
  argMax(value: Sql, by: Sql): Sql;
  argMin(value: Sql, by: Sql): Sql;
  /** Rounded to so many places, halves away from zero. */
  round(value: Sql, places: Sql): Sql;
  /** Interpolated quantile of numbers, `share` from 0 to 1. */
  quantile(value: Sql, share: number): Sql;
  /** aggregate(...) FILTER (WHERE …) */
  filtered(aggregate: Sql, condition: Sql): Sql;
  /** Sorted distinct list of text without nulls, at most `max` items; null for none. */
  uniqueList(value: Sql, max: number): Sql;
  listLength(list: Sql): Sql;
  /** The first items of a list, at most `max`. */
  listHead(list: Sql, max: number): Sql;
  listContains(list: Sql, value: Sql): Sql;
  /** What stands in FROM for a row per item of a list column of `from`; the item is `alias.value`. */
  unnest(from: Sql, list: Sql, alias: string): Sql;
  /** Regular expression match (RE2 syntax on both engines). */
  matches(text: Sql, pattern: string): Sql;
  /** The whole number with this bit set; bits are counted from 0 to 62, and for other places it means nothing. */
  bit(place: Sql): Sql;
  /** Aggregate: the bits that some value has. */
  bitOr(value: Sql): Sql;
  /** How many bits of the mask a value has. */
  bitCount(value: Sql, mask: bigint): Sql;
  /** Text contains, starts with, ends with, case-sensitive. */
  contains(text: Sql, part: Sql): Sql;
  startsWith(text: Sql, part: Sql): Sql;
  endsWith(text: Sql, part: Sql): Sql;
  lower(text: Sql): Sql;
  upper(text: Sql): Sql;
  byteLength(text: Sql): Sql;
  /** In characters, as the next. */
  textLength(text: Sql): Sql;
  textHead(text: Sql, max: number): Sql;
  /** Null-safe inequality: true where exactly one is null or both differ. */
  differs(a: Sql, b: Sql): Sql;
}
