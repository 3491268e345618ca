import { createHash } from "node:crypto";
import { Liquid, type Template } from "liquidjs";
import { CambiumError, messageOf } from "../base/errors.js";
import { hash64 } from "../base/hash.js";
import type { MappingValue, Sync } from "../project/kinds/sync.js";
import type { Cell, Row } from "../warehouse/warehouse.js";

/**
 * A sync's mapping, compiled: which source columns it reads (those decide whether a row changed) and a function from a
 * row to the destination's fields. Templates run here, on changed rows only.
 */

export interface Mapping {
  /** Source columns read, the key included, sorted. */
  readonly columns: readonly string[];
  /** Changes when the mapping does. */
  readonly fingerprint: string;
  /** Field → source column, where a field is a plain copy of one. */
  readonly plainColumns: ReadonlyMap<string, string>;
  fields(row: Row): Record<string, unknown>;
  /** Fields of a row that left: everything null but what is made from the key alone. */
  clearedFields(row: Row): Record<string, unknown>;
}

/** Bounds of one template: characters in, work done, characters out. */
const templateCharactersMax = 20_000;
const renderMillisMax = 200;
/** The bound is in time: a machine that paused is asked again, an endless template hits it each time. */
const renderTriesMax = 3;
const renderMemoryMax = 200_000;
const fieldsMax = 500;

const liquid = new Liquid({
  strictFilters: true,
  strictVariables: true,
  lenientIf: true,
  ownPropertyOnly: true,
  parseLimit: templateCharactersMax,
  renderLimit: renderMillisMax,
  memoryLimit: renderMemoryMax,
  cache: false,
  timezoneOffset: "UTC",
  // No file of the machine is a template's to read.
  templates: {},
});

/** A value of the destination's field from a row; `columns` says what it reads. */
interface Value {
  readonly columns: readonly string[];
  read(row: Row): unknown;
}

export function compileMapping(sync: Sync): Mapping {
  const entries = Object.entries(sync.mapping);
  if (entries.length > fieldsMax) throw invalid(sync, `maps ${entries.length} fields; at most ${fieldsMax} are possible`);
  const values = entries.map(([field, value]) => ({ field, path: pathOf(sync, field), value: compileValue(sync, field, value) }));
  const columns = [...new Set([sync.key, ...values.flatMap(({ value }) => value.columns)])].sort();
  const build = (row: Row, keep: (value: Value) => boolean) => {
    const fields: Record<string, unknown> = {};
    for (const { path, value } of values) put(fields, path, keep(value) ? value.read(row) : null);
    return fields;
  };
  return {
    columns,
    fingerprint: hash64(JSON.stringify([sync.key, entries])),
    plainColumns: new Map(entries.flatMap(([field, value]) => (typeof value === "string" ? [[field, value] as const] : []))),
    fields: (row) => build(row, () => true),
    clearedFields: (row) => build(row, (value) => value.columns.every((column) => column === sync.key)),
  };
}

function compileValue(sync: Sync, field: string, value: MappingValue): Value {
  if (typeof value === "string") return { columns: [value], read: (row) => row[value] ?? null };
  if ("constant" in value) return { columns: [], read: () => value.constant };
  if ("template" in value) return compileTemplate(sync, field, value.template);
  return {
    columns: [value.column],
    read: (row) => {
      const cell = row[value.column] ?? null;
      if (cell === null) return value.default ?? null;
      return value.transform === undefined ? cell : transform(value.transform, cell);
    },
  };
}

function compileTemplate(sync: Sync, field: string, text: string): Value {
  let templates: Template[];
  let columns: string[];
  try {
    templates = liquid.parse(text);
    columns = liquid.globalVariableSegmentsSync(templates).flatMap(([first]) => (typeof first === "string" ? [first] : []));
  } catch (thrown) {
    throw new CambiumError("PROJECT_INVALID", `sync ${sync.name}, field ${field}: the template does not parse: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  return { columns: [...new Set(columns)], read: (row) => render(templates, row) };
}

function render(templates: Template[], row: Row): unknown {
  for (let tries = 1; ; tries += 1) {
    try {
      return liquid.renderSync(templates, row);
    } catch (thrown) {
      if (tries === renderTriesMax || !messageOf(thrown).includes("template render limit")) throw thrown;
    }
  }
}

type Transform = NonNullable<Extract<MappingValue, { column: string }>["transform"]>;

/** Never throws: what does not fit becomes null, as in the traits. */
export function transform(kind: Transform, cell: Cell): unknown {
  const text = typeof cell === "object" ? JSON.stringify(cell) : String(cell);
  switch (kind) {
    case "lower":
      return text.toLowerCase();
    case "upper":
      return text.toUpperCase();
    case "trim":
      return text.trim();
    case "round":
      return finite(Math.round(Number(cell)));
    case "integer":
      return finite(Math.trunc(Number(cell)));
    case "number":
      return finite(Number(cell));
    case "string":
      return text;
    case "boolean":
      return typeof cell === "boolean" ? cell : typeof cell === "number" ? cell !== 0 : /^(true|t|yes|y|1)$/i.test(text);
    case "json":
      return parsed(cell, text);
    case "unix_seconds":
      return finite(Math.floor(Date.parse(text) / 1000));
    case "date":
      return /^\d{4}-\d{2}-\d{2}/.exec(text)?.[0] ?? null;
    case "sha256":
      return createHash("sha256").update(text.trim().toLowerCase(), "utf8").digest("hex");
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function parsed(cell: Cell, text: string): unknown {
  if (typeof cell !== "string") return cell;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return cell;
  }
}

/** `address.city` is a field in an object; names that would reach a prototype are refused. */
function pathOf(sync: Sync, field: string): string[] {
  const path = field.split(".");
  if (path.some((step) => step === "" || step === "__proto__" || step === "constructor" || step === "prototype")) {
    throw invalid(sync, `maps to field "${field}", which is not a name or a dotted path`);
  }
  return path;
}

function put(fields: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let place = fields;
  for (const step of path.slice(0, -1)) {
    const inner = place[step];
    if (typeof inner === "object" && inner !== null) place = inner as Record<string, unknown>;
    else place = place[step] = {};
  }
  place[path.at(-1) as string] = value;
}

function invalid(sync: Sync, what: string): CambiumError {
  return new CambiumError("PROJECT_INVALID", `sync ${sync.name} ${what}`);
}
