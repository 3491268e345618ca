import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { build } from "esbuild";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import type { Project } from "../packages/engine/src/project/project.js";
import { runCycle } from "../packages/engine/src/run/cycle.js";
import type { EngineEvent, EngineView } from "../packages/engine/src/server/engine-view.js";
import { ReadModel } from "../packages/engine/src/server/read-model/read-model.js";
import { startServer } from "../packages/engine/src/server/start-server.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection, Warehouse } from "../packages/engine/src/warehouse/warehouse.js";
import type { ReadsPlan, ReadsReport } from "./reads/client.js";

/**
 * Decision reads at 2,000 requests a second, profiles and memberships in turn over a million random people, from an
 * open-loop client on the same cores: first with the engine at rest, then while cycle after cycle runs. The limit beside
 * it is the same client against the same server with an answer that never changes. A latency counts from the moment a
 * request was due; how late the client itself sent requests, and how late the engine's loop was, tell where time went.
 */
export interface ReadsBench {
  readonly profiles: number;
  readonly warmSeconds: number;
  /** Processor time of one profile read from memory, without HTTP: what a busy machine does not inflate. */
  readonly lookupCpuMicros: number;
  readonly modelMb: number;
  readonly memoryMb: number;
  readonly requestsPerSecond: number;
  readonly constant: Latency;
  readonly resting: Latency;
  readonly cycling: Latency & { readonly cycles: number; readonly cycleSeconds: readonly number[] };
  readonly loadAverage: number;
}

export interface Latency {
  readonly requests: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** 99th percentiles: of how long answers took once the client came to a request, how late it came, and how late the engine's event loop was. */
  readonly answerP99: number;
  readonly sentLateP99: number;
  readonly loopLateP99: number;
}

const token = "bench";
const loopResolutionMs = 10;
const second = 1_000_000;
const start = 1_767_225_600 * second;

export async function bench(): Promise<ReadsBench> {
  const found = await measureReads();
  const line = (what: string, { p50, p99, p999, max, failed, answerP99, sentLateP99, loopLateP99 }: Latency) =>
    `${what.padEnd(36)} p50 ${p50} ms  p99 ${p99} ms  p99.9 ${p999} ms  max ${max} ms  failed ${failed}  (p99: answered in ${answerP99} ms, sent late ${sentLateP99} ms, loop late ${loopLateP99} ms)`;
  const ratio = (latency: Latency) => (latency.p99 / found.constant.p99).toFixed(1);
  console.log(
    [
      `${found.profiles} profiles, ${found.requestsPerSecond} requests/s, load average ${found.loadAverage.toFixed(1)}`,
      line("a constant answer (the limit)", found.constant),
      line(`reads at rest (p99 × ${ratio(found.resting)})`, found.resting),
      line(`reads while cycles run (p99 × ${ratio(found.cycling)})`, found.cycling),
      `${found.cycling.cycles} cycles of 10,000 events: ${found.cycling.cycleSeconds.join(", ")} s`,
      `one read without HTTP: ${found.lookupCpuMicros} µs of processor time; warm after ${found.warmSeconds.toFixed(1)} s; model ${found.modelMb} MB of ${found.memoryMb} MB`,
      `goal: p99 ≤ 5 ms at 2,000 requests/s on a quiet machine`,
    ].join("\n"),
  );
  return found;
}

export async function measureReads(profiles = 1_000_000, requestsPerSecond = 2_000, seconds = 10): Promise<ReadsBench> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-reads-"));
  const warehouse = await openDuckdb({ file: path.join(dir, "bench.duckdb"), scratchDir: path.join(dir, "scratch"), memoryMax: "1200MB" });
  try {
    const project = benchProject();
    const connection = await warehouse.connect();
    await createTables(connection, ["user", "workspace"], ["workspace"]);
    const listeners = new Set<(event: EngineEvent) => void>();
    await addEvents(connection, 1, profiles * 3, profiles, 0);
    await runCycle(connection, project, { now: start + 10 * 86_400 * second });
    await warehouse.checkpoint();
    const engine = viewOf(warehouse, project, listeners);
    const lookupCpuMicros = await measureLookups(engine, profiles);
    const began = performance.now();
    const server = await startServer({ engine, port: 0, token });
    try {
      await server.warm;
      const warmSeconds = (performance.now() - began) / 1000;
      const load: ReadsPlan = { port: server.port, token, profiles, requestsPerSecond, seconds, constant: false };
      const constant = await measure({ ...load, constant: true });
      const resting = await measure(load);
      const cycleSeconds: number[] = [];
      const during = measure(load);
      let isOver = false;
      void during.finally(() => (isOver = true));
      for (let cycle = 2; !isOver; cycle += 1) {
        await addEvents(connection, cycle, 10_000, profiles, cycle);
        const summary = await runCycle(connection, project, { now: start + (10 * 86_400 + cycle) * second });
        cycleSeconds.push(Number(summary.seconds.toFixed(2)));
        for (const listener of listeners) listener({ type: "cycle", cycleId: summary.cycleId });
      }
      const cycling = { ...(await during), cycles: cycleSeconds.length, cycleSeconds };
      const modelMb = Math.round(server.modelBytes() / 1e6);
      const memoryMb = Math.round(process.memoryUsage().rss / 1e6);
      return {
        profiles,
        warmSeconds,
        lookupCpuMicros,
        modelMb,
        memoryMb,
        requestsPerSecond,
        constant,
        resting,
        cycling,
        loadAverage: os.loadavg()[0] ?? 0,
      };
    } finally {
      await server.close();
      await connection.close();
    }
  } finally {
    await warehouse.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function measureLookups(engine: EngineView, profiles: number): Promise<number> {
  const model = await ReadModel.open(engine);
  try {
    await model.warm;
    const lookups = 100_000;
    const before = process.cpuUsage();
    for (let index = 0; index < lookups; index += 1) await model.profile("user", `user-${(index * 7919) % profiles}`);
    const used = process.cpuUsage(before);
    return Number(((used.user + used.system) / lookups).toFixed(2));
  } finally {
    await model.close();
  }
}

function benchProject(): Project {
  return projectFromFiles(
    {
      "cambium.yml": "name: bench\nentities:\n  user: {}\n  workspace: { id: [context.groupId] }\n",
      "sources/web.yml": "name: web\nwrite_keys: [k]\n",
      "traits/all.yml": `
- { name: paid, entity: user, type: count, event: Paid }
- { name: paid_7d, entity: user, type: count, event: Paid, within: 7 days }
- { name: revenue, entity: user, type: sum, event: Paid, property: amount }
- { name: last_item, entity: user, type: last, event: Paid, property: item }
- { name: last_paid, entity: user, type: last_seen, event: Paid }
- { name: since, entity: user, type: days_since, event: Paid }
`,
      "scores/activity.yml": `{ name: activity, entity: user, components: [{ name: payments, weight: 100, log: { trait: paid, from: 0, to: 10 } }], buckets: { low: 0, high: 60 } }`,
      ...Object.fromEntries(
        Array.from({ length: 10 }, (_, index) => [
          `audiences/above_${index}.yml`,
          `{ name: above_${index}, entity: user, where: { trait: revenue, gt: ${index * 30} } }`,
        ]),
      ),
    },
    "/bench",
  );
}

/** Payments of everyone in turn; later cycles touch some at random. */
async function addEvents(connection: Connection, load: number, events: number, people: number, seed: number): Promise<void> {
  const { dialect } = connection;
  const owner = dialect.hash64(sql`'user_id:' || e.user_id`);
  // History of a week, and afterwards the second before each cycle.
  const from = seed === 0 ? start : start + (10 * 86_400 + seed - 1) * second;
  const who = seed === 0 ? sql`i % ${people}` : sql`(i * 7919 + ${seed} * 104729) % ${people}`;
  await connection.run(sql`INSERT INTO raw.events (load_id, message_id, message_hash, source, type, event, user_id, identifier_id, timestamp, received_at, properties)
SELECT ${load}, 'm' || ${load} || '-' || i, CAST(${load} AS BIGINT) * 100000000 + i, 'web', 'track', 'Paid', e.user_id, ${owner}, e.at, e.at, e.properties
FROM (SELECT i, 'user-' || (${who}) AS user_id, make_timestamp(${from} + i * ${seed === 0 ? 200_000 : 100}) AS at,
  json_object('amount', (i * 31) % 97, 'item', 'item-' || (i % 50)) AS properties FROM range(${events}) AS r(i)) AS e`);
  await connection.run(sql`INSERT INTO ops.loads (load_id, segment, node, accepted, stored, duplicates, quarantined, bytes, loaded_at, seconds)
SELECT ${load}, 's' || ${load}, 'n', ${events}, ${events}, 0, 0, 1, make_timestamp(${start}), 0`);
}

function viewOf(warehouse: Warehouse, project: Project, listeners: Set<(event: EngineEvent) => void>): EngineView {
  const never = () => Promise.reject(new Error("not part of this bench"));
  return {
    warehouse,
    clock: () => start,
    version: "bench",
    startedAt: start,
    project: () => project,
    explain: never,
    verify: never,
    dryRun: never,
    runSync: never,
    confirmSync: never,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    live: () => ({ loops: [] }),
  };
}

/** Runs the client and listens to the event loop meanwhile. */
async function measure(plan: ReadsPlan): Promise<Latency> {
  const outfile = path.join(process.cwd(), "bench/dist/reads-client.js");
  await build({
    entryPoints: [path.join(process.cwd(), "bench/reads/client.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
  });
  const child = fork(outfile, [], { execArgv: [] });
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs });
  loop.enable();
  try {
    const { requests, failed, latencies, answers, delays } = await new Promise<ReadsReport>((resolve, reject) => {
      child.once("message", (report) => resolve(report as ReadsReport));
      child.once("exit", (code) => reject(new Error(`the client ended with ${code}`)));
      child.send(plan);
    });
    const at = (sorted: readonly number[], share: number) =>
      Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(2));
    return {
      requests,
      failed,
      p50: at(latencies, 0.5),
      p99: at(latencies, 0.99),
      p999: at(latencies, 0.999),
      max: at(latencies, 1),
      answerP99: at(answers, 0.99),
      sentLateP99: at(delays, 0.99),
      loopLateP99: Number((loop.percentile(99) / 1e6 - loopResolutionMs).toFixed(2)),
    };
  } finally {
    loop.disable();
    child.disconnect();
  }
}
