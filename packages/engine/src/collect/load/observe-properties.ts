import { sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Events of a load that are looked at; the counts of a larger load are estimates. */
const sampledEvents = 200;
/** With the number of events, the bound on what is read here; properties as large as this are no columns of anything. */
const bodyLengthMax = 100_000;
const exampleLengthMax = 100;
const keysPerEventMax = 300;
const keyLengthMax = 300;

/** A property as events showed it. Instants as ISO text. */
export interface SeenProperty {
  readonly event: string;
  readonly property: string;
  /** As `dialect.jsonKind` says it. */
  readonly type: string;
  readonly seen: number;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly example: string;
}

/**
 * The properties of the events that a load stored, of which there are so many. Taken apart here: the warehouse would read
 * each JSON value again for each of its keys.
 */
export async function observedProperties(connection: Connection, loadId: number, events: number): Promise<SeenProperty[]> {
  const every = Math.max(1, Math.ceil(events / sampledEvents));
  const rows = await connection.read<{ event: string; at: string; body: string | null }>(
    sql`/* load: properties of these events */
SELECT coalesce(event, type) AS event, timestamp AS at, coalesce(properties, traits) AS body FROM raw.events
WHERE load_id = ${loadId} AND message_hash % ${every} = 0 AND ${connection.dialect.textLength(sql`coalesce(properties, traits)`)} <= ${bodyLengthMax}`,
  );
  const seen = new Map<string, SeenProperty>();
  for (const { event, at, body } of rows) {
    for (const [property, value] of fieldsOf(body)) {
      const type = kindOf(value);
      const key = propertyKey({ event, property, type });
      const before = seen.get(key);
      const example = before?.example ?? JSON.stringify(value).slice(0, exampleLengthMax);
      seen.set(key, withMore(before, { event, property, type, seen: every, first_seen: at, last_seen: at, example }));
    }
  }
  return [...seen.values()];
}

/** Both together, where there was one before. */
export function withMore(before: SeenProperty | undefined, property: SeenProperty): SeenProperty {
  if (before === undefined) return property;
  return {
    ...property,
    seen: before.seen + property.seen,
    first_seen: before.first_seen < property.first_seen ? before.first_seen : property.first_seen,
    last_seen: before.last_seen > property.last_seen ? before.last_seen : property.last_seen,
  };
}

export function propertyKey({ event, property, type }: Pick<SeenProperty, "event" | "property" | "type">): string {
  return JSON.stringify([event, property, type]);
}

function fieldsOf(body: string | null): [string, unknown][] {
  const value: unknown = body === null ? null : JSON.parse(body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .slice(0, keysPerEventMax)
    .filter(([key]) => key.length <= keyLengthMax);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "string") return "text";
  return typeof value;
}
