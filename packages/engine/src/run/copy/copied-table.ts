import { type CarriedColumn, carriedFrom, carriedTo } from "../../warehouse/carried.js";
import type { Dialect } from "../../warehouse/dialect.js";
import { published } from "../../warehouse/published.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { type TableColumn, type TableSpec, nameOf } from "../../warehouse/table.js";

/** One table of a copy: which rows it has, how they leave, how they arrive, and what must be equal in the end. */
export interface CopiedTable {
  readonly spec: TableSpec;
  /** For people and the copy's log: `raw.events`, or the part of a table that one sync has. */
  readonly label: string;
  /** The rows that are meant, on either side. */
  readonly scope: Sql;
  /** Those of the source's that a plan is made of: of raw tables, none whose load is not published. */
  readonly planned: Sql;
  /** Splits the rows into pieces; undefined where one piece will do. */
  readonly splitBy: string | undefined;
  /** Rows come with larger numbers only and never change: what was copied once need not be again. */
  readonly growsOnly: boolean;
  /** What the file gets of the rows that a condition names. */
  readonly carried: readonly CarriedColumn[];
  rowsOf(condition: Sql): Sql;
  /** Columns of the target, in terms of the file. */
  readonly values: Readonly<Record<string, Sql>>;
  /** Columns that the target's table needs beside those of its spec. */
  readonly added: readonly TableColumn[];
  /** What must be the same on both sides, as portable columns of each side's own. */
  compared(dialect: Dialect): readonly { readonly expression: Sql; readonly type: string }[];
  /** The same piece is the same rows on both sides; else they are compared as a whole. */
  readonly comparedByPiece: boolean;
  /** What remains to be done to the target's rows when all have arrived; then the table is copied anew if it was cut off. */
  readonly finish?: (() => Promise<void>) | undefined;
}

/** What changes on the way of a table that otherwise goes as it is. */
export interface TableChange {
  readonly column: string;
  /** In terms of the column as it came. */
  readonly value: (came: Sql) => Sql;
}

/** A table as it is, with all its columns. */
export function wholeTable(
  spec: TableSpec,
  columns: readonly TableColumn[],
  [from, to]: readonly [Dialect, Dialect],
  change?: TableChange,
): CopiedTable {
  const carried = columns.flatMap((column, index) => carriedFrom(from, column, `c${index}`));
  const values = columns.map((column, index) => {
    const value = carriedTo(to, column, `c${index}`);
    return [column.name, change?.column === column.name ? change.value(value) : value] as const;
  });
  return {
    spec,
    label: `${spec.schema}.${spec.table}`,
    scope: sql`TRUE`,
    planned: spec.schema === "raw" ? published() : sql`TRUE`,
    splitBy: splitColumn(spec),
    growsOnly: spec.schema === "raw",
    carried,
    rowsOf: (condition) => sql`SELECT * FROM ${nameOf(spec)} WHERE ${condition}`,
    values: Object.fromEntries(values),
    added: columns.filter((column) => !Object.hasOwn(spec.columns, column.name)),
    compared: (dialect) => columns.filter((column) => column.name !== change?.column).flatMap((column) => comparedOf(dialect, column)),
    comparedByPiece: true,
  };
}

/** A column of whole numbers: loads, or ids, which are spread evenly. */
function splitColumn(spec: TableSpec): string | undefined {
  const whole = Object.keys(spec.columns).filter((column) => spec.columns[column] === "integer");
  return whole.find((column) => column === "load_id") ?? whole.find((column) => spec.key.includes(column)) ?? whole[0];
}

/** Lists are compared by their items, positions by their parts: how an engine writes them is its own affair. */
function comparedOf(dialect: Dialect, column: TableColumn): { expression: Sql; type: string }[] {
  if (column.type === "text[]") return [{ expression: name(column.name), type: "text[]" }];
  return carriedFrom(dialect, column, "").map(({ value, type }) => ({ expression: value, type }));
}

/** The file's columns, selected from the rows that a condition names. */
export function selected(table: CopiedTable, condition: Sql): Sql {
  const columns = join(table.carried.map((column) => sql`${column.value} AS ${name(column.name)}`));
  return sql`/* rows of ${name(table.label)} on their way */ SELECT ${columns} FROM (${table.rowsOf(sql`(${table.scope}) AND (${condition})`)}) AS r`;
}
