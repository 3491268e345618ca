import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkLedger } from "../../src/observe/ledger.js";
import { LoadMemory } from "../../src/collect/load/load-memory.js";
import { type LoadSummary, loadSegments } from "../../src/collect/load/load-segments.js";
import { type ShippedLines, shippedLines } from "../../src/collect/load/shipped-lines.js";
import { shipSegments } from "../../src/collect/ship/ship-segments.js";
import { frameHeader } from "../../src/collect/spool/frame.js";
import { sql } from "../../src/warehouse/sql.js";
import type { Connection } from "../../src/warehouse/warehouse.js";
import { type Bench, collectBench, total, writeKey } from "./support.js";

/** Segments through the warehouse instead of through a folder: shipped by one program, loaded by another. */

let bench: Bench;
let source: ShippedLines;
let memory: LoadMemory;
beforeEach(async () => {
  bench = await collectBench();
  source = shippedLines();
  memory = new LoadMemory();
});
afterEach(() => bench.close());

const event = (id: string) => ({ type: "track", event: "Sent", userId: "u", messageId: id, properties: { id } });
const send = (...events: object[]) => bench.post("/v1/batch", { batch: events, writeKey });

async function ship(connection: Connection = bench.connection) {
  await bench.collector.spool.sealNow();
  const { spoolDir, scratchDir } = bench;
  return shipSegments(connection, { spoolDir, scratchDir, now: 0 });
}

async function load(): Promise<LoadSummary[]> {
  const summaries: LoadSummary[] = [];
  for (;;) {
    const summary = await loadSegments(bench.connection, bench.project, { source, memory, now: 0 });
    if (summary.loadId === undefined) return summaries;
    summaries.push(summary);
  }
}

const files = async () => (await readdir(bench.collector.spool.dir)).filter((file) => file.endsWith(".ndjson"));
const lines = async () => (await bench.connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM raw.incoming`))?.n;
const arrivals = async () => (await bench.connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ops.arrivals`))?.n;

async function addsUp(ids: readonly string[]): Promise<void> {
  expect((await bench.events()).map((row) => row["message_id"]).sort()).toEqual([...ids].sort());
  expect((await checkLedger(bench.connection)).filter((check) => !check.ok)).toEqual([]);
}

/** The session, which dies at this statement of shipping: before it, or once it has taken effect. */
function dying(at: number, when: "before" | "after"): Connection {
  let statements = 0;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    statements += 1;
    if (statements >= at && when === "before") throw new Error("dead");
    const outcome = await work();
    if (statements >= at) throw new Error("dead");
    return outcome;
  };
  const { connection } = bench;
  return Object.assign(Object.create(connection) as Connection, {
    dialect: connection.dialect,
    read: (query: Parameters<Connection["read"]>[0]) => step(() => connection.read(query)),
    first: (query: Parameters<Connection["first"]>[0]) => step(() => connection.first(query)),
    append: (...args: Parameters<Connection["append"]>) => step(() => connection.append(...args)),
    appendLines: (...args: Parameters<Connection["appendLines"]>) => step(() => connection.appendLines(...args)),
  });
}

test("shipped segments are loaded as those of the spool are", async () => {
  await send(event("one"), { type: "track", event: "no identity", messageId: "q" });
  await bench.collector.spool.sealNow();
  await send(event("two"), event("one"));
  expect(await ship()).toMatchObject({ segments: 2, remaining: { segments: 0, bytes: 0 } });
  expect(await files()).toEqual([]);
  expect(await bench.events()).toEqual([]);
  expect(total(await load())).toEqual({ accepted: 4, stored: 2, duplicates: 1, quarantined: 1 });
  await addsUp(["one", "two"]);
  expect(await bench.quarantined()).toMatchObject([{ reason: "no_identity", message_id: "q" }]);
  expect(await load()).toEqual([]);
});

test("what was loaded is removed, and nothing else", async () => {
  await send(event("one"));
  await ship();
  await load();
  await send(event("two"));
  await ship();
  expect(await arrivals()).toBe(2);
  await source.sweep(bench.connection);
  expect(await arrivals()).toBe(1);
  expect(total(await load())).toMatchObject({ stored: 1 });
  await source.sweep(bench.connection);
  expect([await arrivals(), await lines()]).toEqual([0, 0]);
  // A program that starts anew knows nothing of what was taken in before.
  source = shippedLines();
  memory = new LoadMemory();
  expect(await load()).toEqual([]);
  await addsUp(["one", "two"]);
});

test("dying before or after any statement neither loses nor doubles an event", async () => {
  const ids: string[] = [];
  let rounds = 0;
  for (const when of ["before", "after"] as const) {
    for (let at = 1; ; at += 1) {
      const id = `${when}-${at}`;
      ids.push(id);
      await send(event(id), event(`${id}-b`));
      ids.push(`${id}-b`);
      const died = await ship(dying(at, when)).then(
        () => false,
        () => true,
      );
      if (rounds % 2 === 1) await load();
      await ship();
      await load();
      expect(await files()).toEqual([]);
      await addsUp(ids);
      if (!died) break;
      rounds += 1;
    }
  }
  expect(rounds).toBeGreaterThan(8);
  // Whatever attempts left behind goes with what was loaded.
  await source.sweep(bench.connection);
  expect([await arrivals(), await lines()]).toEqual([0, 0]);
});

test("a segment that comes again after it was loaded is only deleted", async () => {
  await send(event("one"));
  await bench.collector.spool.sealNow();
  const [name = ""] = await files();
  const file = path.join(bench.collector.spool.dir, name);
  const bytes = await readFile(file);
  await ship();
  await load();
  await source.sweep(bench.connection);
  await writeFile(file, bytes);
  expect(await ship()).toMatchObject({ segments: 0 });
  expect(await files()).toEqual([]);
  await addsUp(["one"]);
});

test("damage travels to quarantine, the events around it are stored", async () => {
  await send(event("whole"));
  await bench.collector.spool.sealNow();
  const [name = ""] = await files();
  const whole = await readFile(path.join(bench.collector.spool.dir, name));
  const frame = (text: string, promised = text) => Buffer.concat([frameHeader(1, [Buffer.from(promised)]), Buffer.from(text)]);
  const own = (id: string) => `${JSON.stringify({ r: 1, x: 1, o: 1, s: "web", y: "track", e: { ...event(id) } })}\n`;
  const noText = Buffer.concat([Buffer.from('{"r":1,"e":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]);
  const damaged = Buffer.concat([
    whole,
    frame(own("flipped").replace("Sent", "Sant"), own("flipped")),
    frame("no json at all\n"),
    frameHeader(1, [noText]),
    noText,
    frame(own("last")),
  ]);
  await writeFile(path.join(bench.collector.spool.dir, name), damaged);
  await ship();
  expect(total(await load())).toEqual({ accepted: 5, stored: 2, duplicates: 0, quarantined: 3 });
  await addsUp(["whole", "last"]);
  const quarantined = await bench.quarantined();
  expect(quarantined.map((row) => row["reason"]).sort()).toEqual(["bad_checksum", "bad_json", "bad_json"]);
  expect(quarantined.map((row) => String(row["body"])).join()).toContain("no json at all");
});
