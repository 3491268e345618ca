import type { Sql } from "../sql.js";

/** A table of the warehouse, by its names there. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table as it stands on the server. */
export interface StoredTable extends TableName {
  /** Name → type as the engine writes it, hidden columns left out, in order. */
  readonly columns: ReadonlyMap<string, string>;
  /** The columns it is sorted by; for current state its key. */
  readonly key: readonly string[];
  /** Current state by key; else rows are only added. */
  readonly isState: boolean;
}

/** Where rows wait for their commit: each table has one beside it there (`staged.ts`). */
export const stagedSchema = "staged";

export function stagedName(of: TableName): TableName {
  return { schema: stagedSchema, table: pathOf(of) };
}

export function pathOf({ schema, table }: TableName): string {
  return `${schema}.${table}`;
}

export function nameOfTable({ schema, table }: TableName): Sql {
  return { parts: [{ schema }, { text: "." }, { name: table }] };
}
