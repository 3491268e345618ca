import type { CycleWindow } from "../base/cycle.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { isGroupCallOf } from "../project/group-call.js";
import type { EntityKind, Project } from "../project/project.js";
import { groupColumn } from "../warehouse/create-tables.js";
import { isoOf } from "../base/instant.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { profileValues, values } from "../warehouse/tables/growth.js";
import { definitions } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { factTable, planMeasures, settledPlan, valuesKind } from "./fact-tables.js";
import { insertMemberFacts, insertNamedFacts, namedSubject } from "./insert-facts.js";
import { isScalar } from "./measures.js";
import { allEvents, newEvents, seenEvents } from "./window.js";

/**
 * Brings the measures of every kind up to the cycle's moment: new measures are back-filled over what earlier cycles saw,
 * events whose person's memberships changed are attributed anew, new events append their deltas.
 */
export async function updateFacts(connection: Connection, scope: EventScope, project: Project, window: CycleWindow): Promise<void> {
  const { dialect } = connection;
  for (const entity of project.entities) {
    const plan = window.redefined === true ? await planMeasures(connection, project, entity.kind) : settledPlan(project, entity.kind);
    const seen = seenEvents(dialect, window);
    if (window.fromLoad > 0 && plan.fresh.length > 0) {
      await insertNamedFacts(connection, scope, project, entity, plan.fresh, seen);
      await insertMemberFacts(connection, scope, project, entity, plan.fresh, seen);
    }
    await connection.append(
      definitions,
      plan.fresh
        .filter((fresh) => !isScalar(fresh))
        .map((fresh) => ({
          kind: valuesKind(entity.kind),
          name: fresh.id,
          version: 1,
          fingerprint: fresh.id,
          body: "{}",
          since: isoOf(window.now),
          cycle_id: window.cycleId,
        })),
    );
    const events = newEvents(dialect, window);
    await insertNamedFacts(connection, scope, project, entity, plan.all, events);
    for (const set of await memberEvents(connection, entity, window, events)) {
      if (await insertMemberFacts(connection, scope, project, entity, plan.all, set)) await touchThroughMembers(connection, entity, window);
    }
    await insertProfileValues(connection, project, entity, window);
    await touchSubjects(connection, project, entity, window, events);
  }
}

/** New events and, where memberships or identity changed, all events of the people concerned: disjoint sets. */
async function memberEvents(connection: Connection, entity: EntityKind, window: CycleWindow, events: Sql): Promise<Sql[]> {
  if (!entity.isGroup) return [];
  if (window.fromLoad === 0 || !(await forgetAttribution(connection, entity))) return [events];
  const concerned = sql`(SELECT identifier_id FROM reattributed)`;
  return [
    sql`${events} AND e.identifier_id NOT IN ${concerned}`,
    sql`${allEvents(connection.dialect, window)} AND e.identifier_id IN ${concerned}`,
  ];
}

/**
 * Facts that reached a group through people whose memberships or identity changed are deleted, to be attributed anew;
 * the identifiers concerned are in the temporary table `reattributed`. Returns whether there are any.
 */
async function forgetAttribution(connection: Connection, entity: EntityKind): Promise<boolean> {
  await connection.run(
    connection.dialect.tempTable(
      "reattributed",
      sql`SELECT i.identifier_id FROM growth.identifiers AS i
          JOIN growth.user_subjects AS s ON s.subject_id = i.identifier_id
          WHERE i.unnamed_at IS NOT NULL
            AND s.entity_id IN (SELECT entity_id FROM ops.touched WHERE kind = 'user' AND reason IN ('membership', 'merge'))`,
    ),
  );
  const some = await connection.first<{ n: number }>(sql`/* identifiers to attribute anew */ SELECT count(*) AS n FROM reattributed`);
  if ((some?.n ?? 0) === 0) return false;
  // Entities that lose facts must be looked at again, whether or not they get others.
  await connection.run(sql`/* groups that may lose facts */
INSERT INTO ops.touched (cycle_id, kind, entity_id, reason, message_id)
SELECT DISTINCT 0, ${entity.kind}, s.entity_id, 'membership', NULL
FROM ${nameOf(factTable(entity.kind, "day"))} AS f JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = f.subject_id
WHERE f.via IN (SELECT identifier_id FROM reattributed)`);
  for (const table of [factTable(entity.kind, "day"), factTable(entity.kind, "hour"), values(entity.kind)]) {
    await connection.run(connection.dialect.deleteWhere(table, sql`via IN (SELECT identifier_id FROM reattributed)`));
  }
  return true;
}

/** Traits that identify calls (users) and group calls (groups) carry, a row per name and call. */
async function insertProfileValues(connection: Connection, project: Project, entity: EntityKind, window: CycleWindow): Promise<void> {
  const { dialect } = connection;
  const subject = entity.isGroup ? sql`e.${name(groupColumn(entity.kind))}` : sql`e.identifier_id`;
  const call = entity.isGroup ? sql`e.type = 'group' AND ${isGroupCallOf(dialect, project, entity)}` : sql`e.type = 'identify'`;
  await connection.run(sql`/* what identify and group calls say */
INSERT INTO ${nameOf(profileValues(entity.kind))} (subject_id, name, value, happened_at, received_at, message_id)
SELECT subject_id, name, value, happened_at, received_at, message_id FROM (
  SELECT c.subject_id, k.value AS name, ${dialect.jsonEntry(sql`c.traits`, sql`k.value`)} AS value, c.happened_at, c.received_at, c.message_id
  FROM (SELECT ${subject} AS subject_id, e.traits, e.timestamp AS happened_at, e.received_at, e.message_id
        FROM raw.events AS e WHERE ${newEvents(dialect, window)} AND ${call} AND e.traits IS NOT NULL AND ${subject} IS NOT NULL) AS c,
    ${dialect.unnest(dialect.jsonKeys(sql`c.traits`), "k")}) AS said
WHERE value IS NOT NULL`);
}

/** Every entity that a new event belongs to is looked at in this cycle; its newest event is the cause. */
async function touchSubjects(
  connection: Connection,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
  events: Sql,
): Promise<void> {
  const { dialect } = connection;
  const subject = namedSubject(project, entity);
  const named = sql`SELECT ${subject} AS subject_id, e.message_id, e.received_at FROM raw.events AS e WHERE ${events} AND ${subject} IS NOT NULL`;
  await connection.run(touch(dialect, entity, window, named));
}

async function touchThroughMembers(connection: Connection, entity: EntityKind, window: CycleWindow): Promise<void> {
  const through = sql`SELECT group_id AS subject_id, message_id, received_at FROM sole_memberships`;
  await connection.run(touch(connection.dialect, entity, window, through));
}

function touch(dialect: Dialect, entity: EntityKind, window: CycleWindow, news: Sql): Sql {
  return sql`/* entities that new events belong to */
INSERT INTO ops.touched (cycle_id, kind, entity_id, reason, message_id)
SELECT ${window.cycleId}, ${entity.kind}, s.entity_id, 'event', ${dialect.argMax(sql`n.message_id`, sql`n.received_at`)}
FROM (${news}) AS n JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = n.subject_id
GROUP BY s.entity_id`;
}
