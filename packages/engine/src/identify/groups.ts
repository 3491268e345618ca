import { groupIdOf, groupKey } from "../project/group-key.js";
import { type EntityKind, groupKinds } from "../project/project.js";
import { groupColumn } from "../warehouse/create-tables.js";
import { join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { entities, subjects } from "../warehouse/tables/growth.js";
import { parentsTable, readParents, writeParents } from "./group-parents.js";
import { type Scope, countOf, newEvents } from "./scope.js";
import { touch } from "./touch.js";

/**
 * Workspaces, accounts and the project's other group kinds: they exist from the first event that names them (or names
 * them as a parent), and belong to the parent that the newest event says.
 */
export async function updateGroups(scope: Scope): Promise<void> {
  const kinds = groupKinds(scope.project);
  const nested = kinds.filter((kind) => kind.parent !== undefined);
  for (const entity of nested) await readParents(scope, entity);
  for (const entity of kinds) {
    await readGroups(scope, entity);
    await writeGroups(scope, entity);
  }
  for (const entity of nested) {
    if ((await countOf(scope, name(parentsTable(entity)))) > 0) await writeParents(scope, entity);
  }
}

/** `identity_groups_<kind>`: groups that new events name, with the times, and the event to take the key from. */
async function readGroups(scope: Scope, entity: EntityKind): Promise<void> {
  const { connection, dialect, project } = scope;
  const column = sql`e.${name(groupColumn(entity.kind))}`;
  const direct = sql`SELECT ${column} AS entity_id, min(e.timestamp) AS first_seen, max(e.timestamp) AS last_seen, min(e.message_id) AS message_id
    FROM ${newEvents(scope)} AND ${column} IS NOT NULL GROUP BY ${column}`;
  const asParent = groupKinds(project)
    .filter((child) => child.parent === entity.kind)
    .map(
      (child) =>
        sql` UNION ALL SELECT parent_id, min(happened_at), max(happened_at), min(message_id) FROM ${name(parentsTable(child))} GROUP BY parent_id`,
    );
  await connection.run(
    sql`/* identify: groups that new events name */ ${dialect.tempTable(
      groupsTable(entity),
      sql`SELECT g.entity_id, min(g.first_seen) AS first_seen, max(g.last_seen) AS last_seen, min(g.message_id) AS message_id, min(k.first_seen) AS known_first, min(k.last_seen) AS known_last
      FROM (${direct}${join(asParent, "")}) AS g LEFT JOIN ${nameOf(entities(entity.kind))} AS k ON k.entity_id = g.entity_id GROUP BY g.entity_id`,
    )}`,
  );
}

/** The outside id is taken from the event; where the rules for it changed since it was loaded, the id itself stands in. */
async function writeGroups(scope: Scope, entity: EntityKind): Promise<void> {
  const { connection, dialect, project } = scope;
  const groups = name(groupsTable(entity));
  const isLater = sql`known_first IS NOT NULL AND (first_seen < known_first OR last_seen > known_last)`;
  const found = await connection.first<{ later: number; fresh: number }>(
    sql`/* identify: groups to renew and to add */ SELECT count(CASE WHEN ${isLater} THEN 1 END) AS later, count(CASE WHEN known_first IS NULL THEN 1 END) AS fresh FROM ${groups}`,
  );
  if ((found?.later ?? 0) > 0) {
    const later = sql`SELECT entity_id, least(first_seen, known_first) AS first_seen, greatest(last_seen, known_last) AS last_seen FROM ${groups} WHERE ${isLater}`;
    for (const statement of dialect.upsert(entities(entity.kind), later, ["entity_id", "first_seen", "last_seen"])) {
      await connection.run(sql`/* identify: groups seen earlier or later than known */ ${statement}`);
    }
  }
  if ((found?.fresh ?? 0) === 0) return;
  const column = sql`e.${name(groupColumn(entity.kind))}`;
  const keys = [
    sql`SELECT ${column} AS entity_id, ${groupKey(dialect, project, entity)} AS key FROM ${newEvents(scope)}
      AND e.message_id IN (SELECT message_id FROM ${groups} WHERE known_first IS NULL) AND ${column} = ${groupIdOf(dialect, project, entity)}`,
    ...groupKinds(project)
      .filter((child) => child.parent === entity.kind)
      .map((child) => sql`SELECT parent_id, parent_key FROM ${name(parentsTable(child))}`),
  ];
  await connection.run(sql`/* identify: new groups with their outside ids */ INSERT INTO ${nameOf(entities(entity.kind))} (entity_id, key, first_seen, last_seen, parent_id)
    SELECT g.entity_id, coalesce(min(k.key), ${dialect.idText(sql`g.entity_id`)}), min(g.first_seen), min(g.last_seen), NULL
    FROM ${groups} AS g LEFT JOIN (${join(keys, " UNION ALL ")}) AS k ON k.entity_id = g.entity_id WHERE g.known_first IS NULL GROUP BY g.entity_id`);
  await connection.run(sql`/* identify: a group's facts are its own */ INSERT INTO ${nameOf(subjects(entity.kind))} (subject_id, entity_id)
    SELECT entity_id, entity_id FROM ${groups} WHERE known_first IS NULL`);
  await touch(scope, "event", sql`SELECT ${entity.kind} AS kind, entity_id, message_id FROM ${groups} WHERE known_first IS NULL`);
}

function groupsTable(entity: EntityKind): string {
  return `identity_groups_${entity.kind}`;
}
