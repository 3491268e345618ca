import type {
  AudienceDetail,
  AudienceSummary,
  CycleView,
  DefinitionView,
  DeliveryRow,
  DryRun,
  EntitiesPage,
  EntityRef,
  EventRow,
  EventsPage,
  Explanation,
  Json,
  LoadView,
  Overview,
  Profile,
  ProjectView,
  QuarantinePage,
  Runs,
  ScoreDetail,
  SyncDetail,
  SyncRun,
} from "../../../engine/src/server/contract.js";

/** Generated answers in the shape of the contract: a small orchard of invented people, for tests of the console alone. */

type Kind = "user" | "workspace" | "account";

let state = 42;
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
const between = (low: number, high: number): number => low + random() * (high - low);
const times = <Item>(count: number, make: (index: number) => Item): Item[] => Array.from({ length: count }, (_, index) => make(index));

const startMs = Date.now();
export const ago = (seconds: number): string => `${new Date(startMs - seconds * 1000).toISOString().slice(0, -1)}000Z`;
const dayAgo = (days: number): string => new Date(startMs - days * 86_400_000).toISOString().slice(0, 10);

const first = [
  "Maren",
  "Tobias",
  "Ilse",
  "Jonah",
  "Petra",
  "Anselm",
  "Rahel",
  "Casper",
  "Edda",
  "Lorenz",
  "Wilma",
  "Quentin",
  "Sunniva",
  "Oskar",
];
const last = ["Birkeland", "Ashdown", "Vogelsang", "Thornwick", "Espeland", "Rowanberg", "Haselbach", "Lindenau", "Elmsworth", "Pinedale"];
const companies = [
  "Thornwick Labs",
  "Birchline",
  "Elmsworth & Co",
  "Pinedale Robotics",
  "Rowan Freight",
  "Haselbach Foods",
  "Ashdown Energy",
  "Linden Health",
];
const eventNames = [
  "Deployment Succeeded",
  "Deployment Failed",
  "Project Created",
  "Teammate Invited",
  "Plan Limit Reached",
  "Billing Page Viewed",
  "CLI Command Run",
];

export const kinds = [
  { kind: "user", title: "User", plural: "Users", isGroup: false, parent: null, nameTrait: "name", count: 5214 },
  { kind: "workspace", title: "Workspace", plural: "Workspaces", isGroup: true, parent: "account", nameTrait: "name", count: 847 },
  { kind: "account", title: "Account", plural: "Accounts", isGroup: true, parent: null, nameTrait: "name", count: 512 },
] as const;

function entity(kind: Kind, index: number): EntityRef {
  if (kind === "user") {
    const name = `${first[index % first.length]} ${last[(index * 3) % last.length]}`;
    return { kind, id: String(10_000 + index), key: `u_${1000 + index}`, name };
  }
  const name = `${companies[index % companies.length]}${kind === "workspace" ? ` / ${pick(["production", "staging", "team"])}` : ""}`;
  return { kind, id: String(20_000 + index), key: kind === "workspace" ? `ws_${300 + index}` : `acct_${100 + index}`, name };
}

let eventNumber = 0;
export function event(secondsAgo = 0): EventRow {
  eventNumber += 1;
  const type = pick(["track", "track", "track", "track", "page", "identify", "group"]);
  const who = Math.floor(random() * 60);
  const known = random() > 0.2;
  return {
    messageId: `ajs-${eventNumber.toString(16).padStart(6, "0")}-${Math.floor(random() * 1e9).toString(36)}`,
    loadId: 4000 + eventNumber,
    source: pick(["web", "server", "cli"]),
    type,
    event: type === "track" ? pick(eventNames) : type === "page" ? pick(["Pricing", "Docs", "Dashboard"]) : null,
    userId: known ? `u_${1000 + who}` : null,
    anonymousId: known && random() > 0.5 ? null : `4f7c2a90-${who.toString(16).padStart(4, "0")}-4c1e-9a55-2d0e8a1c77b1`,
    email: known && random() > 0.6 ? `person${who}@example.com` : null,
    groupId: random() > 0.4 ? `ws_${300 + Math.floor(random() * 40)}` : null,
    timestamp: ago(secondsAgo),
    receivedAt: ago(secondsAgo),
    sentAt: ago(secondsAgo + 0.2),
    timeFlag: random() > 0.97 ? "clamped" : null,
    properties: {
      plan: pick(["free", "team", "business"]),
      duration_ms: Math.round(between(90, 9000)),
      region: "eu-north",
      labels: ["beta", "cli"],
      build: { commit: "9f31c2e", branch: "main", cached: true },
    },
    traits: type === "identify" ? { name: "Maren Birkeland", email: `person${who}@example.com`, role: "engineer" } : null,
    context: {
      library: { name: "@segment/analytics-node", version: "3.1.0" },
      ip: "192.0.2.17",
      page: { path: "/deployments", referrer: "" },
    },
    integrations: {},
  };
}

const definition = (kind: string, name: string, title: string, entityKind: string | null, body: Json): DefinitionView => ({
  kind,
  name,
  title,
  description: null,
  entity: entityKind,
  version: 3,
  since: ago(86_400 * 4),
  body,
  versions: [3, 2, 1].map((version) => ({
    version,
    since: ago(86_400 * (30 - version * 8)),
    cycleId: 100 * version,
    fingerprint: `c0ffee${version}9a12b4`,
    body,
  })),
});

const stepNames = [
  "identify",
  "measure",
  ...["user", "workspace", "account"].flatMap((kind) => ["traits", "scores", "audiences", "roll-ups"].map((part) => `${kind} ${part}`)),
];
export function cycle(index: number): CycleView {
  let end = 0.01;
  const parts = stepNames.map((name) => {
    const seconds = between(0.004, name === "measure" ? 0.5 : 0.12);
    end += seconds;
    return { name, startedAfter: end - seconds, seconds, rows: name.endsWith("traits") ? Math.round(between(0, 400)) : null };
  });
  return {
    cycleId: 900 - index,
    kind: index === 17 ? "full" : "incremental",
    startedAt: ago(4 + index * 9),
    now: ago(4 + index * 9),
    fromLoad: 4000 - index,
    toLoad: 4001 - index,
    events: Math.round(between(3, 480)),
    touched: { user: Math.round(between(1, 90)), workspace: Math.round(between(1, 40)), account: Math.round(between(1, 30)) },
    changed: { user: Math.round(between(1, 60)), workspace: Math.round(between(1, 20)) },
    steps: parts,
    seconds: end + 0.03,
    definitions: "5d41402abc4b2a76",
  };
}

export function load(index: number): LoadView {
  const accepted = Math.round(between(40, 600));
  const duplicates = random() > 0.6 ? Math.round(between(0, 12)) : 0;
  const quarantined = random() > 0.9 ? 1 : 0;
  return {
    loadId: 4001 - index,
    segment: `node1-${(88_000 - index).toString(36)}.seg`,
    node: "node1",
    accepted,
    stored: accepted - duplicates - quarantined,
    duplicates,
    quarantined,
    bytes: accepted * 742,
    loadedAt: ago(3 + index * 4),
    seconds: between(0.02, 0.2),
    lagSeconds: between(0.2, 1.4),
  };
}

const hopFacts = (label: string, value: number, unit: string | null = null) => ({ label, value, unit });

export function overview(): Overview {
  const hop = (
    name: Overview["hops"][number]["name"],
    title: string,
    count: number,
    unit: string,
    more: Partial<Overview["hops"][number]> = {},
  ): Overview["hops"][number] => ({
    name,
    title,
    count,
    unit,
    ratePerSecond: 4.2,
    lagSeconds: 1,
    newestAt: ago(1),
    behindSeconds: 0,
    backlog: 0,
    lastSeconds: between(0.01, 0.5),
    health: { state: "ok", sentence: "Keeping up." },
    facts: [],
    ...more,
  });
  return {
    project: "orchard",
    title: "Orchard",
    at: ago(0),
    version: "0.1.0",
    startedAt: ago(8000),
    health: { state: "warn", sentence: "The loop runs; one destination refuses some rows." },
    hops: [
      hop("collect", "Collect", 512_480, "events", { lastSeconds: null, facts: [hopFacts("spool", 1.4, "MB")] }),
      hop("load", "Load", 505_922, "events", { facts: [hopFacts("duplicates", 6541)] }),
      hop("identify", "Identify", 5214, "profiles", { facts: [hopFacts("merges", 1204), hopFacts("refused", 31)] }),
      hop("measure", "Measure", 6573, "entities", {}),
      hop("decide", "Decide", 18_204, "changes", {}),
      hop("activate", "Activate", 9420, "rows", {
        backlog: 14,
        behindSeconds: 48,
        lagSeconds: 48,
        newestAt: ago(48),
        health: { state: "warn", sentence: "14 rows of CRM accounts wait for another try." },
      }),
    ],
    ledger: [
      {
        hop: "collect",
        title: "Events",
        equation: "accepted = stored + duplicates + quarantined",
        total: { name: "accepted", value: 512_480 },
        terms: [
          { name: "stored", value: 505_922 },
          { name: "duplicates", value: 6541 },
          { name: "quarantined", value: 17 },
        ],
        difference: 0,
        balanced: true,
        gaps: [],
      },
      {
        hop: "sync:crm_accounts",
        title: "CRM accounts",
        equation: "changed = delivered + failed + skipped + waiting",
        total: { name: "changed", value: 9480 },
        terms: [
          { name: "delivered", value: 9420 },
          { name: "failed", value: 22 },
          { name: "skipped", value: 24 },
          { name: "waiting", value: 14 },
        ],
        difference: 0,
        balanced: true,
        gaps: [],
      },
    ],
    entities: kinds.map(({ kind, title, plural, count }) => ({ kind, title, plural, count })),
    problems: [
      {
        hop: "activate",
        at: ago(48),
        message: "CRM accounts: 22 rows were refused because “domain” is not a valid host name.",
        next: "Open the sync, look at the rows under this error and correct the trait or the mapping.",
      },
    ],
    nodes: [],
    lease: null,
    freshness: { p50Seconds: 0.84, p95Seconds: 1.61, cycles: 50 },
    activity: times(60, (index) => ({ at: ago((59 - index) * 60), events: Math.round(180 + 90 * Math.sin(index / 7) + between(0, 70)) })),
    audiences: audiences().map(({ name, title, entity: of, size }) => ({ name, title, entity: of, size })),
    syncs: syncs().map(({ name, title, state: runState, delivered, failed }) => ({ name, title, state: runState, delivered, failed })),
    lastCycles: times(10, (index) => {
      const { cycleId, startedAt, seconds, events } = cycle(index);
      return { cycleId, startedAt, seconds, events };
    }),
  };
}

export function project(): ProjectView {
  return {
    name: "orchard",
    title: "Orchard",
    timezone: "Europe/Oslo",
    fingerprint: "5d41402abc4b2a76",
    entities: [...kinds],
    identifiers: [{ type: "user_id", priority: 1, limit: null }],
    sources: [],
    traits: [],
    scores: [],
    audiences: [],
    models: [],
    destinations: [],
    syncs: [],
  };
}

export function eventsPage(): EventsPage {
  return {
    events: times(100, (index) => event(index * 3)),
    next: "older",
    total: 505_922,
    searched: 100,
    facets: { sources: ["web", "server", "cli"], types: ["track", "page", "identify", "group"], events: eventNames },
  };
}

export function quarantine(): QuarantinePage {
  const reasons = ["no_identity", "no_event_name", "bad_json", "too_deep"];
  return {
    reasons: reasons.map((reason, index) => ({ reason, count: 9 - index * 2, newestAt: ago(300 * index) })),
    rows: times(17, (index) => ({
      loadId: 4000 - index,
      segment: `node1-${index}.seg`,
      line: index + 3,
      source: index % 3 === 0 ? null : "web",
      receivedAt: ago(700 * index),
      messageId: index % 2 === 0 ? `broken-${index}` : null,
      reason: reasons[index % 4] ?? "bad_json",
      detail: index % 4 === 0 ? "neither userId nor anonymousId" : "the event has no name",
      body: '{"type":"track","properties":{"plan":"free"}}',
    })),
    next: null,
  };
}

export function entities(kind: Kind, page: number): EntitiesPage {
  const meta = kinds.find((each) => each.kind === kind);
  return {
    kind,
    title: meta?.title ?? kind,
    plural: meta?.plural ?? kind,
    page,
    pageRows: 50,
    total: meta?.count ?? 0,
    more: page < 10,
    columns: [
      { name: "key", title: "Id", type: "text", role: "key" },
      { name: "name", title: "Name", type: "text", role: "name" },
      { name: `score:${kind}_activation`, title: "Activation", type: "double", role: "score" },
      { name: "trait:plan", title: "Plan", type: "text", role: "trait" },
      { name: "trait:deployments_7d", title: "Deployments 7 d", type: "integer", role: "trait" },
      { name: "last_seen", title: "Last seen", type: "timestamp", role: "time" },
      { name: "first_seen", title: "First seen", type: "timestamp", role: "time" },
    ],
    rows: times(50, (index) => ({
      ...entity(kind, index + (page - 1) * 50),
      cells: {
        [`score:${kind}_activation`]: index === 9 ? null : between(2, 98),
        "trait:plan": pick(["free", "team", "business"]),
        "trait:deployments_7d": Math.round(between(0, 120)),
        last_seen: ago(index * 4000),
        first_seen: ago(86_400 * (20 + index)),
      },
    })),
  };
}

const componentNames = [
  ["deployments", "Deployments this week", "usage", "Usage", 25, "log"],
  ["active_days", "Active days of 28", "usage", "Usage", 15, "linear"],
  ["seats", "Members who deploy", "usage", "Usage", 10, "steps"],
  ["first_deploy", "First deployment", "milestones", "Milestones", 20, "milestone"],
  ["invited", "Invited a teammate", "milestones", "Milestones", 15, "milestone"],
  ["connected", "Connected a repository", "milestones", "Milestones", 15, "milestone"],
] as const;

function components() {
  return componentNames.map(([name, title, group, groupTitle, weight, type]) => {
    const value = type === "milestone" ? (random() > 0.4 ? 100 : 0) : between(5, 100);
    return { name, title, group, groupTitle, weight, type, value, points: (value * weight) / 100 };
  });
}

export function audiences(): AudienceSummary[] {
  const summary = (
    name: string,
    title: string,
    size: number,
    parents: string[],
    children: string[],
    syncNames: string[],
  ): AudienceSummary => ({
    name,
    title,
    entity: "workspace",
    description: null,
    version: 3,
    size,
    heldOut: Math.round(size / 10),
    entered: Math.round(size / 14),
    left: Math.round(size / 20),
    updatedAt: ago(90),
    parents,
    children,
    syncs: syncNames,
    recent: times(24, (index) => ({ at: ago((24 - index) * 3600), size: Math.round(size * (0.8 + index / 120 + random() * 0.03)) })),
  });
  return [
    summary("overage", "Self-serve workspaces in overage", 184, [], ["overage_no_deal"], []),
    summary("overage_no_deal", "In overage, no active sales deal", 97, ["overage"], ["overage_hot"], ["sales_alerts"]),
    summary("overage_hot", "In overage, no deal, high usage", 31, ["overage_no_deal"], [], ["crm_accounts", "sales_alerts"]),
    { ...summary("at_risk", "At risk of leaving", 66, [], [], []), entered: 0, left: 0 },
  ];
}

export function audience(name: string): AudienceDetail {
  const summary = audiences().find((each) => each.name === name) ?? (audiences()[0] as AudienceSummary);
  const reasons = ["deployments_7d rose above 40", "plan became team", "a sales deal was opened", "window of “Plan Limit Reached” passed"];
  return {
    ...summary,
    description: "Free and team workspaces over their plan's limit: the ones to talk to first.",
    holdoutPercent: 10,
    sizes: times(80, (index) => ({
      at: ago((80 - index) * 5400),
      cycleId: index,
      size: Math.round(summary.size * (0.7 + index / 260 + random() * 0.04)),
      entered: Math.round(between(0, 6)),
      left: Math.round(between(0, 4)),
    })),
    members: {
      page: 1,
      pageRows: 50,
      total: summary.size,
      more: summary.size > 14,
      rows: times(14, (index) => ({ ...entity("workspace", index), enteredAt: ago(index * 9000), heldOut: index % 6 === 5 })),
    },
    changes: times(14, (index) => change(summary, index)),
    causes: reasons.map((reason, index) => ({ change: index < 2 ? "entered" : "left", reason, count: 60 - index * 13 })),
    definition: definition("audience", summary.name, summary.title, "workspace", {
      name: summary.name,
      entity: "workspace",
      where: {
        all: [
          { audience: summary.parents[0] ?? "at_risk" },
          { trait: "plan", in: ["free", "team"] },
          { event: "Plan Limit Reached", count: { gte: 1 }, within: "30 days" },
          {
            any: [
              { trait: "deployments_7d", gte: 40 },
              { score: "workspace_activation", bucket: "hot" },
            ],
          },
          { not: { trait: "deal_stage", in: ["open", "negotiation"] } },
        ],
      },
      exclude: ["lists/do-not-contact.csv"],
    }),
  };
}

function change(summary: AudienceSummary, index: number, of: EntityRef = entity("workspace", index)): AudienceDetail["changes"][number] {
  return {
    changeId: 7000 - index,
    audience: summary.name,
    audienceTitle: summary.title,
    entity: of,
    change: index % 3 === 2 ? "left" : "entered",
    happenedAt: ago(index * 5000 + 60),
    cycleId: 880 - index,
    version: 3,
    reason: index % 3 === 2 ? "a sales deal was opened" : "deployments_7d rose above 40",
    messageId: index % 2 === 0 ? "ajs-00002a-x" : null,
    heldOut: false,
  };
}

export function score(name: string): ScoreDetail {
  const of = name.split("_")[0] ?? "user";
  const titleOf = of[0]?.toUpperCase() ?? "";
  const histogram = times(20, (index) => ({
    from: index * 5,
    to: index * 5 + 5,
    count: Math.round(120 * Math.exp(-(((index - 6) / 5) ** 2)) + 40 * Math.exp(-(((index - 15) / 2.5) ** 2))),
  }));
  const trend = times(60, (index) => {
    const middle = 34 + index / 6 + Math.sin(index / 4) * 2;
    return {
      day: dayAgo(59 - index),
      count: 700 + index,
      average: middle + 2,
      p10: middle - 24,
      p25: middle - 12,
      p50: middle,
      p75: middle + 16,
      p90: middle + 32,
    };
  });
  const scored = (offset: number) =>
    times(8, (index) => ({
      ...entity(of as Kind, index + offset),
      value: offset === 0 ? 97 - index * 1.7 : 1.2 + index,
      bucket: offset === 0 ? "hot" : "cold",
    }));
  return {
    name,
    title: `${titleOf}${of.slice(1)} activation`,
    entity: of,
    description: null,
    version: 3,
    count: 847,
    average: 46.1,
    median: 43.8,
    buckets: [
      { name: "cold", from: 0, count: 310 },
      { name: "warm", from: 35, count: 342 },
      { name: "hot", from: 70, count: 195 },
    ],
    updatedAt: ago(6),
    recent: trend.slice(-30).map(({ day, average }) => ({ day, average })),
    nulls: 12,
    histogram,
    trend,
    components: components().map(({ value: _value, ...each }) => ({
      ...each,
      average: between(20, 80),
      points: (each.weight * between(20, 80)) / 100,
      nulls: 0,
      full: random(),
    })),
    definition: definition("score", name, "Activation", of, { name, entity: of }),
    top: scored(0),
    bottom: scored(40),
  };
}

export const scoreNames = ["workspace_activation", "user_activation", "account_activation"];

export function profile(kind: Kind, key: string): Profile {
  const self = { ...entity(kind, 3), key };
  return {
    ...self,
    title: kinds.find((each) => each.kind === kind)?.title ?? kind,
    firstSeen: ago(86_400 * 70),
    lastSeen: ago(130),
    mergedFrom: null,
    parent: kind === "workspace" ? entity("account", 2) : null,
    identifiers:
      kind === "user"
        ? [
            { type: "user_id", value: key, firstReceivedAt: ago(86_400 * 60), firstMessageId: "m1" },
            { type: "email", value: "jonah@example.com", firstReceivedAt: ago(86_400 * 60), firstMessageId: "m1" },
            {
              type: "anonymous_id",
              value: "4f7c2a90-0007-4c1e-9a55-2d0e8a1c77b1",
              firstReceivedAt: ago(86_400 * 70),
              firstMessageId: "m0",
            },
          ]
        : [],
    identifiersTotal: kind === "user" ? 3 : 0,
    merges:
      kind === "user"
        ? [
            {
              loserId: "771",
              winnerId: self.id,
              loserKey: "4f7c2a90-0007-4c1e-9a55-2d0e8a1c77b1",
              receivedAt: ago(86_400 * 60),
              messageId: "m1",
            },
          ]
        : [],
    refusals:
      kind === "user" ? [{ type: "email", value: "null", reason: "blocked_value", receivedAt: ago(86_400 * 3), messageId: "m9" }] : [],
    traits: times(14, (index) => ({
      name: `trait_${index}`,
      title: ["Plan", "Deployments, 7 days", "Last deployment", "Revenue", "Labels used", "Is overage"][index % 6] ?? "Trait",
      description: index % 5 === 0 ? "As billing last said." : null,
      type: ["profile", "count", "last_seen", "sum", "unique_list", "formula"][index % 6] ?? "count",
      valueType: index % 6 === 2 ? "timestamp" : "text",
      value: [pick(["free", "team"]), Math.round(between(0, 90)), ago(5000), 1249.5, ["beta", "cli", "eu"], true][index % 6] ?? null,
      updatedAt: ago(400),
      definition: { event: "Deployment Succeeded", within: "7 days", property: "amount", formula: "usage > limit" },
    })),
    scores: [
      {
        name: `${kind}_activation`,
        title: `${kinds.find((each) => each.kind === kind)?.title ?? ""} activation`,
        value: 71.4,
        bucket: "hot",
        version: 3,
        updatedAt: ago(20),
        components: components(),
        history: times(40, (index) => ({ day: dayAgo(39 - index), value: 30 + index + between(-2, 2), bucket: "warm", version: 3 })),
      },
    ],
    audiences: audiences().map((each, index) => ({
      name: each.name,
      title: each.title,
      member: index < 2,
      enteredAt: index < 2 ? ago(86_400 * index + 300) : null,
      heldOut: index === 1,
    })),
    audienceChanges: times(5, (index) => change(audiences()[index % 2] as AudienceSummary, index * 3, self)),
    memberships: times(6, (index) => ({
      entity: kind === "user" ? entity("workspace", index) : entity("user", index),
      validFrom: ago(86_400 * (40 - index)),
      validTo: index === 4 ? ago(86_400) : null,
    })),
    membershipsTotal: 6,
    children: kind === "account" ? times(4, (index) => entity("workspace", index)) : [],
    childrenTotal: kind === "account" ? 4 : 0,
    deliveries: times(6, (index) => delivery(index, self)),
    timeline: { events: times(40, (index) => event(index * 9000)), next: "older" },
  };
}

function delivery(index: number, of: EntityRef = entity("workspace", index)): DeliveryRow {
  const outcome = index % 7 === 3 ? "failed" : index % 11 === 5 ? "retry" : "delivered";
  return {
    sync: "crm_accounts",
    syncTitle: "CRM accounts",
    runId: 200 - index,
    happenedAt: ago(index * 400),
    key: of.key,
    entity: of,
    change: pick(["add", "change"]),
    outcome,
    status: outcome === "delivered" ? 200 : outcome === "retry" ? 429 : 400,
    reason: outcome === "delivered" ? null : outcome === "retry" ? "Too many requests" : "“domain” is not a valid host name",
    requestId: `r-${index}`,
    cycleId: 880,
    payload: { domain: "thornwick.example.com", score: 71.4 },
  };
}

export function explanation(holds: boolean): Explanation {
  const evidence = times(3, (index) => ({
    messageId: `m-${index}`,
    type: "track",
    event: "Deployment Succeeded",
    timestamp: ago(index * 40_000),
    receivedAt: ago(index * 40_000),
    detail: "region: eu-north",
  }));
  return {
    title: holds ? "score workspace_activation" : "audience overage_hot",
    value: holds ? 71.4 : false,
    kind: holds ? "score" : "audience",
    formula: holds ? "Σ w·v / Σ w" : "all of",
    version: 3,
    at: ago(30),
    ...(holds ? {} : { holds: false, detail: "2 of 3 conditions hold." }),
    children: [
      {
        title: holds ? "Deployments this week" : "deployments_7d is at least 40",
        value: holds ? 82 : 31,
        kind: holds ? "component" : "condition",
        ...(holds ? { formula: "100·clamp((ln(1+x)−ln(1+a))/(ln(1+b)−ln(1+a)))" } : { holds: false, detail: "31 is 9 below 40." }),
        children: [
          {
            title: "trait deployments_7d",
            value: 31,
            kind: "trait",
            version: 2,
            formula: "count within 7 days",
            children: [
              {
                title: "measure count of “Deployment Succeeded”",
                value: 31,
                kind: "measure",
                children: [],
                events: evidence,
                eventsTotal: 31,
              },
            ],
          },
        ],
      },
      {
        title: holds ? "First deployment" : "plan is one of free, team",
        value: holds ? 100 : "team",
        kind: holds ? "component" : "condition",
        ...(holds ? {} : { holds: true }),
        children: [],
      },
      {
        title: holds ? "Invited a teammate" : "in audience overage_no_deal",
        value: holds ? 0 : true,
        kind: "condition",
        holds: !holds,
        children: [],
      },
    ],
  };
}

export function syncRun(name: string, index: number): SyncRun {
  return {
    sync: name,
    runId: 200 - index,
    startedAt: ago(index * 60 + 48),
    finishedAt: index === 0 && name === "sales_alerts" ? null : ago(index * 60 + 46.4),
    state: index === 0 && name === "file_export" ? "guarded" : index % 9 === 4 ? "failed" : "done",
    toCycle: 890 - index,
    added: Math.round(between(0, 9)),
    changed: Math.round(between(0, 60)),
    removed: Math.round(between(0, 3)),
    delivered: Math.round(between(10, 70)),
    failed: index % 9 === 4 ? 22 : 0,
    skipped: Math.round(between(0, 2)),
    message:
      index % 9 === 4
        ? "the destination answered 503"
        : index === 0 && name === "file_export"
          ? "412 of 847 rows would be removed: more than 40 %."
          : null,
  };
}

export function syncs(): SyncDetail[] {
  return (
    [
      ["crm_accounts", "CRM accounts", "audience overage_hot", "HubSpot", "catalogue:hubspot", "done", "warn"],
      ["sales_alerts", "Sales alerts", "changes overage_no_deal", "Sales channel", "slack", "running", "ok"],
      ["file_export", "Nightly file", "entity workspace", "Exports", "file", "guarded", "warn"],
    ] as const
  ).map(([name, title, from, destination, type, runState, health]) => sync(name, title, from, destination, type, runState, health));
}

function sync(
  name: string,
  title: string,
  from: string,
  destination: string,
  type: string,
  runState: string,
  health: "ok" | "warn",
): SyncDetail {
  return {
    name,
    title,
    description: null,
    enabled: true,
    mode: name === "sales_alerts" ? "append" : "upsert",
    from,
    entity: "workspace",
    destination: {
      name: destination.toLowerCase().replaceAll(" ", "_"),
      title: destination,
      type,
      action: name === "crm_accounts" ? "upsertCompany" : null,
    },
    state: runState,
    health: {
      state: health,
      sentence:
        health === "ok"
          ? "Keeping up."
          : runState === "guarded"
            ? "The guard stopped the last run: 412 of 847 rows would be removed."
            : "22 rows are refused until they change.",
    },
    lastRun: syncRun(name, 0),
    confirmed: 812,
    waiting: name === "crm_accounts" ? 14 : 0,
    refused: name === "crm_accounts" ? 22 : 0,
    delivered: 9420,
    failed: 22,
    skipped: 24,
    runs: times(20, (index) => syncRun(name, index)),
    outcomes: [
      { outcome: "delivered", count: 9420 },
      { outcome: "failed", count: 22 },
      { outcome: "retry", count: 140 },
      { outcome: "skipped", count: 24 },
    ],
    errors: [
      { reason: "“domain” is not a valid host name", outcome: "failed", count: 22, newestAt: ago(48), exampleKey: "ws_303", status: 400 },
      { reason: "Too many requests", outcome: "retry", count: 140, newestAt: ago(200), exampleKey: "ws_311", status: 429 },
    ],
    deliveries: { page: 1, pageRows: 50, total: 9606, more: true, rows: times(30, (index) => delivery(index)) },
    requests: times(12, (index) => ({
      requestId: `r-${index}`,
      sync: name,
      runId: 200 - index,
      happenedAt: ago(index * 60),
      method: "POST",
      url: "http://127.0.0.1:4600/crm/v3/objects/companies/batch/upsert",
      requestHeaders: { "content-type": "application/json", authorization: "[redacted]" },
      requestBody: JSON.stringify({ inputs: [{ id: "thornwick.example.com", properties: { activation: 71.4, plan: "team" } }] }),
      status: index % 5 === 4 ? 429 : 200,
      responseHeaders: { "content-type": "application/json" },
      responseBody: JSON.stringify({ status: "COMPLETE", results: [{ id: "8812", new: false }] }),
      millis: between(12, 180),
      error: null,
    })),
    definition: definition("sync", name, title, "workspace", {
      name,
      from: { entity: "workspace", where: { trait: "plan", is: "team" } },
      key: "key",
      mapping: {
        domain: { column: "domain", transform: "lower" },
        "properties.activation": "workspace_activation",
        source: { constant: "cambium" },
        note: { template: "{{ name }} is at {{ workspace_activation }}" },
      },
    }),
    destinationDefinition: null,
  };
}

export function dryRun(name: string): DryRun {
  return {
    sync: name,
    added: 3,
    changed: 41,
    removed: 1,
    unchanged: 767,
    requests: times(3, (index) => ({
      requestId: `dry-${index}`,
      method: "POST",
      url: "http://127.0.0.1:4600/crm/v3/objects/companies/batch/upsert",
      requestHeaders: { "content-type": "application/json", authorization: "[redacted]" },
      requestBody: JSON.stringify({ inputs: [{ id: `company-${index}.example.com`, properties: { activation: 71.4 + index } }] }),
    })),
    requestsTotal: 45,
    rows: times(5, (index) => ({
      key: `ws_${300 + index}`,
      change: index === 4 ? "remove" : "change",
      fields: { domain: `company-${index}.example.com`, activation: 60 + index },
    })),
    problems: [{ key: "ws_399", reason: "“domain” is empty" }],
    guard: { stops: false, sentence: "45 of 812 rows would change: below the limit of 50 %." },
  };
}

export function runs(): Runs {
  return {
    cycles: times(24, cycle),
    loads: times(30, load),
    syncRuns: times(12, (index) => syncRun(pick(["crm_accounts", "sales_alerts"]), index)),
  };
}
