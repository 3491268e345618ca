import { defineTable } from "../table.js";

export const loads = defineTable({
  schema: "ops",
  table: "loads",
  purpose: "one row per spool segment taken in, committed with its events: a segment counts once, whatever dies when",
  columns: {
    load_id: "integer",
    segment: "text",
    node: "text",
    accepted: "integer",
    stored: "integer",
    duplicates: "integer",
    quarantined: "integer",
    bytes: "integer",
    first_received_at: "timestamp?",
    last_received_at: "timestamp?",
    loaded_at: "timestamp",
    seconds: "double",
  },
  key: ["segment"],
});

export const cycles = defineTable({
  schema: "ops",
  table: "cycles",
  purpose: "one row per turn of the loop; the newest is the watermark that the next starts from",
  columns: {
    cycle_id: "integer",
    kind: "text",
    started_at: "timestamp",
    now: "timestamp",
    from_load: "integer",
    to_load: "integer",
    events: "integer",
    touched: "json",
    changed: "json",
    steps: "json",
    seconds: "double",
    definitions: "text",
  },
  key: ["cycle_id"],
});

export const definitions = defineTable({
  schema: "ops",
  table: "definitions",
  purpose: "every version of every definition that was ever in force",
  columns: { kind: "text", name: "text", version: "integer", fingerprint: "text", body: "json", since: "timestamp", cycle_id: "integer" },
  key: ["kind", "name", "version"],
});

export const modelRuns = defineTable({
  schema: "ops",
  table: "model_runs",
  purpose: "each model's last building: views and tables of the schema `models`, and of `segment` (Segment's layout)",
  columns: {
    model: "text",
    materialized: "text",
    fingerprint: "text",
    built_at: "timestamp",
    /** Newest load that a table has in it. */
    to_load: "integer",
    /** ok, failed */
    state: "text",
    rows: "integer?",
    message: "text?",
  },
  key: ["model"],
});

export const properties = defineTable({
  schema: "ops",
  table: "properties",
  purpose: "properties seen on events and the typed columns some have",
  columns: {
    event: "text",
    property: "text",
    type: "text",
    column: "text?",
    seen: "integer",
    first_seen: "timestamp",
    last_seen: "timestamp",
    example: "text?",
  },
  key: ["event", "property", "type"],
});

export const ledger = defineTable({
  schema: "ops",
  table: "ledger",
  purpose:
    "the counts that must add up, by hop: collect (accepted = stored + duplicates + quarantined), sync:<name> (changed = delivered + failed + skipped)",
  columns: {
    happened_at: "timestamp",
    hop: "text",
    ref: "text",
    accepted: "integer",
    stored: "integer",
    duplicates: "integer",
    quarantined: "integer",
    changed: "integer",
    delivered: "integer",
    failed: "integer",
    skipped: "integer",
  },
  key: ["hop", "ref"],
});

export const syncRuns = defineTable({
  schema: "ops",
  table: "sync_runs",
  purpose: "one row per run of a sync",
  columns: {
    sync: "text",
    run_id: "integer",
    started_at: "timestamp",
    finished_at: "timestamp?",
    /** running, done, guarded, paused (destination down), stopped (asked to), crashed */
    state: "text",
    definition: "text",
    to_cycle: "integer",
    added: "integer",
    changed: "integer",
    removed: "integer",
    delivered: "integer",
    failed: "integer",
    skipped: "integer",
    message: "text?",
    /** What the difference found before anything was sent: `{"added", "changed", "removed"}`. */
    planned: "json?",
    /** Rows of the difference that the run did not take up (guard, destination down, stopped). */
    remaining: "integer?",
  },
  key: ["sync", "run_id"],
});

/** One table a sync: a difference over ten million rows then reads two columns and nobody else's rows. */
export const syncState = (sync: string) =>
  defineTable({
    schema: "ops",
    table: `sync_state_${sync}`,
    purpose: `what the destination of ${sync} last acknowledged: a row is confirmed only by its own success`,
    columns: {
      /** `dialect.fingerprint([key])`. */
      row_id: "integer",
      key: "text",
      entity_id: "integer?",
      /** Null once its removal was acknowledged: the row then only remembers which run that was. */
      fingerprint: "integer?",
      confirmed_at: "timestamp",
      run_id: "integer",
    },
    key: ["row_id"],
  });

export const syncHeads = defineTable({
  schema: "ops",
  table: "sync_heads",
  purpose: "where each sync stands: the definition its confirmed rows belong to, the last cycle it is even with, when it may run again",
  columns: {
    sync: "text",
    /** Hash of destination, action, key and mode: another target starts from nothing. */
    target: "text",
    /** The mapping that the confirmed fingerprints were made with: `{"fingerprint", "columns"}`. */
    mapping: "json",
    fingerprint_version: "text",
    to_cycle: "integer",
    /** For appends: everything up to this change is settled. */
    change_id: "integer",
    /** ok, guarded, paused */
    state: "text",
    failures: "integer",
    next_at: "timestamp?",
    finished_at: "timestamp?",
    message: "text?",
  },
  key: ["sync"],
});

export const syncSending = defineTable({
  schema: "ops",
  table: "sync_sending",
  purpose: "rows of the page that is being sent: after a crash nobody knows whether they arrived, so they are sent again",
  columns: {
    sync: "text",
    run_id: "integer",
    row_id: "integer",
    key: "text",
    entity_id: "integer?",
    fingerprint: "integer?",
    change: "text",
    attempts: "integer",
    first_run: "integer",
  },
  key: ["sync", "row_id"],
});

export const syncRows = defineTable({
  schema: "ops",
  table: "sync_rows",
  purpose: "rows not confirmed yet that were tried: waiting for another try, or refused for good until they change",
  columns: {
    sync: "text",
    row_id: "integer",
    key: "text",
    entity_id: "integer?",
    fingerprint: "integer?",
    change: "text",
    /** waiting, failed */
    state: "text",
    attempts: "integer",
    /** The run that first tried these very values: part of the idempotency key. */
    first_run: "integer",
    next_at: "timestamp?",
    status: "integer?",
    reason: "text",
    updated_at: "timestamp",
  },
  key: ["sync", "row_id"],
});

export const deliveries = defineTable({
  schema: "ops",
  table: "deliveries",
  purpose: "one row per outcome: which row, which change, what the destination said",
  columns: {
    sync: "text",
    run_id: "integer",
    happened_at: "timestamp",
    key: "text",
    entity_id: "integer?",
    change: "text",
    /** delivered, failed, retry, skipped */
    outcome: "text",
    status: "integer?",
    reason: "text?",
    request_id: "text?",
    cycle_id: "integer",
    payload: "json?",
    /** Of the values that were sent; null for a removal. */
    fingerprint: "integer?",
  },
  key: ["sync", "run_id", "key"],
  appended: true,
});

export const requests = defineTable({
  schema: "ops",
  table: "requests",
  purpose: "the HTTP requests behind deliveries, with secrets redacted; a bounded window of them",
  columns: {
    request_id: "text",
    sync: "text",
    run_id: "integer",
    happened_at: "timestamp",
    method: "text",
    url: "text",
    request_headers: "json",
    request_body: "text?",
    status: "integer?",
    response_headers: "json?",
    response_body: "text?",
    millis: "double",
    error: "text?",
  },
  key: ["request_id"],
  appended: true,
});

export const opsTables = [
  loads,
  cycles,
  definitions,
  modelRuns,
  properties,
  ledger,
  syncRuns,
  syncHeads,
  syncSending,
  syncRows,
  deliveries,
  requests,
];
