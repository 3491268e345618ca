import { type Sql, sql } from "../warehouse/sql.js";
import { entities } from "../warehouse/tables/growth.js";
import { type Scope, makeTables } from "./scope.js";

/**
 * Keeps `growth.user_entities` in step with the graph: a row per profile, known by its user id, else its e-mail, else its
 * anonymous id. Of several user ids (an alias) the newest names the profile, of several others the oldest. Profiles in
 * play are computed from their identifiers; those that only have new facts get their new times.
 */
export async function updateUsers(scope: Scope): Promise<void> {
  const { connection, dialect } = scope;
  await makeTables(scope, [
    ["profiles in play, as their identifiers say", "identity_profiles", profiles(scope)],
    ["other people with new facts", "identity_active", active(sql`WHERE m.entity_id NOT IN (SELECT entity_id FROM identity_members)`)],
    [
      "both as they are stored",
      "identity_stored",
      stored(sql`SELECT entity_id FROM identity_profiles UNION ALL SELECT entity_id FROM identity_active`),
    ],
    ["profiles that merged away", "identity_vanished", vanished()],
    ["profiles in play, new ones marked", "identity_renewed", renewed()],
  ]);
  await connection.run(
    sql`/* identify: forget profiles that merged away */ ${dialect.deleteWhere(entities("user"), sql`entity_id IN (SELECT entity_id FROM identity_vanished)`)}`,
  );
  const changed = sql`SELECT entity_id, key, first_seen, last_seen FROM identity_renewed WHERE NOT is_new`;
  for (const statement of dialect.upsert(entities("user"), changed, ["entity_id", "key", "first_seen", "last_seen"])) {
    await connection.run(sql`/* identify: profiles whose identifiers changed */ ${statement}`);
  }
  await connection.run(sql`/* identify: add profiles */ INSERT INTO growth.user_entities (entity_id, key, first_seen, last_seen, parent_id)
    SELECT entity_id, key, first_seen, last_seen, NULL FROM identity_renewed WHERE is_new`);
  await tellNewKeys(scope);
  await updateTimes(scope, sql`identity_stored`);
}

/** A profile that is known by another key now (a visitor who signed up) must reach the tools that know it by the old one. */
async function tellNewKeys({ connection, dialect, touches, window }: Scope): Promise<void> {
  if (!touches) return;
  await connection.run(sql`/* identify: profiles with another key */ INSERT INTO growth.changes (cycle_id, kind, entity_id, reason, message_id)
    SELECT ${window.cycleId}, 'user', entity_id, 'event', ${dialect.cast(sql`NULL`, "text")} FROM identity_renewed WHERE NOT is_new AND old_key <> key`);
}

/** The same where no profile is in play. */
export async function updateActiveUsers(scope: Scope): Promise<void> {
  await makeTables(scope, [["people with new facts", "identity_active", active(sql``)]]);
  await updateTimes(scope, sql`growth.user_entities`);
}

/** `stored` has the people in question as they are known. */
async function updateTimes(scope: Scope, stored: Sql): Promise<void> {
  const times = sql`SELECT s.entity_id, least(s.first_seen, a.first_seen) AS first_seen, greatest(s.last_seen, a.last_seen) AS last_seen
    FROM identity_active AS a JOIN ${stored} AS s ON s.entity_id = a.entity_id WHERE a.first_seen < s.first_seen OR a.last_seen > s.last_seen`;
  for (const statement of scope.dialect.upsert(entities("user"), times, ["entity_id", "first_seen", "last_seen"])) {
    await scope.connection.run(sql`/* identify: people seen earlier or later than known */ ${statement}`);
  }
}

function profiles(scope: Scope): Sql {
  const { dialect } = scope;
  const age = dialect.position(sql`received_at`, sql`received_at`, sql`value`, sql`value`);
  const oldest = (type: Sql) => dialect.positionValue(dialect.filtered(sql`min(${age})`, type));
  const newest = (type: Sql) => dialect.positionValue(dialect.filtered(sql`max(${age})`, type));
  const key = sql`coalesce(${newest(sql`type = 'user_id'`)}, ${oldest(sql`type = 'email'`)}, ${oldest(sql`type = 'anonymous_id'`)}, ${oldest(sql`TRUE`)})`;
  return sql`SELECT new_id AS entity_id, ${key} AS key, coalesce(min(first_seen), min(received_at)) AS first_seen, coalesce(max(last_seen), max(received_at)) AS last_seen
    FROM identity_now WHERE new_id IS NOT NULL GROUP BY new_id`;
}

function active(condition: Sql): Sql {
  return sql`SELECT m.entity_id, min(a.first_seen) AS first_seen, max(a.last_seen) AS last_seen
    FROM identity_activity AS a JOIN identity_mine AS m ON m.subject_id = a.identifier_id ${condition} GROUP BY m.entity_id`;
}

function stored(wanted: Sql): Sql {
  return sql`SELECT entity_id, key, first_seen, last_seen FROM growth.user_entities WHERE entity_id IN (${wanted})`;
}

function vanished(): Sql {
  return sql`SELECT DISTINCT entity_id FROM identity_members WHERE entity_id NOT IN (SELECT entity_id FROM identity_profiles)`;
}

function renewed(): Sql {
  return sql`SELECT p.*, s.entity_id IS NULL AS is_new, s.key AS old_key FROM identity_profiles AS p LEFT JOIN identity_stored AS s ON s.entity_id = p.entity_id`;
}
