import type { CycleWindow } from "../base/cycle.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, sql } from "../warehouse/sql.js";

/**
 * Events that this cycle sees for the first time: newly loaded ones, and older ones whose timestamp has come. Without any
 * of the second sort the condition is one that engines skip old row groups by.
 */
export function newEvents(dialect: Dialect, window: CycleWindow): Sql {
  const now = dialect.timestamp(window.now);
  const loaded = sql`(e.load_id > ${window.fromLoad} AND e.load_id <= ${window.toLoad} AND e.timestamp <= ${now})`;
  return window.deferred === false ? loaded : sql`(${loaded} OR ${comeDue(dialect, window)})`;
}

/** Events that were loaded before their own timestamp, which has come since the cycle before. */
export function comeDue(dialect: Dialect, window: CycleWindow): Sql {
  return sql`(e.load_id <= ${window.fromLoad} AND e.timestamp > ${dialect.timestamp(window.previousNow)} AND e.timestamp <= ${dialect.timestamp(window.now)})`;
}

/** Events that the cycles before have seen. */
export function seenEvents(dialect: Dialect, window: CycleWindow): Sql {
  return sql`(e.load_id <= ${window.fromLoad} AND e.timestamp <= ${dialect.timestamp(window.previousNow)})`;
}

/** All events up to this cycle's moment. */
export function allEvents(dialect: Dialect, window: CycleWindow): Sql {
  return sql`(e.load_id <= ${window.toLoad} AND e.timestamp <= ${dialect.timestamp(window.now)})`;
}
