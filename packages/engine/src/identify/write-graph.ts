import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { identifiers, merges, observations, refusals, subjects } from "../warehouse/tables/growth.js";
import type { Told } from "./load-graph.js";
import { type Scope, countOf, limitText } from "./scope.js";

/**
 * Brings the resolver's outcome into the tables by difference: only rows that changed are written. Leaves
 * `identity_changes` (identifier, its profile before and now, the event behind it) for whoever follows the graph, and
 * returns how many identifiers left a profile.
 */
export async function writeGraph(scope: Scope, componentSize: number, told: Told): Promise<Told & { readonly moved: number }> {
  await writeObservations(scope);
  await writeIdentifiers(scope, componentSize > 0);
  const moved = await writeSubjects(scope);
  const before = componentSize > 0 ? await forgetLog(scope) : { merges: 0, refusals: 0 };
  await writeLog(scope, told);
  return { merges: told.merges - before.merges, refusals: told.refusals - before.refusals, moved };
}

async function writeObservations(scope: Scope): Promise<void> {
  const { connection, dialect, slots } = scope;
  if ((await countOf(scope, sql`identity_new WHERE is_known`)) > 0) {
    const earlier = scope.byDay
      ? sql`(observation_id, day) IN (SELECT (observation_id, day) FROM identity_new WHERE is_known)`
      : sql`observation_id IN (SELECT observation_id FROM identity_new WHERE is_known)`;
    await connection.run(
      sql`/* identify: sets that turn out to have come together earlier */ ${dialect.deleteWhere(observations, earlier)}`,
    );
  }
  const ids = dialect.jsonObject(slots.filter((slot) => !slot.isPrevious).map((slot) => [slot.key, dialect.idText(slot.id)] as const));
  const previous = slots.filter((slot) => slot.isPrevious);
  await connection.run(sql`/* identify: new observations */ INSERT INTO growth.observations (observation_id, day, identifier_ids, ${join(previous.map((slot) => name(slot.key)))}, owner_id, received_at, message_id)
    SELECT observation_id, day, ${ids}, ${join(previous.map((slot) => slot.id))}, owner_id, received_at, message_id FROM identity_new`);
}

/** New identifiers, and first occurrences that turned out earlier. */
async function writeIdentifiers(scope: Scope, hasComponent: boolean): Promise<void> {
  const { connection, dialect } = scope;
  await connection.run(sql`/* identify: new identifiers */ INSERT INTO growth.identifiers (identifier_id, type, value, first_received_at, first_message_id, first_seen, last_seen, unnamed_at)
    SELECT identifier_id, type, value, received_at, message_id, first_seen, last_seen, unnamed_at FROM identity_ids WHERE NOT is_known`);
  if (!hasComponent) return;
  const firsts = sql`SELECT identifier_id, received_at AS first_received_at, message_id AS first_message_id FROM identity_ids WHERE is_replayed`;
  for (const statement of dialect.upsert(identifiers, firsts, ["identifier_id", "first_received_at", "first_message_id"])) {
    await connection.run(sql`/* identify: first occurrences that turned out earlier */ ${statement}`);
  }
}

async function writeSubjects(scope: Scope): Promise<number> {
  const { connection, dialect } = scope;
  await connection.run(
    sql`/* identify: identifiers in play with their profiles before and now */ ${dialect.tempTable(
      "identity_now",
      sql`SELECT i.*, i.entity_id AS old_id, CASE WHEN s.changed_n IS NULL THEN i.entity_id ELSE s.root_id END AS new_id
      FROM identity_ids AS i LEFT JOIN (
        SELECT o.n AS changed_n, r.identifier_id AS root_id FROM identity_result AS o LEFT JOIN identity_ids AS r ON r.n = o.root) AS s ON s.changed_n = i.n`,
    )}`,
  );
  await connection.run(
    sql`/* identify: identifiers whose profile changed */ ${dialect.tempTable(
      "identity_changes",
      sql`SELECT w.identifier_id AS subject_id, w.old_id, w.new_id, n.message_id
      FROM identity_now AS w LEFT JOIN identity_new_ids AS n ON n.identifier_id = w.identifier_id WHERE ${dialect.differs(sql`w.old_id`, sql`w.new_id`)}`,
    )}`,
  );
  const kinds = await connection.first<{ gone: number; moved: number }>(
    sql`/* identify: kinds of changes */ SELECT count(*) - count(new_id) AS gone, count(old_id) AS moved FROM identity_changes`,
  );
  if ((kinds?.gone ?? 0) > 0) {
    await connection.run(
      sql`/* identify: identifiers that no event links any more */ ${dialect.deleteWhere(subjects("user"), sql`subject_id IN (SELECT subject_id FROM identity_changes WHERE new_id IS NULL)`)}`,
    );
  }
  if ((kinds?.moved ?? 0) > 0) {
    const moved = sql`SELECT subject_id, new_id AS entity_id FROM identity_changes WHERE old_id IS NOT NULL AND new_id IS NOT NULL`;
    for (const statement of dialect.upsert(subjects("user"), moved)) {
      await connection.run(sql`/* identify: identifiers that moved */ ${statement}`);
    }
  }
  await connection.run(sql`/* identify: identifiers that joined */ INSERT INTO growth.user_subjects (subject_id, entity_id)
    SELECT subject_id, new_id FROM identity_changes WHERE old_id IS NULL AND new_id IS NOT NULL`);
  return kinds?.moved ?? 0;
}

/** The times of the facts that known identifiers own. */
export async function writeTimes(scope: Scope): Promise<void> {
  const { connection, dialect } = scope;
  const times = sql`SELECT k.identifier_id, least(a.first_seen, k.first_seen) AS first_seen, greatest(a.last_seen, k.last_seen) AS last_seen, greatest(a.unnamed_at, k.unnamed_at) AS unnamed_at
    FROM identity_known AS k JOIN identity_activity AS a ON a.identifier_id = k.identifier_id
    WHERE k.first_seen IS NULL OR a.first_seen < k.first_seen OR a.last_seen > k.last_seen
      OR (a.unnamed_at IS NOT NULL AND (k.unnamed_at IS NULL OR a.unnamed_at > k.unnamed_at))`;
  await connection.run(
    sql`/* identify: known identifiers that were seen earlier or later than known */ ${dialect.tempTable("identity_seen", times)}`,
  );
  for (const statement of dialect.upsert(identifiers, sql`SELECT * FROM identity_seen`, [
    "identifier_id",
    "first_seen",
    "last_seen",
    "unnamed_at",
  ])) {
    await connection.run(sql`/* identify: remember when identifiers were seen */ ${statement}`);
  }
}

/** What was logged of components that are replayed is told anew. */
async function forgetLog(scope: Scope): Promise<Told> {
  const { connection } = scope;
  const merged = sql`loser_id IN (SELECT identifier_id FROM identity_component)`;
  const refused = sql`reason <> 'blocked' AND identifier_id IN (SELECT identifier_id FROM identity_component)`;
  const before = {
    merges: await countOf(scope, sql`${nameOf(merges)} WHERE ${merged}`),
    refusals: await countOf(scope, sql`${nameOf(refusals)} WHERE ${refused}`),
  };
  if (before.merges > 0) await connection.run(sql`/* identify: merges to be told again */ ${scope.dialect.deleteWhere(merges, merged)}`);
  if (before.refusals > 0)
    await connection.run(sql`/* identify: refusals to be told again */ ${scope.dialect.deleteWhere(refusals, refused)}`);
  return before;
}

async function writeLog(scope: Scope, told: Told): Promise<void> {
  const { connection } = scope;
  if (told.merges > 0) {
    await connection.run(sql`/* identify: merge log */ INSERT INTO growth.merges (loser_id, winner_id, received_at, message_id)
      SELECT l.identifier_id, w.identifier_id, o.received_at, o.message_id FROM identity_merged AS m
      JOIN identity_ids AS l ON l.n = m.loser JOIN identity_ids AS w ON w.n = m.winner JOIN identity_observations AS o ON o.n = m.observation`);
  }
  if (told.refusals === 0) return;
  await connection.run(sql`/* identify: what was refused, with the limit that was hit */ INSERT INTO growth.identity_refusals (message_id, received_at, identifier_id, type, value, reason, profile_id)
    SELECT o.message_id, o.received_at, i.identifier_id, i.type, i.value, ${reason(scope)}, p.identifier_id FROM identity_refused AS r
    JOIN identity_observations AS o ON o.n = r.observation JOIN identity_ids AS i ON i.n = r.identifier JOIN identity_ids AS p ON p.n = r.profile`);
}

function reason(scope: Scope): Sql {
  const cases = scope.rules.map((rule, index) => sql`WHEN ${index} THEN ${limitText(rule)}`);
  return cases.length === 0 ? empty : sql`CASE r.type ${join(cases, " ")} END`;
}
