import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeliveryRight } from "../../src/activate/delivery-right.js";
import type { RowOutcome } from "../../src/activate/destination.js";
import { CambiumError } from "../../src/base/errors.js";
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

function open(answer: () => RowOutcome, { right, sync = people }: { right?: DeliveryRight; sync?: Record<string, unknown> } = {}) {
  const project = testProject([sync], [{ name: "tool", type: "memory", concurrency: 1 }]);
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
    right,
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

/** A right that is given and taken away by hand. */
function rightByHand(): DeliveryRight & { take(): void; give(): void } {
  let controller = new AbortController();
  return {
    get isHeld() {
      return !controller.signal.aborted;
    },
    get signal() {
      return controller.signal;
    },
    assertHeld() {
      if (controller.signal.aborted) throw new CambiumError("WAREHOUSE_TAKEN_OVER", "not ours to send");
    },
    take: () => controller.abort(new CambiumError("WAREHOUSE_TAKEN_OVER", "not ours to send")),
    give: () => void (controller = new AbortController()),
  };
}

test("without the right to deliver nothing is sent, and what is left is sent with it", async () => {
  const right = rightByHand();
  const { runner: running, tool, until } = open(() => ({ outcome: "delivered" }), { right, sync: { ...people, batch_rows: 1 } });
  await putUsers(
    warehouse.connection,
    1,
    ["u1", "u2", "u3", "u4"].map((key) => ({ key })),
  );
  right.take();
  await running.tick();
  await running.idle();
  expect(tool.held.size).toBe(0);
  await expect(running.run("people")).resolves.toMatchObject({ state: "stopped", delivered: 0 });
  expect(tool.held.size).toBe(0);
  right.give();
  await running.tick();
  await until(() => tool.held.size === 4);
});

test("a process that wakes up in the midst of a run sends nothing more", async () => {
  const right = rightByHand();
  let sent = 0;
  const asked = () => {
    sent += 1;
    return { outcome: "delivered" } as const;
  };
  const { runner: running, tool, until, results } = open(asked, { right, sync: { ...people, batch_rows: 1 } });
  const { deliver } = tool.destination;
  let calls = 0;
  tool.destination.deliver = async (rows, context) => {
    calls += 1;
    // It slept between being called and its request.
    if (calls === 2) right.take();
    await context.pace?.();
    return deliver(rows, context);
  };
  await putUsers(
    warehouse.connection,
    1,
    ["u1", "u2", "u3", "u4"].map((key) => ({ key })),
  );
  await running.tick();
  await until(() => results.length > 0);
  expect([results[0]?.state, tool.held.size, sent]).toEqual(["stopped", 1, 1]);
  right.give();
  await running.run("people");
  await until(() => tool.held.size === 4);
});
