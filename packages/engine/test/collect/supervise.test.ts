import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type CollectorFile,
  type RunningCollector,
  readJson,
  runningFile,
  settingsHash,
  writeJson,
} from "../../src/collect/collector-file.js";
import { spoolLines } from "../../src/collect/load/line-source.js";
import { type SuperviseSettings, type SupervisedCollector, superviseCollector } from "../../src/collect/supervise.js";
import { watchSpool } from "../../src/collect/watch-spool.js";
import { freePort } from "../support/free-port.js";
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
  const loaded = await loadAll(connection, testProject(), { source: spoolLines(path.join(dir, "spool"), warehouse.scratchDir), now: 0 });
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

test("settings that are not given are the same whether their keys are there or not", async () => {
  const first = await supervise({ whenOrphaned: "stay", publicHost: undefined, eventsPerSecondMax: undefined });
  const pid = first.running?.pid;
  first.release();
  const second = await supervise({ whenOrphaned: "stay" });
  expect(second.running?.pid).toBe(pid);
});

test("many who write the file at once: each succeeds, and what stands is the whole word of one", async () => {
  const file = path.join(dir, "collector.json");
  const words = Array.from({ length: 40 }, (_, n) => ({ pid: n, padding: "x".repeat(n * 1_000) }));
  await Promise.all(words.map((word) => writeJson(file, word)));
  expect(words).toContainEqual(await readJson(file));
  expect(await readdir(dir)).toEqual(["collector.json"]);
});

test("a collector that leaves while the next one writes takes nobody's word away", async () => {
  const first = await supervise();
  const file = runningFile(path.join(dir, "spool"));
  const word = await readFile(file, "utf8");
  const { ino } = await stat(file);
  await first.close();
  // It was not even read and written back: whatever moment the next one's word comes at, it stays.
  expect([await readFile(file, "utf8"), (await stat(file)).ino]).toEqual([word, ino]);
  const second = await supervise();
  expect((await readJson<RunningCollector>(file))?.pid).toBe(second.running?.pid);
});

test("one that dies in the moment it is taken over is followed by another", async () => {
  const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const exit = new Promise((resolve) => sleeper.once("exit", resolve));
  const dying = http.createServer((_request, response) => {
    sleeper.kill("SIGKILL");
    void exit.then(() => response.end(JSON.stringify({ pid: sleeper.pid, node: "n" })));
  });
  await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(dying.address() as AddressInfo).port}`;
  const options: CollectorFile = {
    spoolDir: path.join(dir, "spool"),
    sources: [{ name: "web", writeKeys: [writeKey] }],
    segmentAgeMaxMs: 20,
    whenOrphaned: "exit",
  };
  await mkdir(options.spoolDir);
  await writeJson(runningFile(options.spoolDir), { pid: sleeper.pid, url, port: 0, node: "n", settings: settingsHash(options) });
  const collector = await supervise();
  expect(collector.running?.pid).toBe(sleeper.pid);
  await collector.replaceSources(options.sources);
  await expect.poll(() => collector.running !== undefined && collector.running.pid !== sleeper.pid, { timeout: 10_000 }).toBe(true);
  expect((await send(collector, "m1")).status).toBe(200);
  dying.close();
});

/** The collector's program, but slow to come up, as with a large spool to repair. */
async function slowEntry(delayMs: number): Promise<string> {
  const file = path.join(path.dirname(bundle.entry), `slow-${delayMs}.mjs`);
  await writeFile(
    file,
    `await new Promise((resolve) => setTimeout(resolve, ${delayMs}));\nawait import(${JSON.stringify(bundle.entry)});\n`,
  );
  return file;
}

test("one whose engine was killed while it came up is taken over by the next engine", async () => {
  const port = await freePort();
  const optionsFile = path.join(dir, "collector-options.json");
  const options = {
    spoolDir: path.join(dir, "spool"),
    sources: [{ name: "web", writeKeys: [writeKey] }],
    segmentAgeMaxMs: 20,
    whenOrphaned: "stay",
    port,
  };
  await writeJson(optionsFile, options);
  const orphan = spawn(process.execPath, [await slowEntry(400), optionsFile], { stdio: "ignore" });
  const collector = await supervise({ port, whenOrphaned: "stay" }, { entry: await slowEntry(1500) });
  expect(collector.running?.pid).toBe(orphan.pid);
  expect((await send(collector, "m1")).status).toBe(200);
});

test("closing while the next one comes up leaves none behind", async () => {
  const port = await freePort();
  const events: string[] = [];
  const collector = await supervise(
    { port, whenOrphaned: "stay" },
    { entry: await slowEntry(700), onEvent: (message) => events.push(message) },
  );
  process.kill(collector.running?.pid as number, "SIGKILL");
  await expect.poll(() => events.some((message) => message.includes("SIGKILL"))).toBe(true);
  // The pause is over, the process is there, and does not listen yet.
  await sleep(400);
  expect(collector.running).toBeUndefined();
  await collector.close();
  await sleep(1_000);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
});

test("closing seals what was accepted", async () => {
  const collector = await supervise({ segmentAgeMaxMs: 100_000 });
  await send(collector, "m1");
  await collector.close();
  const { connection, warehouse, close } = await testWarehouse();
  const loaded = await loadAll(connection, testProject(), { source: spoolLines(path.join(dir, "spool"), warehouse.scratchDir), now: 0 });
  expect(total(loaded)).toMatchObject({ stored: 1 });
  await close();
});
