import { afterEach, expect, test } from "vitest";
import { instantOf, microsPerDay } from "../../src/base/instant.js";
import { runCycle } from "../../src/run/cycle.js";
import { name, sql } from "../../src/warehouse/sql.js";
import type { Connection } from "../../src/warehouse/warehouse.js";
import { type TestEvent, appendLoad } from "../support/events.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

const noon = instantOf("2026-03-10T12:00:00Z");
const day = microsPerDay;

let open: Awaited<ReturnType<typeof testWarehouse>> | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

/** Traits of every kind over one small history; each expectation is worked out by hand. */
const history: TestEvent[] = [
  { id: "a1", type: "page", anonymous: "anon", at: noon - 9 * day },
  { id: "a2", type: "identify", anonymous: "anon", user: "u1", at: noon - 8 * day, traits: { plan: "free", name: "Ada", age: 40 } },
  { id: "g1", type: "group", user: "u1", group: "w1", at: noon - 8 * day + 1, traits: { name: "One", account_id: "acc" } },
  { id: "t1", event: "Paid", user: "u1", group: "w1", at: noon - 7 * day, properties: { amount: 10.1, item: "b" } },
  { id: "t2", event: "Paid", user: "u1", group: "w1", at: noon - 2 * day, properties: { amount: "20.2", item: "a" } },
  { id: "t3", event: "Paid", user: "u1", at: noon - 1 * day, properties: { amount: "much", item: "a" } },
  { id: "t4", event: "Paid", anonymous: "anon", at: noon - 3600_000_000, properties: { amount: 0.7, item: "c" } },
  { id: "i2", type: "identify", user: "u1", at: noon - 5, traits: { plan: "team" } },
  { id: "u2", event: "Paid", user: "u2", group: "w1", at: noon - 6 * day, properties: { amount: 100, item: "z" } },
];

const definitions = {
  "traits/all.yml": `
- { name: paid, entity: [user, workspace, account], type: count, event: Paid }
- { name: paid_7d, entity: [user, workspace], type: count, event: Paid, within: 7 days }
- { name: paid_2h, entity: user, type: count, event: Paid, within: 2 hours }
- { name: revenue, entity: [user, workspace, account], type: sum, event: Paid, property: amount }
- { name: largest, entity: user, type: max, event: Paid, property: amount }
- { name: average, entity: user, type: avg, event: Paid, property: amount }
- { name: first_item, entity: user, type: first, event: Paid, property: item }
- { name: last_item, entity: user, type: last, event: Paid, property: item }
- { name: favourite, entity: user, type: most_frequent, event: Paid, property: item }
- { name: items, entity: user, type: unique_count, event: Paid, property: item }
- { name: item_list, entity: user, type: unique_list, event: Paid, property: item }
- { name: days, entity: user, type: days_active, event: Paid }
- { name: since, entity: user, type: days_since, event: Paid }
- { name: small, entity: user, type: count, event: Paid, where: [{ property: amount, lt: 15 }] }
- { name: plan, entity: user, type: profile }
- { name: age, entity: user, type: profile, value: integer }
- { name: per_item, entity: user, type: formula, formula: "revenue / items" }
- { name: members, entity: workspace, type: rollup, from: user, roll: count }
- { name: richest, entity: workspace, type: rollup, from: user, trait: revenue, roll: max }
- { name: total, entity: account, type: rollup, from: workspace, trait: revenue, roll: sum }
- { name: came_back, entity: user, type: sql, value: integer, sql: "SELECT user_id AS id, count(*) AS value FROM raw.events WHERE user_id IS NOT NULL GROUP BY 1" }
`,
  "scores/activation.yml": `
name: activation
entity: user
components:
  - { name: usage, weight: 50, linear: { trait: paid, from: 0, to: 8 } }
  - { name: paid_much, weight: 30, milestone: { trait: revenue, gte: 30 } }
  - { name: rank, weight: 20, percentile: { trait: revenue } }
buckets: { low: 0, high: 50 }
`,
  "audiences/payers.yml": `
name: payers
entity: user
where: { all: [{ event: Paid, count: { gte: 2 }, within: 30 days }, { trait: plan, is: team }] }
`,
  "audiences/nested.yml": `
name: nested
entity: user
where: { all: [{ audience: payers }, { sequence: [{ event: Paid }, { event: Paid, within: 6 days }] }] }
`,
};

async function traitsOfEntity(connection: Connection, kind: string, key: string) {
  return connection.first(
    sql`SELECT t.* FROM ${name("growth", `${kind}_traits`)} AS t JOIN ${name("growth", `${kind}_entities`)} AS x ON x.entity_id = t.entity_id WHERE x.key = ${key}`,
  );
}

test("traits, scores and audiences of a small history", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const project = testProject(definitions);
  await appendLoad(connection, project, 1, history);
  const summary = await runCycle(connection, project, { now: noon });
  expect(summary).toMatchObject({ cycleId: 1, kind: "full", events: 9, entered: 2, left: 0 });

  expect(await traitsOfEntity(connection, "user", "u1")).toMatchObject({
    paid: 4,
    paid_7d: 3,
    paid_2h: 1,
    revenue: 31,
    largest: 20.2,
    first_item: "b",
    last_item: "c",
    favourite: "a",
    items: 3,
    item_list: ["a", "b", "c"],
    days: 4,
    since: 0,
    small: 2,
    plan: "team",
    age: 40,
    came_back: 6,
  });
  const u1 = await traitsOfEntity(connection, "user", "u1");
  expect(u1?.["average"]).toBeCloseTo(31 / 3, 10);
  expect(u1?.["per_item"]).toBeCloseTo(31 / 3, 10);
  // t3 and t4 name no workspace, but their person is a member of exactly one.
  expect(await traitsOfEntity(connection, "workspace", "w1")).toMatchObject({ paid: 5, paid_7d: 4, revenue: 131, members: 1, richest: 31 });
  expect(await traitsOfEntity(connection, "account", "acc")).toMatchObject({ paid: 5, revenue: 131, total: 131 });

  const score = await connection.first(
    sql`SELECT s.* FROM growth.score_activation AS s JOIN growth.user_entities AS x ON x.entity_id = s.entity_id WHERE x.key = 'u1'`,
  );
  expect(score).toMatchObject({ c_usage: 50, c_paid_much: 100, c_rank: 25, bucket: "high", version: 1 });
  expect(score?.["value"]).toBeCloseTo(0.5 * 50 + 0.3 * 100 + 0.2 * 25, 10);
  const members = await connection.read(
    sql`SELECT m.audience, x.key FROM growth.audience_members AS m JOIN growth.user_entities AS x ON x.entity_id = m.entity_id ORDER BY 1`,
  );
  expect(members).toEqual([
    { audience: "nested", key: "u1" },
    { audience: "payers", key: "u1" },
  ]);
});

test("time alone moves windows, and members leave with the reason", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const project = testProject(definitions);
  await appendLoad(connection, project, 1, history);
  await runCycle(connection, project, { now: noon });
  await runCycle(connection, project, { now: noon + 2 * 3600_000_000 });
  expect(await traitsOfEntity(connection, "user", "u1")).toMatchObject({ paid: 4, paid_2h: 0 });
  const later = await runCycle(connection, project, { now: noon + 40 * day });
  expect(later).toMatchObject({ entered: 0, left: 2, events: 0 });
  expect(await traitsOfEntity(connection, "user", "u1")).toMatchObject({ paid: 4, paid_7d: 0, since: 40 });
  const left = await connection.read(sql`SELECT audience, reason FROM growth.audience_changes WHERE change = 'left' ORDER BY audience`);
  expect(left).toEqual([
    { audience: "nested", reason: "window" },
    { audience: "payers", reason: "window" },
  ]);
});

test("events of one instant are ordered by message id, whichever was loaded first", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const project = testProject(definitions);
  await appendLoad(connection, project, 1, history);
  await runCycle(connection, project, { now: noon });
  const at = noon + 1_000_000;
  const paid = (id: string, user: string): TestEvent => ({ id, event: "Paid", user, at, properties: { amount: 1, item: id } });
  await appendLoad(connection, project, 2, [paid("z5", "u5"), paid("a6", "u6"), paid("m7", "u7")]);
  await runCycle(connection, project, { now: at + 1 });
  await appendLoad(connection, project, 3, [paid("a5", "u5"), paid("z6", "u6")]);
  await runCycle(connection, project, { now: at + 2 });
  expect(await traitsOfEntity(connection, "user", "u5")).toMatchObject({ first_item: "a5", last_item: "z5" });
  expect(await traitsOfEntity(connection, "user", "u6")).toMatchObject({ first_item: "a6", last_item: "z6" });
  expect(await traitsOfEntity(connection, "user", "u7")).toMatchObject({ first_item: "m7", last_item: "m7" });
});

test("a profile that merges away and one that gets another key are among the changes, whatever their traits say", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const project = testProject({ "traits/all.yml": "{ name: paid, entity: user, type: count, event: Paid }" });
  const visit = (id: string, anonymous: string): TestEvent => ({ id, type: "page", anonymous, at: noon - day });
  await appendLoad(connection, project, 1, [
    visit("p1", "a1"),
    visit("p2", "a2"),
    { id: "i1", type: "identify", user: "u1", anonymous: "a1", at: noon - 5 },
  ]);
  await runCycle(connection, project, { now: noon });
  const idOf = async (key: string) =>
    (
      await connection.first<{ id: string }>(
        sql`SELECT ${connection.dialect.idText(sql`entity_id`)} AS id FROM growth.user_entities WHERE key = ${key}`,
      )
    )?.id;
  const changedIn = async (cycle: number) =>
    (
      await connection.read<{ id: string }>(
        sql`SELECT ${connection.dialect.idText(sql`entity_id`)} AS id FROM growth.changes WHERE cycle_id = ${cycle} AND kind = 'user'`,
      )
    ).map((row) => row.id);
  const visitor = await idOf("a2");
  await appendLoad(connection, project, 2, [{ id: "i2", type: "identify", user: "u2", anonymous: "a2", at: noon + 1 }]);
  await runCycle(connection, project, { now: noon + 2 });
  expect(await idOf("u2")).toBe(visitor);
  expect(await changedIn(2)).toEqual([visitor]);
  await appendLoad(connection, project, 3, [visit("p3", "a3")]);
  await runCycle(connection, project, { now: noon + 3 });
  const swallowed = await idOf("a3");
  await appendLoad(connection, project, 4, [{ id: "i3", type: "identify", user: "u2", anonymous: "a3", at: noon + 4 }]);
  await runCycle(connection, project, { now: noon + 5 });
  expect(await idOf("a3")).toBeUndefined();
  expect(await changedIn(4)).toContain(swallowed);
});

test("a cycle without news changes nothing", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const project = testProject(definitions);
  await appendLoad(connection, project, 1, history);
  await runCycle(connection, project, { now: noon });
  const again = await runCycle(connection, project, { now: noon + 1000 });
  expect(again).toMatchObject({ changed: { user: 0, workspace: 0, account: 0 }, scored: 0, entered: 0, left: 0 });
});

test("another address or mapping of a sync recomputes nobody", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const delivering = (url: string, mapping: string) =>
    testProject({
      ...definitions,
      "destinations/app.yml": `{ name: app, type: webhook, settings: { url: "${url}" } }`,
      "syncs/payers.yml": `{ name: payers, from: { audience: payers }, destination: app, mapping: { ${mapping} } }`,
    });
  const project = delivering("https://example.com/a", "id: key");
  await appendLoad(connection, project, 1, history);
  await runCycle(connection, project, { now: noon });
  const again = await runCycle(connection, delivering("https://example.com/b", "id: key, plan: plan"), { now: noon + 1000 });
  expect(again).toMatchObject({ kind: "incremental", touched: { user: 0, workspace: 0, account: 0 } });
});

test("a failing cycle leaves the last good state", async () => {
  open = await testWarehouse();
  const { connection } = open;
  const project = testProject(definitions);
  await appendLoad(connection, project, 1, history);
  await runCycle(connection, project, { now: noon });
  const broken = testProject({
    ...definitions,
    "traits/broken.yml": `{ name: broken, entity: user, type: sql, value: integer, sql: "SELECT user_id AS id, no_such_column AS value FROM raw.events" }`,
  });
  await expect(runCycle(connection, broken, { now: noon + 1 })).rejects.toMatchObject({ code: "WAREHOUSE_FAILED" });
  expect(await connection.first(sql`SELECT max(cycle_id) AS last FROM ops.cycles`)).toEqual({ last: 1 });
  expect(await traitsOfEntity(connection, "user", "u1")).toMatchObject({ paid: 4 });
});
