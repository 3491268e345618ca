import { type Sql, join, name, sql } from "./sql.js";

/**
 * A table as data. Types are portable; the dialect knows the engine's name for each.
 * `decimal` is DECIMAL(18,4): exact, and as fast as a 64-bit integer (range ±99,999,999,999,999.9999).
 */
export type ColumnType = "text" | "integer" | "double" | "decimal" | "boolean" | "timestamp" | "date" | "json" | "text[]" | "position";

export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
}

export interface TableSpec {
  readonly schema: "raw" | "growth" | "ops";
  readonly table: string;
  readonly purpose: string;
  /** Column name → type; a trailing `?` means null is allowed. */
  readonly columns: Readonly<Record<string, ColumnType | `${ColumnType}?`>>;
  /** The columns that tell rows apart. Not enforced by an index (`performance.md` measured why): writers keep it. */
  readonly key: readonly string[];
  /**
   * Rows are only added, several of one key may stand beside each other: facts, logs. Else the table is the current state
   * by key, and an engine without updates may keep older rows of a key unseen until it has merged them.
   */
  readonly appended?: boolean;
  /** Sort order for engines that keep one; arrival order otherwise. */
  readonly order?: readonly string[];
  /**
   * The whole-number column that spreads rows over the machines of an engine that has several; elsewhere it means nothing.
   * Without it every machine has all rows.
   */
  readonly sharded?: string;
}

export function defineTable<const T extends TableSpec>(spec: T): T {
  return Object.freeze(spec);
}

/** `"growth"."users"`. */
export function nameOf(spec: TableSpec): Sql {
  return name(spec.schema, spec.table);
}

export function columnNames(spec: TableSpec): string[] {
  return Object.keys(spec.columns);
}

export function columnList(spec: TableSpec, prefix?: string): Sql {
  return join(columnNames(spec).map((column) => (prefix === undefined ? name(column) : sql`${name(prefix)}.${name(column)}`)));
}
