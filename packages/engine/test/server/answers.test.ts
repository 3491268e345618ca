import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  AudienceDetail,
  EntitiesPage,
  EventsPage,
  Explanation,
  Overview,
  Profile,
  ProjectView,
  QuarantinePage,
  QueryAnswer,
  Runs,
  ScoreDetail,
  SyncDetail,
  Timeline,
} from "../../src/server/contract.js";
import { sql } from "../../src/warehouse/sql.js";
import { loads } from "../../src/warehouse/tables/ops.js";
import { microsPerDay } from "../../src/base/instant.js";
import type { TestEvent } from "../support/events.js";
import { replaceRows } from "../support/warehouse.js";
import { type Testbed, history, noon, testServer } from "./support.js";

/** What the answers say, on a history small enough to know every number by heart. */

let bed: Testbed;
beforeAll(async () => {
  bed = await testServer();
});
afterAll(() => bed.close());

const ask = (text: string, more: object = {}) =>
  bed.json<QueryAnswer>("/api/query", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sql: text, ...more }),
  });

describe("overview", () => {
  test("counts what passed every hop, and the ledger adds up", async () => {
    const overview = await bed.json<Overview>("/api/overview");
    const counts = Object.fromEntries(overview.hops.map((hop) => [hop.name, hop.count]));
    expect(counts).toEqual({ collect: 13, load: 9, identify: 3, measure: 5, decide: 3, activate: 1 });
    expect(overview.ledger.map((equation) => [equation.hop, equation.balanced])).toEqual([
      ["collect", true],
      ["sync:payers_hook", true],
    ]);
    expect(overview.hops.find((hop) => hop.name === "decide")?.lastSeconds).toBeGreaterThan(0);
    expect(overview.activity.reduce((sum, minute) => sum + minute.events, 0)).toBe(5);
    expect(overview.activity).toHaveLength(60);
    expect(overview.audiences).toEqual([
      { name: "big_spaces", title: "Big spaces", entity: "workspace", size: 0 },
      { name: "payers", title: "Payers", entity: "user", size: 2 },
      { name: "team_payers", title: "Team payers", entity: "user", size: 1 },
    ]);
  });

  test("runs name their steps with seconds", async () => {
    const runs = await bed.json<Runs>("/api/runs");
    expect(runs.cycles.map((cycle) => cycle.events)).toEqual([5, 4]);
    expect(runs.cycles[0]?.steps.map((step) => step.name)).toContain("identify");
    expect(runs.loads[0]?.lagSeconds).toBe(0.5);
  });
});

describe("events", () => {
  const ids = async (query: string) => (await bed.json<EventsPage>(`/api/events?${query}`)).events.map((event) => event.messageId);

  test("newest arrivals first, page by page, each once", async () => {
    const all: string[] = [];
    let before = "";
    for (let page = 0; page < 10; page += 1) {
      const answer = await bed.json<EventsPage>(`/api/events?limit=2${before}`);
      all.push(...answer.events.map((event) => event.messageId));
      expect(answer.total).toBe(9);
      if (answer.next === null) break;
      before = `&before=${answer.next}`;
    }
    expect(all.toSorted()).toEqual(history.map((event) => event.id).toSorted());
    expect(all.slice(0, 2)).toEqual(["i2", "t3"]);
  });

  test("filters by type, name, person and text", async () => {
    expect(await ids("type=identify")).toEqual(["i2", "u3", "a2"]);
    expect(await ids("event=Paid&user=u2")).toEqual(["u2"]);
    expect(await ids("user=ADA@example.com")).toEqual(["a2"]);
    expect(await ids("text=QUOTED")).toEqual(["t3"]);
    expect(await ids(`text=${encodeURIComponent("100%")}`)).toEqual(["t3"]);
    expect(await ids("text=192.0.2.1")).toEqual(["a1"]);
    expect(await ids("messageId=t1")).toEqual(["t1"]);
    expect(await ids("source=other")).toEqual([]);
  });

  test("payloads come as JSON", async () => {
    const [event] = (await bed.json<EventsPage>("/api/events?messageId=t2")).events;
    expect(event?.properties).toEqual({ amount: 20, item: "a" });
    expect(event?.traits).toBeNull();
  });

  test("offers the values to filter by", async () => {
    const { facets } = await bed.json<EventsPage>("/api/events");
    expect(facets.types.toSorted()).toEqual(["group", "identify", "page", "track"]);
    expect(facets.events).toContain("Paid");
  });

  test("quarantine says why and how many", async () => {
    const page = await bed.json<QuarantinePage>("/api/quarantine?limit=1");
    expect(page.reasons.map(({ reason, count }) => ({ reason, count }))).toEqual([{ reason: "bad_json", count: 2 }]);
    expect(page.rows[0]?.segment).toBe("s2");
    const next = await bed.json<QuarantinePage>(`/api/quarantine?limit=1&before=${page.next ?? ""}`);
    expect(next.rows[0]?.segment).toBe("s1");
    expect((await bed.json<QuarantinePage>("/api/quarantine?reason=none")).rows).toEqual([]);
  });
});

describe("entities", () => {
  const keys = async (kind: string, query = "") =>
    (await bed.json<EntitiesPage>(`/api/entities/${kind}?${query}`)).rows.map((row) => row.key);

  test("search by beginning of key, by identifier, by part of the name", async () => {
    expect(await keys("user", "q=u")).toHaveLength(3);
    expect(await keys("user", "q=ADA@ex")).toEqual(["u1"]);
    expect(await keys("user", "q=anon")).toEqual(["u1"]);
    expect(await keys("user", `q=${encodeURIComponent("zoë")}`)).toEqual(["u3/with slash"]);
    expect(await keys("workspace", "q=space")).toEqual(["w1"]);
    expect(await keys("user", "q=nobody")).toEqual([]);
  });

  test("sorts by key, traits and scores; missing values last", async () => {
    expect(await keys("user", "sort=key")).toEqual(["u1", "u2", "u3/with slash"]);
    expect(await keys("user", "sort=-trait:revenue")).toEqual(["u2", "u1", "u3/with slash"]);
    expect(await keys("user", "sort=score:activation")).toEqual(["u3/with slash", "u2", "u1"]);
    expect(await keys("user", "audience=payers&sort=key")).toEqual(["u1", "u2"]);
  });

  test("a profile shows all there is about a person", async () => {
    const profile = await bed.json<Profile>("/api/entities/user/u1");
    expect(profile.identifiers.map((identifier) => identifier.value)).toEqual(["anon-1", "ada@example.com", "u1"]);
    expect(profile.traits.find((trait) => trait.name === "revenue")).toMatchObject({ value: 30.5, valueType: "decimal", type: "sum" });
    expect(profile.scores[0]?.components.map((component) => component.points)).toEqual([30, 40]);
    expect(profile.scores[0]?.value).toBe(70);
    expect(profile.audiences).toMatchObject([
      { name: "payers", member: true },
      { name: "team_payers", member: true },
    ]);
    expect(profile.memberships.map((membership) => membership.entity.key)).toEqual(["w1"]);
    expect(profile.deliveries).toMatchObject([{ key: "u1", outcome: "delivered", entity: { key: "u1" }, payload: { id: "u1" } }]);
    expect(profile.timeline.events.map((event) => event.messageId)).toEqual(["i2", "t3", "t2", "t1", "g1", "a2", "a1"]);
  });

  test("a person is found by any identifier, by id, and by a key with a slash", async () => {
    const { id } = await bed.json<Profile>("/api/entities/user/u1");
    for (const way of [id, "anon-1", "Ada@example.com"]) {
      expect((await bed.json<Profile>(`/api/entities/user/${encodeURIComponent(way)}`)).key).toBe("u1");
    }
    expect((await bed.json<Profile>(`/api/entities/user/${encodeURIComponent("u3/with slash")}`)).name).toBe("Zoë");
  });

  test("groups show members, what lies within them, and the events that are theirs", async () => {
    const workspace = await bed.json<Profile>("/api/entities/workspace/w1");
    expect(workspace.parent?.key).toBe("acc");
    expect(workspace.memberships.map((membership) => membership.entity.key)).toEqual(["u1"]);
    expect(workspace.name).toBe("First space");
    const account = await bed.json<Profile>("/api/entities/account/acc");
    expect(account.children.map((child) => child.key)).toEqual(["w1"]);
    expect(account.timeline.events.map((event) => event.messageId)).toContain("u2");
  });

  test("the timeline reaches back as far as the page needs, for people and groups, named or through members", async () => {
    const own = await testServer({ empty: true });
    const days = [0, 3, 30, 120, 400];
    const sent: TestEvent[] = days.flatMap((back) => [
      { id: `named${back}`, event: "Seen", user: "m1", group: "w9", at: noon - back * microsPerDay },
      { id: `own${back}`, event: "Seen", user: "m2", at: noon - back * microsPerDay - 1 },
    ]);
    const joined: TestEvent[] = ["m1", "m2"].map((user) => ({
      id: `join-${user}`,
      type: "group",
      user,
      group: "w9",
      at: noon - 500 * microsPerDay,
    }));
    await own.turn(1, [...joined, ...sent], noon);
    const all = days.flatMap((back) => [`named${back}`, `own${back}`]);
    for (const [path, expected] of [
      ["workspace/w9", [...all, "join-m2", "join-m1"]],
      ["user/m2", [...all.filter((id) => id.startsWith("own")), "join-m2"]],
    ] as const) {
      for (const limit of [2, 3, 50]) {
        const pages: string[] = [];
        for (let next: string | null = ""; next !== null;) {
          const page: Timeline = await own.json(`/api/entities/${path}/timeline?limit=${limit}${next === "" ? "" : `&before=${next}`}`);
          pages.push(...page.events.map((event) => event.messageId));
          next = page.next;
        }
        expect(pages).toEqual(expected);
      }
    }
    await own.close();
  });

  test("the timeline pages without gap or repetition", async () => {
    const first = await bed.json<Timeline>("/api/entities/user/u1/timeline?limit=3");
    const second = await bed.json<Timeline>(`/api/entities/user/u1/timeline?limit=9&before=${first.next ?? ""}`);
    expect([...first.events, ...second.events].map((event) => event.messageId)).toEqual(["i2", "t3", "t2", "t1", "g1", "a2", "a1"]);
    expect(second.next).toBeNull();
  });

  test("explain comes from the engine", async () => {
    const why = await bed.json<Explanation>("/api/entities/user/u1/explain?score=activation");
    expect(why.value).toBe(70);
    expect(why.children.length).toBeGreaterThan(0);
  });
});

describe("scores", () => {
  test("distribution, components and a trend that carries values forward", async () => {
    const score = await bed.json<ScoreDetail>("/api/scores/activation");
    expect(score).toMatchObject({ count: 3, median: 15, nulls: 0, version: 1 });
    expect(score.buckets).toEqual([
      { name: "cold", from: 0, count: 2 },
      { name: "warm", from: 40, count: 0 },
      { name: "hot", from: 70, count: 1 },
    ]);
    expect(score.histogram.filter((bin) => bin.count > 0).map((bin) => bin.from)).toEqual([0, 15, 70]);
    expect(score.trend.map((day) => [day.day, day.count, day.p50])).toEqual([
      ["2026-03-04", 1, 15],
      ["2026-03-05", 1, 15],
      ["2026-03-06", 1, 15],
      ["2026-03-07", 1, 15],
      ["2026-03-08", 1, 15],
      ["2026-03-09", 1, 15],
      ["2026-03-10", 3, 15],
    ]);
    expect(score.components.map(({ name, average, points }) => ({ name, average, points }))).toEqual([
      { name: "payments", average: 25, points: 15 },
      { name: "team_plan", average: expect.closeTo(100 / 3), points: expect.closeTo(40 / 3) },
    ]);
    expect(score.top[0]).toMatchObject({ key: "u1", value: 70, bucket: "hot" });
    expect(score.bottom[0]).toMatchObject({ key: "u3/with slash", value: 0 });
  });
});

describe("audiences", () => {
  test("members, size, causes, and how audiences nest", async () => {
    const audience = await bed.json<AudienceDetail>("/api/audiences/payers");
    expect(audience).toMatchObject({ size: 2, parents: [], children: ["team_payers"], syncs: ["payers_hook"] });
    expect(audience.sizes.map(({ size, entered }) => ({ size, entered }))).toEqual([
      { size: 1, entered: 1 },
      { size: 2, entered: 1 },
    ]);
    expect(audience.members.rows.map((row) => row.key)).toEqual(["u2", "u1"]);
    expect(audience.changes.map((change) => [change.entity.key, change.change, change.messageId !== null])).toEqual([
      ["u2", "entered", true],
      ["u1", "entered", true],
    ]);
    expect(audience.causes).toEqual([{ change: "entered", reason: "event", count: 2 }]);
    const searched = await bed.json<AudienceDetail>("/api/audiences/payers?q=ada@");
    expect(searched.members.rows.map((row) => row.key)).toEqual(["u1"]);
    expect((await bed.json<AudienceDetail>("/api/audiences/team_payers")).parents).toEqual(["payers"]);
  });
});

describe("syncs", () => {
  test("runs, outcomes, errors, deliveries and requests of a sync; no settings of its destination", async () => {
    const sync = await bed.json<SyncDetail>("/api/syncs/payers_hook");
    expect(sync).toMatchObject({ state: "done", confirmed: 1, waiting: 1, refused: 1, delivered: 1, failed: 1 });
    expect(sync.outcomes).toEqual([
      { outcome: "delivered", count: 1 },
      { outcome: "failed", count: 1 },
    ]);
    expect(sync.errors).toMatchObject([{ reason: "no e-mail", count: 1, exampleKey: "u2", status: 422 }]);
    expect(sync.requests).toMatchObject([{ requestId: "r1", requestHeaders: { "webhook-signature": "redacted" }, status: 207 }]);
    expect(JSON.stringify(sync.destinationDefinition)).not.toContain("HOOK_SECRET");
    const failed = await bed.json<SyncDetail>("/api/syncs/payers_hook?outcome=failed&key=U2");
    expect(failed.deliveries.rows.map((row) => row.key)).toEqual(["u2"]);
    expect((await bed.json<SyncDetail>("/api/syncs/payers_hook?run=99")).deliveries.total).toBe(0);
  });

  test("what a person asks of a sync reaches the engine", async () => {
    bed.calls.length = 0;
    for (const action of ["dry-run", "run", "confirm"]) await bed.json(`/api/syncs/payers_hook/${action}`, { method: "POST" });
    expect(bed.calls).toEqual(["dry-run payers_hook", "run payers_hook", "confirm payers_hook"]);
    expect((await bed.get("/api/syncs/other/run", { method: "POST" })).status).toBe(404);
  });
});

test("the project shows definitions and keeps keys and settings to itself", async () => {
  const project = await bed.json<ProjectView>("/api/project");
  expect(project.entities.map((entity) => [entity.kind, entity.count])).toEqual([
    ["user", 3],
    ["workspace", 1],
    ["account", 1],
  ]);
  expect(project.traits.find((trait) => trait.name === "paid")?.version).toBe(1);
  const text = JSON.stringify(project);
  expect(text).not.toContain("test-key");
  expect(text).not.toContain("example.com/hook");
});

describe("query", () => {
  test("answers SQL with types, cut at the bound", async () => {
    const answer = await ask("SELECT key, last_seen FROM growth.user_entities ORDER BY key", { rowsMax: 2 });
    expect(answer.columns).toEqual([
      { name: "key", type: "text" },
      { name: "last_seen", type: "timestamp" },
    ]);
    expect(answer.rows[0]).toEqual(["u1", "2026-03-10T11:00:00.000000Z"]);
    expect([answer.rows.length, answer.truncated]).toEqual([2, true]);
    expect((await ask("WITH a AS (SELECT 1 AS x) SELECT x FROM a, generate_series(1, 3) AS three")).rows).toHaveLength(3);
    expect((await ask("EXPLAIN SELECT 1")).rows.length).toBeGreaterThan(0);
    expect((await ask("DESCRIBE growth.user_entities")).rows.length).toBeGreaterThan(0);
  });

  test.each([
    "DELETE FROM raw.events",
    "DROP TABLE raw.events",
    "INSERT INTO growth.changes VALUES (1)",
    "UPDATE growth.user_entities SET key = 'x'",
    "CREATE TABLE growth.mine AS SELECT 1",
    "ATTACH '/tmp/other.duckdb' AS other",
    "COPY raw.events TO '/tmp/stolen.csv'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1TB'",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "SELECT 1; DELETE FROM raw.events",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT (SELECT count(*) FROM read_blob('/etc/passwd'))",
    "FROM '/etc/passwd'",
    "SELECT * FROM 'file.csv'",
    'SELECT * FROM "https://example.com/x.parquet"',
    "SELECT * FROM glob('/*')",
    "SELECT * FROM query('DELETE FROM raw.events')",
    "SELECT * FROM duckdb_secrets()",
    "WITH x AS (SELECT * FROM parquet_scan('/tmp/x')) SELECT * FROM x",
    "EXPLAIN ANALYZE DELETE FROM raw.events",
    "BEGIN",
    "COMMIT",
    "rubbish",
  ])("refuses %s", async (text) => {
    const response = await bed.get("/api/query", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sql: text }),
    });
    expect(response.status).toBe(400);
    expect((await ask("SELECT count(*) FROM raw.events")).rows).toEqual([[9]]);
  });

  test("stops what takes too long", async () => {
    const response = await bed.get("/api/query", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        sql: "SELECT count(*) FROM generate_series(1, 100000000) AS a, generate_series(1, 100000000) AS b WHERE a.generate_series % 7 = b.generate_series % 5",
        secondsMax: 0.2,
      }),
    });
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toContain("took longer than 0.2 s");
  });
});

test("events of old loads, which stand in one row a day, are found as before", async () => {
  const own = await testServer();
  const found = async () => (await own.json<EventsPage>("/api/events?limit=50")).events.map((event) => event.messageId);
  const before = await found();
  const { dialect } = own.connection;
  const day = sql`SELECT * REPLACE ('day 2026-03-10' AS segment, 9 AS stored, ${dialect.cast(sql`NULL`, "timestamp")} AS first_received_at) FROM ops.loads WHERE load_id > 1`;
  await replaceRows(own.connection, loads, day);
  own.listeners.forEach((listener) => listener({ type: "load", loadId: 2 }));
  expect(await found()).toEqual(before);
  expect(before).toHaveLength(history.length);
  await own.close();
});
