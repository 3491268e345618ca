import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { identifiers, subjects } from "../warehouse/tables/growth.js";
import { type Scope, countOf, isBefore, limitText } from "./scope.js";

/**
 * Brings the resolver's outcome into the tables by difference: only rows that changed are written. Leaves
 * `identity_changes` (identifier, its profile before and now, the event behind it) for whoever follows the graph.
 */
export async function writeGraph(scope: Scope, componentSize: number): Promise<void> {
  await writeObservations(scope);
  await writeIdentifiers(scope);
  await writeSubjects(scope);
  await writeLog(scope, componentSize > 0);
}

async function writeObservations(scope: Scope): Promise<void> {
  const { connection, dialect, slots } = scope;
  const sameSet = sql`(SELECT observation_id FROM identity_new WHERE is_known)`;
  if ((await countOf(scope, sql`identity_new WHERE is_known`)) > 0) {
    const earlier = scope.byDay
      ? sql`(observation_id, day) IN (SELECT (observation_id, day) FROM identity_new WHERE is_known)`
      : sql`observation_id IN ${sameSet}`;
    await connection.run(
      sql`/* identify: sets that turn out to have come together earlier */ DELETE FROM growth.observations WHERE ${earlier}`,
    );
  }
  const ids = dialect.jsonObject(slots.filter((slot) => !slot.isPrevious).map((slot) => [slot.key, dialect.idText(slot.id)] as const));
  const previous = slots.filter((slot) => slot.isPrevious);
  await connection.run(sql`/* identify: new observations */ INSERT INTO growth.observations (observation_id, day, identifier_ids, ${join(previous.map((slot) => name(slot.key)))}, owner_id, received_at, message_id)
    SELECT observation_id, day, ${ids}, ${join(previous.map((slot) => slot.id))}, owner_id, received_at, message_id FROM identity_new`);
}

/** New identifiers, earlier first occurrences, and the times of the facts that identifiers own. */
async function writeIdentifiers(scope: Scope): Promise<void> {
  const { connection, dialect } = scope;
  await connection.run(sql`/* identify: new identifiers */ INSERT INTO growth.identifiers (identifier_id, type, value, first_received_at, first_message_id, first_seen, last_seen, unnamed_at)
    SELECT n.identifier_id, n.type, n.value, n.received_at, n.message_id, a.first_seen, a.last_seen, a.unnamed_at
    FROM identity_new_ids AS n JOIN identity_ids AS i ON i.identifier_id = n.identifier_id AND NOT i.is_known
    LEFT JOIN identity_activity AS a ON a.identifier_id = n.identifier_id`);
  const earlier = isBefore(
    { receivedAt: sql`i.received_at`, messageId: sql`i.message_id` },
    { receivedAt: sql`k.first_received_at`, messageId: sql`k.first_message_id` },
  );
  const changed = sql`SELECT k.identifier_id, coalesce(i.received_at, k.first_received_at) AS first_received_at, coalesce(i.message_id, k.first_message_id) AS first_message_id,
      least(a.first_seen, k.first_seen) AS first_seen, greatest(a.last_seen, k.last_seen) AS last_seen, greatest(a.unnamed_at, k.unnamed_at) AS unnamed_at
    FROM growth.identifiers AS k
    LEFT JOIN identity_activity AS a ON a.identifier_id = k.identifier_id
    LEFT JOIN identity_ids AS i ON i.identifier_id = k.identifier_id AND i.is_known
    WHERE k.identifier_id IN (SELECT identifier_id FROM identity_activity UNION ALL SELECT identifier_id FROM identity_ids WHERE is_known)
      AND (${earlier} OR ${dialect.differs(sql`least(a.first_seen, k.first_seen)`, sql`k.first_seen`)}
        OR ${dialect.differs(sql`greatest(a.last_seen, k.last_seen)`, sql`k.last_seen`)} OR ${dialect.differs(sql`greatest(a.unnamed_at, k.unnamed_at)`, sql`k.unnamed_at`)})`;
  const columns = ["identifier_id", "first_received_at", "first_message_id", "first_seen", "last_seen", "unnamed_at"];
  await connection.run(dialect.tempTable("identity_seen", changed));
  for (const statement of dialect.upsert(identifiers, sql`SELECT * FROM identity_seen`, columns)) {
    await connection.run(sql`/* identify: identifiers seen earlier or later than known */ ${statement}`);
  }
}

async function writeSubjects(scope: Scope): Promise<void> {
  const { connection, dialect } = scope;
  await connection.run(
    sql`/* identify: identifiers whose profile changed */ ${dialect.tempTable(
      "identity_changes",
      sql`SELECT i.identifier_id AS subject_id, i.entity_id AS old_id, r.identifier_id AS new_id, m.message_id
      FROM identity_result AS s JOIN identity_ids AS i ON i.n = s.n LEFT JOIN identity_ids AS r ON r.n = s.root
      LEFT JOIN (SELECT identifier_id, min(message_id) AS message_id FROM identity_new_ids GROUP BY identifier_id) AS m ON m.identifier_id = i.identifier_id
      WHERE ${dialect.differs(sql`i.entity_id`, sql`r.identifier_id`)}`,
    )}`,
  );
  if ((await countOf(scope, sql`identity_changes WHERE new_id IS NULL`)) > 0) {
    await connection.run(
      sql`/* identify: identifiers that no event links any more */ DELETE FROM growth.user_subjects WHERE subject_id IN (SELECT subject_id FROM identity_changes WHERE new_id IS NULL)`,
    );
  }
  if ((await countOf(scope, sql`identity_changes WHERE old_id IS NOT NULL AND new_id IS NOT NULL`)) > 0) {
    const moved = sql`SELECT subject_id, new_id AS entity_id FROM identity_changes WHERE old_id IS NOT NULL AND new_id IS NOT NULL`;
    for (const statement of dialect.upsert(subjects("user"), moved))
      await connection.run(sql`/* identify: identifiers that moved */ ${statement}`);
  }
  await connection.run(sql`/* identify: identifiers that joined */ INSERT INTO growth.user_subjects (subject_id, entity_id)
    SELECT subject_id, new_id FROM identity_changes WHERE old_id IS NULL AND new_id IS NOT NULL`);
}

/** The merge log and the list of refusals; those of replayed components are written anew. */
async function writeLog(scope: Scope, hasComponent: boolean): Promise<void> {
  const { connection } = scope;
  if (hasComponent) {
    const component = sql`(SELECT identifier_id FROM identity_component)`;
    await connection.run(sql`/* identify: merges to be told again */ DELETE FROM growth.merges WHERE loser_id IN ${component}`);
    await connection.run(
      sql`/* identify: refusals to be told again */ DELETE FROM growth.identity_refusals WHERE reason <> 'blocked' AND identifier_id IN ${component}`,
    );
  }
  await connection.run(sql`/* identify: merge log */ INSERT INTO growth.merges (loser_id, winner_id, received_at, message_id)
    SELECT l.identifier_id, w.identifier_id, o.received_at, o.message_id FROM identity_merged AS m
    JOIN identity_ids AS l ON l.n = m.loser JOIN identity_ids AS w ON w.n = m.winner JOIN identity_observations AS o ON o.n = m.observation`);
  await connection.run(sql`/* identify: what was refused, with the limit that was hit */ INSERT INTO growth.identity_refusals (message_id, received_at, identifier_id, type, value, reason, profile_id)
    SELECT o.message_id, o.received_at, i.identifier_id, k.type, k.value, ${reason(scope)}, p.identifier_id FROM identity_refused AS r
    JOIN identity_observations AS o ON o.n = r.observation JOIN identity_ids AS i ON i.n = r.identifier
    JOIN growth.identifiers AS k ON k.identifier_id = i.identifier_id JOIN identity_ids AS p ON p.n = r.profile`);
}

function reason(scope: Scope): Sql {
  const cases = scope.rules.map((rule, index) => sql`WHEN ${index} THEN ${limitText(rule)}`);
  return cases.length === 0 ? empty : sql`CASE r.type ${join(cases, " ")} END`;
}
