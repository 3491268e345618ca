import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { buildMessageFilter } from "../packages/engine/src/collect/load/message-filter.js";
import { LoadMemory } from "../packages/engine/src/collect/load/load-memory.js";
import { loadSegments } from "../packages/engine/src/collect/load/load-segments.js";
import { prepareProperties } from "../packages/engine/src/collect/load/typed-properties.js";
import { watchSpool } from "../packages/engine/src/collect/watch-spool.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../packages/engine/src/warehouse/warehouse.js";
import { Request, closedLoop, openLoop, quantile } from "./ingest/client.js";

/**
 * The collector and the loader at their limits, with the load generator on the same cores. Every figure stands beside a
 * limit measured in the same run: a busy machine slows both. `CAMBIUM_BENCH_SECONDS` is the length of each run (120 for
 * the sustained one of the acceptance); run from the repository's root.
 */
const writeKey = "bench-key";
const seconds = Number(process.env["CAMBIUM_BENCH_SECONDS"] ?? 10);
const perBatch = 100;
const parseMillis = 2_000;

interface Line {
  readonly what: string;
  readonly value: string;
  readonly ratio: string;
  readonly goal: string;
}

export async function bench(): Promise<void> {
  const dir = await mkdtemp(path.join(process.cwd(), "node_modules/.cambium-bench-"));
  const lines: Line[] = [];
  const children: ChildProcess[] = [];
  try {
    const collectorEntry = await bundle("packages/engine/src/collect/main.ts", dir);
    const rawEntry = await bundle("bench/ingest/raw-append.ts", dir);
    const parse = parseAlone();
    lines.push({
      what: `parse the same bodies alone (${parse.bytes} bytes/event, ${parse.cpu.toFixed(2)} µs CPU)`,
      value: rate(parse.batch),
      ratio: "",
      goal: "limit",
    });

    const raw = await start(children, rawEntry, [path.join(dir, "raw")]);
    const rawCpu = await cpuOf(raw.child);
    const rawBatch = await closedLoop(raw.port, writeKey, perBatch, 16, seconds);
    const rawCpuEvent = (((await cpuOf(raw.child)) - rawCpu) / (rawBatch.requests * perBatch)) * 1e6;
    const rawSingle = await closedLoop(raw.port, writeKey, 1, 64, seconds);
    await stop(raw.child);
    await rm(path.join(dir, "raw"), { recursive: true });
    const rawBatchRate = (rawBatch.requests * perBatch) / rawBatch.seconds;
    const rawSingleRate = rawSingle.requests / rawSingle.seconds;
    lines.push({
      what: `append batches of 100 unparsed, durable (${rawCpuEvent.toFixed(2)} µs CPU)`,
      value: rate(rawBatchRate),
      ratio: "",
      goal: "limit",
    });
    lines.push({ what: "append single events unparsed, durable", value: rate(rawSingleRate), ratio: "", goal: "limit" });

    const spoolDir = path.join(dir, "spool");
    const collector = await start(children, collectorEntry, [await options(dir, spoolDir)]);
    const before = await cpuOf(collector.child);
    const batches = await closedLoop(collector.port, writeKey, perBatch, 16, seconds);
    const after = await cpuOf(collector.child);
    const batchRate = (batches.requests * perBatch) / batches.seconds;
    const cpu = ((after - before) / (batches.requests * perBatch)) * 1e6;
    lines.push({
      what: `accept batches of 100, durable (${cpu.toFixed(2)} µs CPU, of it ${percent(parse.cpu / cpu)} parsing)`,
      value: rate(batchRate),
      ratio: `${percent(batchRate / parse.batch)} of parse, ${percent(batchRate / rawBatchRate)} of append`,
      goal: "≥ 50 %, ≥ 35 %",
    });
    await stop(collector.child);
    await rm(spoolDir, { recursive: true, force: true });

    const second = await start(children, collectorEntry, [await options(dir, spoolDir)]);
    const singles = await closedLoop(second.port, writeKey, 1, 64, seconds);
    const singleRate = singles.requests / singles.seconds;
    lines.push({
      what: "accept single events, durable",
      value: rate(singleRate),
      ratio: `${percent(singleRate / rawSingleRate)} of append`,
      goal: "≥ 60 %",
    });
    await sleep(300);
    const open = await openLoop(second.port, writeKey, 5_000, 64, seconds);
    const syncs = await metrics(second.port);
    lines.push({
      what: "acknowledgement at 5,000 requests/s, open loop",
      value: `p50 ${quantile(open.latencies, 0.5).toFixed(2)} ms, p99 ${quantile(open.latencies, 0.99).toFixed(2)} ms`,
      ratio: `${percent(syncs.slowSyncs)} of disk syncs took over 10 ms`,
      goal: "p50 ≤ 1, p99 ≤ 5 ms",
    });
    await stop(second.child);
    await rm(spoolDir, { recursive: true, force: true });
    const failures = batches.failures + singles.failures + open.failures;
    if (failures > 0) throw new Error(`${failures} requests were not answered with 200`);

    lines.push(...(await sustained(dir, collectorEntry, children)));
    print(lines);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  }
}

/** Collector, loader and client together: accepted, without duplicates, typed, and queryable. */
async function sustained(dir: string, entry: string, children: ChildProcess[]): Promise<Line[]> {
  const spoolDir = path.join(dir, "spool");
  const collector = await start(children, entry, [await options(dir, spoolDir)]);
  const scratchDir = path.join(dir, "scratch");
  const warehouse = await openDuckdb({ file: path.join(dir, "bench.duckdb"), scratchDir });
  const connection = await warehouse.connect();
  await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
  const project = projectFromFiles({ "cambium.yml": "name: bench\nentities: { user: {}, workspace: { parent: account }, account: {} }\n" });
  const typed = await prepareProperties(connection, ["plan", "amount", "seats"], 0);
  const filter = await buildMessageFilter(connection);
  const memory = new LoadMemory();
  let wake = () => undefined as void;
  const watch = watchSpool(spoolDir, () => wake());
  let over = false;
  let loaded = 0;
  let loadSeconds = 0;
  const loader = (async () => {
    for (;;) {
      const summary = await loadSegments(connection, project, {
        spoolDir,
        scratchDir,
        now: Date.now() * 1000,
        typed,
        filter,
        memory,
        bytesMax: 100_000_000,
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

/** Over two seconds, like the runs beside it: the best of many short moments would hide what a busy machine takes away. */
function parseAlone(): { batch: number; cpu: number; bytes: number } {
  const requests = Array.from({ length: 50 }, (_, index) => new Request(writeKey, perBatch, index));
  let events = 0;
  let millis = 0;
  let micros = 0;
  while (millis < parseMillis) {
    for (const request of requests) request.renew();
    const cpu = process.cpuUsage();
    const started = performance.now();
    for (const request of requests) JSON.parse(request.body.toString("latin1"));
    millis += performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    micros += user + system;
    events += requests.length * perBatch;
  }
  return { batch: events / (millis / 1000), cpu: micros / events, bytes: Math.round((requests[0] as Request).body.length / perBatch) };
}

/** Processor seconds of a child, by the system's count (Linux); NaN elsewhere. */
async function cpuOf(child: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${String(child.pid)}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) / 100;
}

async function bundle(source: string, dir: string): Promise<string> {
  const outfile = path.join(dir, `${path.basename(source, ".ts")}-${path.basename(path.dirname(source))}.mjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  return outfile;
}

async function options(dir: string, spoolDir: string): Promise<string> {
  await mkdir(spoolDir, { recursive: true });
  const file = path.join(dir, "options.json");
  await writeFile(file, JSON.stringify({ spoolDir, port: 0, sources: [{ name: "bench", writeKeys: [writeKey] }], whenOrphaned: "exit" }));
  return file;
}

function start(children: ChildProcess[], entry: string, args: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    children.push(child);
    child.on("message", (message: { type: string; port: number }) => {
      if (message.type === "ready") resolve({ child, port: message.port });
    });
    child.once("exit", (code) => reject(new Error(`${entry} ended with ${String(code)}`)));
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

async function metrics(port: number): Promise<{ slowSyncs: number }> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const all = value("cambium_spool_sync_seconds_count");
  const quick = value('cambium_spool_sync_seconds_bucket\\{le="0.01"\\}');
  return { slowSyncs: all > 0 ? (all - quick) / all : 0 };
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString("en-US")}/s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function print(lines: readonly Line[]): void {
  const widths = [
    Math.max(...lines.map((line) => line.what.length)),
    Math.max(...lines.map((line) => line.value.length)),
    Math.max(...lines.map((line) => line.ratio.length)),
  ];
  for (const { what, value, ratio, goal } of lines) {
    console.log(`${what.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)}  ${ratio.padEnd(widths[2] ?? 0)}  ${goal}`);
  }
}
