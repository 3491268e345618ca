import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openClickhouse } from "../../packages/engine/src/warehouse/clickhouse/open.js";
import { name, sql } from "../../packages/engine/src/warehouse/sql.js";
import { defineTable, nameOf } from "../../packages/engine/src/warehouse/table.js";
import { quarantine } from "../../packages/engine/src/warehouse/tables/raw.js";
import type { Connection, Warehouse } from "../../packages/engine/src/warehouse/warehouse.js";
import { type Bridge, startBridge } from "./bridge-process.js";
import { type MortalServer, mortalServer } from "./mortal-server.js";

/**
 * Commits on ClickHouse under death and takeover: at every request of a transaction, of its publication and of recovery,
 * what is readable afterwards is all of it or nothing, and of two writers only the newer one writes.
 */

const people = defineTable({
  schema: "growth",
  table: "people",
  purpose: "current state by key",
  columns: { key: "text", n: "integer?", gone_soon: "text?" },
  key: ["key"],
});
const log = defineTable({
  schema: "growth",
  table: "log",
  purpose: "rows that are only added",
  columns: { day: "integer", what: "text" },
  key: ["day"],
  appended: true,
});

/** With tables as a cluster has them, where it is named: `one-node-cluster.mjs`. */
const cluster = process.env["CAMBIUM_TEST_CLUSTER"];
const onCluster = cluster === undefined ? {} : { cluster };

let bridge: Bridge;
let mortal: MortalServer;
let scratchDir: string;
let prefix = "";
let prefixes = 0;
beforeAll(async () => {
  bridge = await startBridge(onCluster);
  mortal = await mortalServer(bridge.url);
  scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-commits-"));
});
afterAll(async () => {
  await mortal.close();
  await bridge.stop();
  await rm(scratchDir, { recursive: true, force: true });
});
beforeEach(() => {
  mortal.heal();
  prefix = `c${(prefixes += 1)}_`;
});
const opened: Warehouse[] = [];
afterEach(async () => {
  mortal.heal();
  for (const warehouse of opened.splice(0)) await warehouse.close().catch(() => undefined);
});

async function open(url = bridge.url, more: { readOnly?: boolean; lease?: string } = {}): Promise<Warehouse> {
  const warehouse = await openClickhouse({ url, prefix, scratchDir, ...onCluster, ...more });
  opened.push(warehouse);
  return warehouse;
}

async function fill(connection: Connection): Promise<void> {
  for (const spec of [people, log]) for (const statement of connection.dialect.createTable(spec)) await connection.run(statement);
  await connection.append(people, [
    { key: "a", n: 1, gone_soon: "x" },
    { key: "b", n: 2, gone_soon: null },
  ]);
  await connection.append(
    log,
    [1, 1, 2].map((day) => ({ day, what: "first" })),
  );
}

/** Writes to current state and to added rows, takes some of both away, and changes columns. */
function work(connection: Connection): Promise<void> {
  const { dialect } = connection;
  return connection.transaction(async () => {
    await connection.run(dialect.dropColumn(people, "gone_soon"));
    await connection.run(dialect.addColumn(people, "score", "decimal"));
    await connection.append(people, [{ key: "c", n: 3, score: 0.5 }]);
    await connection.run(dialect.deleteWhere(people, sql`key = 'a'`));
    for (const statement of dialect.upsert(people, sql`SELECT key, n + 10 AS n FROM growth.people WHERE key = 'b'`, ["key", "n"]))
      await connection.run(statement);
    await connection.run(dialect.deleteWhere(log, sql`day IN (SELECT n - 2 FROM growth.people WHERE key = 'c')`));
    await connection.append(log, [
      { day: 1, what: "second" },
      { day: 9, what: "second" },
    ]);
  });
}

async function seen(connection: Connection) {
  return {
    people: await connection.read(sql`SELECT * FROM growth.people ORDER BY key`),
    log: await connection.read(sql`SELECT * FROM growth.log ORDER BY day, what`),
  };
}

const before = {
  people: [
    { key: "a", n: 1, gone_soon: "x" },
    { key: "b", n: 2, gone_soon: null },
  ],
  log: [
    { day: 1, what: "first" },
    { day: 1, what: "first" },
    { day: 2, what: "first" },
  ],
};
const whole = {
  people: [
    { key: "b", n: 12, score: null },
    { key: "c", n: 3, score: 0.5 },
  ],
  log: [
    { day: 1, what: "second" },
    { day: 2, what: "first" },
    { day: 9, what: "second" },
  ],
};

/** A program that does `work` and dies at a certain request. */
async function dies(at: number, how: "never" | "unanswered"): Promise<boolean> {
  const warehouse = await open(mortal.url);
  const connection = await warehouse.connect();
  mortal.fail(at, how);
  return work(connection).then(
    () => true,
    () => false,
  );
}

/** Requests that one transaction of `work` makes. */
async function requestsOfWork(): Promise<number> {
  const warehouse = await open(mortal.url);
  const connection = await warehouse.connect();
  await fill(connection);
  mortal.heal();
  await work(connection);
  return mortal.requests;
}

describe("a program that dies", () => {
  for (const how of ["never", "unanswered"] as const) {
    test(`at any request of a transaction (the last one is ${how === "never" ? "never sent" : "not answered"}) leaves all of it or nothing`, async () => {
      const requests = await requestsOfWork();
      const outcomes: string[] = [];
      for (let at = 1; at <= requests + 1; at += 1) {
        prefix = `c${(prefixes += 1)}_`;
        const first = await (await open()).connect();
        await fill(first);
        const finished = await dies(at, how);
        mortal.heal();
        const next = await (await open()).connect();
        const found = await seen(next);
        outcomes.push(JSON.stringify(found) === JSON.stringify(whole) ? "whole" : "before");
        expect(found, `death at request ${at} of ${requests}`).toEqual(outcomes.at(-1) === "whole" ? whole : before);
        if (finished) expect(outcomes.at(-1)).toBe("whole");
        // What was left undone does no harm to the next.
        if (outcomes.at(-1) === "before") {
          await work(next);
          expect(await seen(next)).toEqual(whole);
        }
      }
      // There is one point from which on it counts, and it is before the end.
      expect(outcomes.join(" ")).toMatch(/^(before )+(whole ?)+$/);
      expect(outcomes.filter((outcome) => outcome === "whole").length).toBeGreaterThan(3);
    });
  }

  test("at any request of recovery leaves the rest to the next", async () => {
    const requests = await requestsOfWork();
    const deaths = async (at: number, how: "never" | "unanswered") => {
      prefix = `c${(prefixes += 1)}_`;
      const first = await (await open()).connect();
      await fill(first);
      // The commit is recorded, and nothing of it published.
      await dies(requests - 3, "never");
      mortal.fail(at, how);
      const recovered = await openClickhouse({ url: mortal.url, prefix, scratchDir, ...onCluster }).then(
        (warehouse) => {
          opened.push(warehouse);
          return true;
        },
        () => false,
      );
      const made = mortal.requests;
      mortal.heal();
      const next = await (await open()).connect();
      expect(await seen(next), `death at request ${at} of recovery`).toEqual(whole);
      return { recovered, made };
    };
    const { recovered, made } = await deaths(10_000, "never");
    expect(recovered).toBe(true);
    for (let at = 1; at <= made; at += 1) await deaths(at, at % 2 === 0 ? "never" : "unanswered");
  });
});

describe("a connection that is lost", () => {
  test("at any one request fails the transaction or does not, and what is readable says the same", async () => {
    const requests = await requestsOfWork();
    for (let at = 1; at <= requests; at += 1) {
      for (const how of ["lost", "answer-lost"] as const) {
        prefix = `c${(prefixes += 1)}_`;
        const connection = await (await open(mortal.url)).connect();
        await fill(connection);
        mortal.fail(at, how);
        const failed = await work(connection).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        const found = await seen(connection);
        expect([whole, before], `request ${at} of ${requests} ${how}: ${String(failed)}`).toContainEqual(found);
        if (failed === undefined) expect(found).toEqual(whole);
        else expect(failed).toMatchObject({ code: expect.stringMatching(/^WAREHOUSE_(FAILED|UNREACHABLE)$/) as string });
        expect(
          await seen(await (await open()).connect()),
          `request ${at} of ${requests} ${how}: ${String(failed)}; ${mortal.statements.join("\n\n")}`,
        ).toEqual(found);
      }
    }
  });
});

describe("of two writers", () => {
  test("the older one commits nothing once the newer is there", async () => {
    const old = await (await open()).connect();
    await fill(old);
    const late = old.transaction(async () => {
      await old.append(people, [{ key: "late", n: 0 }]);
      const next = await (await open()).connect();
      await next.transaction(() => next.append(people, [{ key: "new", n: 0 }]));
    });
    await expect(late).rejects.toMatchObject({ code: "WAREHOUSE_TAKEN_OVER" });
    await expect(old.transaction(() => old.append(people, [{ key: "later", n: 0 }]))).rejects.toMatchObject({
      code: "WAREHOUSE_TAKEN_OVER",
    });
    for (const reader of [old, await (await open()).connect()])
      expect((await reader.read<{ key: string }>(sql`SELECT key FROM growth.people ORDER BY key`)).map((row) => row.key)).toEqual([
        "a",
        "b",
        "new",
      ]);
  });

  test("one that sleeps at any request of its transaction wakes up to no harm", async () => {
    const requests = await requestsOfWork();
    const outcomes: string[] = [];
    for (let at = 1; at <= requests; at += 1) {
      prefix = `c${(prefixes += 1)}_`;
      const first = await (await open()).connect();
      await fill(first);
      const sleeper = await (await open(mortal.url)).connect();
      mortal.fail(at, "held");
      const asleep = work(sleeper).then(
        () => "committed",
        (thrown: unknown) => (thrown as { code?: string }).code ?? String(thrown),
      );
      await until(() => mortal.requests >= at);
      const next = await (await open()).connect();
      const counted = JSON.stringify(await seen(next)) === JSON.stringify(whole);
      if (!counted) await work(next);
      // Takes away what it had written: if any of it comes again, it shows.
      await next.transaction(async () => {
        await next.run(next.dialect.deleteWhere(people, sql`key = 'c'`));
        await next.run(next.dialect.deleteWhere(log, sql`what = 'second'`));
        await next.append(log, [{ day: 3, what: "third" }]);
      });
      const after = {
        people: [whole.people[0]],
        log: [
          { day: 2, what: "first" },
          { day: 3, what: "third" },
        ],
      };
      expect(await seen(next)).toEqual(after);
      mortal.release();
      outcomes.push(`${counted ? "counted" : "void"} ${await asleep}`);
      expect(await seen(next), `asleep at request ${at} of ${requests}: ${outcomes.at(-1)}`).toEqual(after);
      expect(await seen(await (await open()).connect())).toEqual(after);
    }
    // Only what the newer one found may be called committed by the older.
    expect(outcomes).not.toContain("void committed");
    expect(outcomes).toContain("void WAREHOUSE_TAKEN_OVER");
    expect(outcomes.filter((outcome) => outcome.startsWith("counted")).length).toBeGreaterThan(2);
  });

  test("the older one neither adds to raw tables nor takes from them once the newer is there", async () => {
    const old = await (await open()).connect();
    for (const statement of old.dialect.createTable(quarantine)) await old.run(statement);
    const row = (line: number) => ({ load_id: 1, segment: "s", line, reason: "bad_json" });
    await old.transaction(() => old.append(quarantine, [row(1), { ...row(2), body: 'it\'s "{}"\n' }]));
    const late = old.transaction(async () => {
      const next = await (await open()).connect();
      await next.transaction(() => next.append(quarantine, [row(3)]));
      await old.append(quarantine, [row(4)]);
      await old.run(sql`/* as a load does */ INSERT INTO ${nameOf(quarantine)} (load_id, segment, line, reason) SELECT 1, 's', 5, 'late'`);
      await old.run(old.dialect.deleteWhere(quarantine, sql`line = 1 OR line = 3`));
      await old.append(log, [{ day: 1, what: "commits" }]);
    });
    await expect(late).rejects.toThrow();
    const reader = await (await open()).connect();
    expect(await reader.read(sql`SELECT line, body FROM ${nameOf(quarantine)} ORDER BY line`)).toEqual([
      { line: 1, body: null },
      { line: 2, body: 'it\'s "{}"\n' },
      { line: 3, body: null },
    ]);
  });

  test("a commit that arrives after the newer one looked is void", async () => {
    const old = await (await open()).connect();
    await fill(old);
    await old.transaction(() => old.append(log, [{ day: 5, what: "counts" }]));
    const [known] = await old.read<{ term: number; number: number }>(sql`SELECT max(term) AS term, max(number) AS number FROM ops.commits`);
    const [redo] = await old.read<{ redo: string }>(sql`SELECT redo FROM ops.commits WHERE redo <> '[]'`);
    await open();
    const late = JSON.stringify([{ alter: [], anew: [], run: [`INSERT INTO "${prefix}growth"."log" (day, what) SELECT 6, 'late'`] }]);
    expect(redo?.redo).toContain("publish rows");
    await old.run(
      sql`INSERT INTO ops.commits (term, number, txn, writer, redo) SELECT ${known?.term ?? 0}, ${(known?.number ?? 0) + 1}, 1, 'late', ${late}`,
    );
    const next = await (await open()).connect();
    expect(await next.first(sql`SELECT count(*) AS n FROM growth.log WHERE day > 4`)).toEqual({ n: 1 });
  });

  test("with other leases stand beside each other", async () => {
    const conductor = await (await open()).connect();
    await fill(conductor);
    const loader = await (await open(bridge.url, { lease: "loader:1" })).connect();
    await loader.transaction(() => loader.append(log, [{ day: 7, what: "loader" }]));
    await conductor.transaction(() => conductor.append(log, [{ day: 8, what: "conductor" }]));
    await loader.transaction(() => loader.append(log, [{ day: 9, what: "loader" }]));
    expect(await conductor.first(sql`SELECT count(*) AS n FROM growth.log WHERE day > 5`)).toEqual({ n: 3 });
  });

  test("that start at once each get a term of their own", async () => {
    const all = await Promise.all(Array.from({ length: 5 }, (_, index) => open(bridge.url, { lease: `lease-${index}` })));
    const connection = await (all[0] as Warehouse).connect();
    expect(await connection.first(sql`SELECT count(DISTINCT term) AS terms, count(DISTINCT lease) AS leases FROM ops.terms`)).toMatchObject(
      { leases: 5 },
    );
    for (const warehouse of all) {
      const own = await warehouse.connect();
      await own.transaction(async () => {
        for (const statement of own.dialect.createTable(log)) await own.run(statement);
        await own.append(log, [{ day: 1, what: "one" }]);
      });
    }
    expect(await connection.first(sql`SELECT count(*) AS n FROM growth.log`)).toEqual({ n: 5 });
  });
});

describe("a writer", () => {
  test("shows a commit whole to everybody in its program", async () => {
    const warehouse = await open();
    const writer = await warehouse.connect();
    const reader = await warehouse.connect();
    await fill(writer);
    await writer.run(writer.dialect.deleteWhere(log, sql`TRUE`));
    let done = false;
    let looks = 0;
    const looking = (async () => {
      while (!done) {
        const row = await reader.first<{ state: number; added: number }>(
          sql`SELECT (SELECT max(n) FROM growth.people WHERE key = 'a') AS state, (SELECT count(*) FROM growth.log) AS added`,
        );
        expect(row?.added).toBe((row?.state ?? 0) - 1);
        looks += 1;
      }
    })();
    for (let n = 2; n <= 15; n += 1) {
      await writer.transaction(async () => {
        await writer.append(people, [{ key: "a", n }]);
        await writer.append(log, [{ day: n, what: "x" }]);
      });
    }
    done = true;
    await looking;
    expect(looks).toBeGreaterThan(10);
  });

  test("leaves a bounded number of staged rows and commits behind", async () => {
    const writer = await (await open()).connect();
    await fill(writer);
    for (let n = 1; n <= 100; n += 1) await writer.transaction(() => writer.append(log, [{ day: n, what: "x" }]));
    const left = await writer.first<{ n: number }>(
      sql`SELECT count(DISTINCT partition) AS n FROM system.parts WHERE active AND database = ${`${prefix}staged`}`,
    );
    expect(left?.n).toBeLessThan(50);
    expect(await writer.first(sql`SELECT count(*) AS n FROM growth.log`)).toEqual({ n: 103 });
  });

  test("cannot end a transaction well in which a statement failed, whoever caught the error", async () => {
    const writer = await (await open()).connect();
    await fill(writer);
    const failed = writer.transaction(async () => {
      await writer.append(people, [{ key: "c", n: 9 }]);
      await writer.run(sql`INSERT INTO growth.people (key, n) SELECT key, nothing_like_it FROM growth.people`).catch(() => undefined);
    });
    await expect(failed).rejects.toMatchObject({ code: "WAREHOUSE_FAILED" });
    expect(await seen(writer)).toEqual(before);
  });

  test("commits nothing of a session whose temporary tables the server lost, and goes on with new ones", async () => {
    const writer = await (await open()).connect();
    await fill(writer);
    const lost = writer.transaction(async () => {
      await writer.run(writer.dialect.tempTable("wanted", sql`SELECT key, 7 AS n FROM growth.people`));
      // As after a restart of the server: tables in memory are there, and empty.
      const [session] = await writer.read<{ name: string }>(sql`SELECT currentDatabase() AS name`);
      for (const table of ["wanted", "alive"]) await writer.run(sql`TRUNCATE TABLE ${name(session?.name ?? "", table)}`);
      await writer.append(log, [{ day: 7, what: "half" }]);
      await writer.run(sql`INSERT INTO growth.people (key, n) SELECT key, n FROM wanted`);
    });
    await expect(lost).rejects.toThrow(/lost this session's temporary tables/);
    expect(await seen(writer)).toEqual(before);
    await work(writer);
    expect(await seen(writer)).toEqual(whole);
  });

  test("that only reads takes nothing over and writes nothing but working tables", async () => {
    const writer = await (await open()).connect();
    await fill(writer);
    const reader = await (await open(bridge.url, { readOnly: true })).connect();
    await reader.run(reader.dialect.tempTable("copied", sql`SELECT * FROM growth.people`));
    expect(await reader.first(sql`SELECT count(*) AS n FROM copied`)).toEqual({ n: 2 });
    await expect(reader.append(people, [{ key: "c", n: 9 }])).rejects.toThrow(/reading only/);
    await expect(reader.run(sql`INSERT INTO ${nameOf(log)} SELECT * FROM growth.log`)).rejects.toThrow(/reading only/);
    await writer.transaction(() => writer.append(people, [{ key: "c", n: 9 }]));
    expect(await reader.first(sql`SELECT count(*) AS n FROM growth.people`)).toEqual({ n: 3 });
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => void setTimeout(resolve, 5));
}
