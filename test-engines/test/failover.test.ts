import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Analytics } from "@segment/analytics-node";
import { afterAll, expect, test } from "vitest";
import { openEngine, statePaths } from "../../packages/engine/src/engine.js";
import { sealedSegments } from "../../packages/engine/src/collect/load/sealed-segments.js";
import { checkLedger } from "../../packages/engine/src/observe/ledger.js";
import { sql } from "../../packages/engine/src/warehouse/sql.js";
import { freePort } from "../../packages/engine/test/support/free-port.js";
import { ended, killCollector } from "../../packages/engine/test/support/programs.js";
import { seeded } from "../../packages/engine/test/support/seeded.js";
import { within } from "../../packages/engine/test/support/within.js";
import { type Bridge, startBridge } from "./bridge-process.js";

/**
 * Two collectors that ship into one warehouse, one conductor and one standby, all programs of their own, under kill -9 and
 * SIGSTOP, while clients send. At the end every acknowledged event is stored once, the ledger adds up, the destination holds
 * what is wanted, no conductor delivered a row after a newer one had, and all tables equal a full recompute.
 */
const bin = fileURLToPath(new URL("../../packages/engine/bin/cambium.js", import.meta.url));
const seed = Number(process.env["CAMBIUM_FAULT_SEED"] ?? 20_261_129);

const files = (collectorPort: number, hook: string): Record<string, string> => ({
  "cambium.yml": `name: failover\ncollector: { port: ${collectorPort} }\nentities:\n  user: {}\n  workspace: { id: [context.groupId] }\n`,
  "sources/web.yml": "name: web\nwrite_keys: [key]\n",
  "traits/all.yml": `- { name: done, entity: [user, workspace], type: count, event: Done }\n- { name: total, entity: [user, workspace], type: sum, event: Done, property: amount }\n`,
  "audiences/busy.yml": "{ name: busy, entity: user, where: { trait: done, gte: 5 } }\n",
  "destinations/hook.yml": `name: hook\ntype: webhook\nsettings: { url: "http://${hook}/", headers: { x-conductor: "\${CONDUCTOR}" } }\nallow: ["${hook}"]\n`,
  "syncs/users.yml":
    "name: users\nfrom: { entity: user }\ndestination: hook\naction: send\nbatch_rows: 2\nmode: mirror\nmapping: { done: done, total: total }\n",
});

const children = new Set<ChildProcess>();
const folders: string[] = [];
let bridge: Bridge | undefined;
let receiver: Receiver | undefined;
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) await killCollector(folder);
  receiver?.close();
  await bridge?.stop();
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

test("collectors, conductor and standby lose and double nothing, whoever dies or sleeps", async () => {
  bridge = await startBridge();
  receiver = await startReceiver();
  const warehouse = `${bridge.url}/failover_`;
  const random = seeded(seed);
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const;
  const folderOf = async (port: number) => {
    const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-failover-"));
    folders.push(dir);
    for (const [file, text] of Object.entries(files(port, receiver?.host ?? ""))) {
      await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
      await writeFile(path.join(dir, file), text);
    }
    return dir;
  };
  const collect = [await folderOf(ports[0]), await folderOf(ports[1])] as const;
  const conduct = [await folderOf(0), await folderOf(0)] as const;
  const collector = (index: 0 | 1) => start(["collect", "--project", collect[index]], { CAMBIUM_WAREHOUSE: warehouse });
  /** `name` tells at the receiver which life of which engine delivered. */
  const engine = (index: 0 | 1, name: string) =>
    start(["engine", "--port", String(ports[2 + index]), "--project", conduct[index]], { CAMBIUM_WAREHOUSE: warehouse, CONDUCTOR: name });
  const urls = [`http://127.0.0.1:${ports[2]}`, `http://127.0.0.1:${ports[3]}`] as const;
  const took: string[] = [];
  /** Waits until an engine conducts, and notes how long after `since` (ms of this process's clock) that was. */
  const conducts = async (index: 0 | 1, why: string, since: number) => {
    await until(`${why}: the standby to conduct`, async () => (await roleOf(urls[index])) === "conductor");
    took.push(`${why} ${((performance.now() - since) / 1_000).toFixed(1)} s`);
  };
  const delivers = (name: string) => {
    const before = countOf(receiver, name);
    return until(`${name} to deliver`, () => countOf(receiver, name) > before);
  };

  let first = engine(0, "a1");
  await until("the first engine to conduct", async () => (await roleOf(urls[0])) === "conductor");
  let second = engine(1, "b1");
  let collectorA = collector(0);
  let collectorB = collector(1);
  const stop = new AbortController();
  const acknowledged = new Set<string>();
  await until("both collectors to accept", async () => (await accepts(ports[0])) && (await accepts(ports[1])));
  const clients = [
    sendBatches(`http://127.0.0.1:${ports[0]}/v1/batch`, "a", acknowledged, random, stop.signal),
    sendBatches(`http://127.0.0.1:${ports[1]}/v1/batch`, "b", acknowledged, random, stop.signal),
    sendBySdk(`http://127.0.0.1:${ports[1]}`, acknowledged, random, stop.signal),
  ];
  await until("the second engine to stand by", async () => (await roleOf(urls[1])) === "standby");
  await delivers("a1");

  // A collector's process dies and is started again by the one that looks after it; then that one dies, too.
  await killCollector(collect[0]);
  await sleep(1_000);
  await ended(collectorA, "SIGKILL");
  await killCollector(collect[1]);
  await delivers("a1");
  collectorA = collector(0);

  // The conductor dies.
  let since = performance.now();
  await ended(first, "SIGKILL");
  await conducts(1, "after kill -9", since);
  await delivers("b1");
  first = engine(0, "a2");
  await until("the first engine to stand by", async () => (await roleOf(urls[0])) === "standby");

  // The conductor sleeps in the midst of a run, and wakes up when another conducts and has delivered.
  await receiver.next("b1");
  since = performance.now();
  second.kill("SIGSTOP");
  await conducts(0, "after SIGSTOP", since);
  await delivers("a2");
  const byOlder = countOf(receiver, "b1");
  second.kill("SIGCONT");
  await until("the one that slept to stand by", async () => (await roleOf(urls[1])) === "standby");
  await delivers("a2");
  expect(countOf(receiver, "b1"), "requests of the older conductor after it woke up").toBe(byOlder);

  // A collector dies while the conductor is killed, and the conductor of before is back.
  since = performance.now();
  await Promise.all([ended(first, "SIGKILL"), ended(collectorB, "SIGKILL")]);
  collectorB = collector(1);
  await conducts(1, "after kill -9 again", since);
  await delivers("b1");

  // The conductor ends in order: the next need not wait.
  first = engine(0, "a3");
  await until("the first engine to stand by", async () => (await roleOf(urls[0])) === "standby");
  since = performance.now();
  await ended(second, "SIGTERM");
  await conducts(0, "after SIGTERM", since);
  await delivers("a3");

  stop.abort();
  await within(60, "the clients to end", Promise.all(clients));
  await until("the spools to be shipped", async () => (await Promise.all(collect.map(waiting))).every((segments) => segments === 0));
  for (const child of [collectorA, collectorB, first]) await ended(child, "SIGTERM");
  second = first;

  const last = await openEngine({ dir: conduct[0], version: "test", env: { CAMBIUM_WAREHOUSE: warehouse, CONDUCTOR: "last" } });
  try {
    await within(120, "the engine to settle what is left", last.settle());
    const connection = await last.warehouse.connect();
    const stored = await connection.read<{ id: string; n: number }>(sql`SELECT message_id AS id, count(*) AS n FROM raw.events GROUP BY 1`);
    const ids = new Set(stored.map((row) => row.id));
    expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
    expect(stored.filter((row) => row.n !== 1)).toEqual([]);
    expect((await checkLedger(connection)).filter((check) => !check.ok)).toEqual([]);
    const nodes = await connection.read<{ node: string; accepted: number; kept: number }>(
      sql`SELECT node, sum(accepted) AS accepted, sum(stored + duplicates + quarantined) AS kept FROM ops.loads GROUP BY node ORDER BY node`,
    );
    expect(nodes).toHaveLength(2);
    for (const node of nodes) expect(node.kept).toBe(node.accepted);
    const verified = await within(120, "verify", last.verify({}));
    expect(verified.checks.filter((check) => !check.ok)).toEqual([]);
    const wanted = await connection.read<{ key: string; done: number; total: number | null }>(
      sql`SELECT x.key AS key, t.done AS done, t.total AS total FROM growth.user_traits AS t JOIN growth.user_entities AS x ON x.entity_id = t.entity_id`,
    );
    expect(Object.fromEntries(receiver.held)).toEqual(
      Object.fromEntries(wanted.map((row) => [row.key, JSON.stringify({ done: row.done, total: row.total })])),
    );
    expect(goneBack(receiver.log)).toEqual([]);
    await connection.close();
    process.stdout.write(
      `failover: conducting ${took.join(", ")}; ${acknowledged.size} events acknowledged, ${stored.length} stored once by ${nodes.length} nodes, ${receiver.log.length} requests, seed ${seed}\n`,
    );
  } finally {
    await last.close();
  }
}, 360_000);

/** Lives of engines in the order in which they conducted. */
const tenures = ["a1", "b1", "a2", "b1 again", "a3", "last"];

/** Rows that an older conductor delivered after a newer one had. */
function goneBack(log: readonly Request[]): string[] {
  const newest = new Map<string, number>();
  let isAgain = false;
  return log.flatMap(({ conductor, key }) => {
    if (conductor === "a2") isAgain = true;
    const tenure = tenures.indexOf(conductor === "b1" && isAgain ? "b1 again" : conductor);
    const before = newest.get(key) ?? -1;
    newest.set(key, Math.max(before, tenure));
    return tenure < before ? [`${key}: ${conductor} after ${tenures[before] ?? ""}`] : [];
  });
}

function start(args: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [bin, ...args], {
    stdio: ["ignore", "ignore", process.env["CAMBIUM_FAULT_LOG"] === undefined ? "ignore" : "inherit"],
    env: { ...process.env, ...env },
  });
  children.add(child);
  return child;
}

async function roleOf(url: string): Promise<string | undefined> {
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
  return answer === undefined ? undefined : ((await answer.json()) as { role?: string }).role;
}

async function accepts(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined))?.ok === true;
}

async function waiting(dir: string): Promise<number> {
  return (await sealedSegments(statePaths(dir).spool)).length;
}

const eventOf = (random: () => number) => ({
  event: "Done",
  userId: `u${Math.floor(random() * 25)}`,
  properties: { amount: Math.floor(random() * 1_000) / 100 },
  context: { groupId: `w${Math.floor(random() * 4)}` },
});

/** The same batch again until it is accepted; only then are its ids remembered. */
async function sendBatches(url: string, name: string, acknowledged: Set<string>, random: () => number, signal: AbortSignal): Promise<void> {
  for (let number = 0; !signal.aborted; number += 1) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, index) => ({
      ...eventOf(random),
      type: "track",
      messageId: `${name}${number}-${index}`,
      timestamp: new Date().toISOString(),
    }));
    const body = JSON.stringify({ writeKey: "key", batch, sentAt: new Date().toISOString() });
    while (!signal.aborted) {
      const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
      if (response?.status === 200) {
        for (const { messageId } of batch) acknowledged.add(messageId);
        break;
      }
      await sleep(50);
    }
    await sleep(100 + random() * 300);
  }
}

/** Segment's own library, which tells of each event whether it was accepted. */
async function sendBySdk(host: string, acknowledged: Set<string>, random: () => number, signal: AbortSignal): Promise<void> {
  const analytics = new Analytics({ writeKey: "key", host, path: "/v1/batch", flushAt: 5, flushInterval: 200, disable: false });
  analytics.on("error", () => undefined);
  for (let number = 0; !signal.aborted; number += 1) {
    const messageId = `sdk${number}`;
    analytics.track({ ...eventOf(random), messageId }, (error) => void (error ?? acknowledged.add(messageId)));
    await sleep(50 + random() * 200);
  }
  await analytics.closeAndFlush({ timeout: 10_000 });
}

interface Request {
  readonly conductor: string;
  readonly key: string;
}

interface Receiver {
  readonly host: string;
  /** Every request that came, in order. */
  readonly log: Request[];
  /** The last state of each row, as a tool would keep it. */
  readonly held: Map<string, string>;
  /** Resolves at the next request of this one. */
  next(conductor: string): Promise<void>;
  close(): void;
}

const answerAfterMs = 150;

async function startReceiver(): Promise<Receiver> {
  const log: Request[] = [];
  const held = new Map<string, string>();
  const waiting: ((conductor: string) => void)[] = [];
  const server = http.createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { data: row } = JSON.parse(text) as { data: { key: string; change: string; fields: object } };
      log.push({ conductor: String(request.headers["x-conductor"]), key: row.key });
      if (row.change === "remove") held.delete(row.key);
      else held.set(row.key, JSON.stringify(row.fields));
      for (const tell of waiting.splice(0)) tell(String(request.headers["x-conductor"]));
      // So slow that a run of all rows takes a second or two.
      setTimeout(() => response.end("{}"), answerAfterMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    held,
    async next(conductor) {
      for (;;) if ((await new Promise<string>((resolve) => void waiting.push(resolve))) === conductor) return;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function countOf(from: Receiver | undefined, conductor: string): number {
  return from?.log.filter((request) => request.conductor === conductor).length ?? 0;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited 90 s for ${what}`);
    await sleep(100);
  }
}
