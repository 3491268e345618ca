import { defineTable } from "../table.js";

/**
 * Every accepted event once, in arrival order. Beside these columns the loader adds
 * `<kind>_id` (integer?, for each group kind of the project: id of the workspace, account … that the event itself names)
 * and `p_<snake_case_property>` (typed copies of properties that definitions read; see `ops.properties`).
 */
export const events = defineTable({
  schema: "raw",
  table: "events",
  purpose: "every accepted event, once, in arrival order; facts that nothing rewrites",
  columns: {
    load_id: "integer",
    message_id: "text",
    message_hash: "integer",
    source: "text",
    type: "text",
    event: "text?",
    user_id: "text?",
    anonymous_id: "text?",
    email: "text?",
    /** `groupId` of a group call, `context.groupId` of every other. */
    group_id: "text?",
    /** `previousId` of an alias call. */
    previous_id: "text?",
    /** The raw identifier that the fact belongs to: user_id, else anonymous_id, else e-mail; `idOf(type, value)`. */
    identifier_id: "integer?",
    timestamp: "timestamp",
    received_at: "timestamp",
    sent_at: "timestamp?",
    original_timestamp: "timestamp?",
    /** `clamped` where the client's clock was so far ahead that `received_at` was taken. */
    time_flag: "text?",
    properties: "json?",
    traits: "json?",
    context: "json?",
    integrations: "json?",
  },
  key: ["message_id"],
  appended: true,
  order: ["load_id"],
  sharded: "message_hash",
});

export const quarantine = defineTable({
  schema: "raw",
  table: "quarantine",
  purpose: "what was accepted but cannot be an event, with the reason; kept to be repaired",
  columns: {
    load_id: "integer",
    segment: "text",
    line: "integer",
    source: "text?",
    received_at: "timestamp?",
    message_id: "text?",
    /** Code: no_identity, no_event_name, unknown_type, bad_json, bad_checksum, too_large, too_deep, … */
    reason: "text",
    detail: "text?",
    body: "text?",
  },
  key: ["segment", "line"],
  appended: true,
  order: ["load_id"],
});

export const rawTables = [events, quarantine];
