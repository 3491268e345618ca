import { afterEach, beforeEach, expect, test } from "vitest";
import { retryRows } from "../../src/activate/retry-rows.js";
import { runSync } from "../../src/activate/run.js";
import { dryRunAnswerOf } from "../../src/server/answers.js";
import { sql } from "../../src/warehouse/sql.js";
import { syncHeads, syncState } from "../../src/warehouse/tables/ops.js";
import { replaceRows, testWarehouse } from "../support/warehouse.js";
import { changeAudience, memoryDestination, optionsFor, prepare, putUsers, syncOf, testClock, testProject, userId } from "./support.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeEach(async () => {
  warehouse = await testWarehouse();
  await prepare(warehouse.connection);
});
afterEach(() => warehouse.close());

const memory = [{ name: "memory", type: "memory" }];
const contacts = (more: Record<string, unknown> = {}) => ({
  name: "contacts",
  from: { entity: "user" },
  destination: "memory",
  mapping: { id: "key", email: "email", "properties.plan": "plan", "properties.score": "activation", "properties.active": "active" },
  ...more,
});

async function ledgerAddsUp() {
  const rows = await warehouse.connection.read<Record<"changed" | "delivered" | "failed" | "skipped", number>>(
    sql`SELECT changed, delivered, failed, skipped FROM ops.ledger WHERE hop LIKE 'sync:%' ORDER BY ref`,
  );
  for (const row of rows) expect(row.changed).toBe(row.delivered + row.failed + row.skipped);
  return rows;
}

test("upsert sends what is new and what changed, and nothing twice", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts()], memory);
  const time = testClock();
  const tool = memoryDestination();
  await putUsers(connection, 1, [{ key: "u1", email: "a@example.com", plan: "free", logins: 3 }, { key: "u2" }]);
  await changeAudience(connection, 1, "active", ["u1"]);
  const first = await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  expect(first).toMatchObject({ state: "done", planned: { added: 2, changed: 0, removed: 0 }, delivered: 2, failed: 0, remaining: 0 });
  expect(tool.held.get("u1")).toEqual({ id: "u1", email: "a@example.com", properties: { plan: "free", score: 30, active: true } });
  expect(tool.held.get("u2")).toEqual({ id: "u2", email: null, properties: { plan: null, score: 0, active: false } });

  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    state: "even",
    delivered: 0,
  });
  await putUsers(connection, 2, [{ key: "u2", plan: "pro", logins: 0 }, { key: "u3" }]);
  const second = await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  expect(second).toMatchObject({ planned: { added: 1, changed: 1, full: false }, delivered: 2 });
  expect(tool.received.map((row) => [row.key, row.change])).toEqual([
    ...tool.received.slice(0, 2).map((row) => [row.key, "add"]),
    ...tool.received.slice(2).map((row) => [row.key, row.key === "u2" ? "change" : "add"]),
  ]);
  await putUsers(connection, 3, [], ["u1"]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ state: "even" });
  expect(tool.held.size).toBe(3);
  expect(await ledgerAddsUp()).toHaveLength(2);
});

test("mirror removes what left, by delete or by clearing; held-out members never arrive", async () => {
  const { connection } = warehouse;
  const mirrored = contacts({ from: { audience: "paying" }, mode: "mirror", name: "mirrored" });
  const cleared = contacts({ from: { audience: "paying" }, mode: "mirror", name: "cleared", on_leave: "clear" });
  const left = contacts({ from: { audience: "paying" }, mode: "mirror", name: "left_alone", on_leave: "nothing" });
  const project = testProject([mirrored, cleared, left], memory);
  const time = testClock();
  const tools = [memoryDestination(), memoryDestination(), memoryDestination()];
  const runAll = async () => {
    for (const [index, tool] of tools.entries())
      await runSync(connection, project, syncOf(project, index), optionsFor(tool.destination, time));
  };
  await putUsers(
    connection,
    1,
    ["u1", "u2", "u3"].map((key) => ({ key, email: `${key}@example.com`, plan: "pro" })),
  );
  await changeAudience(connection, 1, "paying", ["u1", "u2", "u3"], [], ["u3"]);
  await runAll();
  for (const tool of tools) expect([...tool.held.keys()].sort()).toEqual(["u1", "u2"]);
  await putUsers(connection, 2, [{ key: "u1", email: "u1@example.com", plan: "free" }]);
  await changeAudience(connection, 2, "paying", [], ["u1"]);
  await runAll();
  expect([...(tools[0]?.held.keys() ?? [])]).toEqual(["u2"]);
  expect(tools[0]?.received.at(-1)).toMatchObject({ key: "u1", change: "remove", fields: { id: "u1", email: "u1@example.com" } });
  expect(tools[1]?.held.get("u1")).toEqual({ id: "u1", email: null, properties: { plan: null, score: null, active: null } });
  expect(tools[2]?.held.get("u1")).toMatchObject({ email: "u1@example.com", properties: { plan: "pro" } });
  // Entering again is a new change with a key of its own, or a careful destination would drop it as a repetition.
  await changeAudience(connection, 3, "paying", ["u1"]);
  await runAll();
  const keys = (tools[0]?.received ?? []).filter((row) => row.key === "u1").map((row) => row.idempotencyKey);
  expect(new Set(keys).size).toBe(3);
  await ledgerAddsUp();
});

test("first_run: new starts from what is there", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts({ first_run: "new" })], memory);
  const time = testClock();
  const tool = memoryDestination();
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    state: "even",
    delivered: 0,
  });
  await putUsers(connection, 2, [{ key: "u2", plan: "pro" }]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ delivered: 1 });
  expect([...tool.held.keys()]).toEqual(["u2"]);
});

test("a bad row never stops its batch, and waits until it changes", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts()], memory);
  const time = testClock();
  const tool = memoryDestination((row) =>
    row.fields["email"] === "broken" ? { outcome: "failed", reason: "not an e-mail", status: 422 } : { outcome: "delivered", status: 200 },
  );
  await putUsers(connection, 1, [
    { key: "u1", email: "broken" },
    { key: "u2", email: "b@example.com" },
  ]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    delivered: 1,
    failed: 1,
    waiting: 0,
  });
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { full: true }))).toMatchObject({
    state: "even",
  });
  expect(await connection.read(sql`SELECT key, state, status, reason FROM ops.sync_rows`)).toEqual([
    { key: "u1", state: "failed", status: 422, reason: "not an e-mail" },
  ]);
  await putUsers(connection, 2, [{ key: "u1", email: "a@example.com" }]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    delivered: 1,
    failed: 0,
  });
  expect(await connection.read(sql`SELECT key FROM ops.sync_rows`)).toEqual([]);
  expect(
    await connection.read(sql`SELECT key, outcome, change FROM ops.deliveries WHERE entity_id = ${userId("u1")} ORDER BY happened_at`),
  ).toEqual([
    { key: "u1", outcome: "failed", change: "add" },
    { key: "u1", outcome: "delivered", change: "add" },
  ]);
  await ledgerAddsUp();
});

test("a row worth another try waits its time, and is sent with the values of then", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts()], memory);
  const time = testClock();
  const tool = memoryDestination((_row, call) =>
    call === 1 ? { outcome: "retry", reason: "busy", status: 429, retryAfterMs: 3000 } : { outcome: "delivered" },
  );
  await putUsers(connection, 1, [{ key: "u1", plan: "free" }]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ failed: 1, waiting: 1 });
  await putUsers(connection, 2, [{ key: "u1", plan: "pro" }]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ state: "even" });
  time.advance(2_900_000);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ state: "even" });
  time.advance(200_000);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ delivered: 1 });
  expect(tool.held.get("u1")).toMatchObject({ properties: { plan: "pro" } });
  expect(await ledgerAddsUp()).toEqual([
    { changed: 1, delivered: 0, failed: 1, skipped: 0 },
    { changed: 1, delivered: 1, failed: 0, skipped: 0 },
  ]);
});

test("a row that waits is sent even when it is back at its old values: the try may have arrived", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts()], memory);
  const time = testClock();
  let answering = true;
  const tool = memoryDestination(() => (answering ? { outcome: "delivered" } : { outcome: "retry", reason: "no answer" }));
  await putUsers(connection, 1, [{ key: "u1", plan: "free" }]);
  await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  answering = false;
  await putUsers(connection, 2, [{ key: "u1", plan: "pro" }]);
  await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  answering = true;
  await putUsers(connection, 3, [{ key: "u1", plan: "free" }]);
  time.advance(10_000_000);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ delivered: 1 });
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { full: true }))).toMatchObject({
    state: "even",
  });
});

test("the guard stops a run that changes too much until it is confirmed", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts({ guard: { max_change_percent: 50, min_rows: 3 } })], memory);
  const time = testClock();
  const tool = memoryDestination();
  const users = Array.from({ length: 5 }, (_, index) => ({ key: `u${index}`, plan: "free" }));
  await putUsers(connection, 1, users);
  await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  await putUsers(
    connection,
    2,
    users.slice(0, 4).map((user) => ({ ...user, plan: "pro" })),
  );
  const guarded = await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  expect(guarded).toMatchObject({ state: "guarded", delivered: 0, remaining: 4 });
  expect(guarded.message).toContain("would change 4 and remove 0 of 5 rows (80.0 %");
  expect(tool.received).toHaveLength(5);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { confirm: true }))).toMatchObject({
    state: "done",
    delivered: 4,
  });
  await ledgerAddsUp();
});

test("a changed mapping sends every row again, unless told to keep", async () => {
  const { connection } = warehouse;
  const time = testClock();
  const tool = memoryDestination();
  await putUsers(connection, 1, [
    { key: "u1", plan: "free" },
    { key: "u2", plan: "free" },
  ]);
  const before = testProject([contacts()], memory);
  await runSync(connection, before, syncOf(before), optionsFor(tool.destination, time));
  await putUsers(connection, 2, [{ key: "u2", plan: "pro" }]);
  const kept = testProject(
    [contacts({ on_mapping_change: "keep", mapping: { id: "key", plan: { column: "plan", transform: "upper" } } })],
    memory,
  );
  expect(await runSync(connection, kept, syncOf(kept), optionsFor(tool.destination, time))).toMatchObject({
    planned: { added: 0, changed: 1 },
  });
  expect(tool.held.get("u2")).toEqual({ id: "u2", plan: "PRO" });
  const resent = testProject([contacts({ mapping: { id: "key", hello: { template: "Hello {{ key }}" } } })], memory);
  expect(await runSync(connection, resent, syncOf(resent), optionsFor(tool.destination, time))).toMatchObject({
    planned: { added: 0, changed: 2 },
  });
  expect(tool.held.get("u1")).toEqual({ id: "u1", hello: "Hello u1" });
  const elsewhere = testProject([contacts({ destination: "other" })], [...memory, { name: "other", type: "memory" }]);
  expect(await runSync(connection, elsewhere, syncOf(elsewhere), optionsFor(tool.destination, time))).toMatchObject({
    planned: { added: 2, changed: 0 },
  });
});

test("appends follow the log in order; one entity's trouble holds up nobody else", async () => {
  const { connection } = warehouse;
  const events = {
    name: "events",
    from: { changes: "active" },
    destination: "memory",
    mode: "append",
    mapping: { user: "key", what: "change", at: "happened_at" },
  };
  const project = testProject([events], memory);
  const time = testClock();
  let broken: string | undefined = "u2";
  const tool = memoryDestination((row) =>
    row.fields["user"] === broken ? { outcome: "retry", reason: "try later" } : { outcome: "delivered" },
  );
  const run = () => runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  await putUsers(
    connection,
    1,
    ["u1", "u2", "u3"].map((key) => ({ key })),
  );
  await changeAudience(connection, 1, "active", ["u1", "u2", "u3"]);
  expect(await run()).toMatchObject({ delivered: 2, waiting: 1 });
  await changeAudience(connection, 2, "active", [], ["u2", "u3"]);
  expect(await run()).toMatchObject({ delivered: 1 });
  broken = undefined;
  time.advance(60_000_000);
  expect(await run()).toMatchObject({ delivered: 2 });
  expect(tool.received.map((row) => `${String(row.fields["user"])} ${String(row.fields["what"])}`)).toEqual([
    "u1 entered",
    "u3 entered",
    "u3 left",
    "u2 entered",
    "u2 left",
  ]);
  expect(await run()).toMatchObject({ state: "even" });
  expect(await connection.first(sql`SELECT count(*) AS n FROM ops.sync_state_events`)).toEqual({ n: 0 });
  await ledgerAddsUp();
});

test("rows that share a key: one is sent, the same one every time, the others are counted", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts({ key: "email", mapping: { email: "email", plan: "plan" } })], memory);
  const time = testClock();
  const tool = memoryDestination();
  await putUsers(connection, 1, [
    { key: "u1", email: "same@example.com", plan: "free" },
    { key: "u2", email: "same@example.com", plan: "pro" },
    { key: "u3", email: "other@example.com" },
    { key: "u4", email: null },
  ]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    planned: { added: 2, duplicates: 1 },
    delivered: 2,
    skipped: 1,
  });
  for (let again = 0; again < 2; again += 1) {
    expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { full: true }))).toMatchObject({
      state: "even",
    });
  }
  const [row] = await ledgerAddsUp();
  expect(row).toEqual({ changed: 3, delivered: 2, failed: 0, skipped: 1 });
});

test("a dead destination pauses its sync and is left alone for a while", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts()], [{ name: "memory", type: "memory", concurrency: 1 }]);
  const time = testClock();
  let dead = true;
  const tool = memoryDestination(() => (dead ? { outcome: "retry", reason: "ECONNREFUSED" } : { outcome: "delivered" }));
  await putUsers(
    connection,
    1,
    Array.from({ length: 100 }, (_, index) => ({ key: `u${index}` })),
  );
  const down = await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  expect(down).toMatchObject({ state: "paused", delivered: 0, failed: 30, waiting: 30, remaining: 70 });
  expect(tool.calls()).toBe(3);
  dead = false;
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    state: "done",
    delivered: 70,
  });
  time.advance(10_000_000);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ delivered: 30 });
  expect(tool.held.size).toBe(100);
  expect(await ledgerAddsUp()).toEqual([
    { changed: 30, delivered: 0, failed: 30, skipped: 0 },
    { changed: 70, delivered: 70, failed: 0, skipped: 0 },
    { changed: 30, delivered: 30, failed: 0, skipped: 0 },
  ]);
});

test("a large run records each row once, with the refused ones among them", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts({ mapping: { id: "key", plan: "plan" } })], memory);
  const time = testClock();
  const tool = memoryDestination((row) =>
    row.key.endsWith("77") ? { outcome: "failed", reason: "sevens", status: 422 } : { outcome: "delivered", status: 200, requestId: "r" },
  );
  await putUsers(
    connection,
    1,
    Array.from({ length: 12_000 }, (_, index) => ({ key: `u${index}` })),
  );
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    delivered: 11_880,
    failed: 120,
  });
  expect(
    await connection.read(
      sql`SELECT outcome, count(*) AS n, count(DISTINCT key) AS keys, count(payload) AS payloads FROM ops.deliveries GROUP BY outcome ORDER BY 1`,
    ),
  ).toEqual([
    { outcome: "delivered", n: 11_880, keys: 11_880, payloads: 0 },
    { outcome: "failed", n: 120, keys: 120, payloads: 120 },
  ]);
  expect(
    await connection.first(sql`SELECT count(*) AS n, count(DISTINCT row_id) AS ids, count(fingerprint) AS f FROM ops.sync_state_contacts`),
  ).toEqual({ n: 11_880, ids: 11_880, f: 11_880 });
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { full: true }))).toMatchObject({
    state: "even",
  });
  expect(await ledgerAddsUp()).toEqual([{ changed: 12_000, delivered: 11_880, failed: 120, skipped: 0 }]);
});

test("an append that waits holds back later ones of its entity within the run, too", async () => {
  const { connection } = warehouse;
  const events = {
    name: "events",
    from: { changes: "active" },
    destination: "memory",
    mode: "append",
    batch_rows: 1,
    mapping: { user: "key", what: "change" },
  };
  const project = testProject([events], memory);
  const time = testClock();
  let broken = true;
  const tool = memoryDestination((row) =>
    broken && row.fields["user"] === "u1" ? { outcome: "retry", reason: "later" } : { outcome: "delivered" },
  );
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  await changeAudience(connection, 1, "active", ["u1", "u2"]);
  await changeAudience(connection, 2, "active", [], ["u1", "u2"]);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    delivered: 2,
    waiting: 1,
    remaining: 1,
  });
  broken = false;
  time.advance(60_000_000);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    delivered: 2,
    remaining: 0,
  });
  expect(tool.received.map((row) => `${String(row.fields["user"])} ${String(row.fields["what"])}`)).toEqual([
    "u2 entered",
    "u2 left",
    "u1 entered",
    "u1 left",
  ]);
});

test("refused rows can be tried again by hand: all, or some", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts()], memory);
  const time = testClock();
  let strict = true;
  const tool = memoryDestination(() => (strict ? { outcome: "failed", reason: "no" } : { outcome: "delivered" }));
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }, { key: "u'3" }]);
  await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  strict = false;
  expect(await retryRows(connection, "contacts", time.clock(), ["u'3"])).toBe(1);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ delivered: 1 });
  expect(await retryRows(connection, "contacts", time.clock())).toBe(2);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({ delivered: 2 });
  expect(await connection.first(sql`SELECT count(*) AS n FROM ops.sync_rows`)).toEqual({ n: 0 });
});

test("another hash function of the engine sends all rows once more, and only once", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts({ mode: "mirror" })], memory);
  const time = testClock();
  const tool = memoryDestination();
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  await replaceRows(connection, syncState("contacts"), sql`SELECT * REPLACE (row_id + 1 AS row_id) FROM ops.sync_state_contacts`);
  await replaceRows(connection, syncHeads, sql`SELECT * REPLACE ('another engine' AS fingerprint_version) FROM ops.sync_heads`);
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    planned: { added: 0, changed: 2, removed: 0, full: true },
  });
  expect(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time))).toMatchObject({
    state: "even",
    planned: { full: false },
  });
});

test("a row that a table holds twice is sent once, and the confirmed rows mend themselves", async () => {
  const { connection } = warehouse;
  const project = testProject([contacts({ from: { audience: "active" }, mode: "add_remove", name: "members" })], memory);
  const time = testClock();
  const tool = memoryDestination();
  const run = () => runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  const confirmed = () => connection.read(sql`SELECT key, count(*) AS n FROM ops.sync_state_members GROUP BY key ORDER BY key`);
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  await changeAudience(connection, 1, "active", ["u1", "u2"]);
  await changeAudience(connection, 1, "active", ["u1"]);
  expect(await run()).toMatchObject({ planned: { added: 2 }, delivered: 2 });
  expect(await confirmed()).toEqual([
    { key: "u1", n: 1 },
    { key: "u2", n: 1 },
  ]);
  await connection.run(sql`INSERT INTO ops.sync_state_members SELECT * FROM ops.sync_state_members`);
  for (const [cycle, entered, left] of [
    [2, [], ["u1", "u2"]],
    [3, ["u1", "u2"], []],
  ] as const) {
    await changeAudience(connection, cycle, "active", entered, left);
    expect(await run()).toMatchObject({ planned: { added: entered.length, removed: left.length }, delivered: 2 });
    expect(await confirmed()).toEqual([
      { key: "u1", n: 1 },
      { key: "u2", n: 1 },
    ]);
  }
  expect(tool.received.map((row) => row.key).sort()).toEqual(["u1", "u1", "u1", "u2", "u2", "u2"]);
});

test("a dry run counts what stays as it is, shows rows and refusals, and says where the guard would stop", async () => {
  const { connection } = warehouse;
  const guard = { max_change_percent: 30, min_rows: 1 };
  const project = testProject([contacts({ mode: "mirror", guard })], memory);
  const time = testClock();
  const tool = memoryDestination((row) => (row.key === "u5" ? { outcome: "failed", reason: "no" } : { outcome: "delivered" }));
  const dry = async () =>
    dryRunAnswerOf(await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { dryRun: true })));
  const four = ["u1", "u2", "u3", "u4"].map((key) => ({ key }));
  await putUsers(connection, 1, four);
  expect(await dry()).toMatchObject({ added: 4, unchanged: 0, guard: null });
  await runSync(connection, project, syncOf(project), optionsFor(tool.destination, time));
  expect(await dry()).toMatchObject({ added: 0, changed: 0, removed: 0, unchanged: 4, rows: [], problems: [] });
  await putUsers(connection, 2, [{ key: "u1", plan: "pro" }, { key: "u5" }], ["u2"]);
  const answer = await dry();
  expect(answer).toMatchObject({
    added: 1,
    changed: 1,
    removed: 1,
    unchanged: 2,
    problems: [{ key: "u5", reason: "no" }],
    guard: {
      stops: true,
      sentence: "The guard would stop this run: it would change 1 and remove 1 of 4 rows (50.0 %; the guard allows 30 %).",
    },
  });
  expect(answer.rows.map((row) => `${row.change} ${row.key}`).sort()).toEqual(["add u5", "change u1", "remove u2"]);
});
