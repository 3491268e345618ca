import { defineTable } from "../table.js";

export const identifiers = defineTable({
  schema: "growth",
  table: "identifiers",
  purpose: "every identifier ever seen; its id is idOf(type, value) in every process and engine",
  columns: {
    identifier_id: "integer",
    type: "text",
    value: "text",
    first_received_at: "timestamp",
    first_message_id: "text",
    /** Timestamps of the facts it owns; null for one that owns none (an e-mail that always came beside a user id). */
    first_seen: "timestamp?",
    last_seen: "timestamp?",
    /** Newest timestamp of an event of this identifier that names no group of some kind: what a late membership may still claim. */
    unnamed_at: "timestamp?",
  },
  key: ["identifier_id"],
});

export const observations = defineTable({
  schema: "growth",
  table: "observations",
  purpose: "each distinct set of identifiers that came together on an event, by day, at its first occurrence: all that identity depends on",
  columns: {
    observation_id: "integer",
    /** UTC day of `received_at`. Sets recur by day only where a limit has a window; else each set stands once. */
    day: "date",
    /** Type → identifier id. */
    identifier_ids: "json",
    /** An alias' previousId, as either of the identifiers that it may be. */
    previous_user_id: "integer?",
    previous_anonymous_id: "integer?",
    /** The first of them: the owner of the event's facts. */
    owner_id: "integer",
    received_at: "timestamp",
    message_id: "text",
  },
  key: ["observation_id", "day"],
});

/** For users: identifier → profile. For group kinds: the group itself, or a group of a nested kind → its parent. */
export const subjects = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_subjects`,
    purpose: `which ${kind} each raw subject of a fact belongs to now`,
    columns: { subject_id: "integer", entity_id: "integer" },
    key: ["subject_id"],
  });

export const entities = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_entities`,
    purpose: `every ${kind}; \`key\` is the id that people and tools know it by`,
    columns: { entity_id: "integer", key: "text", first_seen: "timestamp", last_seen: "timestamp", parent_id: "integer?" },
    key: ["entity_id"],
  });

export const merges = defineTable({
  schema: "growth",
  table: "merges",
  purpose: "the merge log: which profile went into which, when and by which event",
  columns: { loser_id: "integer", winner_id: "integer", received_at: "timestamp", message_id: "text" },
  key: ["loser_id"],
});

export const refusals = defineTable({
  schema: "growth",
  table: "identity_refusals",
  purpose: "identifiers that were not linked, and why: blocked values and limits",
  columns: {
    message_id: "text",
    received_at: "timestamp",
    /** idOf(type, value) of the refused identifier. */
    identifier_id: "integer",
    type: "text",
    value: "text",
    /** `blocked`, or the limit that was hit: `user_id limit 1 ever`. */
    reason: "text",
    /** Where the rest of the event went; as named then. Null for blocked values, which are listed once each. */
    profile_id: "integer?",
  },
  key: ["message_id", "type", "value"],
});

export const membershipFacts = defineTable({
  schema: "growth",
  table: "membership_facts",
  purpose: "who joined or left which group when, by raw identifier",
  columns: {
    identifier_id: "integer",
    kind: "text",
    group_id: "integer",
    change: "text",
    happened_at: "timestamp",
    received_at: "timestamp",
    message_id: "text",
  },
  key: ["identifier_id", "kind", "group_id", "message_id"],
});

export const groupParents = defineTable({
  schema: "growth",
  table: "group_parents",
  purpose: "which group each nested group belongs to, by the newest event that says so",
  columns: {
    kind: "text",
    group_id: "integer",
    parent_id: "integer",
    happened_at: "timestamp",
    received_at: "timestamp",
    message_id: "text",
  },
  key: ["kind", "group_id"],
});

export const identityRules = defineTable({
  schema: "growth",
  table: "identity_rules",
  purpose: "fingerprint of the identity rules that the graph was built with: other rules mean a rebuild",
  columns: { fingerprint: "text", cycle_id: "integer" },
  key: ["fingerprint"],
});

export const memberships = defineTable({
  schema: "growth",
  table: "memberships",
  purpose: "profiles in groups with validity in time, after identity resolution",
  columns: { user_id: "integer", kind: "text", group_id: "integer", valid_from: "timestamp", valid_to: "timestamp?" },
  key: ["user_id", "kind", "group_id", "valid_from"],
});

/**
 * Measures of a kind, wide: `m_<fingerprint>` columns are added as definitions ask. Several rows of one bucket may
 * stand beside each other (deltas are appended); readers aggregate. `via` is 0 for facts whose event names the
 * subject, else the identifier through whose membership the fact came.
 */
export const facts = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_facts`,
    purpose: `measures per ${kind} subject and day`,
    columns: { subject_id: "integer", via: "integer", bucket: "date" },
    key: ["subject_id", "via", "bucket"],
    appended: true,
  });

export const hourFacts = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_hour_facts`,
    purpose: `measures per ${kind} subject and hour, for windows given in hours`,
    columns: { subject_id: "integer", via: "integer", bucket: "timestamp" },
    key: ["subject_id", "via", "bucket"],
    appended: true,
  });

/**
 * What the day measures of a subject add up to as of today, wide: a column per measure and window (`m_…_ever`, `m_…_28d`),
 * and per 63 days with their active days as bits (`m_…_days_0`). Rows of one subject may stand beside each other.
 */
export const totals = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_totals`,
    purpose: `measures per ${kind} subject, added up over the windows that traits ask for`,
    columns: { subject_id: "integer", via: "integer" },
    key: ["subject_id", "via"],
    appended: true,
  });

export const values = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_values`,
    purpose: `how often each value of a property was seen, per ${kind} subject and day`,
    columns: { subject_id: "integer", via: "integer", measure: "text", bucket: "date", value: "text", n: "integer" },
    key: ["subject_id", "via", "measure", "bucket", "value"],
    appended: true,
  });

export const profileValues = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_profile_values`,
    purpose: `what identify and group calls said about each ${kind} subject; the newest by (timestamp, received_at, message_id) holds`,
    columns: { subject_id: "integer", name: "text", value: "json", happened_at: "timestamp", received_at: "timestamp", message_id: "text" },
    key: ["subject_id", "name", "message_id"],
    appended: true,
  });

export const computed = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_computed`,
    purpose: `values of ${kind} traits that are evaluated as a whole (SQL, sequences, exact windows), as text`,
    columns: { entity_id: "integer", trait: "text", value: "text?" },
    key: ["entity_id", "trait"],
  });

/** Wide: a column per trait, named as the trait. */
export const traits = (kind: string) =>
  defineTable({
    schema: "growth",
    table: `${kind}_traits`,
    purpose: `current traits of every ${kind}`,
    columns: { entity_id: "integer", updated_at: "timestamp", cycle_id: "integer" },
    key: ["entity_id"],
  });

/** One table a score; `c_<component>` columns hold every component's value. */
export const score = (scoreName: string) =>
  defineTable({
    schema: "growth",
    table: `score_${scoreName}`,
    purpose: `score ${scoreName} now, with every component`,
    columns: { entity_id: "integer", value: "double?", bucket: "text?", version: "integer", updated_at: "timestamp", cycle_id: "integer" },
    key: ["entity_id"],
  });

export const scoreHistory = defineTable({
  schema: "growth",
  table: "score_history",
  purpose: "each score by day: the value at the day's end, today's so far",
  columns: { score: "text", entity_id: "integer", day: "date", value: "double?", bucket: "text?", version: "integer", components: "json?" },
  key: ["score", "entity_id", "day"],
});

export const audienceMembers = defineTable({
  schema: "growth",
  table: "audience_members",
  purpose: "who is in each audience now; those held out are members that no sync or message may reach",
  columns: { audience: "text", entity_id: "integer", entered_at: "timestamp", cycle_id: "integer", held_out: "boolean" },
  key: ["audience", "entity_id"],
});

export const audienceChanges = defineTable({
  schema: "growth",
  table: "audience_changes",
  purpose: "who entered and left when and why; change_id grows, so syncs read it like a log",
  columns: {
    change_id: "integer",
    audience: "text",
    entity_id: "integer",
    change: "text",
    happened_at: "timestamp",
    cycle_id: "integer",
    version: "integer",
    reason: "text",
    message_id: "text?",
    held_out: "boolean",
  },
  key: ["change_id"],
  appended: true,
});

export const audienceSizes = defineTable({
  schema: "growth",
  table: "audience_sizes",
  purpose: "size of each audience after every cycle that changed it",
  columns: { audience: "text", happened_at: "timestamp", cycle_id: "integer", size: "integer", entered: "integer", left: "integer" },
  key: ["audience", "cycle_id"],
});

export const manualLists = defineTable({
  schema: "growth",
  table: "lists",
  purpose: "manual include and exclude lists, as their files said when last read",
  columns: { list: "text", kind: "text", subject_id: "integer", key: "text" },
  key: ["list", "subject_id"],
});

/** `changes` holds at least this many of the newest cycles; whoever is further behind compares everything. */
export const changesKeptCycles = 5_000;

/** Which entities changed in which cycle: what syncs follow instead of comparing everything each time. */
export const changes = defineTable({
  schema: "growth",
  table: "changes",
  purpose: "entities whose traits, scores or audiences a cycle changed, with the event that caused it",
  columns: { cycle_id: "integer", kind: "text", entity_id: "integer", reason: "text", message_id: "text?" },
  key: ["cycle_id", "kind", "entity_id"],
  appended: true,
});

export const growthTables = [
  identifiers,
  observations,
  merges,
  refusals,
  membershipFacts,
  groupParents,
  identityRules,
  memberships,
  scoreHistory,
  audienceMembers,
  audienceChanges,
  audienceSizes,
  manualLists,
  changes,
];

export const growthTablesOf = (kind: string) => [
  subjects(kind),
  entities(kind),
  facts(kind),
  hourFacts(kind),
  totals(kind),
  values(kind),
  profileValues(kind),
  computed(kind),
  traits(kind),
];
