import { type Sql, sql } from "../warehouse/sql.js";
import type { Scope } from "./scope.js";

/** Tells the rest of the cycle to look at these: `query` gives kind, entity_id, message_id (the event behind it, or null). */
export async function touch(scope: Scope, reason: "event" | "merge" | "membership", query: Sql): Promise<void> {
  if (!scope.touches) return;
  await scope.connection
    .run(sql`/* identify: touch for ${{ parts: [{ text: reason }] }} */ INSERT INTO touched (kind, entity_id, reason, message_id)
    SELECT t.kind, t.entity_id, ${reason}, min(t.message_id) FROM (${query}) AS t
    LEFT JOIN touched AS o ON o.kind = t.kind AND o.entity_id = t.entity_id AND o.reason = ${reason}
    WHERE o.kind IS NULL GROUP BY t.kind, t.entity_id`);
}

/** New people, and those that identifiers left or moved into. */
export async function touchUsers(scope: Scope, moved: number): Promise<void> {
  await touch(
    scope,
    "event",
    sql`SELECT 'user' AS kind, r.entity_id, w.message_id FROM identity_renewed AS r
      JOIN identity_now AS w ON w.identifier_id = r.entity_id WHERE r.is_new`,
  );
  if (moved === 0) return;
  await touch(
    scope,
    "merge",
    sql`SELECT 'user' AS kind, t.entity_id, coalesce(m.message_id, t.message_id) AS message_id FROM (
        SELECT old_id AS entity_id, old_id, message_id FROM identity_changes WHERE old_id IS NOT NULL
        UNION ALL SELECT new_id, old_id, message_id FROM identity_changes WHERE old_id IS NOT NULL AND new_id IS NOT NULL
      ) AS t LEFT JOIN growth.merges AS m ON m.loser_id = t.old_id`,
  );
}
