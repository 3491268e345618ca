import { type Sql, sql, trustedSql } from "../sql.js";
import type { ColumnType } from "../table.js";
import { types } from "./types.js";

/**
 * Casts with the embedded engine's grammar and rounding. Text is cut out by a pattern first, since ClickHouse's own
 * readers take more (half a number, a 30th of February) or round otherwise; what a pattern does not match reads as null.
 * Numbers, booleans and times go through their text as well, so that one rule holds for all.
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

export function tryCast(expression: Sql, type: ColumnType): Sql {
  switch (type) {
    case "text":
    case "json":
      return cast(expression, type);
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
    case "text[]":
    case "position":
      return cast(expression, type);
    default:
      return type satisfies never;
  }
}

export function cast(expression: Sql, type: ColumnType): Sql {
  switch (type) {
    case "text":
      return textOf(expression);
    case "integer":
      return byType(
        expression,
        [
          ["Float", sql`accurateCast(round(toFloat64OrNull(toString(${expression}))), 'Int64')`],
          ["Decimal", sql`accurateCast(round(${exact(expression)}), 'Int64')`],
        ],
        sql`CAST(${expression} AS Int64)`,
      );
    case "decimal":
      return byType(
        expression,
        [["Float|String", sql`accurateCast(round(${exact(expression)}, 4), 'Decimal(18, 4)')`]],
        sql`CAST(${expression} AS Decimal(18, 4))`,
      );
    default:
      return sql`CAST(${expression} AS ${trustedSql(types[type])})`;
  }
}

/** Doubles always with a point, decimals with four places, instants without needless zeros. */
function textOf(expression: Sql): Sql {
  return byType(
    expression,
    [
      ["Float", sql`replaceRegexpOne(toString(${expression}), '^(-?\\\\d+)$', '\\\\1.0')`],
      ["Decimal", sql`toDecimalString(toDecimal256OrNull(toString(${expression}), 4), 4)`],
      ["DateTime64", sql`replaceRegexpOne(toString(${expression}), '\\\\.?0*$', '')`],
    ],
    // Not toString alone: a NULL by itself gets a column's type only by CAST.
    sql`CAST(toString(${expression}) AS String)`,
  );
}

/** The branch that fits the expression's type, which is known before anything runs. */
function byType(expression: Sql, branches: readonly (readonly [string, Sql])[], otherwise: Sql): Sql {
  return branches.reduceRight<Sql>(
    (rest, [pattern, then]) => sql`if(match(toTypeName(${expression}), ${pattern}), ${then}, ${rest})`,
    otherwise,
  );
}
