import { defineTable } from "../table.js";

/**
 * What collectors on other machines put into the warehouse: lines of their segments as they are, then the word that a
 * segment is there. Both go once its events are loaded.
 */

export const incoming = defineTable({
  schema: "raw",
  table: "incoming",
  purpose: "lines of segments that collectors elsewhere have shipped and no load has taken in yet",
  columns: {
    segment: "text",
    /** One try of shipping the segment: only the one that its arrival names counts. */
    attempt: "text",
    line: "text",
  },
  key: ["segment", "attempt"],
  appended: true,
});

export const arrivals = defineTable({
  schema: "ops",
  table: "arrivals",
  purpose: "one row per segment whose lines are all in raw.incoming, written after them: what the next load takes in",
  columns: {
    segment: "text",
    node: "text",
    attempt: "text",
    events: "integer",
    bytes: "integer",
    arrived_at: "timestamp",
    /** Left in the collector's spool behind this one. */
    waiting_segments: "integer",
    waiting_bytes: "integer",
  },
  key: ["segment", "attempt"],
  appended: true,
});

export const shippingTables = [incoming, arrivals];
