import { type Sql, sql } from "../warehouse/sql.js";
import { entities } from "../warehouse/tables/growth.js";
import { type Scope } from "./scope.js";

/**
 * Keeps `growth.user_entities` in step with the graph: a row per profile, known by its user id, else its e-mail, else its
 * anonymous id. Of several user ids (an alias) the newest names the profile, of several others the oldest.
 */
export async function updateUsers(scope: Scope): Promise<void> {
  const { connection, dialect } = scope;
  await connection.run(
    sql`/* identify: profiles to look at */ ${dialect.tempTable(
      "identity_affected",
      sql`SELECT DISTINCT entity_id FROM (
        SELECT new_id AS entity_id FROM identity_changes WHERE new_id IS NOT NULL
        UNION ALL SELECT old_id FROM identity_changes WHERE old_id IS NOT NULL
        UNION ALL SELECT s.entity_id FROM growth.user_subjects AS s WHERE s.subject_id IN (SELECT identifier_id FROM identity_activity)
      ) AS touched`,
    )}`,
  );
  await connection.run(sql`/* identify: profiles as their identifiers say */ ${dialect.tempTable("identity_profiles", profiles(scope))}`);
  await connection.run(
    sql`/* identify: profiles that merged away */ ${dialect.tempTable(
      "identity_vanished",
      sql`SELECT a.entity_id FROM identity_affected AS a LEFT JOIN identity_profiles AS p ON p.entity_id = a.entity_id WHERE p.entity_id IS NULL`,
    )}`,
  );
  await connection.run(sql`DELETE FROM growth.user_entities WHERE entity_id IN (SELECT entity_id FROM identity_vanished)`);
  await connection.run(
    sql`/* identify: profiles that are new or look different */ ${dialect.tempTable(
      "identity_renewed",
      sql`SELECT p.*, u.entity_id IS NULL AS is_new FROM identity_profiles AS p LEFT JOIN growth.user_entities AS u ON u.entity_id = p.entity_id
      WHERE u.entity_id IS NULL OR u.key <> p.key OR u.first_seen <> p.first_seen OR u.last_seen <> p.last_seen`,
    )}`,
  );
  const columns = ["entity_id", "key", "first_seen", "last_seen"];
  const renewed = sql`SELECT entity_id, key, first_seen, last_seen FROM identity_renewed WHERE NOT is_new`;
  for (const statement of dialect.upsert(entities("user"), renewed, columns))
    await connection.run(sql`/* identify: renew profiles */ ${statement}`);
  await connection.run(sql`/* identify: add profiles */ INSERT INTO growth.user_entities (entity_id, key, first_seen, last_seen, parent_id)
    SELECT entity_id, key, first_seen, last_seen, NULL FROM identity_renewed WHERE is_new`);
}

function profiles(scope: Scope): Sql {
  const { dialect } = scope;
  const age = dialect.position(sql`k.first_received_at`, sql`k.first_received_at`, sql`k.first_message_id`, sql`k.value`);
  const oldest = (type: Sql) => dialect.positionValue(dialect.filtered(sql`min(${age})`, type));
  const newest = (type: Sql) => dialect.positionValue(dialect.filtered(sql`max(${age})`, type));
  const key = sql`coalesce(${newest(sql`k.type = 'user_id'`)}, ${oldest(sql`k.type = 'email'`)}, ${oldest(sql`k.type = 'anonymous_id'`)}, ${oldest(sql`TRUE`)})`;
  return sql`SELECT s.entity_id, ${key} AS key, coalesce(min(k.first_seen), min(k.first_received_at)) AS first_seen, coalesce(max(k.last_seen), max(k.first_received_at)) AS last_seen
    FROM growth.user_subjects AS s JOIN growth.identifiers AS k ON k.identifier_id = s.subject_id
    WHERE s.entity_id IN (SELECT entity_id FROM identity_affected) GROUP BY s.entity_id`;
}
