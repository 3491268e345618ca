import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { identify } from "../packages/engine/src/identify/identify.js";
import { rebuildIdentity } from "../packages/engine/src/identify/rebuild-identity.js";
import { factIdentifier } from "../packages/engine/src/project/identifier-value.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import type { Project } from "../packages/engine/src/project/project.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { type Sql, sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../packages/engine/src/warehouse/warehouse.js";

/**
 * Identity with a million people (two million identifiers, two million observations): a rebuild, then cycles of new
 * events, most from people already known. The limit beside it is the raw scan: counting the distinct identifiers of the
 * same events.
 */
export interface IdentityBench {
  readonly profiles: number;
  readonly rebuildSeconds: number;
  /** Processor seconds, which a busy machine does not inflate as it does the clock's. */
  readonly rebuildCpuSeconds: number;
  /** Counting distinct owners of the same events: what any rebuild must at least do. */
  readonly scanSeconds: number;
  readonly cycleEvents: number;
  readonly cycleMillis: readonly number[];
  readonly cycleCpuMillis: readonly number[];
  /** Cycles with a hundred late events among them, which replay their components. */
  readonly lateCycleMillis: readonly number[];
  readonly memoryMb: number;
}

export async function bench(profiles = 1_000_000, cycleEvents = 10_000, cycles = 5): Promise<IdentityBench> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-identity-"));
  const warehouse = await openDuckdb({ file: path.join(dir, "bench.duckdb"), scratchDir: path.join(dir, "scratch") });
  try {
    const connection = await warehouse.connect();
    const project = benchProject();
    await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
    await addEvents(connection, project, 1, history(profiles));
    const started = performance.now();
    const cpu = process.cpuUsage();
    await rebuildIdentity(connection, project, window(0, 1));
    const rebuildSeconds = (performance.now() - started) / 1000;
    const rebuildCpuSeconds = cpuMillis(cpu) / 1000;
    const scan = performance.now();
    await connection.first(sql`SELECT count(DISTINCT identifier_id) AS n, count(DISTINCT anonymous_id) AS m FROM raw.events`);
    const scanSeconds = (performance.now() - scan) / 1000;
    await warehouse.checkpoint();
    const cycleMillis: number[] = [];
    const cycleCpuMillis: number[] = [];
    const lateCycleMillis: number[] = [];
    for (let cycle = 1; cycle <= cycles * 2; cycle += 1) {
      const late = cycle > cycles;
      await addEvents(connection, project, cycle + 1, fresh(profiles, cycleEvents, cycle, late ? 100 : 0));
      const begun = performance.now();
      const cpuBefore = process.cpuUsage();
      await identify(connection, project, window(cycle, cycle + 1));
      if (!late) cycleCpuMillis.push(cpuMillis(cpuBefore));
      (late ? lateCycleMillis : cycleMillis).push(Math.round(performance.now() - begun));
    }
    await connection.close();
    const memoryMb = Math.round(process.memoryUsage().rss / 1e6);
    const figures = {
      profiles,
      rebuildSeconds,
      rebuildCpuSeconds,
      scanSeconds,
      cycleEvents,
      cycleMillis,
      cycleCpuMillis,
      lateCycleMillis,
      memoryMb,
    };
    print(figures);
    return figures;
  } finally {
    await warehouse.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function print(figures: IdentityBench): void {
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const lines = [
    ["people, each with two identifiers and two observations", String(figures.profiles)],
    ["rebuild from the events", `${figures.rebuildSeconds.toFixed(1)} s (processor ${figures.rebuildCpuSeconds.toFixed(1)} s)`],
    ["limit: counting distinct identifiers of the same events", `${figures.scanSeconds.toFixed(2)} s`],
    [`a cycle of ${figures.cycleEvents} new events`, `${median(figures.cycleMillis)} ms (processor ${median(figures.cycleCpuMillis)} ms)`],
    ["the same with a hundred late events", `${median(figures.lateCycleMillis)} ms`],
    ["memory of the process", `${figures.memoryMb} MB`],
  ];
  for (const [what = "", value = ""] of lines) process.stdout.write(`  ${what.padEnd(58)} ${value}\n`);
}

function cpuMillis(before: NodeJS.CpuUsage): number {
  const used = process.cpuUsage(before);
  return Math.round((used.user + used.system) / 1000);
}

const second = 1_000_000;
const firstAt = 1_700_000_000 * second;

const window = (fromLoad: number, toLoad: number) => ({ cycleId: toLoad, now: firstAt * 2, previousNow: 0, fromLoad, toLoad });

function benchProject(): Project {
  return projectFromFiles(
    {
      "cambium.yml":
        "name: bench\nentities:\n  user: {}\n  workspace:\n    parent: account\n    leave_events: [Workspace Left]\n  account: {}\n",
      "sources/web.yml": "name: web\nwrite_keys: [k]\n",
    },
    "/bench",
  );
}

/** Columns n, user_id, anonymous_id, email, received (seconds after the start). */
function history(profiles: number): Sql {
  return sql`SELECT i AS n, CASE WHEN i >= ${profiles} THEN 'user-' || (i - ${profiles}) END AS user_id, 'anonymous-' || (i % ${profiles}) AS anonymous_id, CAST(NULL AS VARCHAR) AS email, i AS received
    FROM range(${profiles * 2}) AS r(i)`;
}

/** 80 % known people, 10 % new visitors, 10 % known people on a new device; the first `late` of them came before the history ended. */
function fresh(profiles: number, count: number, cycle: number, late: number): Sql {
  const base = profiles * 2 + cycle * count;
  return sql`SELECT ${base} + i AS n, CASE WHEN i % 10 = 0 THEN NULL ELSE 'user-' || ((i * 7919 + ${cycle} * 104729) % ${profiles}) END AS user_id,
    CASE WHEN i % 10 <= 1 THEN 'anonymous-new-' || (${base} + i) ELSE 'anonymous-' || ((i * 7919 + ${cycle} * 104729) % ${profiles}) END AS anonymous_id,
    CAST(NULL AS VARCHAR) AS email, CASE WHEN i < ${late} THEN ${profiles} + i ELSE ${base} + i END AS received FROM range(${count}) AS r(i)`;
}

async function addEvents(connection: Connection, project: Project, load: number, rows: Sql): Promise<void> {
  const owner = factIdentifier(connection.dialect, project.identifiers, {
    user_id: sql`e.user_id`,
    anonymous_id: sql`e.anonymous_id`,
    email: sql`e.email`,
  });
  await connection.run(sql`INSERT INTO raw.events (load_id, message_id, message_hash, source, type, event, user_id, anonymous_id, email, identifier_id, timestamp, received_at)
    SELECT ${load}, 'message-' || e.n, e.n, 'web', 'track', 'Something Done', e.user_id, e.anonymous_id, e.email, ${owner},
      make_timestamp(${firstAt} + e.received * ${second}), make_timestamp(${firstAt} + e.received * ${second}) FROM (${rows}) AS e`);
}
