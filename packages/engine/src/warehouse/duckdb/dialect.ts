import type { Dialect, NdjsonShape } from "../dialect.js";
import { type Sql, type SqlValue, join, name, sql, trustedSql } from "../sql.js";
import { type ColumnType, type TableSpec, columnNames, nameOf } from "../table.js";
import { canonicalText, dayNumber, endOfDays } from "./canonical.js";

const types: Record<ColumnType, string> = {
  text: "VARCHAR",
  integer: "BIGINT",
  double: "DOUBLE",
  decimal: "DECIMAL(18,4)",
  boolean: "BOOLEAN",
  timestamp: "TIMESTAMP",
  date: "DATE",
  json: "JSON",
  "text[]": "VARCHAR[]",
  position: "STRUCT(moment TIMESTAMP, received TIMESTAMP, id VARCHAR, value VARCHAR)",
};

/** A JSON pointer: unlike DuckDB's `$.` paths it can say every key there is (empty, `*`, with quotes or backslashes). */
function jsonPath(path: readonly string[]): string {
  return path.length === 0 ? "$" : path.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function quoteName(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function quoteValue(value: SqlValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll("'", "''").replaceAll("\0", "")}'`;
  if (typeof value === "number" && !Number.isFinite(value)) return `'${value}'::DOUBLE`;
  return String(value);
}

function columnDefinition(column: string, type: string): Sql {
  const nullable = type.endsWith("?");
  const portable = (nullable ? type.slice(0, -1) : type) as ColumnType;
  return sql`${name(column)} ${trustedSql(types[portable] + (nullable ? "" : " NOT NULL"))}`;
}

export const duckdbDialect: Dialect = {
  quoting: { name: quoteName, schema: quoteName, value: quoteValue },
  supports: { snapshots: true, updates: true, sharing: false },

  type: (type) => types[type],
  createTable: (spec) => [
    sql`CREATE SCHEMA IF NOT EXISTS ${name(spec.schema)}`,
    sql`CREATE TABLE IF NOT EXISTS ${nameOf(spec)} (${join(Object.entries(spec.columns).map(([column, type]) => columnDefinition(column, type)))})`,
  ],
  createSchema: (schema) => sql`CREATE SCHEMA IF NOT EXISTS ${name(schema)}`,
  createView: (path, query) => sql`CREATE OR REPLACE VIEW ${path} AS ${query}`,
  createTableAs: (path, query) => sql`CREATE OR REPLACE TABLE ${path} AS ${query}`,
  addColumn: (spec, column, type) => sql`ALTER TABLE ${nameOf(spec)} ADD COLUMN IF NOT EXISTS ${name(column)} ${trustedSql(types[type])}`,
  dropColumn: (spec, column) => sql`ALTER TABLE ${nameOf(spec)} DROP COLUMN IF EXISTS ${name(column)}`,
  upsert: (spec, source, columns = columnNames(spec)) => upsert(spec, source, columns),
  deleteWhere: (spec, condition) => sql`DELETE FROM ${nameOf(spec)} WHERE ${condition}`,
  updateWhere: (spec, values, condition) =>
    sql`UPDATE ${nameOf(spec)} SET ${join(Object.entries(values).map(([column, value]) => sql`${name(column)} = ${value}`))} WHERE ${condition}`,
  deleteTemp: (table, condition) => sql`DELETE FROM ${name(table)} WHERE ${condition}`,
  tablesOf: (schema) =>
    sql`(SELECT table_name AS name, table_type = 'VIEW' AS is_view FROM information_schema.tables WHERE table_schema = ${schema})`,
  tempTable: (table, query) => sql`CREATE OR REPLACE TEMP TABLE ${name(table)} AS ${query}`,

  // Only the type with a zone minds an offset in the text; the session's zone is UTC.
  tryCast: (expression, type) =>
    type === "timestamp"
      ? sql`CAST(TRY_CAST(${expression} AS TIMESTAMPTZ) AS TIMESTAMP)`
      : sql`TRY_CAST(${expression} AS ${trustedSql(types[type])})`,
  cast: (expression, type) => sql`CAST(${expression} AS ${trustedSql(types[type])})`,
  timestamp: (instant) => sql`make_timestamp(${Math.round(instant)})`,
  timestampOf: (micros) => sql`make_timestamp(${micros})`,
  date: (day) => sql`CAST(${day} AS DATE)`,
  day: (timestamp, zone) =>
    zone === "UTC" ? sql`CAST(${timestamp} AS DATE)` : sql`CAST(((${timestamp}) AT TIME ZONE 'UTC') AT TIME ZONE ${zone} AS DATE)`,
  dayStart: (day, zone) =>
    zone === "UTC" ? sql`CAST(${day} AS TIMESTAMP)` : sql`((CAST(${day} AS TIMESTAMP) AT TIME ZONE ${zone}) AT TIME ZONE 'UTC')`,
  hour: (timestamp) => sql`date_trunc('hour', ${timestamp})`,
  addDays: (day, days) => sql`(${day} + ${days})`,
  addMicros: (timestamp, micros) => sql`(${timestamp} + to_microseconds(${Math.round(micros)}))`,
  dayNumber,
  dayOfNumber: (days) => sql`(CASE ${days} WHEN ${endOfDays} THEN DATE 'infinity' WHEN ${-endOfDays} THEN DATE '-infinity'
  ELSE DATE '1970-01-01' + CAST(${days} AS INTEGER) END)`,
  daysBetween: (a, b) => sql`date_diff('day', ${a}, ${b})`,
  microsBetween: (a, b) => sql`(epoch_us(${b}) - epoch_us(${a}))`,
  wholeQuotient: (a, b) => sql`(${a} // ${b})`,

  jsonText: (json, path) => sql`json_extract_string(${json}, ${jsonPath(path)})`,
  jsonAt: (json, path) => sql`json_extract(${json}, ${jsonPath(path)})`,
  jsonTexts: (json, paths) => sql`json_extract_string(${json}, [${join(paths.map((path) => sql`${jsonPath(path)}`))}])`,
  list: (items) => sql`[${join(items)}]`,
  listOfJson: (json) => sql`CAST(CAST(${json} AS JSON) AS VARCHAR[])`,
  listItem: (list, index) => sql`${list}[${index + 1}]`,
  jsonKeys: (json) => sql`coalesce(json_keys(${json}), [])`,
  jsonEntry: (json, key) => sql`json_extract(${json}, '/' || replace(replace(${key}, '~', '~0'), '/', '~1'))`,
  jsonObject: (fields) => sql`json_object(${join(fields.map(([field, expression]) => sql`${field}, ${expression}`))})`,
  jsonArray: (items) => sql`json_array(${join(items)})`,
  authored: (expression) => expression,
  toJson: (expression) => sql`to_json(${expression})`,
  jsonKind: (json) => sql`(CASE json_type(${json}) WHEN 'VARCHAR' THEN 'text' WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'list'
  WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' ELSE 'number' END)`,
  linesAs,
  jsonValid: (text) => sql`json_valid(${text})`,

  hash64: (text) => sql`CAST(md5_number(${text}) >> 65 AS BIGINT)`,
  fingerprint: (columns) => sql`CAST(hash(${join(columns)}) >> 1 AS BIGINT)`,
  fingerprintVersion: "duckdb-1.5",
  idText: (id) => sql`CAST(${id} AS VARCHAR)`,
  canonicalText,
  hashSum: (text) => sql`coalesce(CAST(sum(CAST(md5_number_lower(${text}) >> 1 AS BIGINT)) AS VARCHAR), '0')`,

  position: (timestamp, receivedAt, messageId, value) =>
    sql`{'moment': ${timestamp}, 'received': ${receivedAt}, 'id': ${messageId}, 'value': ${value}}`,
  positionValue: (position) => sql`(${position}).value`,
  positionTimestamp: (position) => sql`(${position}).moment`,
  positionReceivedAt: (position) => sql`(${position}).received`,
  positionMessageId: (position) => sql`(${position}).id`,

  nextOf: (value, window) => sql`lead(${value}) OVER (${window})`,
  previousOf: (value, window) => sql`lag(${value}) OVER (${window})`,
  argMax: (value, by) => sql`arg_max(${value}, ${by})`,
  argMin: (value, by) => sql`arg_min(${value}, ${by})`,
  round: (value, places) => sql`round(${value}, ${places})`,
  quantile: (value, share) => sql`quantile_cont(${value}, ${share})`,
  filtered: (aggregate, condition) => sql`${aggregate} FILTER (WHERE ${condition})`,
  uniqueList: (value, max) => sql`list_slice(list_sort(list(DISTINCT ${value}) FILTER (WHERE ${value} IS NOT NULL)), 1, ${max})`,
  listHead: (list, max) => sql`list_slice(${list}, 1, ${max})`,
  listLength: (list) => sql`len(${list})`,
  listContains: (list, value) => sql`list_contains(${list}, ${value})`,
  unnest: (from, list, alias) => sql`${from}, unnest(${list}) AS ${name(alias)}(value)`,
  matches: (text, pattern) => sql`regexp_matches(${text}, ${pattern})`,
  bit: (place) => sql`(1::BIGINT << ${place})`,
  bitOr: (value) => sql`bit_or(${value})`,
  bitCount: (value, mask) => sql`bit_count(${value} & ${mask}::BIGINT)`,
  contains: (text, part) => sql`contains(${text}, ${part})`,
  startsWith: (text, part) => sql`starts_with(${text}, ${part})`,
  endsWith: (text, part) => sql`ends_with(${text}, ${part})`,
  lower: (text) => sql`lower(${text})`,
  upper: (text) => sql`upper(${text})`,
  byteLength: (text) => sql`strlen(${text})`,
  textLength: (text) => sql`length(${text})`,
  textHead: (text, max) => sql`left(${text}, ${max})`,
  differs: (a, b) => sql`${a} IS DISTINCT FROM ${b}`,
};

/** The engine reads the files itself: in C++, on all cores, several times faster than rows made in JavaScript. */
export function readNdjson(files: readonly string[], shape: NdjsonShape, lineBytesMax: number): Sql {
  return sql`read_json([${join(files.map((file) => sql`${file}`))}], format = 'newline_delimited',
  columns = {${ndjsonColumns(shape)}}, ignore_errors = true, filename = 'file', maximum_object_size = ${lineBytesMax})`;
}

function linesAs(lines: Sql, shape: NdjsonShape): Sql {
  // A value that does not fit its type is null, as the reader of files has it.
  const parsed = sql`json_transform(CASE WHEN json_valid(line) THEN line ELSE '{}' END, ${JSON.stringify(transformShape(shape))})`;
  return sql`(SELECT file, unnest(${parsed}) FROM (${lines}) AS l)`;
}

function transformShape(shape: NdjsonShape): object {
  return Object.fromEntries(
    Object.entries(shape).map(([field, type]) => [field, typeof type === "string" ? types[type] : transformShape(type)]),
  );
}

/** Rows of a file in FROM. */
export function fileRows(file: string, format: "parquet" | "jsonl", columns: Readonly<Record<string, ColumnType>> = {}): Sql {
  if (format === "parquet") return sql`read_parquet(${file})`;
  const typed = join(Object.entries(columns).map(([column, type]) => sql`${name(column)}: ${types[type]}`));
  return sql`read_json(${file}, format = 'newline_delimited', maximum_object_size = 67108864, columns = {${typed}})`;
}

function ndjsonColumns(shape: NdjsonShape): Sql {
  const typeOf = (type: NdjsonShape[string]): string =>
    typeof type === "string"
      ? types[type]
      : `STRUCT(${Object.entries(type)
          .map(([field, fieldType]) => `"${field}" ${types[fieldType]}`)
          .join(", ")})`;
  return join(Object.entries(shape).map(([column, type]) => sql`${column}: ${typeOf(type)}`));
}

function upsert(spec: TableSpec, source: Sql, columns: readonly string[]): Sql[] {
  const others = columns.filter((column) => !spec.key.includes(column));
  const on = join(
    spec.key.map((column) => sql`t.${name(column)} = s.${name(column)}`),
    " AND ",
  );
  const update =
    others.length === 0
      ? sql``
      : sql` WHEN MATCHED THEN UPDATE SET ${join(others.map((column) => sql`${name(column)} = s.${name(column)}`))}`;
  return [
    sql`MERGE INTO ${nameOf(spec)} AS t USING (${source}) AS s ON ${on}${update}
WHEN NOT MATCHED THEN INSERT (${join(columns.map((column) => name(column)))}) VALUES (${join(columns.map((column) => sql`s.${name(column)}`))})`,
  ];
}
