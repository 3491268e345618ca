import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { instantOf } from "../../src/base/instant.js";
import { spoolLines } from "../../src/collect/load/line-source.js";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { sql } from "../../src/warehouse/sql.js";
import type { Connection } from "../../src/warehouse/warehouse.js";
import { freePort } from "../support/free-port.js";
import { testProject } from "../support/project.js";
import { seeded } from "../support/seeded.js";
import { testWarehouse } from "../support/warehouse.js";
import { within } from "../support/within.js";
import { bundled, bundledCollector } from "./process-support.js";
import { collectBench, filledFilter, loadAll, testClock, total, writeKey } from "./support.js";

/**
 * Processes are killed at random moments while a client sends, and disks run full. Afterwards every accepted event is
 * there once. `CAMBIUM_FAULT_ROUNDS` and `CAMBIUM_FAULT_SEED` choose how often and which moments.
 */
const rounds = Number(process.env["CAMBIUM_FAULT_ROUNDS"] ?? 200);
const seed = Number(process.env["CAMBIUM_FAULT_SEED"] ?? 1);

let bundle: Awaited<ReturnType<typeof bundledCollector>>;
beforeAll(async () => {
  bundle = await bundledCollector();
});
afterAll(() => bundle.remove());

test(`kill -9 of the collector, ${rounds} times (seed ${seed}): no accepted event is lost or doubled`, async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-fault-"));
  const spoolDir = path.join(dir, "spool");
  const random = seeded(seed);
  const port = await freePort();
  const { connection, warehouse, close } = await testWarehouse();
  const filter = await filledFilter(connection);
  const client = new Client(`http://127.0.0.1:${port}`, random);
  const senders = Array.from({ length: 3 }, () => client.run());
  let loaded = { accepted: 0, stored: 0, duplicates: 0, quarantined: 0 };
  const load = async () => {
    const sum = total(await loadAll(connection, testProject(), { source: spoolLines(spoolDir, warehouse.scratchDir), filter, now: 0 }));
    loaded = {
      accepted: loaded.accepted + sum.accepted,
      stored: loaded.stored + sum.stored,
      duplicates: loaded.duplicates + sum.duplicates,
      quarantined: loaded.quarantined + sum.quarantined,
    };
  };
  for (let round = 0; round < rounds; round += 1) {
    const child = await startProcess(bundle.entry, spoolDir, port, dir);
    await sleep(5 + random() * 120);
    await kill(child);
    if (round % 10 === 9) await load();
  }
  const last = await startProcess(bundle.entry, spoolDir, port, dir);
  await within(60, "the client's last batches to be acknowledged", client.finish());
  await Promise.all(senders);
  await end(last);
  await load();
  const stored = await connection.columns(sql`SELECT message_id FROM raw.events`);
  const ids = (stored["message_id"] ?? []).map(String);
  expect(client.acknowledged.size).toBeGreaterThan(rounds * 5);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !client.sent.has(id))).toEqual([]);
  const there = new Set(ids);
  expect([...client.acknowledged].filter((id) => !there.has(id))).toEqual([]);
  expect(loaded.accepted).toBe(loaded.stored + loaded.duplicates + loaded.quarantined);
  expect(loaded.stored).toBe(ids.length);
  // An unacknowledged frame may be torn, but the end of a crash is no damage.
  expect(loaded.quarantined).toBe(0);
  console.info(
    `collector: ${rounds} kills, ${client.acknowledged.size} events acknowledged, ${loaded.duplicates} retries dropped as duplicates, ${client.failures} requests broken off`,
  );
  await close();
  await rm(dir, { recursive: true, force: true });
});

test("kill -9 of the loader: every segment counts once", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-fault-"));
  const loader = await bundled(path.join(import.meta.dirname, "clients/loader.ts"));
  const random = seeded(seed + 1);
  const bench = await collectBench({ spoolDir: path.join(dir, "spool"), segmentAgeMaxMs: 10 });
  const args = [path.join(dir, "warehouse.duckdb"), path.join(dir, "scratch"), path.join(dir, "spool")];
  const client = new Client(bench.collector.url, random);
  const senders = [client.run(), client.run()];
  const kills = Math.max(10, Math.ceil(rounds / 5));
  for (let round = 0; round < kills; round += 1) {
    const child = spawn(process.execPath, [loader.entry, ...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    await within(30, `loader ${round} to open its warehouse`, new Promise((resolve) => child.once("message", resolve)));
    await sleep(random() * 150);
    await kill(child);
  }
  await within(60, "the client's last batches to be acknowledged", client.finish());
  await Promise.all(senders);
  await bench.collector.spool.sealNow();
  const warehouse = await openDuckdb({ file: args[0] as string, scratchDir: args[1] as string });
  const connection = await warehouse.connect();
  await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
  await loadAll(connection, testProject(), { source: spoolLines(args[2] as string, args[1] as string), now: 0 });
  await expectExactly(connection, client.sent);
  console.info(`loader: ${kills} kills, ${client.sent.size} events`);
  await connection.close();
  await warehouse.close();
  await bench.close();
  await loader.remove();
  await rm(dir, { recursive: true, force: true });
});

test("a full disk: 503 while it is full, then all is well, and what was accepted is there", async (context) => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-full-"));
  const spoolDir = path.join(dir, "disk");
  await mkdir(spoolDir);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", spoolDir], { stdio: "pipe" });
  } catch (thrown) {
    await rm(dir, { recursive: true, force: true });
    console.warn(`SKIPPED: the full-disk test needs to mount a tmpfs here: ${String(thrown)}`);
    return context.skip();
  }
  const bench = await collectBench({ spoolDir, segmentBytesMax: 500_000 });
  const accepted = new Set<string>();
  const statuses = new Set<number>();
  let next = 0;
  const send = async () => {
    const ids = Array.from({ length: 20 }, () => `full-${(next += 1)}`);
    const answer = await bench.post("/v1/batch", {
      batch: ids.map((id) => ({ ...event(id), properties: { pad: "x".repeat(700) } })),
      writeKey,
    });
    statuses.add(answer.status);
    if (answer.status === 200) for (const id of ids) accepted.add(id);
    else expect(answer.headers.get("retry-after")).toBe("1");
    return answer.status;
  };
  const settings = { source: spoolLines(spoolDir, bench.scratchDir), now: 0 };
  try {
    for (let fill = 0; fill < 3; fill += 1) {
      let refused = 0;
      for (let n = 0; n < 400 && refused < 5; n += 1) if ((await send()) === 503) refused += 1;
      expect(refused).toBe(5);
      const health = await fetch(`${bench.collector.url}/healthz`);
      expect([200, 503]).toContain(health.status);
      await bench.load(settings);
      await expect.poll(send, { timeout: 10_000, interval: 50 }).toBe(200);
    }
    await bench.load(settings);
    expect(statuses).toEqual(new Set([200, 503]));
    await expectExactly(bench.connection, accepted);
    expect(await bench.quarantined()).toEqual([]);
  } finally {
    await bench.close();
    execFileSync("umount", ["-l", spoolDir]);
    await rm(dir, { recursive: true, force: true });
  }
});

test("clock jumps: events arrive whatever the clock does, and those of the future are held to their arrival", async () => {
  const clock = testClock(instantOf("2026-03-01T12:00:00Z"));
  const bench = await collectBench({ clock: clock.now });
  const jumps = ["2026-03-01T12:00:01Z", "2020-01-01T00:00:00Z", "2037-01-01T00:00:00Z", "2026-03-01T12:00:00Z", "1970-01-01T00:00:00Z"];
  for (const [index, jump] of jumps.entries()) {
    clock.set(instantOf(jump));
    const answer = await bench.post("/v1/track", { ...event(`jump-${index}`), timestamp: "2026-03-01T12:00:00.000Z", writeKey });
    expect(answer.status).toBe(200);
    if (index % 2 === 1) await bench.restart();
  }
  await bench.load();
  const rows = await bench.connection.read(sql`SELECT message_id, time_flag FROM raw.events ORDER BY message_id`);
  expect(rows.map((row) => row["time_flag"])).toEqual([null, "clamped", null, null, "clamped"]);
  await bench.close();
});

/** Sends numbered events and tries again until each is acknowledged, as client libraries do. */
class Client {
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  failures = 0;
  #url: string;
  #random: () => number;
  #next = 0;
  #over = false;
  #open = 0;

  constructor(url: string, random: () => number) {
    this.#url = url;
    this.#random = random;
  }

  async run(): Promise<void> {
    while (!this.#over) {
      const ids = Array.from({ length: 1 + Math.floor(this.#random() * 30) }, () => `m-${(this.#next += 1)}`);
      for (const id of ids) this.sent.add(id);
      this.#open += 1;
      while (!(await this.#try(ids))) await sleep(15);
      for (const id of ids) this.acknowledged.add(id);
      this.#open -= 1;
    }
  }

  async finish(): Promise<void> {
    this.#over = true;
    while (this.#open > 0) await sleep(5);
  }

  async #try(ids: readonly string[]): Promise<boolean> {
    try {
      const answer = await fetch(`${this.#url}/v1/batch`, { method: "POST", body: JSON.stringify({ batch: ids.map(event), writeKey }) });
      await answer.arrayBuffer();
      return answer.status === 200;
    } catch {
      this.failures += 1;
      return false;
    }
  }
}

function event(id: string): Record<string, unknown> {
  return { type: "track", event: "Sent", userId: "u", messageId: id, properties: { id } };
}

async function expectExactly(connection: Connection, ids: ReadonlySet<string>): Promise<void> {
  const stored = await connection.columns(sql`SELECT message_id FROM raw.events`);
  const there = (stored["message_id"] ?? []).map(String);
  expect(there.length).toBe(ids.size);
  expect(there.filter((id) => !ids.has(id))).toEqual([]);
  expect(new Set(there).size).toBe(there.length);
}

async function startProcess(entry: string, spoolDir: string, port: number, dir: string): Promise<ChildProcess> {
  const file = path.join(dir, "options.json");
  await writeFile(
    file,
    JSON.stringify({ spoolDir, port, sources: [{ name: "web", writeKeys: [writeKey] }], segmentAgeMaxMs: 30, whenOrphaned: "exit" }),
  );
  const child = spawn(process.execPath, [entry, file], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ready = new Promise<void>((resolve, reject) => {
    child.on("message", (message: { type: string }) => {
      if (message.type === "ready") resolve();
      else if (message.type === "failed") reject(new Error(JSON.stringify(message)));
    });
    child.once("exit", (code) => reject(new Error(`the collector ended with ${String(code)}`)));
  });
  await within(30, "the collector to listen", ready);
  return child;
}

function kill(child: ChildProcess): Promise<void> {
  return ended(child, "SIGKILL");
}

function end(child: ChildProcess): Promise<void> {
  return ended(child, "SIGTERM");
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = new Promise<void>((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", () => resolve());
  });
  child.kill(signal);
  return within(30, `a process to end after ${signal}`, exit);
}
