/**
 * Temporary tables of a cycle's session that more than one stage reads. The cycle makes them, they are gone with the
 * session.
 */

/** Copies of the events that a cycle sees for the first time, with the columns of `raw.events`. */
export const cycleEvents = "cycle_events";

/** Traits of the entities of one kind that the cycle looks at, as they are now; made anew for each kind. */
export const traitsNow = "traits_now";
