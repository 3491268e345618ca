import { textAtEventPath } from "../project/group-key.js";
import { groupKeyValue } from "../project/identifier-value.js";
import { type EntityKind, groupKinds } from "../project/project.js";
import { groupColumn } from "../warehouse/create-tables.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { entities, groupParents, subjects } from "../warehouse/tables/growth.js";
import { type Scope, countOf, isBefore, newEvents } from "./scope.js";
import { touch } from "./touch.js";

/** Which group a nested group belongs to: the newest word holds, and moves the facts of everything below along with it. */

/** `identity_parents_<kind>`: of each group, the newest parent that new events name, and when each parent was named. */
export async function readParents(scope: Scope, entity: EntityKind): Promise<void> {
  const { connection, dialect } = scope;
  const parent = entity.parent ?? "";
  const key = parentKey(scope, entity);
  const named = sql`SELECT e.${name(groupColumn(entity.kind))} AS group_id, ${key} AS parent_key, e.timestamp, e.received_at, e.message_id
    FROM ${newEvents(scope)} AND e.${name(groupColumn(entity.kind))} IS NOT NULL${onlyCalls(entity)}`;
  await connection.run(
    sql`/* identify: parents that new events name for a ${trusted(entity.kind)} */ ${dialect.tempTable(
      parentsTable(entity),
      sql`SELECT group_id, ${dialect.hash64(sql`${`${parent}:`} || parent_key`)} AS parent_id, parent_key, timestamp AS happened_at, received_at, message_id
      FROM (${named}) AS e WHERE parent_key IS NOT NULL`,
    )}`,
  );
}

/** The newest word on a group's parent holds; facts of the group then belong to its new parent and to that one's parents. */
export async function writeParents(scope: Scope, entity: EntityKind): Promise<void> {
  const { connection, dialect } = scope;
  const said = name(parentsTable(entity));
  const newest = dialect.position(sql`happened_at`, sql`received_at`, sql`message_id`, dialect.idText(sql`parent_id`));
  const latest = sql`SELECT ${entity.kind} AS kind, group_id, ${dialect.cast(dialect.positionValue(sql`newest`), "integer")} AS parent_id, ${dialect.positionTimestamp(sql`newest`)} AS happened_at,
      received_at, ${dialect.positionMessageId(sql`newest`)} AS message_id
    FROM (SELECT group_id, max(${newest}) AS newest, ${dialect.argMax(sql`received_at`, newest)} AS received_at FROM ${said} GROUP BY group_id) AS p`;
  await connection.run(
    sql`/* identify: newer words on parents than known */ ${dialect.tempTable(
      "identity_parents",
      sql`SELECT n.*, k.parent_id AS old_parent_id FROM (${latest}) AS n LEFT JOIN growth.group_parents AS k ON k.kind = n.kind AND k.group_id = n.group_id
      WHERE k.group_id IS NULL OR k.happened_at < n.happened_at OR (k.happened_at = n.happened_at AND ${isBefore(
        { receivedAt: sql`k.received_at`, messageId: sql`k.message_id` },
        { receivedAt: sql`n.received_at`, messageId: sql`n.message_id` },
      )})`,
    )}`,
  );
  const columns = sql`kind, group_id, parent_id, happened_at, received_at, message_id`;
  for (const statement of dialect.upsert(groupParents, sql`SELECT ${columns} FROM identity_parents`)) {
    await connection.run(sql`/* identify: remember the newest word on parents */ ${statement}`);
  }
  const changed = sql`identity_parents WHERE ${dialect.differs(sql`parent_id`, sql`old_parent_id`)}`;
  if ((await countOf(scope, changed)) === 0) return;
  for (const statement of dialect.upsert(entities(entity.kind), sql`SELECT group_id AS entity_id, parent_id FROM ${changed}`, [
    "entity_id",
    "parent_id",
  ])) {
    await connection.run(sql`/* identify: groups with a new parent */ ${statement}`);
  }
  await touch(scope, "membership", sql`SELECT ${entity.kind} AS kind, group_id AS entity_id, message_id FROM ${changed}`);
  await moveSubjects(scope, entity, changed);
}

/** Facts of the groups of `entity` whose parent changed, and of all groups below them, go to other parents from now on. */
async function moveSubjects(scope: Scope, entity: EntityKind, changed: Sql): Promise<void> {
  for (const below of [entity, ...descendants(scope, entity.kind)]) {
    for (const ancestor of ancestors(scope, entity.kind)) await moveTo(scope, below, entity, ancestor, changed);
  }
}

async function moveTo(scope: Scope, below: EntityKind, moved: EntityKind, ancestor: EntityKind, changed: Sql): Promise<void> {
  const { connection, dialect } = scope;
  const path = pathBetween(scope, below.kind, ancestor.kind);
  const movedIndex = path.findIndex((kind) => kind === moved.kind);
  const joins = path
    .slice(1, -1)
    .map(
      (kind, index) =>
        sql` JOIN ${name("growth", `${kind}_entities`)} AS ${step(index + 1)} ON ${step(index + 1)}.entity_id = ${step(index)}.parent_id`,
    );
  const last = step(path.length - 2);
  await connection.run(
    sql`/* identify: groups that now count for another ${trusted(ancestor.kind)} */ ${dialect.tempTable(
      "identity_moved",
      sql`SELECT ${step(0)}.entity_id AS subject_id, ${last}.parent_id AS entity_id, s.entity_id AS old_id
      FROM ${name("growth", `${below.kind}_entities`)} AS ${step(0)}${join(joins, "")}
      LEFT JOIN ${nameOf(subjects(ancestor.kind))} AS s ON s.subject_id = ${step(0)}.entity_id
      WHERE ${step(movedIndex)}.entity_id IN (SELECT group_id FROM ${changed}) AND ${last}.parent_id IS NOT NULL AND ${dialect.differs(sql`s.entity_id`, sql`${last}.parent_id`)}`,
    )}`,
  );
  for (const statement of dialect.upsert(subjects(ancestor.kind), sql`SELECT subject_id, entity_id FROM identity_moved`))
    await connection.run(sql`/* identify: their facts too */ ${statement}`);
  await touch(
    scope,
    "membership",
    sql`SELECT ${ancestor.kind} AS kind, t.entity_id, p.message_id FROM (SELECT entity_id, subject_id FROM identity_moved UNION SELECT old_id, subject_id FROM identity_moved WHERE old_id IS NOT NULL) AS t
      LEFT JOIN identity_parents AS p ON p.group_id = t.subject_id`,
  );
}

/** Paths into `traits` speak on the kind's own group call, all others on every event that names the group. */
function parentKey(scope: Scope, entity: EntityKind): Sql {
  const { dialect } = scope;
  const paths = (entity.parent_id ?? []).map((path) => {
    const value = groupKeyValue(dialect, textAtEventPath(dialect, path));
    return path.startsWith("traits.") ? sql`CASE WHEN e.type = 'group' THEN ${value} END` : value;
  });
  return sql`coalesce(${join([...paths, dialect.cast(sql`NULL`, "text"), dialect.cast(sql`NULL`, "text")])})`;
}

/** Where only group calls can name a parent, only they are read. */
function onlyCalls(entity: EntityKind): Sql {
  return (entity.parent_id ?? []).every((path) => path.startsWith("traits.")) ? sql` AND e.type = 'group'` : empty;
}

function descendants(scope: Scope, kind: string): EntityKind[] {
  const children = groupKinds(scope.project).filter((candidate) => candidate.parent === kind);
  return children.flatMap((child) => [child, ...descendants(scope, child.kind)]);
}

export function ancestors(scope: Scope, kind: string): EntityKind[] {
  const parent = groupKinds(scope.project).find(
    (candidate) => candidate.kind === groupKinds(scope.project).find((own) => own.kind === kind)?.parent,
  );
  return parent === undefined ? [] : [parent, ...ancestors(scope, parent.kind)];
}

/** Kinds from one up to its ancestor, both included. */
function pathBetween(scope: Scope, from: string, to: string): string[] {
  const up = ancestors(scope, from).map((entity) => entity.kind);
  return [from, ...up.slice(0, up.indexOf(to) + 1)];
}

function step(index: number): Sql {
  return name(`g${index}`);
}

/** Working table of the parents that new events name for groups of this kind. */
export function parentsTable(entity: EntityKind): string {
  return `identity_parents_${entity.kind}`;
}

/** A kind inside a comment: slugs have nothing that could end one. */
function trusted(kind: string): Sql {
  return { parts: [{ text: kind }] };
}
