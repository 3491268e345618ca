import type { CycleWindow } from "../base/cycle.js";
import { type Instant, instantOf, isoOf } from "../base/instant.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { eventPredicate, namePredicate, propertyNumber, callOf } from "../project/compile/event-predicate.js";
import { canonical, hiddenOf } from "../project/compile/hidden.js";
import { md5Hex } from "../base/hash.js";
import type { EventFilter, SequenceCondition } from "../project/kinds/condition.js";
import { durationOf } from "../project/kinds/words.js";
import { type EntityKind, type Project, traitsOf } from "../project/project.js";
import { type Sql, empty, join, name, sql, trustedSql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { computed } from "../warehouse/tables/growth.js";
import { definitions } from "../warehouse/tables/ops.js";
import { events } from "../warehouse/tables/raw.js";
import type { Connection } from "../warehouse/warehouse.js";
import { namedSubject } from "./insert-facts.js";
import { allEvents, newEvents } from "./window.js";

/**
 * Values that day buckets cannot give: SQL traits and conditions (evaluated as a whole when their refresh is due),
 * sequences and exact windows (evaluated from raw events for the entities whose events came or fell out of the window).
 * What changed is touched.
 */

/** How often SQL is evaluated unless its definition says otherwise. */
const sqlRefreshMicros = 5 * 60_000_000;
/** When nothing else happens, exact windows are looked at this often. */
const exactRefreshMicros = 60_000_000;

/** Returns when the clock alone makes another look necessary; Infinity where it never does. */
export async function updateComputed(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
): Promise<Instant> {
  const wanted = computedOf(project, entity.kind);
  let dueAt = Infinity;
  if (wanted.length === 0 && window.redefined !== true) return dueAt;
  const known = new Map(
    (
      await connection.read<{ name: string; fingerprint: string; since: string }>(
        sql`/* computed values kept so far */ SELECT name, fingerprint, since FROM ops.definitions WHERE kind = ${stateKind(entity.kind)}`,
      )
    ).map((row) => [row.name, row]),
  );
  for (const gone of [...known.keys()].filter((column) => !wanted.some((each) => each.column === column))) {
    await connection.run(connection.dialect.deleteWhere(computed(entity.kind), sql`trait = ${gone}`));
    await connection.run(connection.dialect.deleteWhere(definitions, sql`kind = ${stateKind(entity.kind)} AND name = ${gone}`));
  }
  for (const each of wanted) {
    const fingerprint = md5Hex(canonical(each));
    const before = known.get(each.column);
    const isNew = before?.fingerprint !== fingerprint;
    if (each.type === "sql") {
      const isDue = isNew || window.now - instantOf(before.since) >= each.refreshMicros;
      dueAt = Math.min(dueAt, (isDue ? window.now : instantOf(before.since)) + each.refreshMicros);
      if (!isDue) continue;
      await replaceChanged(connection, entity, each.column, sqlQuery(connection, entity, each.sql), "TRUE", isNew ? "definition" : "event");
    } else {
      if (each.type === "exact" && each.filter.within !== undefined) dueAt = Math.min(dueAt, window.now + exactRefreshMicros);
      const concerned = await findConcerned(connection, scope, project, entity, window, each, isNew || window.fromLoad === 0);
      if (concerned === 0 && !isNew) continue;
      const query =
        each.type === "sequence"
          ? sequenceQuery(scope, project, entity, window, each.condition)
          : exactQuery(scope, project, entity, window, each);
      await replaceChanged(connection, entity, each.column, query, "concerned", isNew ? "definition" : "window");
    }
    if (isNew || each.type === "sql") await remember(connection, entity.kind, each.column, fingerprint, window);
  }
  return dueAt;
}

type Computed =
  | { type: "sql"; column: string; sql: string; refreshMicros: Instant }
  | { type: "sequence"; column: string; condition: SequenceCondition }
  | {
      type: "exact";
      column: string;
      filter: EventFilter & { within?: string | undefined };
      aggregate: "count" | "sum" | "avg" | "min" | "max";
      property?: string;
    };

function computedOf(project: Project, kind: string): Computed[] {
  const traits = traitsOf(project, kind).flatMap((trait): Computed[] => {
    if (trait.type === "sql") {
      return [
        {
          type: "sql",
          column: trait.name,
          sql: trait.sql,
          refreshMicros: trait.refresh === undefined ? sqlRefreshMicros : durationOf(trait.refresh).micros,
        },
      ];
    }
    if (!("exact" in trait) || trait.exact !== true) return [];
    const filter = { event: trait.event, call: trait.call, where: trait.where, within: trait.within };
    if (trait.type === "count") return [{ type: "exact", column: trait.name, filter, aggregate: "count" }];
    if (trait.type === "sum" || trait.type === "avg" || trait.type === "min" || trait.type === "max") {
      return [{ type: "exact", column: trait.name, filter, aggregate: trait.type, property: trait.property }];
    }
    return [];
  });
  const hidden = hiddenOf(project, kind).flatMap((each): Computed[] => {
    if (each.type === "sql") return [{ type: "sql", column: each.column, sql: each.condition.sql, refreshMicros: sqlRefreshMicros }];
    if (each.type === "sequence") return [{ type: "sequence", column: each.column, condition: each.condition }];
    return each.condition.exact === true ? [{ type: "exact", column: each.column, filter: each.condition, aggregate: "count" }] : [];
  });
  return [...traits, ...hidden];
}

/** Columns whose SQL is evaluated on a schedule, not by events. */
export function scheduledColumns(project: Project, kind: string): string[] {
  return computedOf(project, kind)
    .filter((each) => each.type === "sql")
    .map((each) => each.column);
}

/** The kind under which `ops.definitions` remembers what was evaluated when. */
export function stateKind(kind: string): string {
  return `computed:${kind}`;
}

async function remember(connection: Connection, kind: string, column: string, fingerprint: string, window: CycleWindow): Promise<void> {
  await connection.run(connection.dialect.deleteWhere(definitions, sql`kind = ${stateKind(kind)} AND name = ${column}`));
  await connection.append(definitions, [
    { kind: stateKind(kind), name: column, version: 1, fingerprint, body: "{}", since: isoOf(window.now), cycle_id: window.cycleId },
  ]);
}

/**
 * The author's SELECT gives `id` (the entity's key; for users any identifier of the first kind) and, for traits,
 * `value`; a condition's SELECT gives ids only, and those it gives are true.
 */
function sqlQuery(connection: Connection, entity: EntityKind, text: string): Sql {
  const { dialect } = connection;
  const author = sql`(${trustedSql(text.trim().replace(/;$/, ""))})`;
  const idKind = entity.isGroup ? entity.kind : "user_id";
  const withValue = /\bvalue\b/i.test(text);
  return sql`SELECT s.entity_id, ${dialect.cast(sql`min(${withValue ? sql`${dialect.cast(sql`q.value`, "text")}` : sql`'true'`})`, "text")} AS value
FROM ${author} AS q JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = ${dialect.hash64(sql`${`${idKind}:`} || ${dialect.cast(sql`q.id`, "text")}`)}
GROUP BY s.entity_id`;
}

/** Entities whose value may differ now, in the temporary table `concerned`; returns how many. */
async function findConcerned(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
  each: Computed & { type: "sequence" | "exact" },
  all: boolean,
): Promise<number> {
  const { dialect } = connection;
  const subjects = name("growth", `${entity.kind}_subjects`);
  const filters = each.type === "sequence" ? each.condition.sequence : [each.filter];
  const matching = join(
    filters.map((filter) => eventPredicate(scope, filter)),
    " OR ",
  );
  const span = each.type === "exact" && each.filter.within !== undefined ? durationOf(each.filter.within).micros : undefined;
  const fresh = newEvents(dialect, window);
  const subject = namedSubject(project, entity);
  const fallen =
    span === undefined
      ? empty
      : sql`
UNION SELECT s.entity_id FROM ${nameOf(events)} AS e JOIN ${subjects} AS s ON s.subject_id = ${subject} WHERE (e.load_id <= ${window.toLoad} AND e.timestamp > ${dialect.timestamp(window.previousNow - span)} AND e.timestamp <= ${dialect.timestamp(window.now - span)}) AND (${matching})`;
  const query = all
    ? sql`SELECT DISTINCT entity_id FROM ${subjects}`
    : sql`SELECT DISTINCT s.entity_id FROM ${fresh.from} AS e JOIN ${subjects} AS s ON s.subject_id = ${subject}
WHERE ${fresh.where} AND (${matching})${fallen}
UNION SELECT entity_id FROM touched WHERE kind = ${entity.kind} AND reason IN ('merge', 'membership')`;
  await connection.run(dialect.tempTable("concerned", query));
  const counted = await connection.first<{ n: number }>(sql`/* how many */ SELECT count(*) AS n FROM concerned`);
  return counted?.n ?? 0;
}

async function replaceChanged(
  connection: Connection,
  entity: EntityKind,
  column: string,
  query: Sql,
  among: "TRUE" | "concerned",
  reason: string,
): Promise<void> {
  const { dialect } = connection;
  const table = nameOf(computed(entity.kind));
  await connection.run(dialect.tempTable("computed_now", query));
  const scopeOld = among === "TRUE" ? sql`TRUE` : sql`o.entity_id IN (SELECT entity_id FROM concerned)`;
  await connection.run(
    dialect.tempTable(
      "computed_changed",
      sql`SELECT coalesce(n.entity_id, o.entity_id) AS entity_id, n.value
FROM computed_now AS n FULL OUTER JOIN (SELECT * FROM ${table} AS o WHERE o.trait = ${column} AND ${scopeOld}) AS o ON o.entity_id = n.entity_id
WHERE ${dialect.differs(sql`n.value`, sql`o.value`)}`,
    ),
  );
  await connection.run(
    dialect.deleteWhere(computed(entity.kind), sql`trait = ${column} AND entity_id IN (SELECT entity_id FROM computed_changed)`),
  );
  await connection.run(
    sql`/* computed values that changed */ INSERT INTO ${table} (entity_id, trait, value) SELECT entity_id, ${column}, value FROM computed_changed WHERE value IS NOT NULL`,
  );
  await connection.run(
    sql`/* and the entities they concern */ INSERT INTO touched (kind, entity_id, reason, message_id) SELECT ${entity.kind}, entity_id, ${reason}, NULL FROM computed_changed`,
  );
}

function concernedEvents(
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
  filters: readonly EventFilter[],
): Sql {
  const names = join(filters.map(namePredicate), " OR ");
  return sql`raw.events AS e JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = ${namedSubject(project, entity)}
  JOIN concerned AS g ON g.entity_id = s.entity_id WHERE ${allEvents(scope.dialect, window).where} AND (${names})`;
}

/** Exact instants: events in (now − span, now]. */
function exactQuery(scope: EventScope, project: Project, entity: EntityKind, window: CycleWindow, each: Computed & { type: "exact" }): Sql {
  const { dialect } = scope;
  const { filter, aggregate, property } = each;
  const from =
    filter.within === undefined ? empty : sql` AND e.timestamp > ${dialect.timestamp(window.now - durationOf(filter.within).micros)}`;
  const number = property === undefined ? sql`1` : propertyNumber(scope, callOf(filter), property);
  const over = {
    count: sql`count(*)`,
    sum: sql`sum(${number})`,
    min: sql`min(${number})`,
    max: sql`max(${number})`,
    avg: sql`${dialect.cast(sql`sum(${number})`, "double")} / nullif(count(${number}), 0)`,
  }[aggregate];
  return sql`SELECT s.entity_id, ${dialect.cast(over, "text")} AS value FROM ${concernedEvents(scope, project, entity, window, [filter])} AND ${eventPredicate(scope, filter)}${from} GROUP BY s.entity_id`;
}

/**
 * A then B then C, in the order of events, each within its time of the step before and all within the sequence's:
 * step k's table holds, for each event that can be step k, the latest start of a chain that reaches it. Keeping the
 * latest start is exact, because a later start can only make the total time shorter.
 */
function sequenceQuery(scope: EventScope, project: Project, entity: EntityKind, window: CycleWindow, condition: SequenceCondition): Sql {
  const { dialect } = scope;
  const steps = condition.sequence;
  const order = dialect.position(sql`e.timestamp`, sql`e.received_at`, sql`e.message_id`, sql`''`);
  const flags = steps.map((step, index) => sql`${eventPredicate(scope, step)} AS ${name(`is_${index}`)}`);
  const events = sql`SELECT s.entity_id, e.timestamp AS happened_at, ${order} AS place, ${join(flags)} FROM ${concernedEvents(scope, project, entity, window, steps)}`;
  const chains = steps.map((step, index) => {
    if (index === 0)
      return sql`chain_0 AS (SELECT entity_id, place, happened_at, happened_at AS started_at FROM sequence_events WHERE is_0)`;
    const limit =
      step.within === undefined
        ? sql`TRUE`
        : sql`b.happened_at <= ${dialect.addMicros(sql`a.happened_at`, durationOf(step.within).micros)}`;
    const total =
      condition.within === undefined
        ? sql`TRUE`
        : sql`b.happened_at <= ${dialect.addMicros(sql`a.started_at`, durationOf(condition.within).micros)}`;
    return sql`${name(`chain_${index}`)} AS (SELECT b.entity_id, b.place, b.happened_at, max(a.started_at) AS started_at
  FROM ${name(`chain_${index - 1}`)} AS a JOIN sequence_events AS b ON b.entity_id = a.entity_id AND b.${name(`is_${index}`)} AND a.place < b.place AND ${limit} AND ${total}
  GROUP BY 1, 2, 3)`;
  });
  return sql`WITH sequence_events AS (${events}), ${join(chains, ",\n")}
SELECT DISTINCT entity_id, 'true' AS value FROM ${name(`chain_${steps.length - 1}`)}`;
}
