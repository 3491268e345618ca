import { rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { CollectorFile } from "../../src/collect/collector-file.js";
import { type SuperviseSettings, type SupervisedCollector, superviseCollector } from "../../src/collect/supervise.js";
import { watchSpool } from "../../src/collect/watch-spool.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";
import { bundledCollector, temporaryDir } from "./process-support.js";
import { loadAll, total, writeKey } from "./support.js";

let bundle: Awaited<ReturnType<typeof bundledCollector>>;
let dir: string;
let collectors: SupervisedCollector[] = [];
beforeAll(async () => {
  bundle = await bundledCollector();
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  dir = await temporaryDir();
});
afterEach(async () => {
  for (const collector of collectors) await collector.close();
  collectors = [];
  await rm(dir, { recursive: true, force: true });
});

async function supervise(options: Partial<CollectorFile> = {}, settings: Partial<SuperviseSettings> = {}): Promise<SupervisedCollector> {
  const collector = await superviseCollector({
    entry: bundle.entry,
    optionsFile: path.join(dir, "collector-options.json"),
    options: {
      spoolDir: path.join(dir, "spool"),
      sources: [{ name: "web", writeKeys: [writeKey] }],
      segmentAgeMaxMs: 20,
      whenOrphaned: "exit",
      ...options,
    },
    ...settings,
  });
  collectors.push(collector);
  return collector;
}

const send = (collector: SupervisedCollector, id: string, key = writeKey) =>
  fetch(`${collector.running?.url}/v1/track`, {
    method: "POST",
    body: JSON.stringify({ type: "track", event: "Sent", userId: "u", messageId: id, writeKey: key }),
  });

test("the collector's program holds no warehouse, project or DuckDB code", () => {
  const foreign = bundle.inputs.filter((file) => !/src\/(collect|base)\//.test(file) || /src\/collect\/load\//.test(file));
  expect(foreign).toEqual([]);
});

test("a sealed segment wakes the engine, and its events are loaded by another process", async () => {
  let hints = 0;
  const collector = await supervise({}, { onSealed: () => (hints += 1) });
  let seen = 0;
  const watch = watchSpool(path.join(dir, "spool"), () => (seen += 1));
  expect((await send(collector, "m1")).status).toBe(200);
  await expect.poll(() => [hints > 0, seen > 0], { timeout: 5000 }).toEqual([true, true]);
  watch.close();
  const { connection, warehouse, close } = await testWarehouse();
  const loaded = await loadAll(connection, testProject(), { spoolDir: path.join(dir, "spool"), scratchDir: warehouse.scratchDir, now: 0 });
  expect(total(loaded)).toEqual({ accepted: 1, stored: 1, duplicates: 0, quarantined: 0 });
  await close();
});

test("one that dies is started again", async () => {
  const events: string[] = [];
  const collector = await supervise({ port: 0 }, { onEvent: (message) => events.push(message) });
  const pid = collector.running?.pid as number;
  process.kill(pid, "SIGKILL");
  await expect.poll(() => collector.running?.pid !== undefined && collector.running.pid !== pid, { timeout: 10_000 }).toBe(true);
  expect((await send(collector, "m1")).status).toBe(200);
  expect(events.some((message) => message.includes("SIGKILL"))).toBe(true);
});

test("one that cannot start says why", async () => {
  const first = await supervise();
  const second = supervise({ port: first.running?.port as number, spoolDir: path.join(dir, "other") });
  await expect(second).rejects.toMatchObject({ message: expect.stringContaining("EADDRINUSE") as string });
});

test("sources change without a restart", async () => {
  const collector = await supervise();
  expect((await send(collector, "m1", "fresh")).status).toBe(401);
  await collector.replaceSources([{ name: "app", writeKeys: ["fresh"] }]);
  await expect.poll(async () => (await send(collector, "m2", "fresh")).status, { timeout: 5000 }).toBe(200);
});

test("one that outlived its engine is taken over, unless its settings are others", async () => {
  const first = await supervise({ whenOrphaned: "stay" });
  const pid = first.running?.pid;
  first.release();
  const second = await supervise({ whenOrphaned: "stay" });
  expect(second.running?.pid).toBe(pid);
  expect((await send(second, "m1")).status).toBe(200);
  second.release();
  const third = await supervise({ whenOrphaned: "stay", segmentAgeMaxMs: 30 });
  expect(third.running?.pid).not.toBe(pid);
  expect((await send(third, "m2")).status).toBe(200);
});

test("closing seals what was accepted", async () => {
  const collector = await supervise({ segmentAgeMaxMs: 100_000 });
  await send(collector, "m1");
  await collector.close();
  const { connection, warehouse, close } = await testWarehouse();
  const loaded = await loadAll(connection, testProject(), { spoolDir: path.join(dir, "spool"), scratchDir: warehouse.scratchDir, now: 0 });
  expect(total(loaded)).toMatchObject({ stored: 1 });
  await close();
});
