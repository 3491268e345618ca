import { type EventScope, eventPredicate, namePredicate, onlyFor, propertyText, callOf } from "../project/compile/event-predicate.js";
import type { EntityKind, Project } from "../project/project.js";
import { groupColumn } from "../warehouse/create-tables.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { values } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { overEvents } from "./aggregate-sql.js";
import { factTable } from "./fact-tables.js";
import { type Measure, type ScalarMeasure, isScalar } from "./measures.js";
import { addTotals } from "./totals.js";
import type { EventSet } from "./window.js";

/**
 * Appends what a set of events adds to the measures of a kind, through the subjects that the events name. Rows of one
 * bucket may stand beside each other: readers aggregate, so appending is all that new events, back-fills and
 * re-attribution ever do. `addsTotals`: the totals get their part too, since nothing makes them anew afterwards.
 */
export async function insertNamedFacts(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  measures: readonly Measure[],
  events: EventSet,
  addsTotals: boolean,
): Promise<void> {
  await insertAlong(connection, scope, entity, measures, namedPath(project, entity), events, addsTotals ? project : undefined);
}

/**
 * The same for events that name no group but whose person was a member of exactly one. Afterwards the temporary table
 * `sole_memberships` (message_id, group_id, received_at) has those events; returns whether there are any.
 */
export async function insertMemberFacts(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  measures: readonly Measure[],
  events: EventSet,
  addsTotals: boolean,
): Promise<boolean> {
  if (!entity.isGroup) return false;
  await connection.run(connection.dialect.tempTable("sole_memberships", soleMemberships(project, entity, events)));
  const some = await connection.first<{ n: number }>(
    sql`/* events that reach a group through a membership */ SELECT count(*) AS n FROM sole_memberships`,
  );
  if ((some?.n ?? 0) === 0) return false;
  await insertAlong(connection, scope, entity, measures, membershipPath, events, addsTotals ? project : undefined);
  return true;
}

async function insertAlong(
  connection: Connection,
  scope: EventScope,
  entity: EntityKind,
  measures: readonly Measure[],
  path: FactPath,
  events: EventSet,
  totals: Project | undefined,
): Promise<void> {
  for (const grain of ["day", "hour"] as const) {
    const scalar = measures.filter((candidate): candidate is ScalarMeasure => isScalar(candidate) && candidate.grain === grain);
    if (scalar.length === 0) continue;
    const facts = scalarFacts(scope, path, grain, scalar, events);
    if (grain === "day" && totals !== undefined) {
      await connection.run(connection.dialect.tempTable(newFacts, facts));
      await connection.run(insertInto(entity, grain, scalar, sql`SELECT * FROM ${name(newFacts)}`));
      await addTotals(connection, totals, entity.kind, scope.now, name(newFacts));
    } else await connection.run(insertInto(entity, grain, scalar, facts));
  }
  for (const candidate of measures) {
    if (!isScalar(candidate)) await connection.run(valueFacts(scope, entity, path, candidate, events));
  }
}

/** Facts on their way into the facts and the totals. */
const newFacts = "new_facts";

/** How facts reach a kind: the subject and `via` of an event, and what must hold of the event. */
interface FactPath {
  readonly subject: Sql;
  readonly via: Sql;
  readonly joins: Sql;
  readonly condition: Sql;
}

/** For users the event's identifier; for groups the group that the event names. */
function namedPath(project: Project, entity: EntityKind): FactPath {
  const subject = namedSubject(project, entity);
  return { subject, via: sql`0`, joins: sql``, condition: sql`${subject} IS NOT NULL` };
}

const membershipPath: FactPath = {
  subject: sql`a.group_id`,
  via: sql`e.identifier_id`,
  joins: sql`JOIN sole_memberships AS a ON a.message_id = e.message_id`,
  condition: sql`TRUE`,
};

/** The subject that the event itself names: its identifier for users, the group of this kind or of one below it for groups. */
export function namedSubject(project: Project, entity: EntityKind): Sql {
  if (!entity.isGroup) return sql`e.identifier_id`;
  const below = project.entities.filter((candidate) => candidate.parent === entity.kind);
  const columns = [entity, ...below].map((candidate) => sql`e.${name(groupColumn(candidate.kind))}`);
  return columns.length === 1 ? (columns[0] as Sql) : sql`coalesce(${join(columns)})`;
}

/**
 * Events that name no group, with the one group of this kind (or, failing that, of a kind below) that their person was a
 * member of at the event's timestamp; events with none or several are not in it. Few events do: people with a membership
 * are found first (of few events, only those that the events are of), so that only their events are looked at.
 */
export function soleMemberships(project: Project, entity: EntityKind, events: EventSet): Sql {
  const below = project.entities.filter((candidate) => candidate.parent === entity.kind).map((candidate) => candidate.kind);
  const kinds = join([entity.kind, ...below].map((kind) => sql`${kind}`));
  const whose = events.few
    ? sql` AND s.subject_id IN (SELECT e.identifier_id FROM ${events.from} AS e WHERE ${events.where} AND ${namedSubject(project, entity)} IS NULL)`
    : empty;
  const members = sql`SELECT s.subject_id, m.group_id, m.kind <> ${entity.kind} AS below, m.valid_from, m.valid_to
  FROM growth.memberships AS m JOIN growth.user_subjects AS s ON s.entity_id = m.user_id WHERE m.kind IN (${kinds})${whose}`;
  return sql`/* the sole group of each event that names none */
WITH members AS MATERIALIZED (${members}),
unnamed AS MATERIALIZED (SELECT e.message_id, e.identifier_id, e.timestamp AS happened_at, e.received_at FROM ${events.from} AS e
  WHERE ${events.where} AND ${namedSubject(project, entity)} IS NULL AND e.identifier_id IN (SELECT subject_id FROM members)),
candidates AS (SELECT u.message_id, u.received_at, m.group_id, m.below FROM unnamed AS u JOIN members AS m ON m.subject_id = u.identifier_id
  WHERE m.valid_from <= u.happened_at AND (m.valid_to IS NULL OR m.valid_to > u.happened_at))
SELECT message_id, min(received_at) AS received_at,
  coalesce(min(CASE WHEN NOT below THEN group_id END), min(group_id)) AS group_id
FROM candidates GROUP BY message_id
HAVING CASE WHEN count(*) FILTER (WHERE NOT below) > 0
  THEN min(CASE WHEN NOT below THEN group_id END) = max(CASE WHEN NOT below THEN group_id END) ELSE min(group_id) = max(group_id) END`;
}

function scalarFacts(scope: EventScope, path: FactPath, grain: "day" | "hour", measures: readonly ScalarMeasure[], events: EventSet): Sql {
  const { dialect, timezone } = scope;
  const bucket = grain === "day" ? dialect.day(sql`e.timestamp`, timezone) : dialect.hour(sql`e.timestamp`);
  const names = [
    ...new Map(
      measures.map((candidate) => [JSON.stringify([candidate.filter.event, candidate.filter.call]), namePredicate(candidate.filter)]),
    ).values(),
  ];
  return sql`SELECT ${path.subject} AS subject_id, ${path.via} AS via, ${bucket} AS bucket, ${join(measures.map((candidate) => sql`${overEvents(scope, candidate)} AS ${name(candidate.id)}`))}
FROM ${events.from} AS e ${path.joins}
WHERE ${events.where} AND ${path.condition} AND (${join(names, " OR ")})
GROUP BY 1, 2, 3`;
}

function insertInto(entity: EntityKind, grain: "day" | "hour", measures: readonly ScalarMeasure[], rows: Sql): Sql {
  return sql`/* ${comment(`add to the ${grain} measures of ${entity.kind}`)} */
INSERT INTO ${nameOf(factTable(entity.kind, grain))} (subject_id, via, bucket, ${join(measures.map((candidate) => name(candidate.id)))}) ${rows}`;
}

function valueFacts(scope: EventScope, entity: EntityKind, path: FactPath, candidate: Measure, events: EventSet): Sql {
  const { dialect, timezone } = scope;
  const property = candidate.aggregate.type === "values" ? candidate.aggregate.property : "";
  const value = onlyFor(candidate.filter, propertyText(scope, callOf(candidate.filter), property));
  return sql`/* ${comment(`count values for ${entity.kind}`)} */
INSERT INTO ${nameOf(values(entity.kind))} (subject_id, via, measure, bucket, value, n)
SELECT subject_id, via, ${candidate.id}, bucket, value, count(*) FROM (
  SELECT ${path.subject} AS subject_id, ${path.via} AS via, ${dialect.day(sql`e.timestamp`, timezone)} AS bucket, ${value} AS value
  FROM ${events.from} AS e ${path.joins}
  WHERE ${events.where} AND ${path.condition} AND ${eventPredicate(scope, candidate.filter)}) AS seen
WHERE value IS NOT NULL GROUP BY 1, 2, 3, 4, 5`;
}

/** Comments carry no text from users: kinds are slugs. */
function comment(text: string): Sql {
  return { parts: [{ text: text.replaceAll(/[^\w :,-]/g, "") }] };
}
