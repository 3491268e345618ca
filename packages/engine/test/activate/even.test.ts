import { afterEach, beforeEach, expect, test } from "vitest";
import { type EvenMemory, evenCyclesMax } from "../../src/activate/even.js";
import { runSync } from "../../src/activate/run.js";
import { dueSyncs } from "../../src/activate/schedule.js";
import { render, sql } from "../../src/warehouse/sql.js";
import type { Connection } from "../../src/warehouse/warehouse.js";
import { testWarehouse } from "../support/warehouse.js";
import { changeAudience, memoryDestination, optionsFor, prepare, putUsers, syncOf, testClock, testProject } from "./support.js";

/** Commits are what a sync costs a cycle: a run without news makes none, one of few rows two. */

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeEach(async () => {
  warehouse = await testWarehouse();
  await prepare(warehouse.connection);
});
afterEach(() => warehouse.close());

const members = { name: "members", from: { audience: "active" }, mode: "add_remove", destination: "tool", mapping: { id: "key" } };
const people = { name: "people", from: { entity: "user" }, mode: "mirror", destination: "tool", mapping: { id: "key", plan: "plan" } };

/** The connection, and how many of its transactions wrote something that lasts. */
function watched(connection: Connection) {
  const counts = { commits: 0, depth: 0, wrote: false };
  const writes = (): void => {
    if (counts.depth === 0) counts.commits += 1;
    else counts.wrote = true;
  };
  const own: Pick<Connection, "run" | "append" | "transaction"> = {
    run(statement) {
      const text = render(statement, connection.dialect.quoting).replaceAll(/\/\*.*?\*\//gs, "");
      if (!/^\s*(CREATE OR REPLACE (TEMP )?TABLE "\w+" |SELECT|WITH)/.test(text)) writes();
      return connection.run(statement);
    },
    append(table, rows) {
      if (rows.length > 0) writes();
      return connection.append(table, rows);
    },
    async transaction(work) {
      counts.depth += 1;
      try {
        return await connection.transaction(work);
      } finally {
        counts.depth -= 1;
        if (counts.depth === 0 && counts.wrote) {
          counts.commits += 1;
          counts.wrote = false;
        }
      }
    },
  };
  const seen = new Proxy(connection, {
    get(target, property) {
      if (property in own) return own[property as keyof typeof own];
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return { connection: seen, counts };
}

function bed(definition: Record<string, unknown>) {
  const project = testProject([definition], [{ name: "tool", type: "memory" }]);
  const tool = memoryDestination();
  const time = testClock();
  const { connection } = warehouse;
  const run = async (even?: EvenMemory) => {
    const watching = watched(connection);
    const result = await runSync(watching.connection, project, syncOf(project), optionsFor(tool.destination, time, { even }));
    return { result, commits: watching.counts.commits };
  };
  const due = async (even?: EvenMemory) => (await dueSyncs(connection, project, time.clock(), even)).due.map(({ reason }) => reason);
  const stored = async () => (await connection.first<{ n: number }>(sql`SELECT max(to_cycle) AS n FROM ops.sync_heads`))?.n;
  return { run, due, stored, tool, connection };
}

test.each([
  ["an audience", members],
  ["an entity", people],
])(
  "a sync of %s without news commits nothing, is not looked at again, and is looked at once by the next process",
  async (_, definition) => {
    const { run, due, stored, tool, connection } = bed(definition);
    await putUsers(connection, 1, [
      { key: "u1", logins: 1 },
      { key: "u2", logins: 0 },
    ]);
    await changeAudience(connection, 1, "active", ["u1"]);
    const even: EvenMemory = new Map();
    expect((await run(even)).result.state).toBe("done");
    // Somebody changes in a way that this sync does not deliver.
    await putUsers(connection, 2, [{ key: "u2", logins: 3 }]);
    expect(await due(even)).toEqual(["cycle"]);
    const runs = await connection.read(sql`SELECT * FROM ops.sync_runs`);
    expect(await run(even)).toMatchObject({ result: { state: "even", runId: undefined }, commits: 0 });
    expect(await connection.read(sql`SELECT * FROM ops.sync_runs`)).toEqual(runs);
    expect(await stored()).toBe(1);
    expect(await due(even)).toEqual([]);

    const restarted: EvenMemory = new Map();
    expect(await due(restarted)).toEqual(["cycle"]);
    expect(await run(restarted)).toMatchObject({ result: { state: "even" }, commits: 0 });
    expect(await due(restarted)).toEqual([]);

    // What comes after is delivered, and written with it is everything that was even before.
    await putUsers(connection, 3, [{ key: "u3", logins: 1 }]);
    await changeAudience(connection, 3, "active", ["u3"]);
    expect(await due(restarted)).toEqual(["cycle"]);
    expect((await run(restarted)).result).toMatchObject({ state: "done", delivered: 1, planned: { full: false } });
    expect(tool.held.has("u3")).toBe(true);
    expect(await stored()).toBe(3);
    expect(restarted.size).toBe(0);
  },
);

test("where a sync stands is written long before the changes behind it are forgotten, and at once where nobody remembers", async () => {
  const { run, stored, connection } = bed(people);
  const even: EvenMemory = new Map();
  await putUsers(connection, 1, [{ key: "u1" }]);
  await run(even);
  await putUsers(connection, evenCyclesMax, [{ key: "u1" }]);
  expect(await run(even)).toMatchObject({ result: { state: "even" }, commits: 0 });
  await putUsers(connection, evenCyclesMax + 1, [{ key: "u1" }]);
  expect(await run(even)).toMatchObject({ result: { state: "even" }, commits: 1 });
  expect(await stored()).toBe(evenCyclesMax + 1);
  expect(even.size).toBe(0);
  await putUsers(connection, evenCyclesMax + 2, [{ key: "u1" }]);
  expect((await run()).commits).toBe(1);
  expect(await stored()).toBe(evenCyclesMax + 2);
});

test("a few rows are two commits: before they are sent, and with their outcomes", async () => {
  const { run, connection } = bed(people);
  await putUsers(connection, 1, [{ key: "u1" }, { key: "u2" }]);
  await run();
  await putUsers(connection, 2, [{ key: "u1", plan: "pro" }, { key: "u3" }], ["u2"]);
  expect(await run()).toMatchObject({ result: { state: "done", delivered: 3 }, commits: 2 });
  expect(
    await connection.read(sql`SELECT state, added, changed, removed, delivered, remaining FROM ops.sync_runs WHERE run_id = 2`),
  ).toEqual([{ state: "done", added: 1, changed: 1, removed: 1, delivered: 3, remaining: 0 }]);
  expect(await connection.first(sql`SELECT changed, delivered FROM ops.ledger WHERE ref = '2'`)).toEqual({ changed: 3, delivered: 3 });
  expect(await connection.first(sql`SELECT count(*) AS n FROM ops.sync_sending`)).toEqual({ n: 0 });
});

test("what is even in memory is not believed once the target changed", async () => {
  const { connection } = warehouse;
  const time = testClock();
  const tools = { one: memoryDestination(), two: memoryDestination() };
  const even: EvenMemory = new Map();
  const run = (destination: "one" | "two") => {
    const project = testProject([{ ...people, destination }], [{ name: destination, type: "memory" }]);
    return runSync(connection, project, syncOf(project), optionsFor(tools[destination].destination, time, { even }));
  };
  await putUsers(connection, 1, [{ key: "u1" }]);
  await run("one");
  await putUsers(connection, 2, [{ key: "u1" }]);
  expect((await run("one")).state).toBe("even");
  expect(even.size).toBe(1);
  expect((await run("two")).delivered).toBe(1);
  expect(even.size).toBe(0);
  expect((await run("one")).delivered).toBe(1);
});
