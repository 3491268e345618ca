import { microsPerHour } from "../../base/instant.js";
import type { Dialect } from "../dialect.js";
import { type Sql, type SqlValue, join, name, render, sql, trustedSql } from "../sql.js";
import { nameOf } from "../table.js";
import { canonicalText } from "./canonical.js";
import { cast, tryCast } from "./casts.js";
import { jsonArray, jsonAt, jsonKind, jsonObject, jsonText, jsonTexts, linesAs, toJson } from "./json.js";
import { position, positionMessageId, positionReceivedAt, positionTimestamp, positionValue } from "./position.js";
import { type Layout, localTables } from "./layout.js";
import { filledTable, spread } from "./spread.js";
import { createTable, deleteWhere, updateWhere, upsert } from "./tables.js";
import { nullable, types } from "./types.js";

function quoteName(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Below this a literal would be a UInt8, which is what comparisons give: a number must not look like a truth value. */
const truthLikeMax = 255;

function quoteValue(value: SqlValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll("\0", "").replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" && !Number.isFinite(value)) return `toFloat64('${String(value)}')`;
  if (typeof value === "bigint" || Number.isInteger(value)) return value >= 0 && value <= truthLikeMax ? `${value}::UInt16` : String(value);
  return String(value);
}

export interface ClickhouseDialect extends Dialect {
  readonly layout: Layout;
  /** What to send for a statement, in order: one text, on a cluster perhaps several. */
  texts(statement: Sql): string[];
}

/**
 * The dialect of a warehouse whose databases carry a prefix (`cambium_` makes `raw` the database `cambium_raw`), on one
 * server or on the nodes of a cluster.
 */
export function clickhouseDialect(prefix: string, cluster?: string): ClickhouseDialect {
  const layout: Layout = { prefix, cluster };
  const quoting = { name: quoteName, schema: (schema: string) => quoteName(`${prefix}${schema}`), value: quoteValue };
  return {
    layout,
    texts: (statement) => spread(layout, statement).map((each) => render(each, quoting)),
    quoting,
    supports: { snapshots: false, updates: false, sharing: true },

    type: (type) => types[type],
    createTable: (spec) => createTable(layout, spec),
    createSchema: (schema) => sql`CREATE DATABASE IF NOT EXISTS ${{ parts: [{ schema }] }}`,
    createView: (path, query) => sql`CREATE OR REPLACE VIEW ${path} AS ${query}`,
    createTableAs: (path, query) => sql`CREATE OR REPLACE TABLE ${path}${trustedSql(filledTable)}${query}`,
    addColumn: (spec, column, type) =>
      // The comment tells apart what is text to the engine: JSON, positions.
      sql`ALTER TABLE ${nameOf(spec)} ADD COLUMN IF NOT EXISTS ${name(column)} ${trustedSql(nullable(type))} COMMENT ${type}`,
    dropColumn: (spec, column) => sql`ALTER TABLE ${nameOf(spec)} DROP COLUMN IF EXISTS ${name(column)}`,
    upsert,
    deleteWhere,
    updateWhere,
    tempTable: (table, query) => sql`CREATE OR REPLACE TABLE ${name(table)} ENGINE = Memory AS ${query}`,
    deleteTemp: (table, condition) => sql`ALTER TABLE ${name(table)} DELETE WHERE ${condition}`,
    tablesOf: (schema) =>
      sql`(SELECT name, engine LIKE '%View' AS is_view FROM system.tables WHERE database = ${`${prefix}${schema}`} AND NOT is_temporary${withoutLocal(layout, schema)})`,

    tryCast,
    cast,
    timestamp: (instant) => sql`fromUnixTimestamp64Micro(toInt64(${Math.round(instant)}), 'UTC')`,
    timestampOf: (micros) => sql`fromUnixTimestamp64Micro(toInt64(${micros}), 'UTC')`,
    date: (day) => sql`toDate32(${day})`,
    day: (timestamp, zone) => sql`toDate32(${timestamp}, ${zone})`,
    dayStart: (day, zone) => sql`toTimeZone(toDateTime64(${day}, 6, ${zone}), 'UTC')`,
    // Its own function rounds up before 1970.
    hour: (timestamp) => {
      const micros = sql`toUnixTimestamp64Micro(${timestamp})`;
      return sql`fromUnixTimestamp64Micro(${micros} - positiveModulo(${micros}, ${trustedSql(String(microsPerHour))}), 'UTC')`;
    },
    addDays: (day, days) => sql`addDays(${day}, ${days})`,
    addMicros: (timestamp, micros) => sql`addMicroseconds(${timestamp}, ${Math.round(micros)})`,
    dayNumber: (day) => sql`toInt64(toInt32(${day}))`,
    dayOfNumber: (days) => sql`addDays(toDate32('1970-01-01'), ${days})`,
    daysBetween: (a, b) => sql`dateDiff('day', ${a}, ${b})`,
    microsBetween: (a, b) => sql`(toUnixTimestamp64Micro(${b}) - toUnixTimestamp64Micro(${a}))`,
    wholeQuotient: (a, b) => sql`intDiv(${a}, ${b})`,

    jsonText,
    jsonAt,
    jsonTexts,
    list: (items) => sql`[${join(items)}]`,
    listOfJson: (json) =>
      sql`CAST(if(${json} IS NULL, CAST(NULL AS Variant(Array(String))), CAST(JSONExtract(assumeNotNull(${json}), 'Array(String)') AS Variant(Array(String)))) AS Variant(Array(String)))`,
    listItem: (list, index) => sql`${list}[${trustedSql(String(index + 1))}]`,
    jsonKeys: (json) => sql`JSONExtractKeys(ifNull(${json}, ''))`,
    jsonEntry: (json, key) => sql`nullIf(JSONExtractRaw(${json}, ${key}), '')`,
    jsonObject,
    jsonArray,
    authored: (expression) => sql`CAST(${expression}, replaceOne(toTypeName(${expression}), 'UInt8', 'Int16'))`,
    toJson,
    jsonKind,
    linesAs: (lines, shape) => linesAs(sql`(${lines})`, shape),
    jsonValid: (text) => sql`isValidJSON(${text})`,

    hash64,
    fingerprint: (columns) => sql`toInt64(bitShiftRight(sipHash64(tuple(${join(columns)})), 1))`,
    fingerprintVersion: "clickhouse-siphash64-1",
    idText: (id) => sql`toString(${id})`,
    canonicalText,
    hashSum: (text) => sql`ifNull(toString(sum(toInt128(${hash64(text)}))), '0')`,

    position,
    positionValue,
    positionTimestamp,
    positionReceivedAt,
    positionMessageId,

    nextOf: (value, window) => sql`lead(toNullable(${value})) OVER (${window})`,
    previousOf: (value, window) => sql`lag(toNullable(${value})) OVER (${window})`,
    argMax: (value, by) => sql`argMax(${value}, ${by})`,
    argMin: (value, by) => sql`argMin(${value}, ${by})`,
    // Its own round sends halves of doubles to the even neighbour.
    round: (value, places) => sql`(sign(${value}) * floor(abs(${value}) * pow(10, ${places}) + 0.5) / pow(10, ${places}))`,
    quantile: (value, share) => sql`quantileExactInclusive(${trustedSql(String(share))})(${value})`,
    filtered: (aggregate, condition) => sql`${aggregate} FILTER (WHERE ${condition})`,
    uniqueList: (value, max) => {
      const list = sql`arraySlice(arraySort(groupUniqArray(${value})), 1, ${max})`;
      return sql`CAST(if(count(${value}) = 0, CAST(NULL AS Variant(Array(String))), CAST(${list} AS Variant(Array(String)))) AS Variant(Array(String)))`;
    },
    listHead: (list, max) => sql`arraySlice(${list}, 1, ${max})`,
    listLength: (list) => sql`if(${list} IS NULL, NULL, length(variantElement(${list}, 'Array(String)')))`,
    listContains: (list, value) =>
      sql`if(${list} IS NULL, NULL, has(variantElement(CAST(${list} AS Variant(Array(String))), 'Array(String)'), ${value}))`,
    unnest: (from, list, alias) =>
      sql`${from} ARRAY JOIN arrayMap(item -> CAST(tuple(item) AS Tuple(value Nullable(String))), ${list}) AS ${name(alias)}`,
    matches: (text, pattern) => sql`match(${text}, ${pattern})`,
    // Conditions around it do not keep the engine from computing it for every row.
    bit: (place) => sql`if(${place} IS NULL, NULL, bitShiftLeft(toInt64(1), toUInt8(least(greatest(${place}, 0), 62))))`,
    bitOr: (value) => sql`groupBitOr(${value})`,
    bitCount: (value, mask) => sql`toInt64(bitCount(bitAnd(${value}, toInt64(${mask}))))`,
    contains: (text, part) => sql`(position(${text}, ${part}) > 0)`,
    startsWith: (text, part) => sql`startsWith(${text}, ${part})`,
    endsWith: (text, part) => sql`endsWith(${text}, ${part})`,
    lower: (text) => sql`lowerUTF8(${text})`,
    upper: (text) => sql`upperUTF8(${text})`,
    byteLength: (text) => sql`toInt64(length(${text}))`,
    textLength: (text) => sql`lengthUTF8(${text})`,
    textHead: (text, max) => sql`leftUTF8(${text}, ${max})`,
    differs: (a, b) => sql`(${a} IS DISTINCT FROM ${b} AND NOT (${isNaN(a)} AND ${isNaN(b)}))`,
  };
}

function hash64(text: Sql): Sql {
  return sql`toInt64(bitShiftRight(reinterpretAsUInt64(substring(MD5(${text}), 9, 8)), 1))`;
}

/** What one shard has of a table is no table of its own to anybody. */
function withoutLocal(layout: Layout, schema: string): Sql {
  const local = localTables(layout, schema);
  return local.length === 0 ? sql`` : sql` AND name NOT IN (${join(local.map((table) => sql`${table}`))})`;
}

/** Not a number equals not a number here, as on the other engine: else it would count as changed for ever. */
function isNaN(value: Parameters<Dialect["differs"]>[0]) {
  return sql`(match(toTypeName(${value}), 'Float') AND toString(${value}) = 'nan')`;
}
