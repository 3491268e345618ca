import { md5Hex } from "../base/hash.js";
import { isoOf } from "../base/instant.js";
import type { CycleWindow } from "../base/cycle.js";
import type { Dialect } from "../warehouse/dialect.js";
import { published } from "../warehouse/published.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { modelRuns } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { createRelation, dropRelation, relationsIn } from "./relations.js";
import {
  type LayoutColumn,
  type SeenProperty,
  columnName,
  contextPaths,
  eventViews,
  propertyColumns,
  reservedColumns,
  viewName,
} from "./segment-layout.js";

/** Schema with Segment's warehouse layout. */
export const segmentSchema = "segment";
/** Views of single events; further events are in `tracks` and `raw.events` only. */
const eventViewsMax = 2_000;
const columnsMax = 500;

/**
 * Views over `raw.events` with Segment's table layout: tracks, identifies, users, pages, screens, groups, accounts,
 * aliases and one view per event, in the schema `segment`. They are made again when a new event or property appears;
 * otherwise this looks at the newest loads only. Called outside of a transaction; says whether it made them.
 */
export async function segmentViews(connection: Connection, window: CycleWindow, calls = new SeenCalls()): Promise<"built" | "kept"> {
  const seen = await seenProperties(connection);
  const fingerprint = md5Hex(JSON.stringify([layoutVersion, seen]));
  const before = await connection.first<{ fingerprint: string; to_load: number }>(
    sql`/* are the views current */ SELECT fingerprint, to_load FROM ops.model_runs WHERE model = ${stateName}`,
  );
  const standing = await relationsIn(connection, segmentSchema);
  if (before?.fingerprint === fingerprint && standing.size > 0) {
    if (before.to_load === window.toLoad) return "kept";
    const newest = await callsBetween(connection, before.to_load, window.toLoad);
    if (newest.every((call) => call.type !== "track" || standing.has(viewName(call.event ?? "")))) {
      await connection.transaction(() => record(connection, fingerprint, window));
      return "kept";
    }
  }
  await connection.run(sql`/* Segment's layout has a schema of its own */ ${connection.dialect.createSchema(segmentSchema)}`);
  const views = layout(connection.dialect, seen, await calls.upTo(connection, window.toLoad));
  await connection.transaction(async () => {
    for (const [view, query] of views) {
      await createRelation(connection, { schema: segmentSchema, name: view, type: "view", query, before: standing.get(view) });
    }
    for (const [relation, type] of standing) if (!views.has(relation)) await dropRelation(connection, segmentSchema, relation, type);
    await record(connection, fingerprint, window);
  });
  return "built";
}

const layoutVersion = 2;
/** The row of `ops.model_runs` for the whole schema; a model's name has no dot. */
const stateName = "segment.*";

interface Call {
  readonly type: string;
  readonly event: string | null;
}

/** Names that calls came with, up to a load: the history is read once, then what was loaded since. */
export class SeenCalls {
  #known = new Map<string, Call>();
  #toLoad = 0;

  async upTo(connection: Connection, load: number): Promise<Call[]> {
    for (const call of await callsBetween(connection, this.#toLoad, load)) this.#known.set(JSON.stringify([call.type, call.event]), call);
    this.#toLoad = Math.max(this.#toLoad, load);
    return [...this.#known.values()];
  }
}

async function callsBetween(connection: Connection, after: number, upTo: number): Promise<Call[]> {
  return connection.read<Call>(
    sql`/* names that calls came with */ SELECT DISTINCT type, event FROM raw.events WHERE load_id > ${after} AND load_id <= ${upTo}`,
  );
}

async function record(connection: Connection, fingerprint: string, window: CycleWindow): Promise<void> {
  await connection.run(connection.dialect.deleteWhere(modelRuns, sql`model = ${stateName}`));
  const row = { model: stateName, materialized: "view", fingerprint, built_at: isoOf(window.now), to_load: window.toLoad, state: "ok" };
  await connection.append(modelRuns, [{ ...row, rows: null, message: null }]);
}

async function seenProperties(connection: Connection): Promise<SeenProperty[]> {
  const rows = await connection.read<{ event: string; property: string; type: string }>(
    sql`/* properties seen */ SELECT event, property, type FROM ops.properties WHERE seen > 0 ORDER BY event, property, type`,
  );
  const seen = new Map<string, SeenProperty & { kinds: string[] }>();
  for (const { event, property, type } of rows) {
    const id = JSON.stringify([event, property]);
    const entry = seen.get(id) ?? { event, property, kinds: [] };
    entry.kinds.push(type);
    seen.set(id, entry);
  }
  return [...seen.values()];
}

function layout(dialect: Dialect, seen: readonly SeenProperty[], calls: readonly Call[]): Map<string, Sql> {
  const namesOf = (type: string) => calls.filter((call) => call.type === type).map((call) => call.event ?? type);
  const seenOn = (names: readonly string[]) => {
    const wanted = new Set(names);
    return seen.filter(({ event }) => wanted.has(event));
  };
  const views = new Map<string, Sql>();
  const pageColumns = propertyColumns(seenOn([...namesOf("page"), "page"]), [...reservedColumns, "name", "category"]);
  const screenColumns = propertyColumns(seenOn([...namesOf("screen"), "screen"]), [...reservedColumns, "name", "category"]);
  const userColumns = propertyColumns(seenOn(["identify"]));
  const groupColumns = propertyColumns(seenOn(["group"]));
  const tracked = eventViews(namesOf("track"));
  views.set("tracks", tracksView(dialect, tracked));
  views.set(
    "pages",
    callView("page", [...pageName(dialect), ...contextColumns(dialect), ...bodyColumns(dialect, "properties", pageColumns)]),
  );
  views.set(
    "screens",
    callView("screen", [...pageName(dialect), ...contextColumns(dialect), ...bodyColumns(dialect, "properties", screenColumns)]),
  );
  views.set("identifies", callView("identify", [...contextColumns(dialect), ...bodyColumns(dialect, "traits", userColumns)]));
  views.set("groups", callView("group", [sql`group_id`, ...contextColumns(dialect), ...bodyColumns(dialect, "traits", groupColumns)]));
  views.set("aliases", callView("alias", [sql`previous_id`, ...contextColumns(dialect)]));
  views.set("users", latestView(dialect, "identify", "user_id", userColumns));
  views.set("accounts", latestView(dialect, "group", "group_id", groupColumns));
  for (const [view, events] of [...tracked].slice(0, eventViewsMax)) {
    const properties = bodyColumns(dialect, "properties", propertyColumns(seenOn(events)));
    const named = sql`event IN (${join(events.map((event) => sql`${event}`))})`;
    const eventColumns = [sql`${view} AS event`, sql`event AS event_text`];
    views.set(view, callView("track", [...eventColumns, ...contextColumns(dialect), ...properties], named));
  }
  return views;
}

/** All track calls with what they have in common; `event` is the name of the event's own view, as in Segment. */
function tracksView(dialect: Dialect, tracked: ReadonlyMap<string, readonly string[]>): Sql {
  const slugs = [...tracked]
    .slice(0, eventViewsMax)
    .flatMap(([view, events]) => events.map((event) => sql`SELECT ${event} AS event_text, ${view} AS slug`));
  const columns = [...commonColumns, sql`coalesce(n.slug, event) AS event`, sql`event AS event_text`, ...contextColumns(dialect)];
  const list = slugs.length === 0 ? sql`SELECT '' AS event_text, '' AS slug` : join(slugs, " UNION ALL ");
  return sql`/* Segment's layout: track calls */ SELECT ${join(columns)} FROM raw.events LEFT JOIN (${list}) AS n ON n.event_text = raw.events.event WHERE ${published()} AND ${name("type")} = 'track'`;
}

function pageName(dialect: Dialect): Sql[] {
  return [
    sql`coalesce(event, ${dialect.jsonText(sql`properties`, ["name"])}) AS ${name("name")}`,
    sql`${dialect.jsonText(sql`properties`, ["category"])} AS category`,
  ];
}

const commonColumns: readonly Sql[] = [
  sql`message_id AS id`,
  sql`anonymous_id`,
  sql`user_id`,
  sql`received_at`,
  sql`sent_at`,
  sql`original_timestamp`,
  sql`${name("timestamp")}`,
  sql`received_at AS uuid_ts`,
];

function callView(type: string, columns: readonly Sql[], condition: Sql = sql`TRUE`): Sql {
  return sql`/* Segment's layout: one kind of call */ SELECT ${join([...commonColumns, ...columns])} FROM raw.events WHERE ${published()} AND ${name("type")} = ${type} AND ${condition}`;
}

function contextColumns(dialect: Dialect): Sql[] {
  return contextPaths.map((path) => {
    const column = `context_${path
      .split(".")
      .map((part) => columnName(part, []) ?? part)
      .join("_")}`;
    return sql`${dialect.jsonText(sql`context`, path.split("."))} AS ${name(column)}`;
  });
}

function bodyColumns(dialect: Dialect, body: "properties" | "traits", columns: readonly LayoutColumn[]): Sql[] {
  const taken = new Set(
    contextPaths.map(
      (path) =>
        `context_${path
          .split(".")
          .map((part) => columnName(part, []) ?? part)
          .join("_")}`,
    ),
  );
  return columns
    .filter(({ column }) => !taken.has(column))
    .slice(0, columnsMax)
    .map(({ column, path, type }) => sql`${typed(dialect, dialect.jsonText(name(body), path), type)} AS ${name(column)}`);
}

/** One row a user or group: the newest value of each trait, by the time of the call. */
function latestView(dialect: Dialect, type: string, id: "user_id" | "group_id", columns: readonly LayoutColumn[]): Sql {
  const latest = columns.slice(0, columnsMax).map(({ column, path, type: columnType }) => {
    const text = dialect.jsonText(sql`traits`, path);
    const newest = dialect.filtered(
      dialect.argMax(text, dialect.position(name("timestamp"), sql`received_at`, sql`message_id`, sql`''`)),
      sql`${text} IS NOT NULL`,
    );
    return sql`${typed(dialect, newest, columnType)} AS ${name(column)}`;
  });
  const all = [sql`${name(id)} AS id`, sql`max(received_at) AS received_at`, sql`max(received_at) AS uuid_ts`, ...latest];
  return sql`/* Segment's layout: the last word about each */ SELECT ${join(all)} FROM raw.events WHERE ${published()} AND ${name("type")} = ${type} AND ${name(id)} IS NOT NULL GROUP BY ${name(id)}`;
}

function typed(dialect: Dialect, text: Sql, type: LayoutColumn["type"]): Sql {
  return type === "text" ? text : dialect.tryCast(text, type);
}
