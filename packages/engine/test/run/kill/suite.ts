import { mkdir, mkdtemp, readdir, rename, rm, copyFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Instant, instantOf } from "../../../src/base/instant.js";
import { startCollector } from "../../../src/collect/collector.js";
import { type WarehouseSettings, openWarehouse } from "../../../src/warehouse/open-warehouse.js";
import { seeded } from "../../support/seeded.js";
import { contentsOf } from "./compare.js";
import { type Turn, live, projectOf } from "./scenario.js";

/**
 * Two warehouses take the same turns. In one of them the program dies at one statement of each turn, another one in every
 * turn, and takes the turn again; afterwards both hold the same.
 */
export interface Mortal {
  /** Statements of a turn that nothing disturbs. */
  statements(settings: WarehouseSettings, turn: Turn): Promise<number>;
  /** A turn that ends at this statement, unless it has fewer. */
  dies(settings: WarehouseSettings, turn: Turn, at: number): Promise<void>;
}

export function killSuite(
  title: string,
  mortal: Mortal,
  settingsOf: (name: string, dir: string) => WarehouseSettings,
  /** Every so many statements one is died at; `CAMBIUM_KILL_STEP=1` takes them all. */
  { step }: { step: number },
): void {
  const seed = Number(process.env["CAMBIUM_FAULT_SEED"] ?? 1);
  const random = seeded(seed);
  let dir = "";
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let source: Awaited<ReturnType<typeof startSource>>;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), "cambium-kill-"));
    receiver = await startReceiver();
    source = await startSource(dir, random);
  });
  afterAll(async () => {
    await source.close();
    await receiver.close();
    await rm(dir, { recursive: true, force: true });
  });

  test(`${title}: dead at any statement of load, cycle, upkeep and delivery, the next turn ends as if nothing had been`, async () => {
    const names = ["undisturbed", "mortal"] as const;
    const settings = { undisturbed: settingsOf("undisturbed", dir), mortal: settingsOf("mortal", dir) };
    const turnOf = (name: (typeof names)[number], number: number): Turn => ({
      number,
      now: source.now(),
      spoolDir: path.join(dir, name),
      url: `${receiver.url}/${name}`,
    });
    await source.next(40, names);
    await live(settings.undisturbed, turnOf("undisturbed", 0));
    await live(settings.mortal, turnOf("mortal", 0));
    await source.next(10, names);
    await live(settings.undisturbed, turnOf("undisturbed", 1));
    const statements = await mortal.statements(settings.mortal, turnOf("mortal", 1));
    let deaths = 0;
    // Turns differ: beyond the usual number are those that change definitions or maintain.
    const last = Math.ceil(statements * 1.5);
    for (let at = 1 + Math.floor(random() * step), number = 2; at <= last; at += step, number += 1) {
      await source.next(10, names);
      await live(settings.undisturbed, turnOf("undisturbed", number));
      const turn = turnOf("mortal", number);
      await mortal.dies(settings.mortal, turn, at);
      deaths += 1;
      await live(settings.mortal, turn);
      const where = `seed ${seed}: turn ${number} died at statement ${at} of about ${statements}`;
      const [wanted, found] = await Promise.all(names.map((name) => contents(settings[name], turnOf(name, number))));
      expect(found, where).toEqual(wanted);
      expect(found?.["the ledger"], where).toEqual([]);
      expect(receiver.held("mortal"), where).toEqual(receiver.held("undisturbed"));
    }
    process.stdout.write(`${title}: ${deaths} deaths among the first ${last} statements of turns of about ${statements}, seed ${seed}\n`);
  });
}

async function contents(settings: WarehouseSettings, turn: Turn): Promise<Record<string, string[]>> {
  const warehouse = await openWarehouse({ ...settings, readOnly: true });
  const connection = await warehouse.connect();
  try {
    return await contentsOf(connection, projectOf(turn));
  } finally {
    await connection.close();
    await warehouse.close();
  }
}

/** What destinations hold, by the path that was posted to: a careful one, which takes each change once. */
async function startReceiver() {
  const held = new Map<string, Map<string, string>>();
  const seen = new Set<string>();
  const server = http.createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    request.on("end", () => {
      const where = request.url?.slice(1) ?? "";
      const message = JSON.parse(text) as { sync: string; data: Sent[] };
      const rows = held.get(where) ?? new Map<string, string>();
      held.set(where, rows);
      for (const row of message.data) {
        const id = `${where} ${row.idempotency_key}`;
        if (seen.has(id)) continue;
        seen.add(id);
        const key = `${message.sync} ${row.key}`;
        if (row.change === "remove") rows.delete(key);
        else rows.set(key, JSON.stringify(row.fields));
      }
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held: (where: string) => Object.fromEntries([...(held.get(where) ?? [])].sort()),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

interface Sent {
  readonly key: string;
  readonly change: string;
  readonly idempotency_key: string;
  readonly fields: unknown;
}

const writeKey = "test-key";
const start = instantOf("2026-03-20T12:00:00Z");

/** Events through a real collector, each batch a sealed segment in the spool of each warehouse. */
async function startSource(dir: string, random: () => number) {
  const spoolDir = path.join(dir, "collected");
  let now: Instant = start;
  let made = 0;
  const collector = await startCollector({ spoolDir, sources: [{ name: "web", writeKeys: [writeKey] }], clock: () => now });
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const event = () => {
    made += 1;
    const user = `u${Math.floor(random() * 12)}`;
    const anonymous = `a${Math.floor(random() * 12)}`;
    const group = `w${Math.floor(random() * 4)}`;
    const back = random() < 0.3 ? Math.floor(random() * 20 * 1440) : Math.floor(random() * 90);
    const timestamp = new Date((now - back * 60_000_000) / 1000).toISOString();
    const who = pick([{ userId: user }, { anonymousId: anonymous }, { userId: user, anonymousId: anonymous }]);
    const base = { messageId: random() < 0.05 ? `m${made - 1}` : `m${made}`, ...who, timestamp };
    const kind = random();
    if (kind < 0.1) return { ...base, type: "identify", traits: { plan: pick(["free", "team"]) } };
    if (kind < 0.2) return { ...base, type: "group", groupId: group, traits: { account_id: pick(["acc1", "acc2"]) } };
    if (kind < 0.25) return { ...base, type: "track", event: "Workspace Left", context: { groupId: group } };
    if (kind < 0.28) return { ...base, type: "track", properties: { no: "event name" } };
    const properties = { amount: Math.floor(random() * 2000) / 100, item: pick(["a", "b", "c"]), mood: pick(["good", "bad"]) };
    return { ...base, type: "track", event: "Paid", properties, ...(random() < 0.4 && { context: { groupId: group } }) };
  };
  return {
    now: () => now,
    /** Time goes on, by minutes or hours, now and then by a day. */
    async next(events: number, names: readonly string[]) {
      now += Math.floor(random() < 0.15 ? 86_400_000_000 : random() * 7_200_000_000) + 60_000_000;
      const batch = Array.from({ length: events }, event);
      const answer = await fetch(`${collector.url}/v1/batch`, { method: "POST", body: JSON.stringify({ batch, writeKey }) });
      expect(answer.status).toBe(200);
      await collector.spool.sealNow();
      const node = path.join(spoolDir, collector.spool.node);
      for (const file of (await readdir(node)).filter((entry) => entry.endsWith(".ndjson"))) {
        for (const name of names) {
          await mkdir(path.join(dir, name, collector.spool.node), { recursive: true });
          await copyFile(path.join(node, file), path.join(dir, name, collector.spool.node, file));
        }
        await rename(path.join(node, file), path.join(dir, file));
      }
    },
    close: () => collector.close(),
  };
}
