import type { DestinationRow } from "../../destination.js";
import { flatten } from "../file/csv.js";

/** The statements that a batch becomes, as text and one JSON parameter: Postgres itself casts each value to its column. */

export interface Target {
  readonly schema: string;
  readonly table: string;
  readonly keyColumn: string;
}

const identifierBytesMax = 63;

export function quote(identifier: string): string {
  if (identifier === "" || identifier.includes("\0") || Buffer.byteLength(identifier) > identifierBytesMax) {
    throw new RangeError(`"${identifier}" cannot name a table or column of Postgres (1 to ${identifierBytesMax} bytes)`);
  }
  return `"${identifier.replaceAll('"', '""')}"`;
}

export const tableOf = (target: Target) => `${quote(target.schema)}.${quote(target.table)}`;

/** A row as columns: nested fields are joined by `_`; lists and objects stay JSON. */
export function columnsOf(row: DestinationRow, target: Target): Record<string, unknown> {
  const flat = Object.fromEntries([...flatten(row.fields)].map(([column, value]) => [column.replaceAll(".", "_"), value ?? null]));
  return { ...flat, [target.keyColumn]: flat[target.keyColumn] ?? row.key };
}

export function upsertText(target: Target, columns: readonly string[], mode: string): string {
  const list = columns.map(quote).join(", ");
  const others = columns.filter((column) => column !== target.keyColumn);
  const update = others.map((column) => `${quote(column)} = EXCLUDED.${quote(column)}`).join(", ");
  const onConflict = mode === "append" || others.length === 0 ? "DO NOTHING" : `DO UPDATE SET ${update}`;
  return `/* cambium: rows of a sync */ INSERT INTO ${tableOf(target)} (${list})
SELECT ${list} FROM jsonb_populate_recordset(NULL::${tableOf(target)}, $1::jsonb)
ON CONFLICT (${quote(target.keyColumn)}) ${onConflict}`;
}

export function deleteText(target: Target): string {
  const key = quote(target.keyColumn);
  return `/* cambium: rows that left */ DELETE FROM ${tableOf(target)} AS t
USING jsonb_populate_recordset(NULL::${tableOf(target)}, $1::jsonb) AS r WHERE t.${key} = r.${key}`;
}

const types: Readonly<Record<string, string>> = {
  text: "text",
  integer: "bigint",
  double: "double precision",
  decimal: "numeric(18,4)",
  boolean: "boolean",
  timestamp: "timestamptz",
  date: "date",
  json: "jsonb",
  "text[]": "text[]",
};

/** A column's type: the source's where the field copies a column, else from the values. */
export function typeOf(warehouseType: string | undefined, values: readonly unknown[]): string {
  const known = warehouseType === undefined ? undefined : types[warehouseType];
  if (known !== undefined) return known;
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.length === 0) return "text";
  if (present.every((value) => typeof value === "boolean")) return "boolean";
  if (present.every((value) => typeof value === "number"))
    return present.every((value) => Number.isInteger(value)) ? "bigint" : "double precision";
  return present.every((value) => typeof value === "object") ? "jsonb" : "text";
}

export function createTableText(target: Target, keyType: string): string {
  return `CREATE TABLE IF NOT EXISTS ${tableOf(target)} (${quote(target.keyColumn)} ${keyType} PRIMARY KEY)`;
}

export function addColumnText(target: Target, column: string, type: string): string {
  return `ALTER TABLE ${tableOf(target)} ADD COLUMN IF NOT EXISTS ${quote(column)} ${type}`;
}
