import { snakeCase } from "../warehouse/property-column.js";

/**
 * Names of Segment's warehouse layout, as plain data: which views there are, and which column each property gets. dbt
 * packages and BI written for a Segment warehouse find what they expect.
 */

/** A property seen on events of a name, with the kinds of value it had: `text`, `number`, `boolean`, `object`, `list`. */
export interface SeenProperty {
  readonly event: string;
  readonly property: string;
  readonly kinds: readonly string[];
}

export interface LayoutColumn {
  readonly column: string;
  readonly path: readonly string[];
  readonly type: "text" | "double" | "boolean";
}

/** Columns that every view of calls has before the properties; a property of the same name is set apart by `_`. */
export const reservedColumns: readonly string[] = [
  "id",
  "anonymous_id",
  "user_id",
  "group_id",
  "previous_id",
  "event",
  "event_text",
  "received_at",
  "sent_at",
  "original_timestamp",
  "timestamp",
  "uuid_ts",
];

/** Segment's standing views; an event of such a name gets `_` before its own. */
export const standingViews: readonly string[] = ["tracks", "identifies", "users", "pages", "screens", "groups", "accounts", "aliases"];

/** Paths within `context` that common SDKs send. */
export const contextPaths: readonly string[] = [
  ...["ip", "locale", "timezone", "userAgent", "groupId"],
  ...["app.name", "app.version", "app.build", "app.namespace"],
  ...["campaign.name", "campaign.source", "campaign.medium", "campaign.term", "campaign.content"],
  ...["device.id", "device.manufacturer", "device.model", "device.name", "device.type", "device.advertisingId"],
  ...["library.name", "library.version"],
  ...["network.carrier", "network.wifi", "os.name", "os.version"],
  ...["page.path", "page.referrer", "page.search", "page.title", "page.url"],
  ...["referrer.type", "referrer.name", "referrer.url", "screen.width", "screen.height"],
];

const nameCharsMax = 63;

/** `Signed Up` → `signed_up`; a leading digit and a standing view's name get `_` before them. */
export function viewName(event: string): string {
  const snake = snakeCase(event).slice(0, nameCharsMax - 1);
  if (snake === "") return "_";
  return /^\d/.test(snake) || standingViews.includes(snake) ? `_${snake}` : snake;
}

/** One view for each name; events that come to the same name share it (`event_text` tells them apart). */
export function eventViews(events: readonly string[]): Map<string, string[]> {
  const views = new Map<string, string[]>();
  for (const event of [...events].sort()) {
    const view = viewName(event);
    views.set(view, [...(views.get(view) ?? []), event]);
  }
  return views;
}

/**
 * One column for each property: snake case, `_` before a reserved name or a digit, and what two properties would share
 * goes to the first of them. A type holds for a property that was never seen with another; all else is text.
 */
export function propertyColumns(properties: readonly SeenProperty[], taken: readonly string[] = reservedColumns): LayoutColumn[] {
  const kinds = new Map<string, Set<string>>();
  for (const { property, kinds: seen } of properties) {
    const all = kinds.get(property) ?? new Set();
    for (const kind of seen) if (kind !== "null") all.add(kind);
    kinds.set(property, all);
  }
  const columns = new Map<string, LayoutColumn>();
  for (const [property, seen] of [...kinds].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const column = columnName(property, taken);
    if (column !== undefined && !columns.has(column)) columns.set(column, { column, path: [property], type: typeOf(seen) });
  }
  return [...columns.values()];
}

export function columnName(property: string, taken: readonly string[] = reservedColumns): string | undefined {
  const snake = snakeCase(property).slice(0, nameCharsMax - 1);
  if (snake === "") return undefined;
  return /^\d/.test(snake) || taken.includes(snake) ? `_${snake}` : snake;
}

function typeOf(kinds: ReadonlySet<string>): LayoutColumn["type"] {
  const [only] = kinds;
  if (kinds.size !== 1) return "text";
  return only === "number" ? "double" : only === "boolean" ? "boolean" : "text";
}
