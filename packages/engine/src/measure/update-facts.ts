import type { CycleWindow } from "../base/cycle.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { isGroupCallOf } from "../project/group-call.js";
import type { EntityKind, Project } from "../project/project.js";
import { groupColumn } from "../warehouse/create-tables.js";
import { type Instant, instantOf, isoOf } from "../base/instant.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { profileValues, totals, values } from "../warehouse/tables/growth.js";
import { definitions } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { factTable, planMeasures, settledPlan, valuesKind } from "./fact-tables.js";
import { insertMemberFacts, insertNamedFacts, namedSubject } from "./insert-facts.js";
import { type Measure, isScalar } from "./measures.js";
import { dayTurned } from "./touch-edges.js";
import { matchTotals, rebuildTotals } from "./totals.js";
import { type EventSet, allEvents, newEvents, seenEvents } from "./window.js";

/**
 * Brings the measures of every kind up to the cycle's moment: new measures are back-filled over what earlier cycles saw,
 * events whose person's memberships changed are attributed anew, new events append their deltas; totals follow.
 */
export async function updateFacts(connection: Connection, scope: EventScope, project: Project, window: CycleWindow): Promise<void> {
  const { dialect } = connection;
  const anewSince = await findReattributed(connection, project, window);
  const events = newEvents(dialect, window);
  const renews = window.redefined === true || dayTurned(window, project.timezone);
  for (const entity of project.entities) {
    // Before any of its rows changes: the engine takes no other shape for a table that the transaction has written.
    if (window.redefined === true) await matchTotals(connection, project, entity.kind);
    const plan = window.redefined === true ? await planMeasures(connection, project, entity.kind) : settledPlan(project, entity.kind);
    await backFill(connection, scope, project, entity, plan.fresh, window);
    await insertNamedFacts(connection, scope, project, entity, plan.all, events, !renews);
    for (const set of await memberEvents(connection, entity, window, events, anewSince)) {
      if (await insertMemberFacts(connection, scope, project, entity, plan.all, set, !renews))
        await touchThroughMembers(connection, entity);
    }
    if (renews) await rebuildTotals(connection, project, entity.kind, window.now);
    await insertProfileValues(connection, project, entity, events);
    await touchSubjects(connection, project, entity, events);
  }
}

/** Measures that no cycle has computed before, over what the cycles before have seen. */
async function backFill(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  fresh: readonly Measure[],
  window: CycleWindow,
): Promise<void> {
  if (fresh.length === 0) return;
  if (window.fromLoad > 0) {
    const seen = seenEvents(connection.dialect, window);
    await insertNamedFacts(connection, scope, project, entity, fresh, seen, false);
    await insertMemberFacts(connection, scope, project, entity, fresh, seen, false);
  }
  await connection.append(
    definitions,
    fresh
      .filter((measure) => !isScalar(measure))
      .map((measure) => ({
        kind: valuesKind(entity.kind),
        name: measure.id,
        version: 1,
        fingerprint: measure.id,
        body: "{}",
        since: isoOf(window.now),
        cycle_id: window.cycleId,
      })),
  );
}

/** New events and, where memberships or identity changed, all events of the people concerned: disjoint sets. */
async function memberEvents(
  connection: Connection,
  entity: EntityKind,
  window: CycleWindow,
  events: EventSet,
  anewSince: Instant | undefined,
): Promise<EventSet[]> {
  if (!entity.isGroup) return [];
  if (anewSince === undefined) return [events];
  await forgetAttribution(connection, entity);
  const concerned = sql`(SELECT identifier_id FROM reattributed)`;
  const all = allEvents(connection.dialect, window);
  const since = connection.dialect.timestamp(anewSince);
  return [
    { ...events, where: sql`${events.where} AND e.identifier_id NOT IN ${concerned}` },
    { ...all, where: sql`${all.where} AND e.timestamp >= ${since} AND e.identifier_id IN ${concerned}`, few: true },
  ];
}

/**
 * Identifiers whose events must be attributed anew, since their person's memberships or identity changed in this cycle:
 * in the temporary table `reattributed`. Returns the time of the first event of theirs, undefined when there are none.
 */
async function findReattributed(connection: Connection, project: Project, window: CycleWindow): Promise<Instant | undefined> {
  if (window.fromLoad === 0 || !project.entities.some((entity) => entity.isGroup)) return undefined;
  const people = sql`FROM touched WHERE kind = 'user' AND reason IN ('membership', 'merge')`;
  const moved = await connection.first<{ n: number }>(
    sql`/* people whose memberships or identity changed */ SELECT count(*) AS n ${people}`,
  );
  if ((moved?.n ?? 0) === 0) return undefined;
  await connection.run(
    connection.dialect.tempTable(
      "reattributed",
      sql`SELECT i.identifier_id, i.first_seen FROM growth.identifiers AS i
          JOIN growth.user_subjects AS s ON s.subject_id = i.identifier_id
          WHERE i.unnamed_at IS NOT NULL AND s.entity_id IN (SELECT entity_id ${people})`,
    ),
  );
  const first = await connection.first<{ since: string | null }>(
    sql`/* the first event to attribute anew */ SELECT min(first_seen) AS since FROM reattributed`,
  );
  return typeof first?.since === "string" ? instantOf(first.since) : undefined;
}

/** Facts that reached a group through the identifiers in `reattributed` are deleted. */
async function forgetAttribution(connection: Connection, entity: EntityKind): Promise<void> {
  // Entities that lose facts must be looked at again, whether or not they get others.
  await connection.run(sql`/* groups that may lose facts */
INSERT INTO touched (kind, entity_id, reason, message_id)
SELECT DISTINCT ${entity.kind}, s.entity_id, 'membership', NULL
FROM ${nameOf(factTable(entity.kind, "day"))} AS f JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = f.subject_id
WHERE f.via IN (SELECT identifier_id FROM reattributed)`);
  for (const table of [factTable(entity.kind, "day"), factTable(entity.kind, "hour"), totals(entity.kind), values(entity.kind)]) {
    await connection.run(connection.dialect.deleteWhere(table, sql`via IN (SELECT identifier_id FROM reattributed)`));
  }
}

/** Traits that identify calls (users) and group calls (groups) carry, a row per name and call. */
async function insertProfileValues(connection: Connection, project: Project, entity: EntityKind, events: EventSet): Promise<void> {
  const { dialect } = connection;
  const subject = entity.isGroup ? sql`e.${name(groupColumn(entity.kind))}` : sql`e.identifier_id`;
  const call = entity.isGroup ? sql`e.type = 'group' AND ${isGroupCallOf(dialect, project, entity)}` : sql`e.type = 'identify'`;
  const calls = sql`(SELECT ${subject} AS subject_id, e.traits, e.timestamp AS happened_at, e.received_at, e.message_id
    FROM ${events.from} AS e WHERE ${events.where} AND ${call} AND e.traits IS NOT NULL AND ${subject} IS NOT NULL) AS c`;
  await connection.run(sql`/* what identify and group calls say */
INSERT INTO ${nameOf(profileValues(entity.kind))} (subject_id, name, value, happened_at, received_at, message_id)
SELECT subject_id, name, value, happened_at, received_at, message_id FROM (
  SELECT c.subject_id, k.value AS name, ${dialect.jsonEntry(sql`c.traits`, sql`k.value`)} AS value, c.happened_at, c.received_at, c.message_id
  FROM ${dialect.unnest(calls, dialect.jsonKeys(sql`c.traits`), "k")}) AS said
WHERE value IS NOT NULL`);
}

/** Every entity that a new event belongs to is looked at in this cycle; its newest event is the cause. */
async function touchSubjects(connection: Connection, project: Project, entity: EntityKind, events: EventSet): Promise<void> {
  const { dialect } = connection;
  const subject = namedSubject(project, entity);
  const named = sql`SELECT ${subject} AS subject_id, e.message_id, e.received_at FROM ${events.from} AS e WHERE ${events.where} AND ${subject} IS NOT NULL`;
  await connection.run(touch(dialect, entity, named));
}

async function touchThroughMembers(connection: Connection, entity: EntityKind): Promise<void> {
  const through = sql`SELECT group_id AS subject_id, message_id, received_at FROM sole_memberships`;
  await connection.run(touch(connection.dialect, entity, through));
}

function touch(dialect: Dialect, entity: EntityKind, news: Sql): Sql {
  return sql`/* entities that new events belong to */
INSERT INTO touched (kind, entity_id, reason, message_id)
SELECT ${entity.kind}, s.entity_id, 'event', ${dialect.argMax(sql`n.message_id`, sql`n.received_at`)}
FROM (${news}) AS n JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = n.subject_id
GROUP BY s.entity_id`;
}
