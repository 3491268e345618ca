import type { CycleWindow } from "../base/cycle.js";
import { conditionPredicate, scoreJoins, scoresNamed } from "../project/compile/condition-predicate.js";
import type { OperatorContext } from "../project/compile/operator-predicate.js";
import { orderedAudiences } from "../project/graph.js";
import type { Audience } from "../project/kinds/audience.js";
import type { EntityKind, Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { audienceChanges, audienceMembers, audienceSizes } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";

/**
 * Moves every audience of a kind to the cycle's moment for the entities in the temporary table `touched_<kind>`
 * (entity_id, reason, message_id), nested audiences after those they name. Each entry and exit is a row of
 * `growth.audience_changes` with its cause.
 */
export async function updateAudiences(
  connection: Connection,
  context: OperatorContext,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
  versions: ReadonlyMap<string, number>,
): Promise<{ entered: number; left: number }> {
  const touched = `touched_${entity.kind}`;
  if (window.redefined === true) await removeForgotten(connection, project, entity, window);
  let entered = 0;
  let left = 0;
  for (const audience of orderedAudiences(project).filter((candidate) => candidate.entity === entity.kind)) {
    const moved = await updateAudience(connection, context, project, audience, window, touched, versions.get(audience.name) ?? 1);
    entered += moved.entered;
    left += moved.left;
  }
  return { entered, left };
}

async function updateAudience(
  connection: Connection,
  context: OperatorContext,
  project: Project,
  audience: Audience,
  window: CycleWindow,
  touched: string,
  version: number,
): Promise<{ entered: number; left: number }> {
  const { dialect } = connection;
  const held = heldOut(context, audience);
  await connection.run(
    dialect.tempTable(
      "audience_now",
      sql`SELECT t.entity_id FROM ${name("growth", `${audience.entity}_traits`)} AS t JOIN ${name(touched)} AS g ON g.entity_id = t.entity_id
${scoreJoins(scoresNamed(audience.where))} WHERE ${membership(context, project, audience)}`,
    ),
  );
  // Entities that a merge swallowed are in ops.touched but not among those looked at: they leave.
  const concerned = sql`SELECT entity_id FROM ops.touched WHERE kind = ${audience.entity} UNION SELECT entity_id FROM ${name(touched)}`;
  await connection.run(
    dialect.tempTable(
      "audience_moves",
      sql`SELECT coalesce(n.entity_id, o.entity_id) AS entity_id, CASE WHEN o.entity_id IS NULL THEN 'entered' ELSE 'left' END AS change,
  CASE WHEN o.entity_id IS NULL THEN ${held(sql`n.entity_id`)} ELSE o.held_out END AS held_out
FROM audience_now AS n FULL OUTER JOIN (
  SELECT m.entity_id, m.held_out FROM ${nameOf(audienceMembers)} AS m WHERE m.audience = ${audience.name} AND m.entity_id IN (${concerned})) AS o ON o.entity_id = n.entity_id
WHERE n.entity_id IS NULL OR o.entity_id IS NULL`,
    ),
  );
  const counts = await connection.first<{ entered: number; left: number }>(
    sql`/* moves of an audience */ SELECT count(*) FILTER (WHERE change = 'entered') AS entered, count(*) FILTER (WHERE change = 'left') AS "left" FROM audience_moves`,
  );
  const moved = { entered: counts?.entered ?? 0, left: counts?.left ?? 0 };
  if (moved.entered + moved.left === 0) return moved;
  await writeMoves(
    connection,
    audience.name,
    audience.entity,
    window,
    version,
    sql`SELECT entity_id, change, held_out FROM audience_moves`,
    touched,
  );
  await connection.run(
    dialect.deleteWhere(
      audienceMembers,
      sql`audience = ${audience.name} AND entity_id IN (SELECT entity_id FROM audience_moves WHERE change = 'left')`,
    ),
  );
  await connection.run(sql`/* new members */ INSERT INTO ${nameOf(audienceMembers)} (audience, entity_id, entered_at, cycle_id, held_out)
SELECT ${audience.name}, entity_id, ${dialect.timestamp(window.now)}, ${window.cycleId}, held_out FROM audience_moves WHERE change = 'entered'`);
  await recordSize(connection, audience.name, window, moved);
  await connection.run(sql`/* what syncs and readers follow */
INSERT INTO growth.changes (cycle_id, kind, entity_id, reason, message_id)
SELECT ${window.cycleId}, ${audience.entity}, m.entity_id, coalesce(t.reason, 'merge'), t.message_id FROM audience_moves AS m LEFT JOIN ${name(touched)} AS t ON t.entity_id = m.entity_id
WHERE NOT EXISTS (SELECT 1 FROM growth.changes AS c WHERE c.cycle_id = ${window.cycleId} AND c.kind = ${audience.entity} AND c.entity_id = m.entity_id)`);
  return moved;
}

/** Condition, plus manual inclusions, minus manual exclusions. */
export function membership(context: OperatorContext, project: Project, audience: Audience): Sql {
  const listed = (files: readonly string[]) =>
    sql`t.entity_id IN (SELECT s.entity_id FROM growth.lists AS l JOIN ${name("growth", `${audience.entity}_subjects`)} AS s ON s.subject_id = l.subject_id WHERE l.kind = ${audience.entity} AND l.list IN (${join(files.map((file) => sql`${file}`))}))`;
  const condition = conditionPredicate(context, project, audience.entity, audience.where);
  const included =
    audience.include === undefined || audience.include.length === 0 ? condition : sql`(${condition} OR ${listed(audience.include)})`;
  return audience.exclude === undefined || audience.exclude.length === 0
    ? included
    : sql`(${included} AND NOT ${listed(audience.exclude)})`;
}

/** Sticky by construction: a hash of audience and entity, so re-entering changes nothing. */
function heldOut({ dialect }: OperatorContext, audience: Audience): (id: Sql) => Sql {
  const percent = audience.holdout ?? 0;
  if (percent === 0) return () => sql`FALSE`;
  return (id) =>
    sql`(${dialect.hash64(sql`${`holdout:${audience.name}.`} || ${dialect.idText(id)}`)} % 10000 < ${Math.round(percent * 100)})`;
}

async function writeMoves(
  connection: Connection,
  audience: string,
  kind: string,
  window: CycleWindow,
  version: number,
  moves: Sql,
  touched: string,
): Promise<void> {
  const { dialect } = connection;
  const last = await connection.first<{ id: number }>(
    sql`/* where the log ends */ SELECT coalesce(max(change_id), 0) AS id FROM ${nameOf(audienceChanges)}`,
  );
  await connection.run(sql`/* ${{ parts: [{ text: `entries and exits of ${kind} audiences` }] }} */
INSERT INTO ${nameOf(audienceChanges)} (change_id, audience, entity_id, change, happened_at, cycle_id, version, reason, message_id, held_out)
SELECT ${last?.id ?? 0} + row_number() OVER (ORDER BY m.entity_id), ${audience}, m.entity_id, m.change, ${dialect.timestamp(window.now)}, ${window.cycleId}, ${version}, coalesce(t.reason, 'merge'), t.message_id, m.held_out
FROM (${moves}) AS m LEFT JOIN ${name(touched)} AS t ON t.entity_id = m.entity_id`);
}

async function recordSize(
  connection: Connection,
  audience: string,
  window: CycleWindow,
  moved: { entered: number; left: number },
): Promise<void> {
  await connection.run(sql`/* size of an audience after this cycle */
INSERT INTO ${nameOf(audienceSizes)} (audience, happened_at, cycle_id, size, entered, "left")
SELECT ${audience}, ${connection.dialect.timestamp(window.now)}, ${window.cycleId}, count(*), ${moved.entered}, ${moved.left} FROM ${nameOf(audienceMembers)} WHERE audience = ${audience}`);
}

/** Audiences whose definition is gone lose their members, with reason `definition`. */
async function removeForgotten(connection: Connection, project: Project, entity: EntityKind, window: CycleWindow): Promise<void> {
  const known = project.audiences.map((audience) => audience.name);
  const rows = await connection.read<{ audience: string }>(
    sql`/* audiences with members */ SELECT DISTINCT audience FROM ${nameOf(audienceMembers)}`,
  );
  const isFirstKind = project.entities[0]?.kind === entity.kind;
  for (const { audience } of rows.filter((row) => isFirstKind && !known.includes(row.audience))) {
    const nobody = sql`SELECT entity_id, 'left' AS change, held_out FROM ${nameOf(audienceMembers)} WHERE audience = ${audience}`;
    await connection.run(
      connection.dialect.tempTable(
        "nobody_touched",
        sql`SELECT entity_id, 'definition' AS reason, NULL::VARCHAR AS message_id FROM ${nameOf(audienceMembers)} WHERE audience = ${audience}`,
      ),
    );
    await writeMoves(connection, audience, entity.kind, window, 0, nobody, "nobody_touched");
    await connection.run(connection.dialect.deleteWhere(audienceMembers, sql`audience = ${audience}`));
  }
}
