import { z } from "zod";
import { CambiumError } from "../../base/errors.js";
import { type Sql, join, sql } from "../../warehouse/sql.js";
import type { Row } from "../../warehouse/warehouse.js";
import type { EventRow, EventsPage, EventsRequest } from "../contract.js";
import type { Reads } from "../reads.js";
import { cursorOf, cursorParts, jsonOf, lowerContains, where } from "./rows.js";

/**
 * Newest events first, in arrival order. A table of a hundred million events is never sorted: the loads are walked back
 * in widening windows until the page is full, up to a bound that depends on how dear the filter is.
 */

const eventsDefault = 50;
/** Newest events that the first window covers; also where the values offered as filters come from. */
const nearEvents = 20_000;
/** Events looked through for exact filters, and for text inside payloads. */
const exactSearchMax = 20_000_000;
const textSearchMax = 500_000;
const facetValuesMax = 50;

const cursor = z.tuple([z.number().int(), z.string().max(40), z.string().max(1000)]);

export async function newestEvents(reads: Reads, request: EventsRequest): Promise<EventsPage> {
  const limit = request.limit ?? eventsDefault;
  const start = request.before === undefined ? undefined : parseCursor(request.before);
  const searchMax = request.text === undefined ? exactSearchMax : textSearchMax;
  const { total, windows, searched, bottom } = await windowsOf(reads, start?.[0], searchMax);
  const filters = filtersOf(reads, request);
  const events: EventRow[] = [];
  for (const window of windows) {
    if (events.length >= limit) break;
    const conditions = [sql`load_id > ${window.after}`, sql`load_id <= ${window.upTo}`, ...filters, ...beforeCursor(reads, start)];
    events.push(...(await readEvents(reads, sql`${where(conditions)} ${newestFirst} LIMIT ${limit - events.length}`)));
  }
  const last = events.at(-1);
  const next =
    last !== undefined && events.length === limit
      ? cursorOf([last.loadId, last.receivedAt, last.messageId])
      : bottom > 0
        ? cursorOf([bottom, endOfTime, ""])
        : null;
  return { events, next, total, searched, facets: await facetsOf(reads) };
}

const endOfTime = "9999-12-31T23:59:59Z";
const newestFirst = sql`ORDER BY load_id DESC, received_at DESC, message_id DESC`;

/** Events that match; `tail` is WHERE, ORDER BY and LIMIT. */
export async function readEvents(reads: Reads, tail: Sql): Promise<EventRow[]> {
  const rows = await reads.read(sql`/* events with their payloads */ SELECT ${eventColumns} FROM raw.events ${tail}`);
  return rows.map(eventOf);
}

const columnsByField: Record<keyof EventRow, string> = {
  messageId: "message_id",
  loadId: "load_id",
  source: "source",
  type: "type",
  event: "event",
  userId: "user_id",
  anonymousId: "anonymous_id",
  email: "email",
  groupId: "group_id",
  timestamp: "timestamp",
  receivedAt: "received_at",
  sentAt: "sent_at",
  timeFlag: "time_flag",
  properties: "properties",
  traits: "traits",
  context: "context",
  integrations: "integrations",
};

const eventColumns = join(
  Object.entries(columnsByField).map(([field, column]) => ({ parts: [{ name: column }, { text: " AS " }, { name: field }] })),
);

function eventOf(row: Row): EventRow {
  return {
    ...(row as unknown as EventRow),
    properties: jsonOf(row["properties"]),
    traits: jsonOf(row["traits"]),
    context: jsonOf(row["context"]),
    integrations: jsonOf(row["integrations"]),
  };
}

function filtersOf(reads: Reads, request: EventsRequest): Sql[] {
  const filters: Sql[] = [];
  if (request.source !== undefined) filters.push(sql`source = ${request.source}`);
  if (request.type !== undefined) filters.push(sql`type = ${request.type}`);
  if (request.event !== undefined) filters.push(sql`event = ${request.event}`);
  if (request.messageId !== undefined) filters.push(sql`message_id = ${request.messageId}`);
  if (request.user !== undefined) {
    const { user } = request;
    filters.push(sql`(user_id = ${user} OR anonymous_id = ${user} OR email = ${user.toLowerCase()})`);
  }
  if (request.text !== undefined && request.text !== "") {
    const { text } = request;
    const columns = [sql`event`, sql`user_id`, sql`anonymous_id`, sql`email`, sql`message_id`, sql`group_id`];
    const payloads = [sql`properties`, sql`traits`, sql`context`].map((column) => reads.dialect.cast(column, "text"));
    filters.push(
      sql`(${join(
        [...columns, ...payloads].map((column) => lowerContains(reads, column, text)),
        " OR ",
      )})`,
    );
  }
  return filters;
}

interface Window {
  readonly after: number;
  readonly upTo: number;
}

/** Ranges of loads, newest first: the newest 20,000 events, then what remains up to the bound. */
async function windowsOf(
  reads: Reads,
  from: number | undefined,
  searchMax: number,
): Promise<{ total: number; windows: Window[]; searched: number; bottom: number }> {
  const { dialect } = reads;
  const upTo = from ?? Number.MAX_SAFE_INTEGER;
  const row = await reads.first<{ total: number; newest: number | null; near: number | null; far: number | null; searched: number }>(
    sql`/* which loads hold the newest events */ SELECT coalesce((SELECT sum(stored) FROM ops.loads), 0) AS total, max(load_id) AS newest,
  ${dialect.filtered(sql`min(load_id)`, sql`above < ${nearEvents}`)} AS near, ${dialect.filtered(sql`min(load_id)`, sql`above < ${searchMax}`)} AS far,
  coalesce(${dialect.filtered(sql`sum(stored)`, sql`above < ${searchMax}`)}, 0) AS searched
FROM (SELECT load_id, stored, coalesce(sum(stored) OVER (ORDER BY load_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS above
  FROM ops.loads WHERE load_id <= ${upTo}) AS loads`,
  );
  if (row?.newest === null || row?.newest === undefined) return { total: row?.total ?? 0, windows: [], searched: 0, bottom: 0 };
  // From the load before: a row of old loads stands for a whole day of them, under the last one's id.
  const before = (load: number | null) => dialect.filtered(sql`max(load_id)`, sql`load_id < ${load ?? row.newest ?? 0}`);
  const below = await reads.first<{ near: number | null; far: number | null; stored: number | null }>(
    sql`/* the loads before those, and is anything older left */ SELECT ${before(row.near)} AS near, ${before(row.far)} AS far,
  ${dialect.filtered(sql`sum(stored)`, sql`load_id < ${row.far ?? row.newest}`)} AS stored FROM ops.loads`,
  );
  const near = below?.near ?? 0;
  const far = below?.far ?? 0;
  const windows = [{ after: near, upTo: row.newest }, ...(far < near ? [{ after: far, upTo: near }] : [])];
  return { total: row.total, windows, searched: row.searched, bottom: (below?.stored ?? 0) > 0 ? far : 0 };
}

function parseCursor(text: string): [number, string, string] {
  const parsed = cursor.safeParse(cursorParts(text));
  if (!parsed.success || Number.isNaN(Date.parse(parsed.data[1]))) {
    throw new CambiumError("BAD_REQUEST", "`before` is not a cursor of an earlier answer");
  }
  return parsed.data;
}

function beforeCursor(reads: Reads, start: readonly [number, string, string] | undefined): Sql[] {
  if (start === undefined) return [];
  const [load, received, message] = start;
  const at = reads.dialect.cast(sql`${received}`, "timestamp");
  return [sql`(load_id < ${load} OR (load_id = ${load} AND (received_at < ${at} OR (received_at = ${at} AND message_id < ${message}))))`];
}

function facetsOf(reads: Reads): Promise<EventsPage["facets"]> {
  return reads.once("event-facets", async () => {
    const { windows } = await windowsOf(reads, undefined, nearEvents);
    const near = windows[0];
    if (near === undefined) return { sources: [], types: [], events: [] };
    const rows = await reads.read<{ source: string; type: string; event: string | null; n: number }>(
      sql`/* values to filter events by */ SELECT source, type, event, count(*) AS n FROM raw.events
WHERE load_id > ${near.after} AND load_id <= ${near.upTo} GROUP BY source, type, event ORDER BY n DESC, source, type, event LIMIT 1000`,
    );
    const distinct = (values: (string | null)[]) => [...new Set(values.filter((value) => value !== null))].slice(0, facetValuesMax);
    return {
      sources: distinct(rows.map((row) => row.source)),
      types: distinct(rows.map((row) => row.type)),
      events: distinct(rows.map((row) => row.event)),
    };
  });
}
