import type { CycleWindow } from "../base/cycle.js";
import { type Project, groupKinds } from "../project/project.js";
import { name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import {
  entities,
  groupParents,
  identifiers,
  identityRules,
  membershipFacts,
  memberships,
  merges,
  observations,
  refusals,
  subjects,
} from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type IdentifySummary, extendGraph } from "./extend-graph.js";
import { identityFingerprint } from "./identity-fingerprint.js";
import { type Scope, scopeOf } from "./scope.js";
import { touch } from "./touch.js";

/**
 * Builds everything this stage owns from the events alone, as the rules now say. Whoever comes out different from before
 * is touched; who stays the same is not.
 */
export async function rebuildIdentity(connection: Connection, project: Project, window: CycleWindow): Promise<IdentifySummary> {
  return connection.transaction(async () => {
    const scope = scopeOf(connection, project, { ...window, fromLoad: 0 }, false);
    await keepOld(scope);
    for (const table of ownTables(project))
      await connection.run(sql`/* identify: start from nothing */ ${connection.dialect.deleteWhere(table, sql`TRUE`)}`);
    const summary = await extendGraph(scope);
    await connection.append(identityRules, [{ fingerprint: identityFingerprint(project), cycle_id: window.cycleId }]);
    await touchDifferences({ ...scope, touches: true });
    return summary;
  });
}

function ownTables(project: Project): TableSpec[] {
  const kinds = project.entities.map((entity) => entity.kind);
  return [
    identifiers,
    observations,
    merges,
    refusals,
    membershipFacts,
    memberships,
    groupParents,
    identityRules,
    ...kinds.map((kind) => subjects(kind)),
    ...kinds.map((kind) => entities(kind)),
  ];
}

async function keepOld(scope: Scope): Promise<void> {
  const { connection, dialect, project } = scope;
  for (const { kind } of project.entities) {
    await connection.run(
      sql`/* identify: who was who */ ${dialect.tempTable(oldSubjects(kind), sql`SELECT subject_id, entity_id FROM ${nameOf(subjects(kind))}`)}`,
    );
  }
  await connection.run(
    sql`/* identify: who was a member */ ${dialect.tempTable("identity_old_memberships", sql`SELECT * FROM growth.memberships`)}`,
  );
}

async function touchDifferences(scope: Scope): Promise<void> {
  const { dialect, project } = scope;
  for (const { kind, isGroup } of project.entities) {
    const differences = sql`SELECT o.entity_id AS old_id, n.entity_id AS new_id FROM ${name(oldSubjects(kind))} AS o
      FULL JOIN ${nameOf(subjects(kind))} AS n ON n.subject_id = o.subject_id WHERE ${dialect.differs(sql`n.entity_id`, sql`o.entity_id`)}`;
    const old = sql`(SELECT entity_id FROM ${name(oldSubjects(kind))})`;
    const none = dialect.cast(sql`NULL`, "text");
    await touch(
      scope,
      "event",
      sql`SELECT ${kind} AS kind, new_id AS entity_id, ${none} AS message_id FROM (${differences}) AS d WHERE new_id IS NOT NULL AND new_id NOT IN ${old}`,
    );
    await touch(
      scope,
      isGroup ? "membership" : "merge",
      sql`SELECT ${kind} AS kind, entity_id, ${none} AS message_id FROM (
        SELECT old_id AS entity_id FROM (${differences}) AS d WHERE old_id IS NOT NULL
        UNION ALL SELECT new_id FROM (${differences}) AS d WHERE new_id IN ${old}) AS t`,
    );
  }
  await touchMembers(scope);
}

async function touchMembers(scope: Scope): Promise<void> {
  const { dialect, project } = scope;
  if (groupKinds(project).length === 0) return;
  const differences = sql`SELECT coalesce(n.user_id, o.user_id) AS user_id, coalesce(n.kind, o.kind) AS kind, coalesce(n.group_id, o.group_id) AS group_id
    FROM growth.memberships AS n FULL JOIN identity_old_memberships AS o ON o.user_id = n.user_id AND o.kind = n.kind AND o.group_id = n.group_id AND o.valid_from = n.valid_from
    WHERE n.user_id IS NULL OR o.user_id IS NULL OR ${dialect.differs(sql`n.valid_to`, sql`o.valid_to`)}`;
  const none = dialect.cast(sql`NULL`, "text");
  await touch(
    scope,
    "membership",
    sql`SELECT 'user' AS kind, user_id AS entity_id, ${none} AS message_id FROM (${differences}) AS d UNION ALL SELECT kind, group_id, ${none} FROM (${differences}) AS d`,
  );
}

function oldSubjects(kind: string): string {
  return `identity_old_subjects_${kind}`;
}
