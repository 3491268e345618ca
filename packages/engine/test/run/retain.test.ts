import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { runSync } from "../../src/activate/run.js";
import { instantOf, microsPerDay, microsPerHour } from "../../src/base/instant.js";
import { openEngine } from "../../src/engine.js";
import { checkLedger, ledger } from "../../src/observe/ledger.js";
import { status } from "../../src/observe/status.js";
import type { Project } from "../../src/project/project.js";
import { runCycle } from "../../src/run/cycle.js";
import { maintain } from "../../src/run/maintain.js";
import { name, sql } from "../../src/warehouse/sql.js";
import { cycles, ledger as ledgerTable, loads } from "../../src/warehouse/tables/ops.js";
import type { Connection } from "../../src/warehouse/warehouse.js";
import { memoryDestination, optionsFor, testClock } from "../activate/support.js";
import { type Bench, collectBench, total, writeKey } from "../collect/support.js";
import { testProject } from "../support/project.js";
import { replaceRows, testEnvironment, testWarehouse, testWarehouses } from "../support/warehouse.js";

/** Days of the whole loop, then their records grow old: what is kept still says the same. */

const start = instantOf("2026-03-01T10:00:00Z");
const days = 7;
const loadsADay = 2;
const files = (more: Record<string, string> = {}) => ({
  "cambium.yml": `
name: test
timezone: Europe/Berlin
retention: { loads: 4, cycles: 4, sync_runs: 4, deliveries: 4, audience_changes: 4, audience_sizes: 4 }
`,
  "traits/all.yml": `
- { name: plan, entity: user, type: profile }
- { name: paid, entity: user, type: count, event: Paid, within: 2 days }
`,
  "audiences/payers.yml": `{ name: payers, entity: user, where: { trait: paid, gt: 0 } }`,
  "audiences/known.yml": `{ name: known, entity: user, where: { trait: plan, exists: true } }`,
  "destinations/hook.yml": `{ name: hook, type: webhook, settings: { url: "https://example.com/hook" } }`,
  "syncs/people.yml": `{ name: people, from: { entity: user }, destination: hook, mode: mirror, mapping: { id: key, paid: paid } }`,
  ...more,
});

const peopleOf = (project: Project) => project.syncs.find((sync) => sync.name === "people") as Project["syncs"][number];

let bench: Bench;
let opened: Bench | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** A warehouse after the days, and a bench that goes on from there. */
const daysOfLoop = testWarehouses((connection) => liveDays(connection, testProject(files())));

async function someDays(): Promise<Connection> {
  bench = opened = await collectBench({}, testProject(files()), daysOfLoop);
  return bench.connection;
}

async function liveDays(connection: Connection, project: Project): Promise<void> {
  const bench = await collectBench({}, project, () => Promise.resolve({ connection, close: () => Promise.resolve() }));
  const tool = memoryDestination((row) =>
    row.key === "u3" ? { outcome: "failed", reason: "refused" } : { outcome: "delivered", status: 200 },
  );
  for (let turn = 0; turn < days * loadsADay; turn += 1) {
    const now = start + Math.floor(turn / loadsADay) * microsPerDay + (turn % loadsADay) * microsPerHour;
    const at = new Date(now / 1000).toISOString();
    const who = `u${turn % 5}`;
    const batch = [
      { type: "track", event: "Paid", userId: who, messageId: `m${turn}`, timestamp: at },
      { type: "identify", userId: who, messageId: `i${turn}`, timestamp: at, traits: { plan: turn % 2 === 0 ? "free" : "pro" } },
      { type: "track", event: "Paid", userId: who, messageId: `m${turn - 1}`, timestamp: at },
      { type: "track", userId: who, messageId: `broken${turn}` },
    ];
    expect((await bench.post("/v1/batch", { batch, writeKey })).status).toBe(200);
    await bench.load({ now });
    await runCycle(connection, project, { now });
    await runSync(connection, project, peopleOf(project), optionsFor(tool.destination, testClock(now)));
  }
  await bench.close();
}

const rowsOf = async (connection: Connection, table: "loads" | "ledger" | "sync_runs" | "cycles" | "deliveries") =>
  (await connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ${name("ops", table)}`))?.n ?? 0;
const last = start + (days - 1) * microsPerDay + 3 * microsPerHour;

test("old records become one row a day, and every equation and figure stays what it was", async () => {
  const project = testProject(files());
  const connection = await someDays();
  const figures = async () => {
    const found = await status(connection, project, last);
    return {
      equations: await ledger(connection),
      counts: found.hops.map((hop) => [hop.name, hop.count]),
      freshness: found.freshness?.p50Seconds,
    };
  };
  const before = await figures();
  const checksBefore = await checkLedger(connection);
  expect(before.equations.map((one) => [one.hop, one.balanced])).toEqual([
    ["collect", true],
    ["sync:people", true],
  ]);
  const collected = before.equations[0]?.terms.map((term) => term.value) ?? [];
  expect(Math.min(...collected)).toBeGreaterThan(0);
  const sizes = () =>
    connection.read(sql`SELECT audience, sum(entered) AS e, sum("left") AS l FROM growth.audience_sizes GROUP BY 1 ORDER BY 1`);
  const sizesBefore = await sizes();
  const rows = {
    loads: await rowsOf(connection, "loads"),
    ledger: await rowsOf(connection, "ledger"),
    runs: await rowsOf(connection, "sync_runs"),
  };

  await maintain(connection, project);
  await maintain(connection, project);

  expect(await figures()).toMatchObject({ equations: before.equations, counts: before.counts });
  expect(await checkLedger(connection)).toEqual(checksBefore);
  expect(await sizes()).toEqual(sizesBefore);
  const loads = await connection.read(sql`SELECT segment, accepted, stored FROM ops.loads WHERE segment LIKE 'day %' ORDER BY segment`);
  expect(loads.map((row) => row["segment"])).toEqual(["01", "02"].map((day) => `day 2026-03-${day}`));
  expect(loads[1]).toMatchObject({ accepted: 4 * loadsADay, stored: 2 * loadsADay });
  expect(await rowsOf(connection, "loads")).toBe(rows.loads - 2 * (loadsADay - 1));
  expect(await rowsOf(connection, "ledger")).toBeLessThan(rows.ledger);
  expect(await rowsOf(connection, "sync_runs")).toBeLessThan(rows.runs);
  const oldest = await connection.first(sql`SELECT min(happened_at) AS at FROM ops.deliveries`);
  expect(instantOf(String(oldest?.["at"]))).toBeGreaterThanOrEqual(last - 5 * microsPerDay);
  // The newest thousand cycles stay, whatever their age.
  expect(await rowsOf(connection, "cycles")).toBe(days * loadsADay);
});

test("a message of the first day is a duplicate still, and loading, turning and delivering go on", async () => {
  const project = testProject(files());
  const connection = await someDays();
  await maintain(connection, project);
  const ids = ["m0", "i0", "m7"].map((messageId) => ({ type: "track", event: "Paid", userId: "u1", messageId }));
  const timestamp = new Date(last / 1000).toISOString();
  await bench.post("/v1/batch", { batch: [...ids, { type: "track", event: "Paid", userId: "u9", messageId: "new", timestamp }], writeKey });
  expect(total(await bench.load({ now: last }))).toEqual({ accepted: 4, stored: 1, duplicates: 3, quarantined: 0 });
  expect(await runCycle(connection, project, { now: last })).toMatchObject({ events: 1, entered: 1 });
  const tool = memoryDestination();
  const sync = peopleOf(project);
  expect(await runSync(connection, project, sync, optionsFor(tool.destination, testClock(last)))).toMatchObject({ state: "done" });
  expect(tool.held.has("u9")).toBe(true);
  expect((await checkLedger(connection)).filter((check) => !check.ok)).toEqual([]);
});

test("an entry that does not add up stays as it is: it says which segment is to blame", async () => {
  const project = testProject(files());
  const connection = await someDays();
  const oldest = sql`hop = 'collect' AND ref = (SELECT min(ref) FROM ops.ledger WHERE hop = 'collect')`;
  await connection.run(connection.dialect.updateWhere(ledgerTable, { stored: sql`stored - 1` }, oldest));
  const gaps = (await ledger(connection))[0]?.gaps;
  await maintain(connection, project);
  expect((await ledger(connection))[0]).toMatchObject({ difference: 1, balanced: false, gaps });
});

test("entries and exits go, but not how members came in, nor what a sync of the log has yet to send", async () => {
  const log = {
    "syncs/log.yml": `{ name: log, from: { changes: payers }, destination: hook, mode: append, mapping: { id: key, change: change } }`,
  };
  const changes = (connection: Connection) =>
    connection.read<{ change_id: number; audience: string; change: string; at: string }>(
      sql`SELECT change_id, audience, change, happened_at AS at FROM growth.audience_changes ORDER BY change_id`,
    );
  const { connection: unsent, close } = await testWarehouse();
  await liveDays(unsent, testProject(files(log)));
  const all = await changes(unsent);
  await maintain(unsent, testProject(files(log)));
  expect(await changes(unsent)).toEqual(all);
  const project = testProject(files());
  await maintain(unsent, project);
  const kept = await changes(unsent);
  expect(kept.length).toBeLessThan(all.length);
  const old = kept.filter((row) => instantOf(row.at) < last - 5 * microsPerDay);
  expect(new Set(old.map((row) => `${row.audience} ${row.change}`))).toEqual(new Set(["known entered"]));
  expect(kept.at(-1)).toEqual(all.at(-1));
  await close();
});

test("a project that is run one cycle at a time is maintained as often as one that stays up", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-retain-"));
  await writeFile(path.join(dir, "cambium.yml"), "name: scheduled\n");
  const { env, close } = testEnvironment();
  const once = async (before?: (connection: Connection) => Promise<unknown>) => {
    const engine = await openEngine({ dir, version: "test", env });
    const connection = await engine.warehouse.connect();
    await before?.(connection);
    const { cycleId } = await engine.loops.cycleOnce();
    const rows = await connection.read<{ segment: string }>(sql`SELECT segment FROM ops.loads ORDER BY segment`);
    await connection.close();
    await engine.close();
    return { cycleId, segments: rows.map((row) => row.segment) };
  };
  await once(async (connection) => {
    const none = { accepted: 0, stored: 0, duplicates: 0, quarantined: 0, bytes: 0, seconds: 0, node: "n" };
    const loaded = ["a", "b"].map((segment) => ({ ...none, load_id: 1, segment, loaded_at: "2020-01-01T10:00:00Z" }));
    await connection.append(loads, loaded);
  });
  const later = sql`SELECT * REPLACE (298 AS cycle_id) FROM ops.cycles`;
  expect(await once((connection) => replaceRows(connection, cycles, later))).toEqual({
    cycleId: 299,
    segments: ["a", "b"],
  });
  expect(await once()).toEqual({ cycleId: 300, segments: ["day 2020-01-01"] });
  await close();
  await rm(dir, { recursive: true, force: true });
});
