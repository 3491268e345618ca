import { z } from "zod";

/**
 * The contract of the engine's HTTP API: every request and answer as a zod schema, and the types that follow from them.
 * Only zod is imported, so that the console and other clients can use this file as it is. Changes are additive.
 *
 * | call | answer |
 * |---|---|
 * | GET /api/overview | `overview` |
 * | GET /api/status | `status` |
 * | GET /api/stream | server-sent events; each `data:` is a `streamMessage`, `event:` is its `type` |
 * | GET /api/events ? `eventsRequest` | `eventsPage` |
 * | GET /api/quarantine ? `quarantineRequest` | `quarantinePage` |
 * | GET /api/entities/:kind ? `entitiesRequest` | `entitiesPage` |
 * | GET /api/entities/:kind/:id | `profile` (`:id` is the key people know it by, its entity id, or for users any identifier's value) |
 * | GET /api/entities/:kind/:id/timeline ? `timelineRequest` | `timeline` |
 * | GET /api/entities/:kind/:id/explain ? `explainRequest` | `explanation` |
 * | GET /api/scores · /api/scores/:name | `scoreList` · `scoreDetail` |
 * | GET /api/audiences · /api/audiences/:name ? `audienceRequest` | `audienceList` · `audienceDetail` |
 * | GET /api/syncs · /api/syncs/:name ? `syncRequest` | `syncList` · `syncDetail` |
 * | POST /api/syncs/:name/dry-run · /run · /confirm (no body) | `dryRun` · `syncRunResult` · `syncRunResult` |
 * | GET /api/runs | `runs` |
 * | GET /api/project | `projectView` |
 * | POST /api/query `queryRequest` | `queryAnswer` |
 * | POST /api/verify `verifyRequest` | `verifyAnswer` |
 * | POST /api/models/test (no body) | `modelTests` |
 * | GET /v1/profiles/:kind/:id | `decisionProfile` |
 * | GET /v1/memberships/:kind/:id/:audience | `decisionMembership` |
 *
 * Any failure answers `failure` with the HTTP status of its code. Keys in paths are percent-encoded by the caller.
 */

/* ---------- words used by several answers ---------- */

/** ISO text with microseconds and Z. */
const instant = z.string();
/** `YYYY-MM-DD` in the project's time zone. */
const day = z.string();
/** A 63-bit id as decimal text. */
const id = z.string();

export const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(json), z.record(z.string(), json)]),
);
export type Json = string | number | boolean | null | Json[] | { [field: string]: Json };

export const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), next: z.string(), details: z.record(z.string(), z.unknown()) }),
});

export const health = z.object({ state: z.enum(["ok", "warn", "error"]), sentence: z.string() });

/** Enough to name an entity and to link to it: `/entities/<kind>/<key>`. */
export const entityRef = z.object({ kind: z.string(), id, key: z.string(), name: z.string().nullable() });

export const definitionVersion = z.object({
  version: z.number(),
  since: instant,
  cycleId: z.number(),
  fingerprint: z.string(),
  body: json,
});

/** A definition as it is in force; `versions` newest first. `version` is null before its first cycle. */
export const definitionView = z.object({
  kind: z.string(),
  name: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  /** The entity kind it is about; null for sources, destinations and models. */
  entity: z.string().nullable(),
  version: z.number().nullable(),
  since: instant.nullable(),
  body: json,
  versions: z.array(definitionVersion),
});

export const page = z.object({ page: z.number(), pageRows: z.number(), total: z.number(), more: z.boolean() });

/* ---------- overview and status ---------- */

export const hop = z.object({
  name: z.enum(["collect", "load", "identify", "measure", "decide", "activate"]),
  title: z.string(),
  /** What has passed here so far, and what one of it is called: `events`, `profiles`, `entities`, `changes`, `rows`. */
  count: z.number(),
  unit: z.string(),
  /** Per second, over the last minute of this hop's own clock; null where nothing was seen yet. */
  ratePerSecond: z.number().nullable(),
  /** Age of the newest data that reached this hop: `now` minus it. Null where nothing did. */
  lagSeconds: z.number().nullable(),
  newestAt: instant.nullable(),
  /** How long the oldest thing that waits before this hop has been waiting; 0 where nothing waits, null where it is not known. */
  behindSeconds: z.number().nullable(),
  /** What waits before this hop; null where it is not known. */
  backlog: z.number().nullable(),
  /** How long this hop took the last time. */
  lastSeconds: z.number().nullable(),
  health,
  /** Further figures to show beside it. */
  facts: z.array(z.object({ label: z.string(), value: z.number(), unit: z.string().nullable() })),
});

/** `total = sum of terms`; `difference` is total minus that sum. */
export const ledgerEquation = z.object({
  hop: z.string(),
  title: z.string(),
  equation: z.string(),
  total: z.object({ name: z.string(), value: z.number() }),
  terms: z.array(z.object({ name: z.string(), value: z.number() })),
  /** 0 where it adds up. */
  difference: z.number(),
  balanced: z.boolean(),
  /** Up to ten entries of the ledger that do not add up themselves. */
  gaps: z.array(z.object({ ref: z.string(), happenedAt: instant, difference: z.number() })),
});

export const entityCount = z.object({ kind: z.string(), title: z.string(), plural: z.string(), count: z.number() });

export const problem = z.object({ hop: z.string(), at: instant.nullable(), message: z.string(), next: z.string() });

export const status = z.object({
  project: z.string(),
  title: z.string(),
  at: instant,
  version: z.string(),
  startedAt: instant.nullable(),
  health,
  hops: z.array(hop),
  ledger: z.array(ledgerEquation),
  entities: z.array(entityCount),
  problems: z.array(problem),
  /** Collectors, where several ship into the warehouse. */
  nodes: z.array(
    z.object({
      node: z.string(),
      accepted: z.number(),
      lastLoadedAt: instant.nullable(),
      /** Segments in the warehouse that wait for a load, and in the collector's spool when it shipped last. */
      arrivedSegments: z.number(),
      spooledSegments: z.number(),
    }),
  ),
  /** This process's right to conduct, where several may; null where it is alone. */
  lease: z.object({ term: z.string(), mayDeliver: z.boolean(), renewedSeconds: z.number() }).nullable(),
  /** Seconds from an event's arrival to its cycle's end over the last cycles: p50 and p95; null before the first. */
  freshness: z.object({ p50Seconds: z.number(), p95Seconds: z.number(), cycles: z.number() }).nullable(),
});

export const overview = status.extend({
  /** Events received per minute, oldest first, the last 60 minutes of stored data. */
  activity: z.array(z.object({ at: instant, events: z.number() })),
  audiences: z.array(z.object({ name: z.string(), title: z.string(), entity: z.string(), size: z.number() })),
  syncs: z.array(z.object({ name: z.string(), title: z.string(), state: z.string(), delivered: z.number(), failed: z.number() })),
  lastCycles: z.array(z.object({ cycleId: z.number(), startedAt: instant, seconds: z.number(), events: z.number() })),
});

/* ---------- events ---------- */

export const eventRow = z.object({
  messageId: z.string(),
  loadId: z.number(),
  source: z.string(),
  type: z.string(),
  /** Event name of a track call, page name of a page call, … */
  event: z.string().nullable(),
  userId: z.string().nullable(),
  anonymousId: z.string().nullable(),
  email: z.string().nullable(),
  groupId: z.string().nullable(),
  timestamp: instant,
  receivedAt: instant,
  sentAt: instant.nullable(),
  /** `clamped` where the client's clock was too far ahead. */
  timeFlag: z.string().nullable(),
  properties: json,
  traits: json,
  context: json,
  integrations: json,
});

export const eventsRequest = z.object({
  source: z.string().optional(),
  type: z.string().optional(),
  /** Exact event name. */
  event: z.string().optional(),
  /** Exact user id, anonymous id or e-mail. */
  user: z.string().optional(),
  /** Part of the event's name, ids, properties, traits or context. */
  text: z.string().optional(),
  messageId: z.string().optional(),
  /** `next` of the page before. */
  before: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});

export const eventsPage = z.object({
  events: z.array(eventRow),
  next: z.string().nullable(),
  /** Stored events in all. */
  total: z.number(),
  /** How many of the newest events were looked through; a filter that finds little stops at a bound. */
  searched: z.number(),
  /** Values to offer as filters, from the newest events. */
  facets: z.object({ sources: z.array(z.string()), types: z.array(z.string()), events: z.array(z.string()) }),
});

export const quarantineRequest = z.object({
  reason: z.string().optional(),
  before: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});

export const quarantinePage = z.object({
  reasons: z.array(z.object({ reason: z.string(), count: z.number(), newestAt: instant.nullable() })),
  rows: z.array(
    z.object({
      loadId: z.number(),
      segment: z.string(),
      line: z.number(),
      source: z.string().nullable(),
      receivedAt: instant.nullable(),
      messageId: z.string().nullable(),
      reason: z.string(),
      detail: z.string().nullable(),
      body: z.string().nullable(),
    }),
  ),
  next: z.string().nullable(),
});

/* ---------- entities ---------- */

export const entitiesRequest = z.object({
  /** Beginning of the key, an identifier (e-mail …), or part of the name. */
  q: z.string().optional(),
  /** Column, `-` before it for descending: `-last_seen` (default), `key`, `score:activation`, `trait:plan`. */
  sort: z.string().optional(),
  page: z.coerce.number().int().min(1).max(200).optional(),
  /** Only members of this audience. */
  audience: z.string().optional(),
});

export const entityColumn = z.object({
  /** As in `sort` and in `cells`: `key`, `name`, `first_seen`, `last_seen`, `score:<name>`, `trait:<name>`. */
  name: z.string(),
  title: z.string(),
  type: z.string(),
  role: z.enum(["key", "name", "time", "trait", "score"]),
});

export const entitiesPage = page.extend({
  kind: z.string(),
  title: z.string(),
  plural: z.string(),
  columns: z.array(entityColumn),
  rows: z.array(entityRef.extend({ cells: z.record(z.string(), json) })),
});

export const traitView = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  /** count, sum, profile, formula, … */
  type: z.string(),
  valueType: z.string(),
  value: json,
  updatedAt: instant.nullable(),
  definition: json,
});

export const componentView = z.object({
  name: z.string(),
  title: z.string(),
  group: z.string().nullable(),
  groupTitle: z.string().nullable(),
  weight: z.number(),
  /** milestone, linear, log, steps, percentile */
  type: z.string(),
  /** 0–100; null where the input is missing. */
  value: z.number().nullable(),
  /** Points of the total: `weight · value / Σ weights`. */
  points: z.number().nullable(),
});

export const scoreOfEntity = z.object({
  name: z.string(),
  title: z.string(),
  value: z.number().nullable(),
  bucket: z.string().nullable(),
  version: z.number(),
  updatedAt: instant,
  components: z.array(componentView),
  history: z.array(z.object({ day, value: z.number().nullable(), bucket: z.string().nullable(), version: z.number() })),
});

export const audienceOfEntity = z.object({
  name: z.string(),
  title: z.string(),
  member: z.boolean(),
  enteredAt: instant.nullable(),
  heldOut: z.boolean(),
});

export const audienceChange = z.object({
  changeId: z.number(),
  audience: z.string(),
  audienceTitle: z.string(),
  entity: entityRef,
  change: z.enum(["entered", "left"]),
  happenedAt: instant,
  cycleId: z.number(),
  version: z.number(),
  reason: z.string(),
  messageId: z.string().nullable(),
  heldOut: z.boolean(),
});

export const deliveryRow = z.object({
  sync: z.string(),
  syncTitle: z.string(),
  runId: z.number(),
  happenedAt: instant,
  key: z.string(),
  entity: entityRef.nullable(),
  change: z.string(),
  outcome: z.string(),
  status: z.number().nullable(),
  reason: z.string().nullable(),
  requestId: z.string().nullable(),
  cycleId: z.number(),
  payload: json,
});

export const membershipView = z.object({
  /** For a user: the group. For a group: the user. */
  entity: entityRef,
  validFrom: instant,
  validTo: instant.nullable(),
});

export const timelineRequest = z.object({ before: z.string().optional(), limit: z.coerce.number().int().min(1).max(200).optional() });

/** Events of the entity and its audience changes are merged by the console; both newest first. */
export const timeline = z.object({ events: z.array(eventRow), next: z.string().nullable() });

export const profile = entityRef.extend({
  title: z.string(),
  firstSeen: instant,
  lastSeen: instant,
  /** Id that was asked for, where it now belongs to this profile after a merge. */
  mergedFrom: id.nullable(),
  parent: entityRef.nullable(),
  identifiers: z.array(z.object({ type: z.string(), value: z.string(), firstReceivedAt: instant, firstMessageId: z.string() })),
  identifiersTotal: z.number(),
  merges: z.array(z.object({ loserId: id, winnerId: id, loserKey: z.string().nullable(), receivedAt: instant, messageId: z.string() })),
  refusals: z.array(z.object({ type: z.string(), value: z.string(), reason: z.string(), receivedAt: instant, messageId: z.string() })),
  traits: z.array(traitView),
  scores: z.array(scoreOfEntity),
  audiences: z.array(audienceOfEntity),
  audienceChanges: z.array(audienceChange),
  memberships: z.array(membershipView),
  membershipsTotal: z.number(),
  /** Entities of a nested kind that belong to this one (the workspaces of an account). */
  children: z.array(entityRef),
  childrenTotal: z.number(),
  deliveries: z.array(deliveryRow),
  timeline,
});

/* ---------- explain ---------- */

export const explainRequest = z.object({
  trait: z.string().optional(),
  score: z.string().optional(),
  audience: z.string().optional(),
  sync: z.string().optional(),
});

export const eventRef = z.object({
  messageId: z.string(),
  type: z.string(),
  event: z.string().nullable(),
  timestamp: instant,
  receivedAt: instant.nullable(),
  /** The property or identifier that matters here, as `name: value`. */
  detail: z.string().nullable(),
});
export type EventRef = z.infer<typeof eventRef>;

/** Value ← inputs ← measures ← events, as a tree to draw. The root is what was asked for, or the entity itself. */
export interface Explanation {
  /** `score workspace_activation`, `trait deployments_7d`, `any of` … */
  title: string;
  value: Json;
  /** What kind of node: entity, trait, score, component, audience, condition, measure, sync, delivery, identifier, list. */
  kind?: string | undefined;
  /** How the value follows from the children: `Σ w·v / Σ w`, `count where …`. */
  formula?: string | undefined;
  /** One sentence more: for a condition that fails, by how much. */
  detail?: string | undefined;
  /** Of a condition: does it hold? */
  holds?: boolean | undefined;
  at?: string | undefined;
  version?: number | undefined;
  children: Explanation[];
  events?: EventRef[] | undefined;
  /** Events behind it in all, when `events` shows only some. */
  eventsTotal?: number | undefined;
}

export const explanation: z.ZodType<Explanation> = z.lazy(() =>
  z.object({
    title: z.string(),
    value: json,
    kind: z.string().optional(),
    formula: z.string().optional(),
    detail: z.string().optional(),
    holds: z.boolean().optional(),
    at: z.string().optional(),
    version: z.number().optional(),
    children: z.array(explanation),
    events: z.array(eventRef).optional(),
    eventsTotal: z.number().optional(),
  }),
);

/* ---------- scores ---------- */

export const bucketView = z.object({ name: z.string(), from: z.number(), count: z.number() });

export const scoreSummary = z.object({
  name: z.string(),
  title: z.string(),
  entity: z.string(),
  description: z.string().nullable(),
  version: z.number().nullable(),
  count: z.number(),
  average: z.number().nullable(),
  median: z.number().nullable(),
  buckets: z.array(bucketView),
  updatedAt: instant.nullable(),
  /** Averages of the last 30 days, oldest first. */
  recent: z.array(z.object({ day, average: z.number().nullable() })),
});

export const scoreList = z.object({ scores: z.array(scoreSummary) });

export const scoredEntity = entityRef.extend({ value: z.number().nullable(), bucket: z.string().nullable() });

export const scoreDetail = scoreSummary.extend({
  nulls: z.number(),
  /** Twenty bins of five points; the last one includes 100. */
  histogram: z.array(z.object({ from: z.number(), to: z.number(), count: z.number() })),
  trend: z.array(
    z.object({
      day,
      count: z.number(),
      average: z.number().nullable(),
      p10: z.number().nullable(),
      p25: z.number().nullable(),
      p50: z.number().nullable(),
      p75: z.number().nullable(),
      p90: z.number().nullable(),
    }),
  ),
  components: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      group: z.string().nullable(),
      groupTitle: z.string().nullable(),
      weight: z.number(),
      type: z.string(),
      average: z.number().nullable(),
      /** Average points of the total that it gives. */
      points: z.number().nullable(),
      nulls: z.number(),
      /** Share of entities at 100 (for milestones: those who reached it), 0–1. */
      full: z.number().nullable(),
    }),
  ),
  definition: definitionView,
  top: z.array(scoredEntity),
  bottom: z.array(scoredEntity),
});

/* ---------- audiences ---------- */

export const audienceSummary = z.object({
  name: z.string(),
  title: z.string(),
  entity: z.string(),
  description: z.string().nullable(),
  version: z.number().nullable(),
  size: z.number(),
  heldOut: z.number(),
  /** Entries and exits within the last 24 hours. */
  entered: z.number(),
  left: z.number(),
  updatedAt: instant.nullable(),
  /** Audiences that its conditions name; it lies within or beside them. */
  parents: z.array(z.string()),
  /** Audiences whose conditions name this one. */
  children: z.array(z.string()),
  /** Syncs that read it. */
  syncs: z.array(z.string()),
  recent: z.array(z.object({ at: instant, size: z.number() })),
});

export const audienceList = z.object({ audiences: z.array(audienceSummary) });

export const audienceRequest = z.object({ q: z.string().optional(), page: z.coerce.number().int().min(1).max(200).optional() });

export const audienceDetail = audienceSummary.extend({
  holdoutPercent: z.number(),
  sizes: z.array(z.object({ at: instant, cycleId: z.number(), size: z.number(), entered: z.number(), left: z.number() })),
  members: page.extend({ rows: z.array(entityRef.extend({ enteredAt: instant, heldOut: z.boolean() })) }),
  changes: z.array(audienceChange),
  /** Why entities came and went in the last 30 days. */
  causes: z.array(z.object({ change: z.enum(["entered", "left"]), reason: z.string(), count: z.number() })),
  definition: definitionView,
});

/* ---------- syncs ---------- */

export const syncRun = z.object({
  sync: z.string(),
  runId: z.number(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  /** running, done, failed, guarded, … as the run wrote it. */
  state: z.string(),
  toCycle: z.number(),
  added: z.number(),
  changed: z.number(),
  removed: z.number(),
  delivered: z.number(),
  failed: z.number(),
  skipped: z.number(),
  message: z.string().nullable(),
});

export const syncSummary = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  enabled: z.boolean(),
  mode: z.string(),
  /** What it reads: `audience overage`, `entity workspace`, … */
  from: z.string(),
  entity: z.string().nullable(),
  destination: z.object({ name: z.string(), title: z.string(), type: z.string(), action: z.string().nullable() }),
  /** State of the last run; `never` before the first, `disabled` where it is switched off. */
  state: z.string(),
  health,
  lastRun: syncRun.nullable(),
  /** Rows the destination has acknowledged and holds now. */
  confirmed: z.number(),
  /** Rows that wait for another try, and rows refused until they change. */
  waiting: z.number(),
  refused: z.number(),
  delivered: z.number(),
  failed: z.number(),
  skipped: z.number(),
});

export const syncList = z.object({ syncs: z.array(syncSummary) });

export const syncRequest = z.object({
  outcome: z.string().optional(),
  reason: z.string().optional(),
  /** Beginning of the row's key. */
  key: z.string().optional(),
  run: z.coerce.number().int().optional(),
  page: z.coerce.number().int().min(1).max(200).optional(),
});

export const requestRow = z.object({
  requestId: z.string(),
  sync: z.string(),
  runId: z.number(),
  happenedAt: instant,
  method: z.string(),
  url: z.string(),
  requestHeaders: json,
  requestBody: z.string().nullable(),
  status: z.number().nullable(),
  responseHeaders: json,
  responseBody: z.string().nullable(),
  millis: z.number(),
  error: z.string().nullable(),
});

export const syncDetail = syncSummary.extend({
  runs: z.array(syncRun),
  outcomes: z.array(z.object({ outcome: z.string(), count: z.number() })),
  errors: z.array(
    z.object({
      reason: z.string(),
      outcome: z.string(),
      count: z.number(),
      newestAt: instant,
      exampleKey: z.string(),
      status: z.number().nullable(),
    }),
  ),
  deliveries: page.extend({ rows: z.array(deliveryRow) }),
  requests: z.array(requestRow),
  definition: definitionView,
  destinationDefinition: definitionView.nullable(),
});

export const traceRow = z.object({
  requestId: z.string(),
  method: z.string(),
  url: z.string(),
  requestHeaders: z.record(z.string(), z.string()),
  requestBody: z.string().optional(),
});

export const dryRun = z.object({
  sync: z.string(),
  added: z.number(),
  changed: z.number(),
  removed: z.number(),
  unchanged: z.number(),
  /** The requests that would go out, secrets redacted; the first of them where there are many. */
  requests: z.array(traceRow),
  requestsTotal: z.number(),
  /** Some of the rows as they would be sent. */
  rows: z.array(z.object({ key: z.string(), change: z.string(), fields: json })),
  /** Rows that could not be mapped or would be refused at once. */
  problems: z.array(z.object({ key: z.string(), reason: z.string() })),
  guard: z.object({ stops: z.boolean(), sentence: z.string() }).nullable(),
});

export const syncRunResult = z.object({ sync: z.string(), accepted: z.boolean(), sentence: z.string(), run: syncRun.nullable() });

/* ---------- runs ---------- */

/** A named part of a cycle: `identify`, `measure`, `user traits`, … `startedAfter` is in seconds after the cycle's start. */
export const step = z.object({ name: z.string(), startedAfter: z.number().nullable(), seconds: z.number(), rows: z.number().nullable() });

export const cycleView = z.object({
  cycleId: z.number(),
  kind: z.string(),
  startedAt: instant,
  now: instant,
  fromLoad: z.number(),
  toLoad: z.number(),
  events: z.number(),
  touched: json,
  changed: json,
  steps: z.array(step),
  seconds: z.number(),
  definitions: z.string(),
});

export const loadView = z.object({
  loadId: z.number(),
  segment: z.string(),
  node: z.string(),
  accepted: z.number(),
  stored: z.number(),
  duplicates: z.number(),
  quarantined: z.number(),
  bytes: z.number(),
  loadedAt: instant,
  seconds: z.number(),
  /** From the newest event's arrival to its being queryable. */
  lagSeconds: z.number().nullable(),
});

export const runs = z.object({ cycles: z.array(cycleView), loads: z.array(loadView), syncRuns: z.array(syncRun) });

/* ---------- project ---------- */

export const projectView = z.object({
  name: z.string(),
  title: z.string(),
  timezone: z.string(),
  fingerprint: z.string(),
  entities: z.array(
    z.object({
      kind: z.string(),
      title: z.string(),
      plural: z.string(),
      isGroup: z.boolean(),
      parent: z.string().nullable(),
      nameTrait: z.string().nullable(),
      count: z.number(),
    }),
  ),
  identifiers: z.array(z.object({ type: z.string(), priority: z.number(), limit: z.number().nullable() })),
  sources: z.array(definitionView),
  traits: z.array(definitionView),
  scores: z.array(definitionView),
  audiences: z.array(definitionView),
  models: z.array(definitionView),
  destinations: z.array(definitionView),
  syncs: z.array(definitionView),
});

/* ---------- query, verify ---------- */

export const queryRequest = z.object({
  sql: z.string().min(1).max(100_000),
  rowsMax: z.number().int().min(1).max(10_000).optional(),
  secondsMax: z.number().min(0.01).max(60).optional(),
});

export const queryAnswer = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(json)),
  /** There were more rows than `rowsMax`. */
  truncated: z.boolean(),
  seconds: z.number(),
});

/** Tests of the SQL models; without `failing` the question itself failed. */
export const modelTests = z.object({
  tests: z.array(
    z.object({
      model: z.string(),
      column: z.string(),
      type: z.enum(["unique", "not_null", "accepted_values", "relationships"]),
      severity: z.enum(["error", "warn"]),
      failing: z.number().optional(),
      message: z.string().optional(),
    }),
  ),
});

export const verifyRequest = z.object({ kind: z.string().optional() });

/** Incremental state against a recompute from the events, and the ledger. */
export const verifyAnswer = z.object({
  ok: z.boolean(),
  seconds: z.number(),
  checks: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      ok: z.boolean(),
      /** What was compared and how it came out. */
      sentence: z.string(),
      compared: z.number(),
      different: z.number(),
      examples: z.array(z.record(z.string(), json)),
    }),
  ),
});

/* ---------- stream ---------- */

export const streamMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), at: instant, project: z.string() }),
  z.object({ type: z.literal("load"), load: loadView }),
  z.object({ type: z.literal("cycle"), cycle: cycleView }),
  z.object({ type: z.literal("sync"), run: syncRun }),
  z.object({ type: z.literal("overview"), overview }),
  /** The newest of what arrived; `more` were stored and are not in this batch. */
  z.object({ type: z.literal("events"), events: z.array(eventRow), more: z.number() }),
  z.object({ type: z.literal("project"), fingerprint: z.string() }),
]);

/* ---------- decision reads for products ---------- */

const asOf = z.object({ cycleId: z.number(), at: instant.nullable() });

export const decisionProfile = z.object({
  kind: z.string(),
  /** As it was asked for. */
  key: z.string(),
  traits: z.record(z.string(), json),
  scores: z.record(z.string(), z.object({ value: z.number().nullable(), bucket: z.string().nullable() })),
  audiences: z.array(z.string()),
  asOf,
});

export const decisionMembership = z.object({
  kind: z.string(),
  key: z.string(),
  audience: z.string(),
  /** In the audience and not held out: act on it. */
  member: z.boolean(),
  heldOut: z.boolean(),
  asOf,
});

/* ---------- types ---------- */

export type Failure = z.infer<typeof failure>;
export type Health = z.infer<typeof health>;
export type EntityRef = z.infer<typeof entityRef>;
export type DefinitionView = z.infer<typeof definitionView>;
export type DefinitionVersion = z.infer<typeof definitionVersion>;
export type Page = z.infer<typeof page>;
export type Hop = z.infer<typeof hop>;
export type LedgerEquation = z.infer<typeof ledgerEquation>;
export type EntityCount = z.infer<typeof entityCount>;
export type Problem = z.infer<typeof problem>;
export type Status = z.infer<typeof status>;
export type Overview = z.infer<typeof overview>;
export type EventRow = z.infer<typeof eventRow>;
export type EventsRequest = z.infer<typeof eventsRequest>;
export type EventsPage = z.infer<typeof eventsPage>;
export type QuarantineRequest = z.infer<typeof quarantineRequest>;
export type QuarantinePage = z.infer<typeof quarantinePage>;
export type EntitiesRequest = z.infer<typeof entitiesRequest>;
export type EntityColumn = z.infer<typeof entityColumn>;
export type EntitiesPage = z.infer<typeof entitiesPage>;
export type TraitView = z.infer<typeof traitView>;
export type ComponentView = z.infer<typeof componentView>;
export type ScoreOfEntity = z.infer<typeof scoreOfEntity>;
export type AudienceOfEntity = z.infer<typeof audienceOfEntity>;
export type AudienceChange = z.infer<typeof audienceChange>;
export type DeliveryRow = z.infer<typeof deliveryRow>;
export type MembershipView = z.infer<typeof membershipView>;
export type TimelineRequest = z.infer<typeof timelineRequest>;
export type Timeline = z.infer<typeof timeline>;
export type Profile = z.infer<typeof profile>;
export type ExplainRequest = z.infer<typeof explainRequest>;
export type BucketView = z.infer<typeof bucketView>;
export type ScoreSummary = z.infer<typeof scoreSummary>;
export type ScoreList = z.infer<typeof scoreList>;
export type ScoreDetail = z.infer<typeof scoreDetail>;
export type AudienceSummary = z.infer<typeof audienceSummary>;
export type AudienceList = z.infer<typeof audienceList>;
export type AudienceRequest = z.infer<typeof audienceRequest>;
export type AudienceDetail = z.infer<typeof audienceDetail>;
export type SyncRun = z.infer<typeof syncRun>;
export type SyncSummary = z.infer<typeof syncSummary>;
export type SyncList = z.infer<typeof syncList>;
export type SyncRequest = z.infer<typeof syncRequest>;
export type RequestRow = z.infer<typeof requestRow>;
export type SyncDetail = z.infer<typeof syncDetail>;
export type DryRun = z.infer<typeof dryRun>;
export type SyncRunResult = z.infer<typeof syncRunResult>;
export type Step = z.infer<typeof step>;
export type CycleView = z.infer<typeof cycleView>;
export type LoadView = z.infer<typeof loadView>;
export type Runs = z.infer<typeof runs>;
export type ProjectView = z.infer<typeof projectView>;
export type QueryRequest = z.infer<typeof queryRequest>;
export type QueryAnswer = z.infer<typeof queryAnswer>;
export type ModelTests = z.infer<typeof modelTests>;
export type VerifyRequest = z.infer<typeof verifyRequest>;
export type VerifyAnswer = z.infer<typeof verifyAnswer>;
export type StreamMessage = z.infer<typeof streamMessage>;
export type DecisionProfile = z.infer<typeof decisionProfile>;
export type DecisionMembership = z.infer<typeof decisionMembership>;
