import type { Dialect } from "./dialect.js";
import { type Sql, name, sql } from "./sql.js";
import type { ColumnType, TableColumn } from "./table.js";

/**
 * How a column's values travel from one engine to another: as columns of a Parquet file whose types mean the same
 * everywhere. Whole numbers, doubles, decimals, truth, instants and text go as they are, JSON and lists as JSON's text, days
 * by number (each engine's files have a range of dates of their own), a position as its four parts.
 */
export interface CarriedColumn extends TableColumn {
  /** In terms of the table that it comes from. */
  readonly value: Sql;
}

/** What the file gets of a column; `prefix` begins the names of its columns there. */
export function carriedFrom(dialect: Dialect, { name: column, type }: TableColumn, prefix: string): CarriedColumn[] {
  const value = name(column);
  const one = (carriedType: ColumnType, expression: Sql) => [{ name: prefix, type: carriedType, value: expression }];
  switch (type) {
    case "json":
      return one("text", dialect.cast(value, "text"));
    case "text[]":
      return one("text", dialect.cast(dialect.toJson(value), "text"));
    case "date":
      return one("integer", dialect.dayNumber(value));
    case "position":
      return [
        { name: `${prefix}_moment`, type: "timestamp", value: dialect.positionTimestamp(value) },
        { name: `${prefix}_received`, type: "timestamp", value: dialect.positionReceivedAt(value) },
        { name: `${prefix}_id`, type: "text", value: dialect.positionMessageId(value) },
        { name: `${prefix}_value`, type: "text", value: dialect.positionValue(value) },
      ];
    default:
      return one(type, value);
  }
}

/** The column's value again, in terms of the file. */
export function carriedTo(dialect: Dialect, { type }: TableColumn, prefix: string): Sql {
  const value = name(prefix);
  switch (type) {
    case "text[]":
      return dialect.listOfJson(value);
    case "date":
      return dialect.dayOfNumber(value);
    case "position": {
      const part = (which: string) => name(`${prefix}_${which}`);
      const moment = dialect.cast(part("moment"), "timestamp");
      const whole = dialect.position(moment, dialect.cast(part("received"), "timestamp"), part("id"), part("value"));
      return sql`CASE WHEN ${part("moment")} IS NULL THEN NULL ELSE ${whole} END`;
    }
    case "json":
    case "timestamp":
      return dialect.cast(value, type);
    default:
      return value;
  }
}
