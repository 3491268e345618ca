import type { DestinationRow } from "../engine.js";
import type { CatalogueAction } from "../entry.js";
import { impliedMapping, usesAudience } from "../default-mapping.js";
import type { DeliverCall } from "../protocol.js";
import type { Data } from "./segment.js";

/**
 * A row becomes the event that Segment's reverse ETL would have made of it. The row's fields are mapped already, so the
 * mapping only points at them; what the mapping leaves out is filled by `impliedMapping`.
 */

export interface RowFields {
  /** Nested by the dots of their names. */
  readonly fields: Data;
  /** `audience.*`: which audience the row belongs to, for actions without a field of that name. */
  readonly audience: Data;
  /** `transaction.*`: what an earlier action would have left behind (HubSpot's `contact_id` for a company). */
  readonly transaction: Data;
  readonly unknown: readonly string[];
}

export function fieldsOf(row: DestinationRow, action: CatalogueAction): RowFields {
  const nested = nest(row.fields);
  const names = namesOf(action);
  const isOwn = (name: string) => !names.has(name) && (name === "audience" || name === "transaction");
  const fields = Object.fromEntries(Object.entries(nested).filter(([name]) => !isOwn(name)));
  const unknown = Object.keys(fields).filter((name) => !names.has(name));
  return { fields, audience: own(nested, "audience", isOwn), transaction: own(nested, "transaction", isOwn), unknown };
}

const own = (nested: Data, name: string, isOwn: (name: string) => boolean): Data => {
  const value = nested[name];
  return isOwn(name) && isData(value) ? value : {};
};

const namesByAction = new WeakMap<CatalogueAction, ReadonlySet<string>>();

function namesOf(action: CatalogueAction): ReadonlySet<string> {
  const known = namesByAction.get(action);
  if (known !== undefined) return known;
  const names = new Set([...action.fields.map((field) => field.name), ...action.hooks]);
  namesByAction.set(action, names);
  return names;
}

export type SyncMode = "add" | "update" | "upsert" | "delete" | "mirror";

/** The mode in which an action with modes takes a row, best first; undefined if it cannot. */
export function syncModeOf(row: DestinationRow, action: CatalogueAction, mode: DeliverCall["mode"]): SyncMode | undefined {
  const wishes: Readonly<Record<DestinationRow["change"], readonly SyncMode[]>> = {
    add: mode === "append" ? ["add", "upsert", "mirror"] : ["upsert", "mirror", "add", "update"],
    change: ["upsert", "mirror", "update", "add"],
    remove: ["delete", "mirror"],
  };
  return wishes[row.change].find((wish) => action.syncModes?.choices.includes(wish) === true);
}

export function eventOf(row: DestinationRow, own: RowFields, action: CatalogueAction, call: DeliverCall): Data {
  const timestamp = new Date(Math.floor(call.now / 1000)).toISOString();
  const event: Data = {
    type: "track",
    event: { add: "new", change: "updated", remove: "deleted" }[row.change],
    messageId: row.idempotencyKey,
    timestamp,
    receivedAt: timestamp,
    __segment_id: row.key,
    properties: own.fields,
    fields: own.fields,
    context: { library: { name: "Cambium" } },
  };
  if (!usesAudience(action)) return event;
  const key = String(own.audience["key"] ?? call.sync);
  const entered = row.change !== "remove";
  const personas = {
    computation_class: "audience",
    computation_key: key,
    computation_id: String(own.audience["id"] ?? key),
    external_audience_id: own.audience["external_id"],
    audience_settings: own.audience["settings"] ?? {},
    namespace: "cambium",
    space_id: "cambium",
  };
  return {
    ...event,
    ...(action.syncModes === undefined ? { event: entered ? "Audience Entered" : "Audience Exited" } : {}),
    properties: { ...own.fields, [key]: entered },
    context: { library: { name: "Cambium" }, personas },
  };
}

/** One mapping for rows that go out together: the union of their fields. */
export function mappingOf(rows: readonly RowFields[], action: CatalogueAction, batch: boolean, syncMode: SyncMode | undefined): Data {
  const mapping: Data = impliedMapping(action);
  if (action.fields.some((field) => field.name === "enable_batching")) mapping["enable_batching"] = batch;
  for (const row of rows) {
    for (const name of Object.keys(row.fields)) {
      mapping[name] = action.hooks.includes(name) ? row.fields[name] : { "@path": `$.fields.${name}` };
    }
  }
  if (syncMode !== undefined) mapping["__segment_internal_sync_mode"] = syncMode;
  return mapping;
}

const forbidden = new Set(["__proto__", "prototype", "constructor"]);

/** `{"properties.score": 5}` becomes `{properties: {score: 5}}`; values become what JSON can say. */
export function nest(fields: Readonly<Record<string, unknown>>): Data {
  const result: Data = {};
  for (const [name, value] of Object.entries(fields)) {
    const path = name.split(".");
    if (path.some((part) => forbidden.has(part))) continue;
    let target = result;
    for (const part of path.slice(0, -1)) {
      const inner = target[part];
      const next: Data = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? { ...inner } : {};
      target[part] = next;
      target = next;
    }
    const last = path.at(-1) ?? name;
    const plain = plainValue(value);
    const present = target[last];
    // `properties` as a whole and `properties.score` on top of it may both be mapped.
    target[last] = isData(present) && isData(plain) ? { ...plain, ...present } : plain;
  }
  return result;
}

const isData = (value: unknown): value is Data => typeof value === "object" && value !== null && !Array.isArray(value);

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plainValue);
  if (isData(value))
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !forbidden.has(key))
        .map(([key, inner]) => [key, plainValue(inner)]),
    );
  return value;
}
