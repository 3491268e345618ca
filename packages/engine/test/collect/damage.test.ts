import { mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { frameHeader } from "../../src/collect/spool/frame.js";
import { spoolLines } from "../../src/collect/load/line-source.js";
import { loadSegments } from "../../src/collect/load/load-segments.js";
import { type Sql, render, sql } from "../../src/warehouse/sql.js";
import type { TableSpec } from "../../src/warehouse/table.js";
import type { Connection, Row } from "../../src/warehouse/warehouse.js";
import { type Bench, collectBench, total, writeKey } from "./support.js";

/** Segments that are not what the collector wrote: what can be read is loaded, the rest is set aside and counted. */

let bench: Bench;
beforeEach(async () => {
  bench = await collectBench({ segmentAgeMaxMs: 100_000 });
});
afterEach(() => bench.close());

const event = (id: string) => ({ type: "track", event: "Sent", userId: "u", messageId: id, properties: { id } });

async function sealedFiles(): Promise<string[]> {
  await bench.collector.spool.sealNow();
  const { dir } = bench.collector.spool;
  return (await readdir(dir)).filter((file) => file.endsWith(".ndjson")).map((file) => path.join(dir, file));
}

async function ledgerAddsUp(): Promise<void> {
  const row = await bench.connection.first(
    sql`SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(stored + duplicates + quarantined), 0) AS kept,
      coalesce(sum(stored), 0) - (SELECT count(*) FROM raw.events) AS missing_events,
      coalesce(sum(quarantined), 0) - (SELECT count(*) FROM raw.quarantine WHERE reason <> 'unreadable_segment') AS missing_rows
    FROM ops.ledger WHERE hop = 'collect'`,
  );
  expect(row).toMatchObject({ missing_events: 0, missing_rows: 0 });
  expect(row?.["accepted"]).toBe(row?.["kept"]);
}

test("a flipped bit: the frame goes to quarantine line by line, its neighbours are loaded", async () => {
  for (const id of ["one", "two", "three"]) await bench.post("/v1/track", { ...event(id), writeKey });
  const [file = ""] = await sealedFiles();
  const bytes = await readFile(file);
  bytes[bytes.indexOf("two")] = 0x58;
  await writeFile(file, bytes);
  expect(total(await bench.load())).toEqual({ accepted: 3, stored: 2, duplicates: 0, quarantined: 1 });
  const [row] = await bench.quarantined();
  expect(row).toMatchObject({ reason: "bad_checksum", line: 1 });
  expect(String(row?.["body"])).toContain("Xwo");
  expect(await readdir(bench.collector.spool.dir)).not.toContain(path.basename(file));
  await ledgerAddsUp();
});

test("any damage at all: never a crash, never an event made up, and the counts add up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat()),
      async (flips, cut) => {
        for (let n = 0; n < 5; n += 1) await bench.post("/v1/batch", { batch: [event(`a${n}`), event(`b${n}`), {}], writeKey });
        const [file = ""] = await sealedFiles();
        const whole = await readFile(file);
        const bytes = Buffer.from(cut === null ? whole : whole.subarray(0, cut % whole.length));
        for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value;
        await writeFile(file, bytes);
        await bench.load();
        await ledgerAddsUp();
        const strange = await bench.connection.first(
          sql`SELECT count(*) AS n FROM raw.events WHERE NOT ${bench.connection.dialect.matches(sql`message_id`, "^[ab][0-4]$")} OR ${bench.connection.dialect.jsonText(sql`properties`, ["id"])} <> message_id`,
        );
        expect(strange).toEqual({ n: 0 });
      },
    ),
    { numRuns: 15 },
  );
});

test("lines that no collector writes, with checksums that hold", async () => {
  const lines = [
    '{"r":1,"t":1,"s":"web","y":"track","e":{"messageId":"good","userId":"u","event":"Sent"}}',
    "not json at all",
    '{"r":1,"t":1,"s":"web","y":"track","e":{"messageId":"x","userId":"u","properties":{"a":"\\ud800"}}}',
    '{"r":1,"t":1,"s":"web","y":"track","e":"text"}',
    '{"r":1,"t":1,"s":"web","y":"track","e":{"messageId":"d","messageId":"e","userId":"first","userId":"second","event":"Sent"}}',
    '{"r":"soon","t":1,"s":"web","y":"track","e":{"messageId":"n","userId":"u","event":"Sent"}}',
    "[]",
    "{}",
  ];
  const data = Buffer.concat([Buffer.from(`${lines.join("\n")}\n`), Buffer.from([0x7b, 0xff, 0x7d, 0x0a])]);
  const { dir } = bench.collector.spool;
  await writeFile(path.join(dir, "x-0000000000000001.ndjson"), Buffer.concat([frameHeader(lines.length + 1, [data]), data]));
  expect(total(await bench.load())).toEqual({ accepted: 9, stored: 2, duplicates: 0, quarantined: 7 });
  expect((await bench.events()).map((row) => row["message_id"])).toEqual(["d", "good"]);
  await ledgerAddsUp();
});

test("a segment that cannot be read holds up nothing", async () => {
  await bench.post("/v1/track", { ...event("one"), writeKey });
  const [file = ""] = await sealedFiles();
  // A folder in its place cannot be read even by root.
  await rename(file, `${file}.kept`);
  await mkdir(file);
  await bench.post("/v1/track", { ...event("two"), writeKey });
  expect(total(await bench.load())).toEqual({ accepted: 1, stored: 1, duplicates: 0, quarantined: 0 });
  expect(await bench.quarantined()).toMatchObject([{ reason: "unreadable_segment", segment: path.basename(file, ".ndjson") }]);
  expect(await readdir(path.dirname(file))).toContain(`${path.basename(file)}.unreadable`);
  await rename(`${file}.kept`, file);
  expect(total(await bench.load())).toEqual({ accepted: 1, stored: 1, duplicates: 0, quarantined: 0 });
  await ledgerAddsUp();
});

test("a segment whose rows are in already is only deleted", async () => {
  await bench.post("/v1/track", { ...event("one"), writeKey });
  const [file = ""] = await sealedFiles();
  const bytes = await readFile(file);
  await bench.load();
  await writeFile(file, bytes);
  expect(await bench.load()).toEqual([]);
  expect(await readdir(path.dirname(file))).not.toContain(path.basename(file));
  expect(await bench.events()).toHaveLength(1);
  await ledgerAddsUp();
});

test("a segment that the warehouse cannot take holds up no other, and stays where it is", async () => {
  await bench.post("/v1/track", { ...event("one"), writeKey });
  const [poison = ""] = await sealedFiles();
  await bench.post("/v1/track", { ...event("two"), writeKey });
  await bench.collector.spool.sealNow();
  const { connection, project, spoolDir, scratchDir } = bench;
  const picky: Connection = Object.assign(Object.create(connection) as Connection, {
    run: (statement: Sql) =>
      render(statement, connection.dialect.quoting).includes(poison)
        ? Promise.reject(new Error("cannot take it"))
        : connection.run(statement),
    first: (query: Sql) => connection.first(query),
    read: (query: Sql) => connection.read(query),
    integers: (query: Sql) => connection.integers(query),
    describe: (query: Sql) => connection.describe(query),
    append: (table: TableSpec, rows: readonly Row[]) => connection.append(table, rows),
    withNdjson: <T>(...[files, lineBytesMax, work]: Parameters<Connection["withNdjson"]>) =>
      files.some((file) => file.includes(poison))
        ? Promise.reject(new Error("cannot take it"))
        : (connection.withNdjson(files, lineBytesMax, work) as Promise<T>),
    transaction: <T>(work: () => Promise<T>) => connection.transaction(work),
  });
  const settings = { source: spoolLines(spoolDir, scratchDir), now: 0 };
  expect(await loadSegments(picky, project, settings)).toMatchObject({ segments: 1, accepted: 1, stored: 1 });
  await expect(loadSegments(picky, project, settings)).rejects.toThrow("cannot take it");
  expect(await loadSegments(connection, project, settings)).toMatchObject({ segments: 1, stored: 1 });
  expect((await bench.events()).map((row) => row["message_id"])).toEqual(["one", "two"]);
  await ledgerAddsUp();
});
