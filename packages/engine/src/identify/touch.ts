import { sql } from "../warehouse/sql.js";
import type { Scope } from "./scope.js";

/** Tells the rest of the cycle which people changed: new ones, and those that identifiers left or moved into. */
export async function touchUsers(scope: Scope): Promise<void> {
  const { connection, window } = scope;
  await connection.run(sql`/* identify: touch new people */ INSERT INTO ops.touched (cycle_id, kind, entity_id, reason, message_id)
    SELECT ${window.cycleId}, 'user', r.entity_id, 'event', k.first_message_id FROM identity_renewed AS r
    JOIN growth.identifiers AS k ON k.identifier_id = r.entity_id WHERE r.is_new`);
  await connection.run(sql`/* identify: touch both sides of a merge */ INSERT INTO ops.touched (cycle_id, kind, entity_id, reason, message_id)
    SELECT ${window.cycleId}, 'user', t.entity_id, 'merge', coalesce(min(m.message_id), min(t.message_id)) FROM (
      SELECT old_id AS entity_id, old_id, new_id, message_id FROM identity_changes WHERE old_id IS NOT NULL
      UNION ALL SELECT new_id, old_id, new_id, message_id FROM identity_changes WHERE old_id IS NOT NULL AND new_id IS NOT NULL
    ) AS t LEFT JOIN growth.merges AS m ON m.loser_id = t.old_id AND m.winner_id = t.new_id GROUP BY t.entity_id`);
}
