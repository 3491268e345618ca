import type { ColumnType, TableSpec } from "../table.js";
import type { Cell } from "../warehouse.js";

/**
 * ClickHouse's name of each portable type and back, and how its JSON output becomes a `Cell`.
 * JSON is kept as text: the engine's JSON type does not give back what was put in. Lists are a Variant, the only way a
 * list can be null. A position is text that sorts as its parts do (see `position.ts`).
 */
export const types: Record<ColumnType, string> = {
  text: "String",
  integer: "Int64",
  double: "Float64",
  decimal: "Decimal(18, 4)",
  boolean: "Bool",
  timestamp: "DateTime64(6, 'UTC')",
  date: "Date32",
  json: "String",
  "text[]": "Variant(Array(String))",
  position: "String",
};

export function nullable(type: ColumnType): string {
  return type === "text[]" ? types[type] : `Nullable(${types[type]})`;
}

/** `text?` is a type and whether null is allowed. */
export function columnTypeOf(declared: string): string {
  return declared.endsWith("?") ? nullable(declared.slice(0, -1) as ColumnType) : types[declared as ColumnType];
}

/** `Nullable(LowCardinality(String))` is a String to us. */
export function bare(type: string): string {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/s.exec(type)?.[1];
  return inner === undefined ? type : bare(inner);
}

export function portableType(engineType: string): string {
  const type = bare(engineType);
  if (/^Decimal/.test(type)) return "decimal";
  if (/^DateTime/.test(type)) return "timestamp";
  if (/^(String|FixedString|Enum|UUID|IPv)/.test(type)) return "text";
  if (/^(Array\((Nullable\()?String|Variant\(Array\(String)/.test(type)) return "text[]";
  const portable: Record<string, string> = {
    // What comparisons and logic give; whole numbers of our own statements are wider.
    UInt8: "boolean",
    Bool: "boolean",
    Float64: "double",
    Float32: "double",
    Date: "date",
    Date32: "date",
  };
  return portable[type] ?? (/^U?Int(8|16|32|64)$/.test(type) ? "integer" : /^U?Int(128|256)$/.test(type) ? "decimal" : type.toLowerCase());
}

/** Of a table's column: text may be more than that to us, as its spec says or the comment of a column added later. */
export function portableTypeOf(table: TableSpec, column: string, engineType: string, comment: string): ColumnType {
  const declared = table.columns[column]?.replace("?", "") ?? (Object.hasOwn(types, comment) ? comment : undefined);
  return (declared ?? portableType(engineType)) as ColumnType;
}

/** Turns a value of the JSON formats into a `Cell`; made once a column. `smallNumbers`: a UInt8 is no truth value. */
export function cellReader(engineType: string, smallNumbers = false): (value: unknown) => Cell {
  const type = bare(engineType);
  const inArray = /^(?:Variant\()?Array\((.*?)\)\)?$/s.exec(type)?.[1];
  const some = (read: (value: unknown) => Cell) => (value: unknown) => (value === null || value === undefined ? null : read(value));
  if (inArray !== undefined) {
    const item = cellReader(inArray, smallNumbers);
    return some((value) => (Array.isArray(value) ? value.map(item) : (value as Cell)));
  }
  if (type === "UInt8" && !smallNumbers) return some((value) => value === 1 || value === true);
  if (/^DateTime64/.test(type)) return some((value) => isoText(String(value)));
  if (/^DateTime/.test(type)) return some((value) => isoText(`${String(value)}.000000`));
  if (/^U?Int(64|128|256)$/.test(type)) return some(wholeNumber);
  if (/^Decimal/.test(type)) return some(decimalNumber);
  if (/^Float/.test(type))
    return some((value) => (typeof value === "string" ? Number(value.replace("inf", "Infinity")) : (value as number)));
  return (value) => value as Cell;
}

function isoText(text: string): string {
  const [day = "", time = "00:00:00.000000"] = text.split(" ");
  const [seconds = "", fraction = ""] = time.split(".");
  return `${day}T${seconds}.${fraction.slice(0, 6).padEnd(6, "0")}Z`;
}

function wholeNumber(value: unknown): Cell {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** A number where it holds the value exactly enough, as the other engine does it. */
const decimalAsNumberMax = 1e11;

function decimalNumber(value: unknown): Cell {
  const number = Number(value);
  return Math.abs(number) < decimalAsNumberMax ? number : String(value);
}
