import { cp, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCollector } from "../../packages/engine/src/collect/collector.js";
import { type LineSource, spoolLines } from "../../packages/engine/src/collect/load/line-source.js";
import { loadSegments } from "../../packages/engine/src/collect/load/load-segments.js";
import { shippedLines } from "../../packages/engine/src/collect/load/shipped-lines.js";
import { shipSegments } from "../../packages/engine/src/collect/ship/ship-segments.js";
import { checkLedger } from "../../packages/engine/src/observe/ledger.js";
import { eraseClickhouse, openClickhouse } from "../../packages/engine/src/warehouse/clickhouse/open.js";
import { createTables } from "../../packages/engine/src/warehouse/create-tables.js";
import { sql } from "../../packages/engine/src/warehouse/sql.js";
import type { Connection, Warehouse } from "../../packages/engine/src/warehouse/warehouse.js";
import { testProject } from "../../packages/engine/test/support/project.js";
import { type Bridge, startBridge } from "./bridge-process.js";
import { type MortalServer, mortalServer } from "./mortal-server.js";

/**
 * A conductor that falls asleep at any request of a load, and wakes up when another has loaded the same segments: raw tables
 * are written at once, so what it still sends must change nothing. CAMBIUM_SLEEP_STEP tries every n-th request.
 */
const step = Number(process.env["CAMBIUM_SLEEP_STEP"] ?? 3);

let bridge: Bridge;
let mortal: MortalServer;
let dir: string;
beforeAll(async () => {
  bridge = await startBridge();
  mortal = await mortalServer(bridge.url);
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-sleep-"));
  const sources = [{ name: "web", writeKeys: ["key"] }];
  const collector = await startCollector({ spoolDir: path.join(dir, "collected"), sources });
  for (const ids of [
    ["one", "two", "one"],
    ["two", "three", ""],
  ]) {
    const batch = ids.map((id) =>
      id === "" ? { type: "track", event: "nobody's" } : { type: "track", event: "Sent", userId: "u", messageId: id },
    );
    await fetch(`${collector.url}/v1/batch`, { method: "POST", body: JSON.stringify({ writeKey: "key", batch }) });
    await collector.spool.sealNow();
  }
  await collector.close();
});
afterAll(async () => {
  await mortal.close();
  await bridge.stop();
  await rm(dir, { recursive: true, force: true });
});

test.each(["spool", "shipped"] as const)("one that sleeps at any request of a load (%s) wakes up to no harm", async (from) => {
  let asleepAt = 0;
  let refused = 0;
  for (let at = 1; ; at += step) {
    const prefix = `s${from}${at}_`;
    const opened: Warehouse[] = [];
    const open = async (url = bridge.url) => {
      const warehouse = await openClickhouse({ url, prefix, scratchDir: dir });
      opened.push(warehouse);
      return warehouse.connect();
    };
    const first = await open();
    await createTables(first, ["user", "workspace", "account"], ["workspace", "account"]);
    const spoolDir = path.join(dir, `${from}-${at}`);
    const copySpool = () =>
      cp(path.join(dir, "collected"), spoolDir, { recursive: true, filter: (file) => !path.basename(file).startsWith("lock") });
    await copySpool();
    if (from === "shipped") await shipSegments(first, { spoolDir, scratchDir: dir, now: 0 });
    const source = (): LineSource => (from === "spool" ? spoolLines(spoolDir, dir) : shippedLines());
    const sleeper = await open(mortal.url);
    mortal.fail(at, "held");
    const asleep = load(sleeper, source()).then(
      () => "loaded",
      (thrown: unknown) => (thrown as { code?: string }).code ?? String(thrown),
    );
    let isOver = false;
    void asleep.then(() => (isOver = true));
    await until(() => isOver || mortal.requests >= at);
    if (isOver) {
      mortal.heal();
      await Promise.all(opened.map((warehouse) => warehouse.close().catch(() => undefined)));
      break;
    }
    asleepAt = at;
    const next = await open();
    await load(next, source());
    // More comes meanwhile, under the number that the sleeper has in mind for its own.
    await addsUp(next);
    mortal.release();
    if ((await asleep) !== "loaded") refused += 1;
    await addsUp(next);
    const last = await open();
    await copySpool();
    await load(last, source());
    await addsUp(last);
    for (const warehouse of opened) await warehouse.close().catch(() => undefined);
    await eraseClickhouse({ url: bridge.url, prefix, scratchDir: dir });
  }
  expect(asleepAt).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(3);
});

async function load(connection: Connection, source: LineSource): Promise<void> {
  for (;;) {
    const { loadId } = await loadSegments(connection, testProject(), { source, now: 0 });
    if (loadId === undefined) return;
  }
}

async function addsUp(connection: Connection): Promise<void> {
  expect(await connection.read(sql`SELECT message_id, load_id FROM raw.events ORDER BY message_id`)).toEqual(
    ["one", "three", "two"].map((id) => ({ message_id: id, load_id: 1 })),
  );
  expect(await connection.first(sql`SELECT count(*) AS n FROM raw.quarantine`)).toEqual({ n: 1 });
  expect((await checkLedger(connection)).filter((check) => !check.ok)).toEqual([]);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
