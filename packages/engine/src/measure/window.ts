import type { CycleWindow } from "../base/cycle.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import { events } from "../warehouse/tables/raw.js";
import { cycleEvents } from "../warehouse/tables/working.js";
import { nameOf } from "../warehouse/table.js";

/** A set of events: what stands in FROM for `e`, and the condition that holds of them. */
export interface EventSet {
  readonly from: Sql;
  readonly where: Sql;
  /** A small part of the history: worth looking up first whose events these are. */
  readonly few: boolean;
}

/**
 * Events that this cycle sees for the first time: newly loaded ones, and older ones whose timestamp has come. Without any
 * of the second sort the condition is one that engines skip old row groups by.
 */
export function newEvents(dialect: Dialect, window: CycleWindow): EventSet {
  const now = dialect.timestamp(window.now);
  const loaded = sql`(e.load_id > ${window.fromLoad} AND e.load_id <= ${window.toLoad} AND e.timestamp <= ${now})`;
  const where = window.deferred === false ? loaded : sql`(${loaded} OR ${comeDue(dialect, window)})`;
  return { from: window.copied === true ? name(cycleEvents) : nameOf(events), where, few: window.copied === true };
}

/** Events that were loaded before their own timestamp, which has come since the cycle before. */
export function comeDue(dialect: Dialect, window: CycleWindow): Sql {
  return sql`(e.load_id <= ${window.fromLoad} AND e.timestamp > ${dialect.timestamp(window.previousNow)} AND e.timestamp <= ${dialect.timestamp(window.now)})`;
}

/** Events that the cycles before have seen. */
export function seenEvents(dialect: Dialect, window: CycleWindow): EventSet {
  return {
    from: nameOf(events),
    where: sql`(e.load_id <= ${window.fromLoad} AND e.timestamp <= ${dialect.timestamp(window.previousNow)})`,
    few: false,
  };
}

/** All events up to this cycle's moment. */
export function allEvents(dialect: Dialect, window: CycleWindow): EventSet {
  return {
    from: nameOf(events),
    where: sql`(e.load_id <= ${window.toLoad} AND e.timestamp <= ${dialect.timestamp(window.now)})`,
    few: false,
  };
}
