import type { CycleWindow } from "../base/cycle.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { type EntityKind, type Project, traitsOf } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { membersQuery } from "./trait-sql.js";

/** Groups that roll up traits of this kind are looked at when one of their members changed. */
export async function touchMembersGroups(
  connection: Connection,
  scope: EventScope,
  project: Project,
  member: EntityKind,
  window: CycleWindow,
): Promise<void> {
  for (const group of project.entities) {
    const rollsUp = traitsOf(project, group.kind).some((trait) => trait.type === "rollup" && trait.from === member.kind);
    if (!rollsUp) continue;
    await connection.run(sql`/* groups whose members changed */
INSERT INTO touched (kind, entity_id, reason, message_id)
SELECT ${group.kind}, m.group_id, 'event', ${connection.dialect.argMax(sql`c.message_id`, sql`CASE WHEN c.message_id IS NULL THEN 0 ELSE 1 END`)}
FROM (${membersQuery(scope, project, group.kind, member.kind, window)}) AS m
JOIN growth.changes AS c ON c.entity_id = m.member_id AND c.kind = ${member.kind} AND c.cycle_id = ${window.cycleId}
GROUP BY m.group_id`);
  }
}
