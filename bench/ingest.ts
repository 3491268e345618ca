import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageFilter } from "../packages/engine/src/collect/load/message-filter.js";
import { LoadMemory } from "../packages/engine/src/collect/load/load-memory.js";
import { spoolLines } from "../packages/engine/src/collect/load/line-source.js";
import { loadSegments } from "../packages/engine/src/collect/load/load-segments.js";
import { prepareProperties } from "../packages/engine/src/collect/load/typed-properties.js";
import { watchSpool } from "../packages/engine/src/collect/watch-spool.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../packages/engine/src/warehouse/warehouse.js";
import { acknowledge, acknowledgeBesideRecompute, latencyText, requestsPerSecond, syncAlone } from "./ingest/acknowledge.js";
import { Request, closedLoop, quantile } from "./ingest/client.js";
import { parseAlone } from "./ingest/parse-alone.js";
import { type Place, type Running, bundle, collectorOptions, cpuOf, start, stop, writeKey } from "./ingest/processes.js";
import { table } from "./table.js";

/**
 * The collector and the loader at their limits, with the load generator on the same cores. Every figure stands beside a
 * limit measured in the same run: a busy machine slows both. `CAMBIUM_BENCH_SECONDS` is the length of each run (120 for
 * the sustained one of the acceptance), `CAMBIUM_BENCH_PART` (acknowledge, throughput, sustained) runs only that part; run from the repository's root.
 */
const seconds = Number(process.env["CAMBIUM_BENCH_SECONDS"] ?? 10);
const part = process.env["CAMBIUM_BENCH_PART"];
const perBatch = 100;
/** Twice, before and behind what it is the limit of. */
const parseSeconds = 1.5;
const syncs = 2_000;
const recomputeEvents = 2_000_000;

interface Line {
  readonly what: string;
  readonly value: string;
  readonly ratio: string;
  readonly goal: string;
}

export async function bench(): Promise<void> {
  const dir = await mkdtemp(path.join(process.cwd(), "node_modules/.cambium-bench-"));
  const lines: Line[] = [];
  const place: Place = { dir, children: [] };
  try {
    const entry = await bundle(place, "packages/engine/src/collect/main.ts");
    const parts = {
      acknowledge: async () => acknowledgements(place, entry, await bundle(place, "bench/ingest/recompute.ts")),
      throughput: async () => throughput(place, entry, await bundle(place, "bench/ingest/raw-append.ts")),
      sustained: () => sustained(place, entry),
    };
    for (const [name, run] of Object.entries(parts)) if (part === undefined || part === name) lines.push(...(await run()));
    table(
      ["what", "figure", "beside the limit", "goal"],
      lines.map(({ what, value, ratio, goal }) => [what, value, ratio, goal]),
    );
  } finally {
    for (const child of place.children) child.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  }
}

/** First, while the disk is at rest: the runs behind it leave gigabytes to write and to delete. */
async function acknowledgements(place: Place, entry: string, recomputeEntry: string): Promise<Line[]> {
  const what = `acknowledgement at ${requestsPerSecond.toLocaleString("en-US")} requests/s, open loop`;
  const disk = await syncAlone(place, syncs);
  const alone = await acknowledge(place, entry, seconds);
  const beside = await acknowledgeBesideRecompute(place, entry, recomputeEntry, recomputeEvents, seconds);
  const failures = alone.client.failures + beside.client.failures;
  if (failures > 0) throw new Error(`${failures} single requests were not answered with 200`);
  const p99 = quantile(alone.client.latencies, 0.99);
  const p99Beside = quantile(beside.client.latencies, 0.99);
  const share = ({ slowCommits }: { slowCommits: number }) => `${(slowCommits * 100).toFixed(2)} % of commits over 10 ms`;
  const late = (client: { delays: Float64Array }) => `client late ${latencyText(client.delays)}`;
  return [
    { what: "write and sync one line after the other, alone", value: latencyText(disk), ratio: "", goal: "limit" },
    {
      what: `${what} (${late(alone.client)})`,
      value: latencyText(alone.client.latencies),
      ratio: share(alone),
      goal: "p50 ≤ 1, p99 ≤ 5 ms",
    },
    {
      what: `the same beside ${beside.recomputes} full recomputes of ${recomputeEvents.toLocaleString("en-US")} events (${late(beside.client)})`,
      value: latencyText(beside.client.latencies),
      ratio: `p99 ${(p99Beside / p99).toFixed(1)} times that alone, ${share(beside)}`,
      goal: "p99 ≤ 3 times",
    },
  ];
}

async function throughput(place: Place, entry: string, rawEntry: string): Promise<Line[]> {
  const { dir } = place;
  const rawDir = path.join(dir, "raw");
  const raw = await start(place, rawEntry, [rawDir]);
  const rawBatch = await batchesTo(raw);
  const rawSingle = await closedLoop(raw.port, writeKey, 1, 64, seconds);
  await stop(raw.child);
  await rm(rawDir, { recursive: true });

  const before = parseAlone(writeKey, perBatch, parseSeconds);
  const spoolDir = path.join(dir, "spool");
  const collector = await start(place, entry, [await collectorOptions(place, spoolDir)]);
  const batches = await batchesTo(collector);
  const behind = parseAlone(writeKey, perBatch, parseSeconds);
  await stop(collector.child);
  await rm(spoolDir, { recursive: true });

  const second = await start(place, entry, [await collectorOptions(place, spoolDir)]);
  const single = await closedLoop(second.port, writeKey, 1, 64, seconds);
  await stop(second.child);
  await rm(spoolDir, { recursive: true });

  const failures = batches.failures + single.failures;
  if (failures > 0) throw new Error(`${failures} requests were not answered with 200`);
  const parse = (before.perSecond + behind.perSecond) / 2;
  const parseCpu = (before.cpu + behind.cpu) / 2;
  const rawSingleRate = rawSingle.requests / rawSingle.seconds;
  const singleRate = single.requests / single.seconds;
  return [
    {
      what: `parse the same bodies alone (${before.bytesPerEvent} bytes/event, ${parseCpu.toFixed(2)} µs CPU)`,
      value: rate(parse),
      ratio: "",
      goal: "limit",
    },
    {
      what: `append batches of ${perBatch} unparsed, durable (${rawBatch.cpu.toFixed(2)} µs CPU)`,
      value: rate(rawBatch.perSecond),
      ratio: "",
      goal: "limit",
    },
    {
      what: `accept batches of ${perBatch}, durable (${batches.cpu.toFixed(2)} µs CPU, of it ${percent(parseCpu / batches.cpu)} parsing)`,
      value: rate(batches.perSecond),
      ratio: `${percent(batches.perSecond / parse)} of parse, ${percent(batches.perSecond / rawBatch.perSecond)} of append`,
      goal: "≥ 50 %, ≥ 35 %",
    },
    { what: "append single events unparsed, durable", value: rate(rawSingleRate), ratio: "", goal: "limit" },
    {
      what: "accept single events, durable",
      value: rate(singleRate),
      ratio: `${percent(singleRate / rawSingleRate)} of append`,
      goal: "≥ 60 %",
    },
  ];
}

async function batchesTo({ child, port }: Running): Promise<{ perSecond: number; cpu: number; failures: number }> {
  const before = await cpuOf(child);
  const result = await closedLoop(port, writeKey, perBatch, 16, seconds);
  const events = result.requests * perBatch;
  return { perSecond: events / result.seconds, cpu: (((await cpuOf(child)) - before) / events) * 1e6, failures: result.failures };
}

/** Collector, loader and client together: accepted, without duplicates, typed, and queryable. */
async function sustained(place: Place, entry: string): Promise<Line[]> {
  const { dir } = place;
  const spoolDir = path.join(dir, "spool");
  const collector = await start(place, entry, [await collectorOptions(place, spoolDir)]);
  const scratchDir = path.join(dir, "scratch");
  const warehouse = await openDuckdb({ file: path.join(dir, "bench.duckdb"), scratchDir });
  const connection = await warehouse.connect();
  await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
  const project = projectFromFiles({ "cambium.yml": "name: bench\nentities: { user: {}, workspace: { parent: account }, account: {} }\n" });
  const typed = await prepareProperties(connection, ["plan", "amount", "seats"], 0);
  const filter = new MessageFilter(0);
  const memory = new LoadMemory();
  let wake = () => undefined as void;
  const watch = watchSpool(spoolDir, () => wake());
  let over = false;
  let loaded = 0;
  let loadSeconds = 0;
  const loader = (async () => {
    for (;;) {
      const summary = await loadSegments(connection, project, {
        source: spoolLines(spoolDir, scratchDir),
        now: Date.now() * 1000,
        typed,
        filter,
        memory,
      });
      loaded += summary.stored;
      if (summary.loadId !== undefined) {
        loadSeconds += summary.seconds;
        continue;
      }
      if (over) return;
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), sleep(250)]);
    }
  })();
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  const result = await closedLoop(collector.port, writeKey, perBatch, 16, seconds);
  const accepted = result.requests * perBatch;
  // Seals what is open; the loader then takes the rest.
  await stop(collector.child);
  const drainStarted = performance.now();
  over = true;
  await loader;
  const drain = (performance.now() - drainStarted) / 1000;
  const total = (performance.now() - started) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  watch.close();
  const row = await connection.first<{ n: number; ids: number; plans: number }>(
    sql`SELECT count(*) AS n, count(DISTINCT message_hash) AS ids, count(p_plan) AS plans FROM raw.events`,
  );
  if (row?.n !== accepted || row.ids !== accepted || row.plans !== accepted || loaded !== accepted) {
    throw new Error(`accepted ${accepted}, but ${JSON.stringify(row)} are in raw.events`);
  }
  const limit = await bulkLimit(connection, dir);
  await memory.close(connection);
  await connection.close();
  await warehouse.close();
  const megabytes = Math.round(process.memoryUsage.rss() / 1e6);
  return [
    { what: "read and store the same lines alone, one pass", value: rate(limit), ratio: "", goal: "limit" },
    {
      what: `accepted and queryable, ${Math.round(result.seconds)} s (${megabytes} MB; client and loader ${((cpu.user + cpu.system) / accepted).toFixed(2)} µs CPU/event)`,
      value: rate(accepted / total),
      ratio: `${percent(accepted / total / limit)} of load alone; ${rate(accepted / loadSeconds)} while loading; drained in ${drain.toFixed(2)} s`,
      goal: "≥ 100,000/s",
    },
  ];
}

/** What DuckDB needs to read lines and store their fields, with nothing computed. */
async function bulkLimit(connection: Connection, dir: string): Promise<number> {
  const requests = Array.from({ length: 20 }, (__, index) => new Request(writeKey, perBatch, index));
  const lines: Buffer[] = [];
  const count = 200_000;
  for (let n = 0; n < count / perBatch; n += 1) {
    const request = requests[n % requests.length] as Request;
    request.renew();
    const { batch } = JSON.parse(request.body.toString()) as { batch: unknown[] };
    lines.push(Buffer.from(batch.map((event) => `{"r":1,"t":1,"s":"web","y":"track","e":${JSON.stringify(event)}}\n`).join("")));
  }
  const file = path.join(dir, "limit.ndjson");
  await writeFile(file, Buffer.concat(lines));
  const shape = { r: "integer", t: "integer", s: "text", y: "text" } as const;
  const event = { messageId: "text", userId: "text", anonymousId: "text", event: "text", properties: "json", context: "json" } as const;
  const started = performance.now();
  await connection.withNdjson([file], 4_000_000, (lines) =>
    connection.run(sql`CREATE TABLE raw.limit_of_loading AS SELECT * FROM ${lines({ ...shape, e: event })}`),
  );
  const elapsed = (performance.now() - started) / 1000;
  await connection.run(sql`DROP TABLE raw.limit_of_loading`);
  return count / elapsed;
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString("en-US")}/s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
