import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { instantOf, isoOf, microsPerSecond } from "../../src/base/instant.js";
import { status } from "../../src/observe/status.js";
import { checkLedger, ledger } from "../../src/observe/ledger.js";
import { syncFigures } from "../../src/observe/figures.js";
import { cycles, ledger as ledgerTable, loads, syncHeads, syncRows, syncRuns } from "../../src/warehouse/tables/ops.js";
import type { Row } from "../../src/warehouse/warehouse.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

/** Status and ledger over tables as stages write them, in good order and out of it. */

const now = instantOf("2026-03-10T12:00:00Z");
const second = microsPerSecond;
const project = testProject();
const zero = { accepted: 0, stored: 0, duplicates: 0, quarantined: 0, changed: 0, delivered: 0, failed: 0, skipped: 0 };

let open: Awaited<ReturnType<typeof testWarehouse>>;
beforeEach(async () => {
  open = await testWarehouse();
});
afterEach(() => open.close());

function load(loadId: number, secondsAgo: number, counts: Partial<Row> = {}): Row {
  return {
    load_id: loadId,
    segment: `s${loadId}`,
    node: "n",
    accepted: 60,
    stored: 60,
    duplicates: 0,
    quarantined: 0,
    bytes: 1,
    first_received_at: isoOf(now - (secondsAgo + 2) * second),
    last_received_at: isoOf(now - (secondsAgo + 1) * second),
    loaded_at: isoOf(now - secondsAgo * second),
    seconds: 0.5,
    ...counts,
  } as Row;
}

function cycle(cycleId: number, toLoad: number, secondsAgo: number): Row {
  const at = isoOf(now - secondsAgo * second);
  const steps = JSON.stringify([
    { name: "identify", startedAfter: 0, seconds: 0.25, rows: null },
    { name: "user scores", startedAfter: 0.5, seconds: 0.5, rows: 3 },
    { name: "user audiences", startedAfter: 1, seconds: 0.25, rows: null },
  ]);
  return {
    cycle_id: cycleId,
    kind: "incremental",
    started_at: at,
    now: at,
    from_load: toLoad - 1,
    to_load: toLoad,
    events: 60,
    touched: "{}",
    changed: "{}",
    steps,
    seconds: 1,
    definitions: "f",
  };
}

describe("hops", () => {
  const hopsAt = async (live = {}) =>
    Object.fromEntries((await status(open.connection, project, now, live)).hops.map((hop) => [hop.name, hop]));

  test("an engine that has seen nothing is well", async () => {
    const found = await status(open.connection, project, now);
    expect(found.health.state).toBe("ok");
    expect(found.problems).toEqual([]);
    expect(found.freshness).toBeNull();
    expect(found.hops.map((hop) => [hop.count, hop.lagSeconds])).toEqual(Array.from({ length: 6 }, () => [0, null]));
  });

  test("rates, ages and seconds come from the newest loads and cycle", async () => {
    await open.connection.append(loads, [load(1, 300), load(2, 10)]);
    await open.connection.append(cycles, [cycle(1, 1, 299), cycle(2, 2, 9)]);
    const hops = await hopsAt();
    expect(hops["load"]).toMatchObject({ count: 120, ratePerSecond: 1, lagSeconds: 11, lastSeconds: 0.5 });
    expect(hops["identify"]).toMatchObject({ backlog: 0, behindSeconds: 0, lagSeconds: 11, lastSeconds: 0.25 });
    expect(hops["decide"]).toMatchObject({ lastSeconds: 0.75 });
    expect((await status(open.connection, project, now)).freshness).toEqual({ p50Seconds: 4, p95Seconds: 4, cycles: 2 });
  });

  test.each([
    [5, "ok"],
    [30, "warn"],
    [600, "error"],
  ])("events that wait %i s for a cycle are %s", async (waited, state) => {
    await open.connection.append(loads, [load(1, 1000), load(2, waited)]);
    await open.connection.append(cycles, [cycle(1, 1, 999)]);
    const hops = await hopsAt();
    expect(hops["decide"]).toMatchObject({ backlog: 60, behindSeconds: waited, health: { state } });
    expect((await status(open.connection, project, now)).health.state).toBe(state);
  });

  test("what the engine alone knows is shown: the spool and failing loops", async () => {
    const live = {
      spool: { segments: 3, bytes: 1_000, oldestAt: isoOf(now - 40 * second) },
      loops: [{ name: "load" as const, state: "failed" as const, since: now, message: "disk full" }],
    };
    const hops = await hopsAt(live);
    expect(hops["load"]).toMatchObject({ backlog: 3, behindSeconds: 40, health: { state: "error" } });
    expect(hops["load"]?.health.sentence).toContain("disk full");
    expect((await status(open.connection, project, now, live)).problems.map((problem) => problem.hop)).toEqual(["load"]);
  });

  test.each([
    ["guarded", "warn", "confirm"],
    ["paused", "error", "errors are grouped"],
    ["ok", "ok", ""],
  ])("a sync that is %s is %s", async (state, expected, next) => {
    const run = {
      sync: "a",
      run_id: 1,
      started_at: isoOf(now),
      finished_at: isoOf(now),
      state: "done",
      definition: "d",
      to_cycle: 1,
      added: 0,
      changed: 0,
      removed: 0,
      delivered: 5,
      failed: 0,
      skipped: 0,
    };
    await open.connection.append(syncRuns, [run]);
    await open.connection.append(syncHeads, [
      { sync: "a", target: "t", mapping: "{}", fingerprint_version: "v", to_cycle: 1, change_id: 0, state, failures: 0, message: null },
    ]);
    const found = await status(open.connection, project, now);
    const activate = found.hops.find((hop) => hop.name === "activate");
    expect(activate).toMatchObject({ count: 5, health: { state: expected } });
    expect(found.problems[0]?.next ?? "").toContain(next);
  });

  test("a sync that was even from its first run has run, though no run is recorded", async () => {
    const head = { target: "t", mapping: "{}", fingerprint_version: "v", to_cycle: 1, change_id: 0, state: "ok", failures: 0 };
    await open.connection.append(syncHeads, [{ sync: "a", ...head, finished_at: isoOf(now - 5 * second), message: null }]);
    expect(await syncFigures(open.connection)).toMatchObject([
      { sync: "a", state: "ok", finishedAt: isoOf(now - 5 * second), delivered: 0 },
    ]);
    expect((await hopsAt())["activate"]).toMatchObject({ lagSeconds: 5, health: { state: "ok" } });
  });

  test("rows that wait for another try are the backlog of activate", async () => {
    const run = {
      sync: "a",
      run_id: 1,
      started_at: isoOf(now),
      finished_at: isoOf(now),
      state: "done",
      definition: "d",
      to_cycle: 1,
      added: 0,
      changed: 0,
      removed: 0,
      delivered: 0,
      failed: 0,
      skipped: 0,
    };
    await open.connection.append(syncRuns, [run]);
    const row = { sync: "a", change: "add", attempts: 1, first_run: 1, reason: "busy", updated_at: isoOf(now - 20 * second) };
    await open.connection.append(syncRows, [
      { ...row, row_id: "1", key: "k1", state: "waiting", next_at: isoOf(now + second) },
      { ...row, row_id: "2", key: "k2", state: "failed", next_at: null },
    ]);
    const { activate } = await hopsAt();
    expect(activate).toMatchObject({ backlog: 1, behindSeconds: 20, health: { state: "warn" } });
  });
});

describe("ledger", () => {
  const entry = (hop: string, ref: string, counts: Partial<typeof zero>): Row => ({
    happened_at: isoOf(now),
    hop,
    ref,
    ...zero,
    ...counts,
  });

  test("adds up by hop and names the entry that does not", async () => {
    await open.connection.append(ledgerTable, [
      entry("collect", "s1", { accepted: 10, stored: 7, duplicates: 2, quarantined: 1 }),
      entry("collect", "s2", { accepted: 5, stored: 4 }),
      entry("sync:crm", "1", { changed: 3, delivered: 1, failed: 1, skipped: 1 }),
    ]);
    const [collect, crm] = await ledger(open.connection);
    expect(collect).toMatchObject({
      total: { name: "accepted", value: 15 },
      difference: 1,
      balanced: false,
      gaps: [{ ref: "s2", difference: 1 }],
    });
    expect(crm).toMatchObject({ title: "Sync crm", difference: 0, balanced: true, gaps: [] });
    const found = await status(open.connection, project, now);
    expect(found.health).toMatchObject({ state: "error" });
    expect(found.problems[0]).toMatchObject({ hop: "collect" });
  });

  test("entries that cancel each other out are still gaps", async () => {
    await open.connection.append(ledgerTable, [
      entry("collect", "s1", { accepted: 2, stored: 1 }),
      entry("collect", "s2", { accepted: 1, stored: 2 }),
    ]);
    const [collect] = await ledger(open.connection);
    expect(collect).toMatchObject({ difference: 0, balanced: false });
    expect(collect?.gaps).toHaveLength(2);
  });

  test("is checked against loads, stored rows and runs", async () => {
    await open.connection.append(loads, [load(1, 1, { accepted: 3, stored: 2, duplicates: 1 })]);
    await open.connection.append(ledgerTable, [entry("collect", "s1", { accepted: 3, stored: 2, duplicates: 1 })]);
    const checks = await checkLedger(open.connection);
    expect(checks.filter((check) => !check.ok).map((check) => check.name)).toEqual(["stored"]);
    expect(checks.find((check) => check.name === "stored")).toMatchObject({ left: 2, right: 0, sentence: "2 is not 0: 2 unaccounted for" });
    // Where a table holds each key once, a segment cannot stand in it twice.
    if (!open.connection.dialect.supports.updates) return;
    await open.connection.append(loads, [load(2, 1, { segment: "s1", accepted: 0, stored: 0 })]);
    expect((await checkLedger(open.connection)).find((check) => check.name === "segments")?.ok).toBe(false);
  });
});
