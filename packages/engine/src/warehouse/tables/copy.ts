import { defineTable } from "../table.js";

/**
 * What a copy of another warehouse into this one has done so far. The table stands while the copy is not whole, and is no
 * part of any warehouse that is: it is not copied itself.
 */
export const copyLog = defineTable({
  schema: "ops",
  table: "unfinished_copy",
  purpose: "steps of a copy of another warehouse into this one; gone when the copy is whole",
  columns: {
    happened_at: "timestamp",
    /** Of the process that writes: the newest to start goes on, an older one stops. */
    run: "text",
    /** What was done: `Step` of run/copy/copy-state.ts. */
    step: "text",
    table: "text?",
    piece: "integer?",
    detail: "json?",
  },
  key: ["happened_at", "run"],
  appended: true,
});
