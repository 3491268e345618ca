import type { Dialect } from "../dialect.js";
import { type Sql, sql } from "../sql.js";

/**
 * Temporary tables of a cycle's session that more than one stage reads. The cycle makes them, they are gone with the
 * session.
 */

/** Copies of the events that a cycle sees for the first time, with the columns of `raw.events`. */
export const cycleEvents = "cycle_events";

/** Traits of the entities of one kind that the cycle looks at, as they are now; made anew for each kind. */
export const traitsNow = "traits_now";

/** Entities that the cycle must look at, with why (event, merge, membership, window, definition) and the event behind it. */
export const touched = "touched";

/** Nobody yet: what `touched` begins with. */
export function nobody(dialect: Dialect): Sql {
  const none = dialect.cast(sql`NULL`, "text");
  return sql`SELECT 'kind' AS kind, ${dialect.cast(sql`0`, "integer")} AS entity_id, 'reason' AS reason, ${none} AS message_id WHERE FALSE`;
}
