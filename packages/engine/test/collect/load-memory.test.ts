import { copyFile, readdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { spoolLines } from "../../src/collect/load/line-source.js";
import { LoadMemory } from "../../src/collect/load/load-memory.js";
import { type LoadSummary, loadSegments } from "../../src/collect/load/load-segments.js";
import { prepareProperties } from "../../src/collect/load/typed-properties.js";
import { frameHeader } from "../../src/collect/spool/frame.js";
import { type Sql, render, sql } from "../../src/warehouse/sql.js";
import type { TableSpec } from "../../src/warehouse/table.js";
import type { Connection, Row } from "../../src/warehouse/warehouse.js";
import { type Bench, collectBench, filledFilter, writeKey } from "./support.js";

/** What a process that loads keeps in memory saves statements, and takes nothing from what a load promises. */

let bench: Bench;
let memory: LoadMemory;
beforeEach(async () => {
  bench = await collectBench({ segmentAgeMaxMs: 100_000 });
  memory = new LoadMemory();
});
afterEach(() => bench.close());

const event = (id: string, properties: object = { id }) => ({ type: "track", event: "Sent", userId: "u", messageId: id, properties });

/** One sealed segment; returns its file. */
async function sealed(...events: object[]): Promise<string> {
  const before = new Set(await waiting());
  await bench.post("/v1/batch", { batch: events, writeKey });
  await bench.collector.spool.sealNow();
  const [name = ""] = (await waiting()).filter((file) => !before.has(file));
  return path.join(bench.collector.spool.dir, name);
}

async function waiting(): Promise<string[]> {
  return (await readdir(bench.collector.spool.dir)).filter((file) => file.endsWith(".ndjson"));
}

function load(connection: Connection = bench.connection, now = 0, more: { typed?: { path: string; column: string }[] } = {}) {
  const { project, spoolDir, scratchDir } = bench;
  return loadSegments(connection, project, { source: spoolLines(spoolDir, scratchDir), now, memory, ...more });
}

/** The same session, with something else in place of some of its methods. */
function session(changed: (connection: Connection) => Partial<Connection>): Connection {
  const { connection } = bench;
  const own: Partial<Connection> = {
    run: (statement: Sql) => connection.run(statement),
    read: <T = Row>(query: Sql) => connection.read<T>(query),
    first: <T = Row>(query: Sql) => connection.first<T>(query),
    integers: (query: Sql) => connection.integers(query),
    describe: (query: Sql) => connection.describe(query),
    append: (table: TableSpec, rows: readonly Row[]) => connection.append(table, rows),
    transaction: <T>(work: () => Promise<T>) => connection.transaction(work),
  };
  return Object.assign(Object.create(connection) as Connection, own, changed(connection));
}

/** Notes the comment of each statement. */
function recorded(): { connection: Connection; statements: string[] } {
  const statements: string[] = [];
  const note = (statement: Sql) => {
    const text = render(statement, bench.connection.dialect.quoting);
    statements.push(/\/\* (.*?) \*\//.exec(text)?.[1] ?? text);
  };
  const connection = session((real) => ({
    run: (statement) => (note(statement), real.run(statement)),
    read: <T>(query: Sql) => (note(query), real.read<T>(query)),
    first: <T>(query: Sql) => (note(query), real.first<T>(query)),
    integers: (query) => (note(query), real.integers(query)),
    describe: (query) => (statements.push("describe"), real.describe(query)),
    append: (table, rows) => (rows.length > 0 && statements.push(`append ${table.table}`), real.append(table, rows)),
  }));
  return { connection, statements };
}

async function addsUp(): Promise<void> {
  const row = await bench.connection.first(
    sql`SELECT (SELECT count(*) - count(DISTINCT segment) FROM ops.loads) AS twice, (SELECT count(*) - count(DISTINCT message_id) FROM raw.events) AS doubled,
      (SELECT coalesce(sum(stored), 0) FROM ops.loads) - (SELECT count(*) FROM raw.events) AS missing,
      (SELECT coalesce(sum(accepted - stored - duplicates - quarantined), 0) FROM ops.ledger) AS gap,
      (SELECT coalesce(sum(accepted), 0) FROM ops.ledger) - (SELECT coalesce(sum(accepted), 0) FROM ops.loads) AS unlike`,
  );
  expect(row).toEqual({ twice: 0, doubled: 0, missing: 0, gap: 0, unlike: 0 });
}

test("a load that brings nothing new asks for nothing that is known", async () => {
  const typed = await prepareProperties(bench.connection, ["id"], 0);
  const filter = await filledFilter(bench.connection);
  const { connection, statements } = recorded();
  const settings = { source: spoolLines(bench.spoolDir, bench.scratchDir), now: 0, typed, filter, memory };
  await sealed(event("one"));
  expect(await loadSegments(connection, bench.project, settings)).toMatchObject({ loadId: 1, stored: 1 });
  expect(statements).toContain("load: properties seen");
  statements.length = 0;
  await sealed(event("two"), event("three"));
  expect(await loadSegments(connection, bench.project, settings)).toMatchObject({ loadId: 2, stored: 2 });
  expect(statements).toEqual([
    "load: what the lines are",
    "load: what the lines turned out to be",
    "load: message hashes",
    "load: store events",
    "load: rows of this load",
    "load: properties of these events",
    "append loads",
    "append ledger",
  ]);
  await addsUp();
});

test("a segment that is put back is only deleted, whoever took it in", async () => {
  const first = await sealed(event("one"));
  const second = await sealed(event("two"));
  await copyFile(first, `${first}.kept`);
  await copyFile(second, `${second}.kept`);
  expect(await load()).toMatchObject({ segments: 2, stored: 2 });
  await copyFile(`${first}.kept`, first);
  expect(await load()).toMatchObject({ segments: 0 });
  expect(await waiting()).toEqual([]);
  // Another process, which has looked before the segment comes back.
  memory = new LoadMemory();
  await sealed(event("three"));
  expect(await load()).toMatchObject({ segments: 1, loadId: 2 });
  await rename(`${second}.kept`, second);
  await sealed(event("four"));
  expect(await load()).toMatchObject({ segments: 1, stored: 1 });
  expect(await waiting()).toEqual([]);
  await addsUp();
});

test("an older process's segment is found though this one took in only earlier names", async () => {
  const early = await sealed(event("early"));
  const late = await sealed(event("late"));
  await copyFile(late, `${late}.kept`);
  await rename(early, `${early}.kept`);
  expect(await load()).toMatchObject({ segments: 1 });
  memory = new LoadMemory();
  await rename(`${early}.kept`, early);
  expect(await load()).toMatchObject({ segments: 1, stored: 1 });
  await rename(`${late}.kept`, late);
  expect(await load()).toMatchObject({ segments: 0 });
  expect(await waiting()).toEqual([]);
  await addsUp();
});

test("a segment that is sealed later than its successors is loaded", async () => {
  const early = await sealed(event("early"));
  await rename(early, `${early}.kept`);
  await sealed(event("late"));
  expect(await load()).toMatchObject({ segments: 1, stored: 1 });
  await rename(`${early}.kept`, early);
  expect(await load()).toMatchObject({ segments: 1, stored: 1 });
  await addsUp();
});

test("an error after the commit: the segment counts once, and load ids go on", async () => {
  await sealed(event("one"));
  await load();
  const file = await sealed(event("two"));
  const broken = session((real) => ({
    transaction: async <T>(work: () => Promise<T>): Promise<T> => {
      await real.transaction(work);
      throw new Error("the answer to the commit was lost");
    },
  }));
  await expect(load(broken)).rejects.toThrow("was lost");
  expect(await waiting()).toEqual([path.basename(file)]);
  expect(await load()).toMatchObject({ segments: 0 });
  expect(await waiting()).toEqual([]);
  await sealed(event("three"));
  expect(await load()).toMatchObject({ loadId: 3, stored: 1 });
  await addsUp();
});

test("any order of loading, dying, and segments that come back: every event is there once and the counts add up", async () => {
  const step = fc.constantFrom("send", "send", "load", "load", "lose answer", "fail", "restart", "put back", "hold back");
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const kept: string[] = [];
      const sent: string[] = [];
      const attempt = async (connection?: Connection): Promise<LoadSummary | undefined> => load(connection).catch(() => undefined);
      for (const what of [...steps, "put back", "load", "load"] as const) {
        if (what === "send") {
          const id = `m${(n += 1)}`;
          sent.push(id);
          const file = await sealed(event(id));
          await copyFile(file, `${file}.kept`);
          kept.push(file);
        } else if (what === "load") await attempt();
        else if (what === "restart") memory = new LoadMemory();
        else if (what === "put back") for (const file of kept) await copyFile(`${file}.kept`, file);
        else if (what === "hold back") {
          for (const file of await waiting())
            await rename(path.join(bench.collector.spool.dir, file), `${path.join(bench.collector.spool.dir, file)}.kept`);
        } else if (what === "lose answer") {
          await attempt(
            session((real) => ({
              transaction: async <T>(work: () => Promise<T>): Promise<T> => {
                await real.transaction(work);
                throw new Error("lost");
              },
            })),
          );
        } else await attempt(session(() => ({ append: () => Promise.reject(new Error("no room")) })));
      }
      expect(await waiting()).toEqual([]);
      const stored = new Set((await bench.events()).map((row) => row["message_id"]));
      expect(sent.filter((id) => !stored.has(id))).toEqual([]);
      await addsUp();
    }),
    { numRuns: 12, examples: [[["send", "send", "lose answer", "load"]]] },
  );
});

const seenOf = (property: string) =>
  bench.connection.first<{ seen: number; last: string; first: string }>(
    sql`SELECT seen, first_seen AS first, last_seen AS last FROM ops.properties WHERE property = ${property}`,
  );

test("a new property is there with its load; counts of known ones when memory is closed, or after a minute", async () => {
  await sealed(event("one", { plan: "pro" }));
  await load();
  await sealed(event("two", { plan: "pro" }));
  await load();
  expect(await seenOf("plan")).toMatchObject({ seen: 1 });
  await sealed(event("three", { seats: 3 }));
  await load();
  expect([await seenOf("plan"), await seenOf("seats")]).toMatchObject([{ seen: 2 }, { seen: 1 }]);
  await sealed(event("four", { plan: "free" }));
  await load();
  await memory.close(bench.connection);
  const closed = await seenOf("plan");
  expect(closed).toMatchObject({ seen: 3 });
  expect(closed?.first !== undefined && closed.first < closed.last).toBe(true);
  await sealed(event("five", { plan: "pro" }));
  await load(bench.connection, 60_000_000);
  expect(await seenOf("plan")).toMatchObject({ seen: 4 });
});

test("the kind of a value is part of what is new", async () => {
  await sealed(event("one", { plan: "pro" }));
  await load();
  await sealed(event("two", { plan: 3 }), event("three", { plan: null }), event("four", { plan: "team" }));
  await load();
  const rows = await bench.connection.read(sql`SELECT type, seen, example FROM ops.properties WHERE property = 'plan' ORDER BY type`);
  expect(rows).toEqual([
    { type: "null", seen: 1, example: "null" },
    { type: "number", seen: 1, example: "3" },
    { type: "text", seen: 2, example: '"team"' },
  ]);
});

test("of a load that fails no property is noted or counted", async () => {
  await sealed(event("one", { plan: "pro" }));
  await load();
  await sealed(event("two", { plan: "pro", seats: 1 }));
  const full = session(() => ({ append: () => Promise.reject(new Error("no room")) }));
  await expect(load(full)).rejects.toThrow("no room");
  expect([await seenOf("plan"), await seenOf("seats")]).toMatchObject([{ seen: 1 }, undefined]);
  await load();
  expect([await seenOf("plan"), await seenOf("seats")]).toMatchObject([{ seen: 2 }, { seen: 1 }]);
});

test("names that clients make up fill the table so far and no further; known ones are still counted", async () => {
  await bench.connection.run(sql`INSERT INTO ops.properties (event, property, type, seen, first_seen, last_seen)
SELECT 'Sent', 'p' || i, 'number', 0, make_timestamp(1), make_timestamp(1) FROM range(49999) AS r(i)`);
  await sealed(event("one", { made: 1, up: 2, p1: 3 }));
  await load();
  await sealed(event("two", { another: 1, p1: 3 }));
  await load();
  await memory.close(bench.connection);
  const all = await bench.connection.first(sql`SELECT count(*) AS n FROM ops.properties`);
  expect([all, await seenOf("p1"), await seenOf("another")]).toMatchObject([{ n: 50_000 }, { seen: 2 }, undefined]);
});

test("a column that is made later is filled from then on", async () => {
  const typed = [{ path: "id", column: "p_id" }];
  await sealed(event("one"));
  await load(bench.connection, 0, { typed });
  await prepareProperties(bench.connection, ["id"], 0);
  await sealed(event("two"));
  await load(bench.connection, 0, { typed });
  expect((await bench.events()).map((row) => row["p_id"])).toEqual(["one", "two"]);
});

test("two collectors' names do not hide each other", async () => {
  const line = (id: string) => Buffer.from(`{"r":1,"t":1,"s":"web","y":"track","e":{"messageId":"${id}","userId":"u","event":"Sent"}}\n`);
  const { dir } = bench.collector.spool;
  for (const [name, id] of [
    ["zz-0000000000000009", "nine"],
    ["aa-0000000000000001", "one"],
    ["day 2026-01-01", "day"],
    ["zz-0000000000000010", "ten"],
    ["short", "short"],
  ] as const) {
    await writeFile(path.join(dir, `${name}.ndjson`), Buffer.concat([frameHeader(1, [line(id)]), line(id)]));
    expect(await load()).toMatchObject({ segments: 1, stored: 1 });
  }
  await addsUp();
});

test("a retry of a moment ago is told without reading the history, one of long ago with it", async () => {
  const filter = await filledFilter(bench.connection);
  const { connection, statements } = recorded();
  const settings = { source: spoolLines(bench.spoolDir, bench.scratchDir), now: 0, filter, memory };
  const turn = async (...ids: string[]) => {
    statements.length = 0;
    await sealed(...ids.map((id) => event(id)));
    const { stored, duplicates } = await loadSegments(connection, bench.project, settings);
    return { stored, duplicates, history: statements.includes("load: messages stored long ago") };
  };
  expect(await turn("old", "a")).toEqual({ stored: 2, duplicates: 0, history: false });
  expect(await turn("a", "b", "b", "c")).toEqual({ stored: 2, duplicates: 2, history: false });
  // 1,000 loads later.
  await bench.connection.run(sql`UPDATE ops.loads SET load_id = 1001 WHERE load_id = 2`);
  memory.forget();
  expect(await turn("b", "d")).toEqual({ stored: 1, duplicates: 1, history: true });
  expect(await turn("d", "d", "e")).toEqual({ stored: 1, duplicates: 2, history: false });
  expect(await turn("d", "old", "old", "f")).toEqual({ stored: 1, duplicates: 3, history: true });
  await addsUp();
});
