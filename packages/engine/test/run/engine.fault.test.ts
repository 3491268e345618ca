import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openEngine } from "../../src/engine.js";
import { checkLedger } from "../../src/observe/ledger.js";
import { sql } from "../../src/warehouse/sql.js";
import { freePort } from "../support/free-port.js";
import { ended, killCollector } from "../support/programs.js";
import { seeded } from "../support/seeded.js";
import { within } from "../support/within.js";

/**
 * The whole program under `kill -9`: a client sends, the engine or the collector dies at random moments and is started
 * again, as a supervisor would. At the end every accepted event is stored once, every number equals a full recompute,
 * the ledger adds up, and the destination holds exactly what is wanted. More rounds: CAMBIUM_FAULT_ROUNDS.
 */
const rounds = Number(process.env["CAMBIUM_FAULT_ROUNDS"] ?? 40);
const seed = Number(process.env["CAMBIUM_FAULT_SEED"] ?? 20_260_301);
const bin = fileURLToPath(new URL("../../bin/cambium.js", import.meta.url));

const files = (port: number, collectorPort: number): Record<string, string> => ({
  "cambium.yml": `name: fault\ncollector: { port: ${collectorPort} }\nserver: { port: 0 }\nentities:\n  user: {}\n  workspace: { id: [context.groupId] }\n`,
  "sources/web.yml": "name: web\nwrite_keys: [key]\n",
  "traits/all.yml": `- { name: done, entity: [user, workspace], type: count, event: Done }\n- { name: total, entity: [user, workspace], type: sum, event: Done, property: amount }\n`,
  "audiences/busy.yml": "{ name: busy, entity: user, where: { trait: done, gte: 5 } }\n",
  "destinations/hook.yml": `name: hook\ntype: webhook\nsettings: { url: "http://127.0.0.1:${port}/" }\nallow: ["127.0.0.1:${port}"]\n`,
  "syncs/users.yml": "name: users\nfrom: { entity: user }\ndestination: hook\nmode: mirror\nmapping: { done: done, total: total }\n",
});

test(`nothing is lost or doubled over ${rounds} kills of engine and collector`, async () => {
  const random = seeded(seed);
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-fault-"));
  const held = new Map<string, string>();
  const receiver = http.createServer((request, response) => receive(request, response, held));
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const collectorPort = await freePort();
  for (const [file, text] of Object.entries(files((receiver.address() as AddressInfo).port, collectorPort))) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), text);
  }
  const accepted = new Set<string>();
  const stop = new AbortController();
  let engine = start(dir);
  try {
    const client = keepSending(`http://127.0.0.1:${collectorPort}/v1/batch`, accepted, random, stop.signal);
    await until("the first accepted event", () => accepted.size > 0);
    for (let round = 0; round < rounds; round += 1) {
      await sleep(200 + random() * 1200);
      if (random() < 0.3) {
        await killCollector(dir);
        continue;
      }
      await ended(engine, "SIGKILL");
      engine = start(dir);
    }
    stop.abort();
    await within(30, "the client to end its last request", client);
    // Left alone, the program repairs what was torn and drains the spool by itself.
    await until("the spool to be drained", async () => {
      // As a supervisor does with a program that ended by itself.
      if (engine.exitCode !== null) engine = start(dir);
      return (await spoolBytes(dir)) === 0;
    });
    await ended(engine, "SIGTERM");

    const last = await openEngine({ dir, version: "test" });
    try {
      await within(180, "the engine to settle what is left", last.settle());
      const connection = await last.warehouse.connect();
      const stored = await connection.read<{ id: string; n: number }>(
        sql`SELECT message_id AS id, count(*) AS n FROM raw.events GROUP BY 1`,
      );
      const ids = new Set(stored.map((row) => row.id));
      expect([...accepted].filter((id) => !ids.has(id))).toEqual([]);
      expect(stored.filter((row) => row.n !== 1)).toEqual([]);
      expect((await checkLedger(connection)).filter((check) => !check.ok)).toEqual([]);
      const verified = await within(120, "verify", last.verify({}));
      expect(verified.checks.filter((check) => !check.ok)).toEqual([]);
      const wanted = await connection.read<{ key: string; done: number; total: number | null }>(
        sql`SELECT x.key, t.done, t.total FROM growth.user_traits AS t JOIN growth.user_entities AS x ON x.entity_id = t.entity_id`,
      );
      expect(Object.fromEntries(held)).toEqual(
        Object.fromEntries(wanted.map((row) => [row.key, JSON.stringify({ done: row.done, total: row.total })])),
      );
      await connection.close();
      process.stdout.write(
        `engine faults: ${rounds} kills, ${accepted.size} events accepted, ${stored.length} stored once, seed ${seed}\n`,
      );
    } finally {
      await last.close();
    }
  } finally {
    stop.abort();
    engine.kill("SIGKILL");
    await killCollector(dir).catch(() => undefined);
    receiver.close();
    await rm(dir, { recursive: true, force: true });
  }
}, 1_200_000);

function start(dir: string): ChildProcess {
  return spawn(process.execPath, [bin, "up", "--project", dir], { stdio: "ignore", env: { ...process.env, UV_THREADPOOL_SIZE: "16" } });
}

/** As an SDK does: the same batch again until it is accepted; only then are its ids remembered. */
async function keepSending(url: string, accepted: Set<string>, random: () => number, signal: AbortSignal): Promise<void> {
  for (let batchNumber = 0; !signal.aborted; batchNumber += 1) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, index) => ({
      messageId: `b${batchNumber}-${index}`,
      type: "track",
      event: "Done",
      userId: `u${Math.floor(random() * 30)}`,
      properties: { amount: Math.floor(random() * 1000) / 100 },
      context: { groupId: `w${Math.floor(random() * 5)}` },
      timestamp: new Date().toISOString(),
    }));
    const body = JSON.stringify({ writeKey: "key", batch, sentAt: new Date().toISOString() });
    while (!signal.aborted) {
      const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
      if (response?.status === 200) {
        for (const { messageId } of batch) accepted.add(messageId);
        break;
      }
      await sleep(20);
    }
    await sleep(random() * 30);
  }
}

interface Row {
  readonly key: string;
  readonly change: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps the last state of each row, as a tool would. */
function receive(request: http.IncomingMessage, response: http.ServerResponse, held: Map<string, string>): void {
  let text = "";
  request.on("data", (chunk: Buffer) => (text += chunk.toString()));
  request.on("end", () => {
    const body = JSON.parse(text) as { data: Row | Row[] };
    for (const row of [body.data].flat()) {
      if (row.change === "remove") held.delete(row.key);
      else held.set(row.key, JSON.stringify(row.fields));
    }
    response.end("{}");
  });
}

async function spoolBytes(dir: string): Promise<number> {
  const spool = path.join(dir, ".cambium/spool");
  let bytes = 0;
  for (const entry of await readdir(spool, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && /\.(open|ndjson)$/.test(entry.name))
      bytes += await stat(path.join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return bytes;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited two minutes for ${what}`);
    await sleep(50);
  }
}
