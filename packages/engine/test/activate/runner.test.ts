import { afterEach, beforeEach, expect, test } from "vitest";
import type { RowOutcome } from "../../src/activate/destination.js";
import type { RunResult } from "../../src/activate/run.js";
import { SyncRunner } from "../../src/activate/runner.js";
import { systemClock } from "../../src/base/instant.js";
import { testWarehouse } from "../support/warehouse.js";
import { memoryDestination, prepare, putUsers, testProject } from "./support.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
let runner: SyncRunner | undefined;
beforeEach(async () => {
  warehouse = await testWarehouse();
  await prepare(warehouse.connection);
});
afterEach(async () => {
  await runner?.close();
  await warehouse.close();
});

const people = { name: "people", from: { entity: "user" }, destination: "tool", mapping: { id: "key", plan: "plan" } };

function open(answer: () => RowOutcome) {
  const project = testProject([people], [{ name: "tool", type: "memory" }]);
  const tool = memoryDestination(answer);
  const results: RunResult[] = [];
  const waiting: { when: () => boolean; resolve: () => void }[] = [];
  const look = () => {
    for (const one of waiting) if (one.when()) one.resolve();
  };
  runner = new SyncRunner({
    warehouse: warehouse.warehouse,
    project: () => project,
    destinations: () => tool.destination,
    clock: systemClock,
    env: {},
    onRun(result) {
      results.push(result);
      look();
    },
  });
  const until = (when: () => boolean) => new Promise<void>((resolve) => (when() ? resolve() : void waiting.push({ when, resolve })));
  return { runner, tool, results, until };
}

test("a try that falls due runs by itself, with no further cycle", async () => {
  let calls = 0;
  const {
    runner: running,
    tool,
    until,
  } = open(() => ((calls += 1) === 1 ? { outcome: "retry", reason: "busy" } : { outcome: "delivered" }));
  await putUsers(warehouse.connection, 1, [{ key: "u1" }]);
  await running.tick();
  await until(() => tool.held.has("u1"));
  expect(calls).toBe(2);
});

test("what changes while a run is under way is delivered after it", async () => {
  let changed: Promise<void> | undefined;
  const { runner: running, tool, until } = open(() => ({ outcome: "delivered" }));
  const { deliver } = tool.destination;
  const slow = {
    ...tool.destination,
    async deliver(...args: Parameters<typeof deliver>) {
      changed ??= putUsers(warehouse.connection, 2, [{ key: "u2" }])
        .then(() => running.tick())
        .then(() => undefined);
      await changed;
      return deliver(...args);
    },
  };
  tool.destination.deliver = slow.deliver;
  await putUsers(warehouse.connection, 1, [{ key: "u1" }]);
  await running.tick();
  await until(() => tool.held.has("u2"));
});

test("a run asked for by hand waits for the lane: a sync never runs beside itself", async () => {
  let active = 0;
  let most = 0;
  const { runner: running, tool, results } = open(() => ({ outcome: "delivered" }));
  const { deliver } = tool.destination;
  tool.destination.deliver = async (...args) => {
    active += 1;
    most = Math.max(most, active);
    await new Promise((resolve) => void setTimeout(resolve, 30));
    active -= 1;
    return deliver(...args);
  };
  await putUsers(warehouse.connection, 1, [{ key: "u1" }]);
  await running.tick();
  const byHand = await Promise.all([running.run("people"), running.run("people", { full: true })]);
  expect(byHand.map((result) => result.state)).toEqual(["even", "even"]);
  expect(results.filter((result) => result.state === "done")).toHaveLength(1);
  expect(most).toBe(1);
  await expect(running.run("nobody")).rejects.toMatchObject({ code: "NOT_FOUND" });
});
