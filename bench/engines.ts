import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { compileMapping } from "../packages/engine/src/activate/mapping.js";
import { readHead } from "../packages/engine/src/activate/head.js";
import { planSync } from "../packages/engine/src/activate/plan.js";
import { startSync } from "../packages/engine/src/activate/start.js";
import { type Instant, instantOf, microsPerDay } from "../packages/engine/src/base/instant.js";
import { spoolLines } from "../packages/engine/src/collect/load/line-source.js";
import { LoadMemory } from "../packages/engine/src/collect/load/load-memory.js";
import { loadSegments } from "../packages/engine/src/collect/load/load-segments.js";
import { MessageFilter } from "../packages/engine/src/collect/load/message-filter.js";
import { prepareProperties } from "../packages/engine/src/collect/load/typed-properties.js";
import { propertiesRead } from "../packages/engine/src/project/compile/properties-read.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import type { Project } from "../packages/engine/src/project/project.js";
import { type CycleSummary, runCycle } from "../packages/engine/src/run/cycle.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { type Sql, sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection, Warehouse } from "../packages/engine/src/warehouse/warehouse.js";
import { changePeople, fillPeople, peopleProject, peopleSync } from "./diff/people.js";
import { type Engine, engines } from "./engines/engines.js";
import { generate, prepareGenerator } from "./history/generate.js";
import { definitions, sizesOf } from "./history/project.js";
import { closedLoop } from "./ingest/client.js";
import { bundle, collectorOptions, start, stop, writeKey } from "./ingest/processes.js";
import { table } from "./table.js";

/**
 * The loop on both engines, side by side, over the same events: load, cycle, full recompute, a three-step funnel, the
 * difference of a sync. Beside each figure stands what the engine itself takes to scan the same rows once: the columns
 * that the loop reads of the events, or the rows that are compared. Sizes: `CAMBIUM_BENCH_EVENTS` (default 2,000,000),
 * `CAMBIUM_BENCH_ROWS` of the sync (default 1,000,000).
 */
const sizes = sizesOf(Number(process.env["CAMBIUM_BENCH_EVENTS"] ?? 2_000_000));
const syncRows = Number(process.env["CAMBIUM_BENCH_ROWS"] ?? 1_000_000);
const loadSeconds = 3;
const perBatch = 100;
const historyMicros = 90 * microsPerDay;
const end = instantOf("2026-03-20T12:00:00Z");
const newEvents = [1_000, 10_000, 100_000];
const cyclesOfEach = 3;
const passes = 3;

const funnel = `{ name: bought, entity: user, where: { sequence: [{ event: Opened }, { event: Created, within: 7 days }, { event: Paid, within: 7 days }] } }`;

/** Seconds by what was measured, and the seconds of a raw scan of the same rows. */
interface Figure {
  readonly what: string;
  readonly rows: number;
  readonly seconds: number;
  readonly scan: number;
  /** Of a cycle: seconds of its steps. */
  readonly steps?: CycleSummary["steps"];
}

export async function bench(): Promise<void> {
  const dir = await mkdtemp(path.join(process.cwd(), "node_modules/.cambium-bench-"));
  const found = await engines(dir);
  const each = [found.duckdb, found.clickhouse].filter((engine) => engine !== undefined);
  try {
    const spoolDir = path.join(dir, "spool");
    const accepted = await fillSpool(dir, spoolDir);
    const figures: Figure[][] = [];
    for (const engine of each) figures.push(await measure(engine, path.join(dir, `engine-${figures.length}`), spoolDir, accepted));
    table(
      ["what", ...each.map(({ title }) => title)],
      (figures[0] ?? []).map(({ what }, line) => [what, ...figures.map((column) => textOf(column[line] as Figure))]),
    );
    for (const [line, { what, steps }] of (figures[0] ?? []).entries()) {
      if (steps === undefined) continue;
      process.stdout.write(`\nSteps of: ${what}\n`);
      const secondsOfStep = (column: readonly Figure[], step: string) =>
        column[line]?.steps?.find(({ name }) => name === step)?.seconds ?? 0;
      table(
        ["step", ...each.map(({ title }) => title)],
        steps.map(({ name }) => [name, ...figures.map((column) => `${secondsOfStep(column, name).toFixed(3)} s`)]),
      );
    }
    if (found.clickhouse === undefined)
      process.stdout.write("No ClickHouse here: npm run test:engines installs one, CAMBIUM_BENCH_CLICKHOUSE names a server.\n");
  } finally {
    for (const engine of each) engine.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Segments of a collector, as they lie in its spool. */
async function fillSpool(dir: string, spoolDir: string): Promise<number> {
  const place = { dir, children: [] };
  const { child, port } = await start(place, await bundle(place, "packages/engine/src/collect/main.ts"), [
    await collectorOptions(place, spoolDir),
  ]);
  const { requests, failures } = await closedLoop(port, writeKey, perBatch, 16, loadSeconds);
  if (failures > 0) throw new Error(`${failures} requests were not answered with 200`);
  await stop(child);
  return requests * perBatch;
}

async function measure(engine: Engine, scratchDir: string, spoolDir: string, accepted: number): Promise<Figure[]> {
  await mkdir(scratchDir);
  const warehouse = await engine.open(scratchDir);
  const connection = await warehouse.connect();
  try {
    await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
    const loop = await measureLoop(connection, scratchDir);
    const difference = await measureDifference(warehouse, connection);
    return [await measureLoad(connection, scratchDir, spoolDir, accepted), ...loop, ...difference];
  } finally {
    await connection.close();
    await warehouse.close();
    await rm(scratchDir, { recursive: true, force: true });
  }
}

/** Everything that the collector accepted, parsed, typed, compared with the history's message ids and stored. */
async function measureLoad(connection: Connection, scratchDir: string, spoolDir: string, accepted: number): Promise<Figure> {
  const project = projectFromFiles(definitions, scratchDir);
  const typed = await prepareProperties(connection, ["plan", "amount", "seats"], 0);
  const copy = path.join(scratchDir, "spool");
  await cp(spoolDir, copy, { recursive: true, filter: (file) => !path.basename(file).startsWith("lock") });
  const settings = { source: spoolLines(copy, scratchDir), now: end, typed, filter: new MessageFilter(0), memory: new LoadMemory() };
  let stored = 0;
  const seconds = await secondsOf(async () => {
    for (let remaining = 1; remaining > 0;) {
      const summary = await loadSegments(connection, project, settings);
      stored += summary.stored;
      remaining = summary.remaining;
    }
  });
  await settings.memory.close(connection);
  if (stored !== accepted) throw new Error(`${accepted} events were accepted, ${stored} stored`);
  const scan = await best(() => scanEvents(connection, sql`WHERE source = 'bench'`));
  return { what: `load ${text(accepted)} events`, rows: accepted, seconds, scan };
}

async function measureLoop(connection: Connection, scratchDir: string): Promise<Figure[]> {
  const project = projectFromFiles(definitions, scratchDir);
  const typed = typedOf(await prepareProperties(connection, propertiesRead(project), end));
  await prepareGenerator(connection, sizes);
  let loadId = await generate(connection, sizes, 1, sizes.events, end - historyMicros, historyMicros);
  let now: Instant = end;
  const turn = (of: Project, everyone = false) => runCycle(connection, of, { now: (now += 2_000_000), typed, everyone });
  const scan = await best(() => scanEvents(connection, sql``));
  const first = await turn(project);
  const some: Figure[] = [];
  for (const count of newEvents) {
    const turns: CycleSummary[] = [];
    for (let n = 0; n < cyclesOfEach; n += 1) {
      loadId = await generate(connection, sizes, loadId + 1, count, now, 2_000_000);
      turns.push(await turn(project));
    }
    const { seconds, steps, touched } = median(turns);
    some.push({ what: `cycle of ${text(count)} new events (${text(touched["user"] ?? 0)} users)`, rows: count, seconds, scan, steps });
  }
  const idle = await turn(project);
  const full = await turn(project, true);
  const withFunnel = projectFromFiles({ ...definitions, "audiences/d.yml": funnel }, scratchDir);
  const funnelSeconds = (await turn(withFunnel)).seconds - idle.seconds;
  const figure = (what: string, seconds: number, rows = sizes.events) => ({ what, rows, seconds, scan });
  const turned = (what: string, { seconds, steps }: CycleSummary) => ({ ...figure(what, seconds), steps });
  return [
    turned(`first cycle over ${text(sizes.events)} events`, first),
    ...some,
    figure("cycle without news", idle.seconds, 0),
    turned(`full recompute, ${text(sizes.profiles)} profiles`, full),
    figure("a three-step funnel is added: everyone back-filled", funnelSeconds),
  ];
}

async function measureDifference(warehouse: Warehouse, connection: Connection): Promise<Figure[]> {
  const project = peopleProject();
  const definition = peopleSync(project);
  await fillPeople(connection, syncRows);
  const mapping = compileMapping(definition);
  await startSync(connection, project, definition, mapping, end);
  await warehouse.checkpoint();
  const head = await readHead(connection, definition.name);
  const plan = async (wanted: number) => {
    const { rows } = await planSync(connection, project, definition, end, { head, mapping, full: true });
    if (rows !== wanted) throw new Error(`${rows} rows differ, not ${wanted}`);
  };
  const same = await best(() => plan(0));
  const wanted = await changePeople(connection, syncRows);
  const changed = await best(() => plan(wanted));
  const scan = await best(() =>
    connection.read(sql`SELECT count(*), max(id), max(plan), max(country), max(seats), max(mrr), max(logins), max(score), max(active),
max(first_seen), max(last_seen), max(email), max(company) FROM models.people`),
  );
  const figure = (what: string, seconds: number) => ({ what, rows: syncRows, seconds, scan });
  return [
    figure(`difference of ${text(syncRows)} rows, ${text(wanted)} of them changed`, changed),
    figure("the same, nothing changed", same),
  ];
}

/** The limit: the columns that the loop reads of events, each looked at once. */
function scanEvents(connection: Connection, where: Sql): Promise<unknown> {
  return connection.read(sql`SELECT count(*), max(load_id), max(message_id), max(event), max(identifier_id), max(workspace_id), max(account_id), max(timestamp),
max(received_at), max(p_amount), max(p_plan) FROM raw.events ${where}`);
}

const typedOf = (properties: readonly { path: string; column: string }[]) => new Map(properties.map((each) => [each.path, each.column]));

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function best(work: () => Promise<unknown>): Promise<number> {
  const seconds: number[] = [];
  for (let pass = 0; pass < passes; pass += 1) seconds.push(await secondsOf(work));
  return Math.min(...seconds);
}

const median = (turns: readonly CycleSummary[]) =>
  [...turns].sort((a, b) => a.seconds - b.seconds)[Math.floor(turns.length / 2)] as CycleSummary;

function textOf({ rows, seconds, scan }: Figure): string {
  const rate = rows === 0 ? "" : `, ${text(Math.round(rows / seconds))}/s`;
  return `${seconds.toFixed(2)} s${rate}, ${(seconds / scan).toFixed(1)} scans`;
}

const text = (value: number) => value.toLocaleString("en");
