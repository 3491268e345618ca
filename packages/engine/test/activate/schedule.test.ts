import { afterEach, beforeEach, expect, test } from "vitest";
import { destinationsBehind } from "../../src/activate/destinations/index.js";
import { runSync } from "../../src/activate/run.js";
import { SyncRunner } from "../../src/activate/runner.js";
import { dueSyncs } from "../../src/activate/schedule.js";
import { systemClock } from "../../src/base/instant.js";
import { name, sql } from "../../src/warehouse/sql.js";
import { testWarehouse } from "../support/warehouse.js";
import {
  changeAudience,
  memoryDestination,
  optionsFor,
  prepare,
  putUsers,
  recordingServer,
  syncOf,
  testClock,
  testProject,
} from "./support.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeEach(async () => {
  warehouse = await testWarehouse();
  await prepare(warehouse.connection);
});
afterEach(() => warehouse.close());

const mapping = { id: "key", plan: "plan" };

test("a sync is due at first, after a cycle that changed its kind, when a try is due, and at its interval", async () => {
  const { connection } = warehouse;
  const people = { name: "people", from: { entity: "user" }, destination: "tool", mapping };
  const accounts = { name: "accounts", from: { entity: "account" }, destination: "tool", mapping: { id: "key" } };
  const hourly = { name: "hourly", from: { entity: "user" }, destination: "tool", mapping, every: "1 hour" };
  const log = { name: "log", from: { changes: "active" }, destination: "tool", mode: "append", mapping: { id: "key" } };
  const off = { ...people, name: "off", enabled: false };
  const project = testProject([people, accounts, hourly, log, off], [{ name: "tool", type: "memory" }]);
  const time = testClock();
  let answering = true;
  const tool = memoryDestination(() => (answering ? { outcome: "delivered" } : { outcome: "retry", reason: "busy" }));
  const due = async () => (await dueSyncs(connection, project, time.clock())).due.map(({ sync, reason }) => `${sync.name}: ${reason}`);
  const runAll = async () => {
    for (const { sync } of (await dueSyncs(connection, project, time.clock())).due)
      await runSync(connection, project, sync, optionsFor(tool.destination, time));
  };
  await putUsers(connection, 1, [{ key: "u1" }]);
  expect(await due()).toEqual(["people: first run", "accounts: first run", "hourly: first run", "log: first run"]);
  await runAll();
  expect(await due()).toEqual([]);
  await putUsers(connection, 2, [{ key: "u1", plan: "pro" }]);
  expect(await due()).toEqual(["people: cycle"]);
  answering = false;
  await runAll();
  const { due: none, nextAt } = await dueSyncs(connection, project, time.clock());
  expect(none).toEqual([]);
  expect((nextAt ?? 0) - time.clock()).toBeGreaterThan(0);
  expect((nextAt ?? 0) - time.clock()).toBeLessThan(2_000_000);
  answering = true;
  time.advance(2_000_000);
  expect(await due()).toEqual(["people: retry"]);
  await runAll();
  await changeAudience(connection, 3, "active", ["u1"]);
  expect(await due()).toEqual(["people: cycle", "log: cycle"]);
  await runAll();
  time.advance(3_600_000_000);
  expect(await due()).toEqual(["hourly: interval"]);
  const changed = testProject([{ ...people, mapping: { id: "key" } }, accounts, hourly, log], [{ name: "tool", type: "memory" }]);
  expect((await dueSyncs(connection, changed, time.clock())).due.map(({ sync, reason }) => `${sync.name}: ${reason}`)).toContain(
    "people: definition changed",
  );
});

test("a destination that never answers holds up no other one, and closing ends its run with nothing lost", async () => {
  const { connection } = warehouse;
  const silent = await recordingServer(() => undefined);
  const quick = await recordingServer(() => ({ status: 200 }));
  const parts = destinationsBehind({ projectDir: "/nowhere" });
  const project = testProject(
    [
      { name: "to_silent", from: { entity: "user" }, destination: "silent", mapping },
      { name: "to_quick", from: { entity: "user" }, destination: "quick", mapping },
    ],
    [
      { name: "silent", type: "webhook", settings: { url: silent.url }, allow: silent.allow },
      { name: "quick", type: "webhook", settings: { url: quick.url }, allow: quick.allow },
    ],
  );
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  const ended: string[] = [];
  let quickDone: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (quickDone = resolve));
  const runner = new SyncRunner({
    warehouse: warehouse.warehouse,
    project: () => project,
    destinations: (definition) => parts.of(definition),
    clock: systemClock,
    onRun(result) {
      ended.push(`${result.sync} ${result.state}`);
      if (result.sync === "to_quick") quickDone();
    },
    onError: (sync, thrown) => void ended.push(`${sync} ${String(thrown)}`),
  });
  await runner.tick();
  await done;
  expect(ended).toEqual(["to_quick done"]);
  await putUsers(connection, 2, [{ key: "u3" }]);
  await runner.tick();
  await runner.close();
  expect(ended).toContain("to_silent stopped");
  // Whether the second run of the other was quicker than the end is not said.
  for (const end of ended) expect(end).toMatch(/^to_silent stopped$|^to_quick (done|stopped)$/);
  expect(await connection.read(sql`SELECT key, state, reason FROM ops.sync_rows WHERE sync = 'to_silent' ORDER BY key`)).toEqual([
    { key: "u1", state: "waiting", reason: "stopped while it was being sent" },
    { key: "u2", state: "waiting", reason: "stopped while it was being sent" },
  ]);
  await parts.close();
  await silent.close();
  await quick.close();
});

test("a dry run shows the exact requests that the run then sends, and keeps nothing", async () => {
  const { connection } = warehouse;
  const server = await recordingServer(() => ({ status: 200 }));
  const parts = destinationsBehind({ projectDir: "/nowhere" });
  const project = testProject(
    [{ name: "people", from: { entity: "user" }, destination: "app", mapping }],
    [{ name: "app", type: "webhook", settings: { url: server.url, headers: { "x-key": "${APP_KEY}" } }, allow: server.allow }],
  );
  await putUsers(connection, 1, [{ key: "u1", plan: "pro" }, { key: "u2" }]);
  const options = {
    now: 1_800_000_000_000_000,
    clock: () => 1_800_000_000_000_000,
    destinations: parts.of,
    env: { APP_KEY: "very-secret" },
  };
  const dry = await runSync(connection, project, syncOf(project), { ...options, dryRun: true });
  expect(dry).toMatchObject({ state: "dry_run", planned: { added: 2 } });
  expect(server.received).toEqual([]);
  for (const table of ["sync_runs", "sync_heads", "deliveries", "requests", "sync_sending", "ledger"]) {
    expect(await connection.first(sql`SELECT count(*) AS n FROM ${name("ops", table)}`)).toEqual({
      n: 0,
    });
  }
  expect(JSON.stringify(dry.requests)).not.toContain("very-secret");
  await runSync(connection, project, syncOf(project), options);
  expect(dry.requests.map((request) => request.requestBody)).toEqual(server.received.map((request) => request.body));
  expect(server.received[0]?.headers["x-key"]).toBe("very-secret");
  expect(JSON.stringify(await connection.read(sql`SELECT * FROM ops.requests`))).not.toContain("very-secret");
  await parts.close();
  await server.close();
});

test("a missing secret or a wrong one pauses the sync; its rows are tried again with the right one", async () => {
  const { connection } = warehouse;
  const server = await recordingServer((request) =>
    request.headers["authorization"] === "Bearer right" ? { status: 200 } : { status: 401, body: "who are you" },
  );
  const parts = destinationsBehind({ projectDir: "/nowhere" });
  const project = testProject(
    [{ name: "people", from: { entity: "user" }, destination: "app", mapping }],
    [
      {
        name: "app",
        type: "webhook",
        settings: { url: server.url, headers: { authorization: "Bearer ${APP_TOKEN}" } },
        allow: server.allow,
      },
    ],
  );
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  const time = testClock();
  const run = (env: NodeJS.ProcessEnv) =>
    runSync(connection, project, syncOf(project), { now: time.clock(), clock: time.clock, destinations: parts.of, env });
  const missing = await run({});
  expect(missing).toMatchObject({ state: "paused", delivered: 0, remaining: 2 });
  expect(missing.message).toContain("APP_TOKEN");
  expect((await dueSyncs(connection, project, time.clock())).due).toEqual([]);
  time.advance(60_000_000);
  expect((await dueSyncs(connection, project, time.clock())).due).toMatchObject([{ reason: "retry" }]);
  expect(await run({ APP_TOKEN: "wrong" })).toMatchObject({ state: "paused", failed: 2, waiting: 2 });
  time.advance(60_000_000);
  expect(await run({ APP_TOKEN: "right" })).toMatchObject({ state: "done", delivered: 2 });
  await parts.close();
  await server.close();
});
