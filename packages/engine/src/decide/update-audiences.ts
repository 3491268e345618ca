import type { CycleWindow } from "../base/cycle.js";
import { conditionPredicate, scoreJoins, scoresNamed } from "../project/compile/condition-predicate.js";
import type { OperatorContext } from "../project/compile/operator-predicate.js";
import { audienceLayers } from "../project/graph.js";
import type { Audience } from "../project/kinds/audience.js";
import type { EntityKind, Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { audienceChanges, audienceMembers, audienceSizes } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";

/** How many entries and exits a cycle made. */
export interface AudienceMoves {
  readonly entered: number;
  readonly left: number;
}

/** What the cycle looks at of this kind. */
export interface Looked {
  readonly touched: number;
  /** Some were touched that are no more. */
  readonly vanished: boolean;
  /** A temporary table with the traits of all of them, where there is one. */
  readonly traits?: string | undefined;
}

/**
 * Moves every audience of a kind to the cycle's moment for the entities in the temporary table `touched_<kind>`
 * (entity_id, reason, message_id). Audiences that name others come after those, in layers: each layer is one pass over
 * the entities, however many audiences it has. Each entry and exit is a row of `growth.audience_changes` with its cause.
 */
export async function updateAudiences(
  connection: Connection,
  context: OperatorContext,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
  versions: ReadonlyMap<string, number>,
  looked: Looked,
): Promise<AudienceMoves> {
  if (window.redefined === true) await removeForgotten(connection, project, entity, window);
  const moves = { entered: 0, left: 0 };
  if (looked.touched === 0 && !looked.vanished) return moves;
  for (const layer of audienceLayers(project, entity.kind)) {
    const moved = await updateLayer(connection, context, project, entity, layer, window, versions, looked);
    moves.entered += moved.entered;
    moves.left += moved.left;
  }
  return moves;
}

async function updateLayer(
  connection: Connection,
  context: OperatorContext,
  project: Project,
  entity: EntityKind,
  layer: readonly Audience[],
  window: CycleWindow,
  versions: ReadonlyMap<string, number>,
  looked: Looked,
): Promise<AudienceMoves> {
  const { dialect } = connection;
  const touched = `touched_${entity.kind}`;
  const entities =
    looked.traits === undefined
      ? sql`${name("growth", `${entity.kind}_traits`)} AS t JOIN ${name(touched)} AS g ON g.entity_id = t.entity_id`
      : sql`${name(looked.traits)} AS t`;
  await connection.run(
    sql`/* ${{ parts: [{ text: `who is in which ${entity.kind} audience now` }] }} */ ${dialect.tempTable("audience_now", membersNow(context, project, layer, entities))}`,
  );
  // Entities that a merge swallowed are in `touched` but not among those looked at: they leave.
  const concerned = sql`SELECT entity_id FROM touched WHERE kind = ${entity.kind} UNION SELECT entity_id FROM ${name(touched)}`;
  await connection.run(
    sql`/* entries and exits */ ${dialect.tempTable(
      "audience_moves",
      sql`SELECT coalesce(n.audience, o.audience) AS audience, coalesce(n.entity_id, o.entity_id) AS entity_id,
  CASE WHEN o.entity_id IS NULL THEN 'entered' ELSE 'left' END AS change,
  CASE WHEN o.entity_id IS NULL THEN ${heldOut(context, layer)} ELSE o.held_out END AS held_out
FROM audience_now AS n FULL OUTER JOIN (
  SELECT m.audience, m.entity_id, m.held_out FROM ${nameOf(audienceMembers)} AS m
  WHERE m.audience IN (${join(layer.map((audience) => sql`${audience.name}`))}) AND m.entity_id IN (${concerned})) AS o
  ON o.audience = n.audience AND o.entity_id = n.entity_id
WHERE n.entity_id IS NULL OR o.entity_id IS NULL`,
    )}`,
  );
  const counts = await connection.first<AudienceMoves>(
    sql`/* how many */ SELECT ${dialect.filtered(sql`count(*)`, sql`change = 'entered'`)} AS entered, ${dialect.filtered(sql`count(*)`, sql`change = 'left'`)} AS "left" FROM audience_moves`,
  );
  const moved = { entered: counts?.entered ?? 0, left: counts?.left ?? 0 };
  if (moved.entered + moved.left === 0) return moved;
  const version = sql`CASE m.audience ${join(
    layer.map((audience) => sql`WHEN ${audience.name} THEN ${versions.get(audience.name) ?? 1}`),
    " ",
  )} END`;
  await recordMoves(connection, window, version, sql`audience_moves`, touched);
  if (moved.left > 0) {
    await connection.run(
      dialect.deleteWhere(
        audienceMembers,
        sql`(audience, entity_id) IN (SELECT (audience, entity_id) FROM audience_moves WHERE change = 'left')`,
      ),
    );
  }
  if (moved.entered > 0) {
    await connection.run(sql`/* new members */ INSERT INTO ${nameOf(audienceMembers)} (audience, entity_id, entered_at, cycle_id, held_out)
SELECT audience, entity_id, ${dialect.timestamp(window.now)}, ${window.cycleId}, held_out FROM audience_moves WHERE change = 'entered'`);
  }
  await recordSizes(connection, window);
  await connection.run(sql`/* what syncs and readers follow */
INSERT INTO growth.changes (cycle_id, kind, entity_id, reason, message_id)
SELECT DISTINCT ${window.cycleId}, ${entity.kind}, m.entity_id, coalesce(t.reason, 'merge'), t.message_id FROM audience_moves AS m LEFT JOIN ${name(touched)} AS t ON t.entity_id = m.entity_id
WHERE m.entity_id NOT IN (SELECT entity_id FROM growth.changes WHERE cycle_id = ${window.cycleId} AND kind = ${entity.kind})`);
  return moved;
}

/** `(audience, entity_id)` of all audiences of a layer, for the entities looked at: rows of traits as `t`. */
function membersNow(context: OperatorContext, project: Project, layer: readonly Audience[], entities: Sql): Sql {
  const { dialect } = context;
  const names = dialect.list(layer.map((audience) => sql`CASE WHEN ${membership(context, project, audience)} THEN ${audience.name} END`));
  const scores = [...new Set(layer.flatMap((audience) => scoresNamed(audience.where)))];
  const named = sql`(SELECT t.entity_id, ${names} AS names FROM ${entities} ${scoreJoins(scores)}) AS f`;
  return sql`SELECT u.value AS audience, f.entity_id FROM ${dialect.unnest(named, sql`f.names`, "u")} WHERE u.value IS NOT NULL`;
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
function heldOut({ dialect }: OperatorContext, layer: readonly Audience[]): Sql {
  const holding = layer.filter((audience) => (audience.holdout ?? 0) > 0);
  if (holding.length === 0) return sql`FALSE`;
  const cases = holding.map(
    (audience) =>
      sql`WHEN ${audience.name} THEN (${dialect.hash64(sql`${`holdout:${audience.name}.`} || ${dialect.idText(sql`n.entity_id`)}`)} % 10000 < ${Math.round((audience.holdout ?? 0) * 100)})`,
  );
  return sql`CASE n.audience ${join(cases, " ")} ELSE FALSE END`;
}

/** `moves` has (audience, entity_id, change, held_out); `version` may name its columns with `m.`. */
async function recordMoves(connection: Connection, window: CycleWindow, version: Sql, moves: Sql, touched: string): Promise<void> {
  const { dialect } = connection;
  const last = await connection.first<{ id: number }>(
    sql`/* where the log ends */ SELECT coalesce(max(change_id), 0) AS id FROM ${nameOf(audienceChanges)}`,
  );
  await connection.run(sql`/* the log of entries and exits */
INSERT INTO ${nameOf(audienceChanges)} (change_id, audience, entity_id, change, happened_at, cycle_id, version, reason, message_id, held_out)
SELECT ${last?.id ?? 0} + row_number() OVER (ORDER BY m.audience, m.entity_id), m.audience, m.entity_id, m.change, ${dialect.timestamp(window.now)}, ${window.cycleId}, ${version}, coalesce(t.reason, 'merge'), t.message_id, m.held_out
FROM ${moves} AS m LEFT JOIN ${name(touched)} AS t ON t.entity_id = m.entity_id`);
}

/** Sizes after this cycle, of the audiences that moved. */
async function recordSizes(connection: Connection, window: CycleWindow): Promise<void> {
  const { dialect } = connection;
  await connection.run(sql`/* sizes of audiences that moved */
INSERT INTO ${nameOf(audienceSizes)} (audience, happened_at, cycle_id, size, entered, "left")
SELECT x.audience, ${dialect.timestamp(window.now)}, ${window.cycleId}, coalesce(s.size, 0), x.entered, x."left"
FROM (SELECT audience, ${dialect.filtered(sql`count(*)`, sql`change = 'entered'`)} AS entered, ${dialect.filtered(sql`count(*)`, sql`change = 'left'`)} AS "left" FROM audience_moves GROUP BY audience) AS x
LEFT JOIN (SELECT audience, count(*) AS size FROM ${nameOf(audienceMembers)} WHERE audience IN (SELECT audience FROM audience_moves) GROUP BY audience) AS s ON s.audience = x.audience`);
}

/** Audiences whose definition is gone lose their members, with reason `definition`. */
async function removeForgotten(connection: Connection, project: Project, entity: EntityKind, window: CycleWindow): Promise<void> {
  const known = project.audiences.map((audience) => audience.name);
  const rows = await connection.read<{ audience: string }>(
    sql`/* audiences with members */ SELECT DISTINCT audience FROM ${nameOf(audienceMembers)}`,
  );
  const isFirstKind = project.entities[0]?.kind === entity.kind;
  for (const { audience } of rows.filter((row) => isFirstKind && !known.includes(row.audience))) {
    const members = sql`(SELECT audience, entity_id, 'left' AS change, held_out FROM ${nameOf(audienceMembers)} WHERE audience = ${audience})`;
    await connection.run(
      connection.dialect.tempTable(
        "nobody_touched",
        sql`SELECT entity_id, 'definition' AS reason, ${connection.dialect.cast(sql`NULL`, "text")} AS message_id FROM ${nameOf(audienceMembers)} WHERE audience = ${audience}`,
      ),
    );
    await recordMoves(connection, window, sql`0`, members, "nobody_touched");
    await connection.run(connection.dialect.deleteWhere(audienceMembers, sql`audience = ${audience}`));
  }
}
