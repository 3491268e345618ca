import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { CycleWindow } from "../../src/base/cycle.js";
import { microsPerDay } from "../../src/base/instant.js";
import { explainIdentity } from "../../src/identify/explain-identity.js";
import { findEntity } from "../../src/identify/find-entity.js";
import { identify } from "../../src/identify/identify.js";
import { name, sql } from "../../src/warehouse/sql.js";
import { nobody, touched as touchedTable } from "../../src/warehouse/tables/working.js";
import { type TestEvent, appendEvents, id } from "../support/events.js";
import { defaultFiles, testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";
import { emptyIdentity, kinds } from "./tables.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
let loads = 0;
beforeAll(async () => {
  warehouse = await testWarehouse(kinds);
});
beforeEach(async () => {
  await emptyIdentity(warehouse.connection);
  loads = 0;
});
afterAll(() => warehouse.close());

const window = (fromLoad: number, toLoad: number): CycleWindow => ({ cycleId: toLoad, now: 1e15, previousNow: 0, fromLoad, toLoad });

/** Loads events and runs the stage over them; each call is a load and a cycle of its own. */
async function load(events: readonly TestEvent[], project = testProject()) {
  loads += 1;
  await warehouse.connection.run(warehouse.connection.dialect.tempTable(touchedTable, nobody(warehouse.connection.dialect)));
  await appendEvents(
    warehouse.connection,
    project,
    events.map((event) => ({ ...event, load: loads })),
  );
  return identify(warehouse.connection, project, window(loads - 1, loads));
}

/** Microseconds since 1970 of a column, `m.valid_from`. */
const micros = (column: string) =>
  warehouse.connection.dialect.microsBetween(warehouse.connection.dialect.timestamp(0), name(...column.split(".")));

const users = () => warehouse.connection.read(sql`SELECT key, first_seen, last_seen FROM growth.user_entities ORDER BY key`);
const keys = async () => (await users()).map((row) => row["key"]);
const read = (query: ReturnType<typeof sql>) => warehouse.connection.read(query);
const time = (micros: number) => new Date(micros / 1000).toISOString().replace("Z", `${String(micros % 1000).padStart(3, "0")}Z`);

const touched = (kind: string) =>
  read(sql`SELECT e.key, t.reason, t.message_id FROM touched AS t JOIN (
      SELECT entity_id, key, 'user' AS kind FROM growth.user_entities UNION ALL SELECT entity_id, key, 'workspace' FROM growth.workspace_entities
      UNION ALL SELECT entity_id, key, 'account' FROM growth.account_entities) AS e ON e.entity_id = t.entity_id AND e.kind = t.kind
    WHERE t.kind = ${kind} ORDER BY 1, 2`);

const memberships = () =>
  read(sql`SELECT u.key AS user, m.kind, coalesce(w.key, a.key) AS "group", ${micros("m.valid_from")} AS "from", ${micros("m.valid_to")} AS "to"
    FROM growth.memberships AS m JOIN growth.user_entities AS u ON u.entity_id = m.user_id
    LEFT JOIN growth.workspace_entities AS w ON w.entity_id = m.group_id LEFT JOIN growth.account_entities AS a ON a.entity_id = m.group_id ORDER BY 1, 3, 4`);

test("an anonymous visitor who signs up is one person, with the id of the first visit", async () => {
  await load([{ id: "m1", anonymous: "a1", at: 1 }]);
  await load([
    { id: "m2", type: "identify", anonymous: "a1", user: "u1", email: " Ann@Example.com", at: 2 },
    { id: "m3", user: "u1", at: 5 },
  ]);
  expect(await users()).toEqual([{ key: "u1", first_seen: time(1), last_seen: time(5) }]);
  const rows = await read(
    sql`SELECT type, value, CAST(entity_id AS VARCHAR) AS profile FROM growth.user_subjects JOIN growth.identifiers ON identifier_id = subject_id ORDER BY type`,
  );
  const profile = id("anonymous_id", "a1");
  expect(rows).toEqual([
    { type: "anonymous_id", value: "a1", profile },
    { type: "email", value: "ann@example.com", profile },
    { type: "user_id", value: "u1", profile },
  ]);
});

test("a merge is logged with its event, both sides are touched, and the loser is gone", async () => {
  await load([
    { id: "m1", user: "u1", at: 1 },
    { id: "m2", anonymous: "a1", at: 2 },
  ]);
  expect(await touched("user")).toEqual([
    { key: "a1", reason: "event", message_id: "m2" },
    { key: "u1", reason: "event", message_id: "m1" },
  ]);
  await load([{ id: "m3", user: "u1", anonymous: "a1", at: 3 }]);
  expect(await keys()).toEqual(["u1"]);
  expect(
    await read(sql`SELECT CAST(loser_id AS VARCHAR) AS loser, CAST(winner_id AS VARCHAR) AS winner, message_id FROM growth.merges`),
  ).toEqual([{ loser: id("anonymous_id", "a1"), winner: id("user_id", "u1"), message_id: "m3" }]);
  const both = await read(sql`SELECT CAST(entity_id AS VARCHAR) AS entity, reason, message_id FROM touched ORDER BY 1`);
  expect(both).toEqual(
    [id("anonymous_id", "a1"), id("user_id", "u1")].sort().map((entity) => ({ entity, reason: "merge", message_id: "m3" })),
  );
});

test("a shared device never joins a thousand people, and says what it refused", async () => {
  const people = Array.from({ length: 1000 }, (_, n) => ({ id: `m${n}`, user: `u${n}`, anonymous: "kiosk", at: n + 1 }));
  const summary = await load(people);
  expect(summary).toMatchObject({ profiles: 1000, merges: 0, refusals: 999 });
  expect(await read(sql`SELECT DISTINCT type, value, reason FROM growth.identity_refusals`)).toEqual([
    { type: "anonymous_id", value: "kiosk", reason: "user_id limit 1 ever" },
  ]);
});

test.each(["null", "NULL", " undefined ", "", "00000000-0000-0000-0000-000000000000", "anonymous", "[object Object]", "x".repeat(501)])(
  "the value %j identifies nobody",
  async (value) => {
    const summary = await load([
      { id: "m1", user: "u1", anonymous: value, email: value, at: 1 },
      { id: "m2", user: "u2", anonymous: value, email: value, at: 2 },
      { id: "m3", user: value, anonymous: "a3", at: 3 },
    ]);
    expect(await keys()).toEqual(["a3", "u1", "u2"]);
    expect(summary.merges).toBe(0);
    const listed = await read(sql`SELECT type, reason, message_id FROM growth.identity_refusals ORDER BY type`);
    expect(listed).toEqual([
      { type: "anonymous_id", reason: "blocked", message_id: "m1" },
      { type: "email", reason: "blocked", message_id: "m1" },
      { type: "user_id", reason: "blocked", message_id: "m3" },
    ]);
  },
);

test("an event that is loaded late takes effect where it belongs", async () => {
  // As loaded, u1 gets the device first; the late event shows that u2 had it before.
  await load([{ id: "m2", user: "u1", anonymous: "a1", received: 20 }]);
  await load([{ id: "m3", anonymous: "a1", received: 30 }]);
  const summary = await load([{ id: "m1", user: "u2", anonymous: "a1", received: 10 }]);
  expect(summary.replayed).toBe(2);
  const rows = await read(
    sql`SELECT i.value, e.key FROM growth.user_subjects AS s JOIN growth.identifiers AS i ON i.identifier_id = s.subject_id JOIN growth.user_entities AS e USING (entity_id) ORDER BY 1`,
  );
  expect(rows).toEqual([
    { value: "a1", key: "u2" },
    { value: "u1", key: "u1" },
    { value: "u2", key: "u2" },
  ]);
  expect((await touched("user")).map((row) => [row["key"], row["reason"]])).toEqual([
    ["u1", "merge"],
    ["u2", "event"],
    ["u2", "merge"],
  ]);
});

test("an alias joins what the client said is one person", async () => {
  await load([
    { id: "m1", user: "old", at: 1 },
    { id: "m2", user: "new", at: 2 },
    { id: "m3", type: "alias", user: "new", previous: "old", at: 3 },
  ]);
  expect(await keys()).toEqual(["new"]);
});

test("a declared identifier links people by its path, priority and limit", async () => {
  const project = testProject({
    "cambium.yml": `${defaultFiles["cambium.yml"] ?? ""}
identity:
  identifiers:
    - { type: github, paths: [context.externalIds.github, traits.github], priority: 2, limit: 1 }
`,
  });
  await load(
    [
      { id: "m1", type: "identify", anonymous: "a1", traits: { github: "octo" }, at: 1 },
      { id: "m2", type: "identify", anonymous: "a2", context: { externalIds: [{ id: "octo", type: "github" }] }, at: 2 },
      { id: "m3", type: "identify", anonymous: "a2", traits: { github: "other" }, at: 3 },
    ],
    project,
  );
  expect(await keys()).toEqual(["a1", "other"]);
  expect(await read(sql`SELECT value, reason FROM growth.identity_refusals`)).toEqual([{ value: "a2", reason: "github limit 1 ever" }]);
});

test("group calls make members, leave events end it, and times are those of the events", async () => {
  await load([
    { id: "g1", type: "group", user: "u1", group: "w1", at: 10 },
    { id: "g2", type: "group", anonymous: "a1", group: "w1", at: 20 },
    { id: "t1", user: "u1", event: "Workspace Left", group: "w1", at: 30 },
    { id: "t2", user: "u2", group: "w1", at: 35 },
  ]);
  expect(await memberships()).toEqual([
    { user: "a1", kind: "workspace", group: "w1", from: 20, to: null },
    { user: "u1", kind: "workspace", group: "w1", from: 10, to: 30 },
  ]);
  // The anonymous member turns out to be u1: joined at 10, again at 20, left at 30; then a late word from before.
  await load([{ id: "m1", user: "u1", anonymous: "a1", at: 40 }]);
  expect(await memberships()).toEqual([{ user: "u1", kind: "workspace", group: "w1", from: 10, to: 30 }]);
  await load([{ id: "t3", user: "u1", event: "Workspace Left", group: "w1", at: 15, received: 50 }]);
  expect(await memberships()).toEqual([
    { user: "u1", kind: "workspace", group: "w1", from: 10, to: 15 },
    { user: "u1", kind: "workspace", group: "w1", from: 20, to: 30 },
  ]);
  expect(await touched("workspace")).toEqual([{ key: "w1", reason: "membership", message_id: "t3" }]);
  expect(await touched("user")).toEqual([{ key: "u1", reason: "membership", message_id: "t3" }]);
});

test("every event that names a group makes a member where the kind says so", async () => {
  const project = testProject({
    "cambium.yml": "name: test\nentities:\n  user: {}\n  repository:\n    id: [properties.repo]\n    membership: events\n",
  });
  const repositories = await testWarehouse(["user", "repository"]);
  try {
    await repositories.connection.run(repositories.connection.dialect.tempTable(touchedTable, nobody(repositories.connection.dialect)));
    const events = (from: number): TestEvent[] => [
      { id: `m${from}`, user: "u1", properties: { repo: "octo/hello" }, at: 100 - from, load: from, received: 100 + from },
    ];
    for (const number of [1, 2]) {
      await appendEvents(repositories.connection, project, events(number));
      await identify(repositories.connection, project, window(number - 1, number));
    }
    expect(await repositories.connection.read(sql`SELECT ${micros("valid_from")} AS "from", valid_to FROM growth.memberships`)).toEqual([
      { from: 98, valid_to: null },
    ]);
    expect(await repositories.connection.read(sql`SELECT key FROM growth.repository_entities`)).toEqual([{ key: "octo/hello" }]);
  } finally {
    await repositories.close();
  }
});

test("a workspace belongs to the account that its newest group call names", async () => {
  const call = (message: string, account: string, at: number): TestEvent => ({
    id: message,
    type: "group",
    user: "u1",
    group: "w1",
    traits: { account_id: account },
    at,
  });
  const subject = () =>
    read(sql`SELECT a.key, w.parent_id = a.entity_id AS is_parent FROM growth.account_subjects AS s
      JOIN growth.account_entities AS a USING (entity_id) JOIN growth.workspace_entities AS w ON w.entity_id = s.subject_id`);
  await load([call("g1", "acme", 10)]);
  expect(await subject()).toEqual([{ key: "acme", is_parent: true }]);
  expect(await touched("account")).toEqual([
    { key: "acme", reason: "event", message_id: "g1" },
    { key: "acme", reason: "membership", message_id: "g1" },
  ]);
  await load([call("g2", "initech", 20)]);
  expect(await subject()).toEqual([{ key: "initech", is_parent: true }]);
  expect((await touched("account")).map((row) => [row["key"], row["reason"]])).toEqual([
    ["acme", "membership"],
    ["initech", "event"],
    ["initech", "membership"],
  ]);
  // Older by its timestamp, though loaded later: changes nothing but the times.
  await load([call("g3", "acme", 15)]);
  expect(await subject()).toEqual([{ key: "initech", is_parent: true }]);
  expect(
    await read(
      sql`SELECT key, ${micros("first_seen")} AS "from", ${micros("last_seen")} AS "to" FROM growth.account_entities ORDER BY key`,
    ),
  ).toEqual([
    { key: "acme", from: 10, to: 15 },
    { key: "initech", from: 20, to: 20 },
  ]);
});

test("identifiers remember when they last acted outside every group", async () => {
  await load([
    { id: "m1", user: "u1", at: 10 },
    { id: "m2", user: "u1", at: 20, properties: { workspace_id: "w1", account_id: "acme" } },
    { id: "m3", user: "u2", at: 30, properties: { workspace_id: "w1", account_id: "acme" } },
  ]);
  expect(await read(sql`SELECT value, ${micros("unnamed_at")} AS at FROM growth.identifiers ORDER BY value`)).toEqual([
    { value: "u1", at: 10 },
    { value: "u2", at: null },
  ]);
});

test("other rules resolve all history again, and touch only whom that changes", async () => {
  const relaxed = testProject({
    "cambium.yml": `${defaultFiles["cambium.yml"] ?? ""}
identity:
  identifiers:
    - { type: user_id, paths: [userId], priority: 1, limit: 2 }
`,
  });
  const events: TestEvent[] = [
    { id: "m1", user: "u1", anonymous: "a1", at: 1 },
    { id: "m2", user: "u2", anonymous: "a1", at: 2 },
    { id: "m3", user: "u3", at: 3 },
  ];
  await load(events);
  expect(await keys()).toEqual(["u1", "u2", "u3"]);
  await load([{ id: "m4", user: "u3", at: 4 }], relaxed);
  expect(await keys()).toEqual(["u2", "u3"]);
  expect((await touched("user")).map((row) => [row["key"], row["reason"]])).toEqual([["u2", "merge"]]);
});

test("a cycle without events changes nothing", async () => {
  await load([{ id: "m1", user: "u1", at: 1 }]);
  const summary = await load([]);
  expect(summary).toEqual({ observations: 0, identifiers: 0, profiles: 0, merges: 0, refusals: 0, memberships: 0, replayed: 0 });
  expect(await read(sql`SELECT * FROM touched`)).toEqual([]);
});

test("a turn that dies halfway leaves nothing, and the next one takes it all in", async () => {
  const { connection } = warehouse;
  const counts = () =>
    read(
      sql`SELECT (SELECT count(*) FROM growth.identifiers) + (SELECT count(*) FROM growth.user_entities) + (SELECT count(*) FROM growth.memberships) AS n`,
    );
  const events: TestEvent[] = [{ id: "g1", type: "group", user: "u1", group: "w1", at: 1 }];
  const run = connection.run.bind(connection);
  const dying = vi.spyOn(connection, "run").mockImplementation((statement) => {
    const isLast = statement.parts.some((part) => "text" in part && part.text.includes("memberships that are new"));
    return isLast ? Promise.reject(new Error("dead")) : run(statement);
  });
  await expect(load(events)).rejects.toThrow("dead");
  dying.mockRestore();
  expect(await counts()).toEqual([{ n: 0 }]);
  await identify(connection, testProject(), window(0, 1));
  expect(await counts()).toEqual([{ n: 3 }]);
});

test("a person is found by any identifier, by a former id, and explained", async () => {
  const { connection } = warehouse;
  await load([
    { id: "m1", user: "u1", at: microsPerDay },
    { id: "m2", anonymous: "a1", at: 2 * microsPerDay },
    { id: "m3", type: "identify", user: "u1", anonymous: "a1", email: "ann@example.com", at: 3 * microsPerDay },
    { id: "m4", user: "u2", anonymous: "a1", group: "w1", at: 4 * microsPerDay },
  ]);
  const profile = id("user_id", "u1");
  for (const text of ["u1", "a1", "Ann@example.com", profile, id("anonymous_id", "a1")])
    expect(await findEntity(connection, "user", text)).toBe(profile);
  expect(await findEntity(connection, "workspace", "w1")).toBe(id("workspace", "w1"));
  for (const text of ["nobody", "'; DROP TABLE growth.merges; --", "99999999999999999999"])
    expect(await findEntity(connection, "user", text)).toBeUndefined();
  expect(await explainIdentity(connection, profile)).toEqual({
    identifiers: [
      {
        type: "user_id",
        value: "u1",
        firstReceivedAt: time(microsPerDay),
        firstMessageId: "m1",
        firstSeen: time(microsPerDay),
        lastSeen: time(3 * microsPerDay),
      },
      {
        type: "anonymous_id",
        value: "a1",
        firstReceivedAt: time(2 * microsPerDay),
        firstMessageId: "m2",
        firstSeen: time(2 * microsPerDay),
        lastSeen: time(2 * microsPerDay),
      },
      {
        type: "email",
        value: "ann@example.com",
        firstReceivedAt: time(3 * microsPerDay),
        firstMessageId: "m3",
        firstSeen: null,
        lastSeen: null,
      },
    ],
    merges: [{ loserId: id("anonymous_id", "a1"), winnerId: profile, receivedAt: time(3 * microsPerDay), messageId: "m3" }],
    refusals: [{ type: "anonymous_id", value: "a1", reason: "user_id limit 1 ever", receivedAt: time(4 * microsPerDay), messageId: "m4" }],
  });
});
