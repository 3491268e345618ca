import { md5Hex } from "../../base/hash.js";
import { type Sql, name, render, sql, trustedSql } from "../sql.js";
import type { ColumnType } from "../table.js";
import { types } from "./types.js";

/**
 * Casts with the embedded engine's grammar and rounding. Text is cut out by a pattern first, since ClickHouse's own
 * readers take more (half a number, a 30th of February) or round otherwise; what a pattern does not match reads as null.
 * Numbers, booleans and times go through their text as well, so that one rule holds for all.
 *
 * Casts nest, and the server looks at every copy of an expression (a cycle's SELECT of traits was 140 kB long, and half of
 * its time went into reading it): so what a cast says several times gets a name, and what is of the type stays as it is.
 */

const number = "[+-]?(?:\\\\d+\\\\.?\\\\d*|\\\\.\\\\d+)(?:[eE][+-]?\\\\d+)?";
const patterns = {
  number: `^\\\\s*(${number})\\\\s*$`,
  double: `^\\\\s*(${number}|(?i:[+-]?(?:inf|infinity|nan)))\\\\s*$`,
  timestamp:
    "^\\\\s*(\\\\d{4}[-/]\\\\d{1,2}[-/]\\\\d{1,2}(?:[ T]\\\\d{1,2}:\\\\d{2}(?::\\\\d{2}(?:\\\\.\\\\d+)?)?\\\\s?(?:Z|UTC|[+-]\\\\d{2}(?::?\\\\d{2})?)?)?)\\\\s*$",
  date: "^\\\\s*(\\\\d{4}[-/]\\\\d{1,2}[-/]\\\\d{1,2})",
};

function found(expression: Sql, pattern: keyof typeof patterns): Sql {
  return sql`extract(toString(${expression}), ${trustedSql(`'${patterns[pattern]}'`)})`;
}

/** Enough digits for every 64-bit number and every exact sum of decimals. */
function exact(expression: Sql): Sql {
  return sql`toDecimal256OrNull(${found(expression, "number")}, 20)`;
}

/** What an expression is known to be. */
const known = new WeakMap<Sql, ColumnType>();

function remembered(result: Sql, type: ColumnType): Sql {
  known.set(result, type);
  return result;
}

export function tryCast(expression: Sql, type: ColumnType): Sql {
  return known.get(expression) === type ? expression : remembered(tried(expression, type), type);
}

export function cast(expression: Sql, type: ColumnType): Sql {
  return known.get(expression) === type ? expression : remembered(converted(expression, type), type);
}

function tried(expression: Sql, type: ColumnType): Sql {
  switch (type) {
    case "text":
    case "json":
    case "text[]":
    case "position":
      return converted(expression, type);
    case "integer":
      return sql`toInt64OrNull(toString(toInt256(round(${exact(expression)}))))`;
    case "double":
      return sql`toFloat64OrNull(${found(expression, "double")})`;
    case "decimal":
      return sql`toDecimal64OrNull(toString(round(${exact(expression)}, 4)), 4)`;
    case "boolean":
      return sql`transform(lower(toString(${expression})), ['true', 't', 'yes', 'y', '1', 'false', 'f', 'no', 'n', '0'], [true, true, true, true, true, false, false, false, false, false], CAST(NULL AS Nullable(Bool)))`;
    case "timestamp":
      return sql`parseDateTime64BestEffortOrNull(${found(expression, "timestamp")}, 6, 'UTC')`;
    case "date":
      return sql`toDate32(parseDateTime64BestEffortOrNull(${found(expression, "date")}, 6, 'UTC'))`;
    default:
      return type satisfies never;
  }
}

function converted(expression: Sql, type: ColumnType): Sql {
  switch (type) {
    case "text":
      // Doubles always with a point, decimals with four places, instants without needless zeros.
      return byType(
        expression,
        [
          ["Float", (it) => sql`replaceRegexpOne(toString(${it}), '^(-?\\\\d+)$', '\\\\1.0')`],
          ["Decimal", (it) => sql`toDecimalString(toDecimal256OrNull(toString(${it}), 4), 4)`],
          ["DateTime64", (it) => sql`replaceRegexpOne(toString(${it}), '\\\\.?0*$', '')`],
        ],
        // Not toString alone: a NULL by itself gets a column's type only by CAST.
        (it) => sql`CAST(toString(${it}) AS String)`,
      );
    case "integer":
      return byType(
        expression,
        [
          ["Float", (it) => sql`accurateCast(round(toFloat64OrNull(toString(${it}))), 'Int64')`],
          ["Decimal", (it) => sql`accurateCast(round(${exact(it)}), 'Int64')`],
        ],
        (it) => sql`CAST(${it} AS Int64)`,
      );
    case "decimal":
      return byType(
        expression,
        [["Float|String", (it) => sql`accurateCast(round(${exact(it)}, 4), 'Decimal(18, 4)')`]],
        (it) => sql`CAST(${it} AS Decimal(18, 4))`,
      );
    default:
      return sql`CAST(${expression} AS ${trustedSql(types[type])})`;
  }
}

type Branch = (it: Sql) => Sql;

/** The branch that fits the expression's type, which is known before anything runs. */
function byType(expression: Sql, branches: readonly (readonly [string, Branch])[], otherwise: Branch): Sql {
  const text = render(expression, plainly);
  const isShort = text.length <= shortMax;
  const again = isShort ? expression : name(`_${md5Hex(text).slice(0, 16)}`);
  const first = isShort ? expression : sql`(${expression} AS ${again})`;
  return branches.reduceRight<Sql>((rest, [pattern, then], index) => {
    const it = index === 0 ? first : again;
    return sql`if(match(toTypeName(${it}), ${pattern}), ${then(again)}, ${rest})`;
  }, otherwise(again));
}

/** An expression of up to so many characters is a column or little more: a name for it would be longer. */
const shortMax = 40;

/** Only to tell expressions apart. */
const plainly = { name: (text: string) => JSON.stringify(text), schema: (text: string) => text, value: String };
