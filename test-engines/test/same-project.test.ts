import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exampleSecrets, seedOrchard } from "../../examples/orchard/start.js";
import { type Receiver, startReceiver } from "../../examples/receiver/receiver.js";
import { startCollector } from "../../packages/engine/src/collect/collector.js";
import { sealedSegments } from "../../packages/engine/src/collect/load/sealed-segments.js";
import { type Engine, openEngine, statePaths } from "../../packages/engine/src/engine.js";
import { compareWarehouses } from "../../packages/engine/src/run/compare-warehouses.js";
import { fillHistory } from "../../packages/engine/src/run/fill-history.js";
import { type Bridge, startBridge } from "./bridge-process.js";

/**
 * The example project on both engines: what one collector received is loaded, computed and delivered twice, in two turns a
 * day apart. Every profile, trait, score, audience and delivery must come out the same, on a server and with tables as a
 * cluster has them (`one-node-cluster.mjs`). CAMBIUM_SAME_USERS and
 * CAMBIUM_SAME_DAYS make the company larger (5500 and 90 are what `npm start` has).
 */
const users = Number(process.env["CAMBIUM_SAME_USERS"] ?? 150);
const days = Number(process.env["CAMBIUM_SAME_DAYS"] ?? 35);
const until = Date.UTC(2026, 4, 13, 18) * 1000;
const micros = 1_000_000;
const historyDays = 5;

const folders: string[] = [];
const closers: (() => Promise<unknown>)[] = [];
const bridges: Bridge[] = [];
let collected = "";
let embedded: Awaited<ReturnType<typeof turnsOf>>;
beforeAll(async () => {
  collected = await collect();
  embedded = await turnsOf(collected, {});
}, 1_800_000);
afterAll(async () => {
  for (const close of closers.reverse()) await close();
  for (const bridge of bridges) await bridge.stop();
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

test.each(["a server", "a cluster"])(
  "the example comes out the same on the embedded engine and on %s",
  async (where) => {
    const isCluster = where === "a cluster";
    const bridge = await startBridge(isCluster ? { cluster: "main" } : {});
    bridges.push(bridge);
    const scaled = await turnsOf(collected, { CAMBIUM_WAREHOUSE: `${bridge.url}/orchard_${isCluster ? "?cluster=main" : ""}` });
    const here = await embedded.engine.warehouse.connect();
    const there = await scaled.engine.warehouse.connect();
    const { equal, comparisons } = await compareWarehouses(here, there, embedded.engine.project());
    expect(comparisons.filter((each) => !each.equal)).toEqual([]);
    expect(equal).toBe(true);
    const rows = new Map(comparisons.map(({ what, here: count }) => [what, count]));
    for (const what of [
      "user_traits",
      "workspace_traits",
      "account_traits",
      "memberships",
      "score_history",
      "audience_members",
      "deliveries",
    ])
      expect(rows.get(what), what).toBeGreaterThan(5);
    expect(scaled.receiver.requests()).toBe(embedded.receiver.requests());
    await Promise.all([here.close(), there.close()]);
  },
  1_800_000,
);

/** A folder with a spool that a collector has filled. */
async function collect(): Promise<string> {
  const folder = await newFolder();
  const spoolDir = path.join(folder, "spool");
  const sources = [{ name: "backend", writeKeys: ["orchard-history"] }];
  const collector = await startCollector({ spoolDir, sources, clock: () => until + 60 * micros, segmentBytesMax: 500_000 });
  await seedOrchard({ url: collector.url, stateDir: folder, now: until, seed: "same", days, users });
  await collector.close();
  return spoolDir;
}

/** The project in a folder of its own: half of what was collected, a day later the rest, and the history of scores. */
async function turnsOf(spool: string, env: Record<string, string>): Promise<{ engine: Engine; receiver: Receiver }> {
  const dir = await newFolder();
  const receiver = await startReceiver();
  closers.push(() => receiver.close());
  const example = path.resolve(import.meta.dirname, "../../examples/orchard");
  await cp(example, dir, { recursive: true, filter: (file) => !/\.cambium|simulator|test|deliveries/.test(path.relative(example, file)) });
  for (const name of ["receiver.yml", "outside-tools.yml"]) {
    const file = path.join(dir, "destinations", name);
    await writeFile(file, (await readFile(file, "utf8")).replaceAll("127.0.0.1:4320", receiver.host));
  }
  const paths = statePaths(dir);
  await cp(spool, paths.spool, { recursive: true, filter: (file) => !path.basename(file).startsWith("lock") });
  const segments = (await sealedSegments(paths.spool)).map(({ file }) => file);
  const later = segments.slice(Math.ceil(segments.length / 2));
  expect(later.length).toBeGreaterThan(0);
  await mkdir(path.join(dir, "later"));
  const held = (file: string) => path.join(dir, "later", path.basename(file));
  for (const file of later) await rename(file, held(file));
  let now = until + 120 * micros;
  const engine = await openEngine({
    dir,
    version: "test",
    clock: () => now,
    env: { ...process.env, ...exampleSecrets, ...env },
    onError: (where, thrown) => {
      throw new Error(`${where}: ${String(thrown)}`);
    },
  });
  closers.push(() => engine.close());
  await engine.settle();
  for (const file of later) await rename(held(file), file);
  now += 86_400 * micros;
  await engine.settle();
  await fillHistory(engine.warehouse, engine.project(), historyDays, () => undefined);
  return { engine, receiver };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-same-"));
  folders.push(folder);
  return folder;
}
