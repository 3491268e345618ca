import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { microsPerDay, systemClock } from "../packages/engine/src/base/instant.js";
import { startUp } from "../packages/engine/src/cli/run/start-up.js";
import { prepareProperties } from "../packages/engine/src/collect/load/typed-properties.js";
import { propertiesRead } from "../packages/engine/src/project/compile/properties-read.js";
import { loadProject } from "../packages/engine/src/project/load-project.js";
import { runCycle } from "../packages/engine/src/run/cycle.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import type { ClientOptions, ClientReport } from "./freshness/client.js";
import { generate, prepareGenerator } from "./history/generate.js";
import { definitions, sizesOf, writeKey } from "./history/project.js";
import { table } from "./table.js";

/**
 * Event accepted → audience changed → webhook received, through everything that `cambium up` starts, over a stored history
 * (CAMBIUM_BENCH_EVENTS, default 10,000,000; a profile per 100 events) with 500 events a second beside it, for users and
 * for accounts. CAMBIUM_BENCH_SECONDS is how long (default 60). With CAMBIUM_BENCH_DIR the history is made there once and
 * kept for the next run. Beside it: the cycle's seconds, memory, and what the engine costs when nothing happens.
 */
const sizes = sizesOf(Number(process.env["CAMBIUM_BENCH_EVENTS"] ?? 10_000_000));
const seconds = Number(process.env["CAMBIUM_BENCH_SECONDS"] ?? 60);
const eventsPerSecond = 500;
const probeEveryMs = 400;
const probesMax = 2_000;
const idleSeconds = 20;
const settleSeconds = 15;
const historyMicros = 90 * microsPerDay;
const env = { ...process.env, BENCH_SECRET: "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4" };

export async function bench(): Promise<void> {
  const kept = process.env["CAMBIUM_BENCH_DIR"];
  const dir = kept === undefined ? await mkdtemp(path.join(os.tmpdir(), "cambium-bench-freshness-")) : path.join(kept, "freshness");
  await mkdir(path.join(dir, ".cambium"), { recursive: true });
  const client = await startClient(dir);
  try {
    await writeProject(dir, client.port);
    const file = path.join(dir, ".cambium", "warehouse.duckdb");
    if (!existsSync(file)) await makeHistory(dir, file);
    await measure(dir, client);
  } finally {
    client.child.disconnect();
    if (kept === undefined) await rm(dir, { recursive: true, force: true });
  }
}

async function measure(dir: string, client: Client): Promise<void> {
  const began = performance.now();
  const running = await startUp({ dir, version: "bench", port: 0, collectorPort: 0, collectorEndsWithUs: true, onEvent: say, env });
  try {
    const { engine } = running;
    const started = (performance.now() - began) / 1000;
    const first = await engine.loops.cycleOnce();
    engine.loops.start();
    await engine.loops.filled;
    const filled = (performance.now() - began) / 1000;
    const turns: { seconds: number; events: number }[] = [];
    const stop = engine.subscribe((event) => {
      if (event.type === "cycle") void lastCycle().then((turn) => turns.push(turn));
    });
    const reader = await engine.warehouse.connect();
    const lastCycle = async () =>
      (await reader.first<{ seconds: number; events: number }>(
        sql`SELECT seconds, events FROM ops.cycles ORDER BY cycle_id DESC LIMIT 1`,
      )) ?? { seconds: 0, events: 0 };
    await sleep(settleSeconds * 1000);
    const idle = process.cpuUsage();
    await sleep(idleSeconds * 1000);
    const used = process.cpuUsage(idle);
    const idleShare = (used.user + used.system) / 1e6 / idleSeconds;
    turns.length = 0;
    const newest = await reader.first<{ n: number }>(
      sql`SELECT coalesce(max(CAST(substr(user_id, 2) AS BIGINT)), -1) AS n FROM raw.events WHERE event IN ('Probed', 'Account Probed')`,
    );
    const firstProbe = sizes.profiles - probesMax;
    const before = process.cpuUsage();
    const from = performance.now();
    const report = await client.run(running.collector.running?.url ?? "", {
      writeKey,
      eventsPerSecond,
      seconds,
      probeEveryMs,
      profiles: sizes.profiles,
      workspaces: sizes.workspaces,
      accounts: sizes.accounts,
      firstProbe,
      probesUsed: Math.max(0, (newest?.n ?? -1) - firstProbe + 1),
    });
    const busy = process.cpuUsage(before);
    const elapsed = (performance.now() - from) / 1000;
    stop();
    await reader.close();
    const cycles = turns.map((turn) => turn.seconds);
    table(
      ["what", "figure", "goal"],
      [
        [
          `stored: ${sizes.events.toLocaleString("en")} events, ${sizes.profiles.toLocaleString("en")} profiles; started in`,
          `${started.toFixed(1)} s, first cycle ${first.seconds.toFixed(1)} s, message ids in memory after ${filled.toFixed(1)} s`,
          "",
        ],
        [`user entered an audience → webhook (${report.user.length} probes)`, figures(report.user), "p50 ≤ 1.5 s, p95 ≤ 4 s"],
        [`account entered an audience → webhook (${report.account.length} probes)`, figures(report.account), "p50 ≤ 1.5 s, p95 ≤ 4 s"],
        [
          "probes that never arrived, requests that failed",
          `${report.missing}, ${report.failures} of ${report.sent.toLocaleString("en")} events`,
          "0, 0",
        ],
        [
          `cycles (${cycles.length}, of ${Math.round(turns.reduce((sum, turn) => sum + turn.events, 0) / Math.max(1, turns.length))} events on average)`,
          figures(cycles.map((each) => each * 1000)),
          "",
        ],
        [`processor of the engine at ${eventsPerSecond} events/s`, `${percent((busy.user + busy.system) / 1e6 / elapsed)} of a core`, ""],
        ["processor of the engine when nothing happens", `${percent(idleShare)} of a core`, "≤ 2 %"],
        ["memory of the engine", `${Math.round(process.memoryUsage().rss / 1e6)} MB`, "≤ 2,000 MB at 1 M profiles"],
      ],
    );
  } finally {
    await running.close();
  }
}

async function makeHistory(dir: string, file: string): Promise<void> {
  const project = await loadProject(dir);
  const scratchDir = path.join(dir, ".cambium", "scratch");
  const warehouse = await openDuckdb({ file: `${file}.new`, scratchDir, memoryMax: "6GB" });
  const connection = await warehouse.connect();
  const end = systemClock();
  await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
  const typed = new Map(
    (await prepareProperties(connection, propertiesRead(project), end)).map(({ path: from, column }) => [from, column]),
  );
  await prepareGenerator(connection, sizes);
  await generate(connection, sizes, 1, sizes.events, end - historyMicros, historyMicros);
  const first = await runCycle(connection, project, { now: end, typed });
  say(`history of ${sizes.events.toLocaleString("en")} events made; first cycle ${first.seconds.toFixed(1)} s`);
  await connection.close();
  await warehouse.checkpoint();
  await warehouse.close();
  await rename(`${file}.new`, file);
}

async function writeProject(dir: string, port: number): Promise<void> {
  const sync = (name: string) =>
    `{ name: ${name}, from: { audience: ${name} }, mode: add_remove, first_run: new, destination: app, mapping: { id: key } }`;
  const files: Record<string, string> = {
    ...definitions,
    "audiences/probed.yml": "{ name: probed, entity: user, where: { event: Probed } }",
    "audiences/probed_accounts.yml": "{ name: probed_accounts, entity: account, where: { event: Account Probed } }",
    "destinations/app.yml": `{ name: app, type: webhook, settings: { url: "http://127.0.0.1:${port}/", secret: "\${BENCH_SECRET}" }, allow: ["127.0.0.1:${port}"] }`,
    "syncs/probed.yml": sync("probed"),
    "syncs/probed_accounts.yml": sync("probed_accounts"),
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await writeFile(path.join(dir, name), text);
  }
}

interface Client {
  readonly child: ChildProcess;
  readonly port: number;
  run(url: string, options: ClientOptions): Promise<ClientReport>;
}

async function startClient(dir: string): Promise<Client> {
  const outfile = path.join(process.cwd(), "bench/dist/freshness-client.js");
  await build({
    entryPoints: [path.join(process.cwd(), "bench/freshness/client.ts")],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
  });
  const child = fork(outfile, [], { cwd: dir, execArgv: [] });
  const message = <T>() => new Promise<T>((resolve) => void child.once("message", (value) => resolve(value as T)));
  const { port } = await message<{ port: number }>();
  return {
    child,
    port,
    async run(url, options) {
      const answer = message<{ report: ClientReport }>();
      child.send({ url, options });
      return (await answer).report;
    },
  };
}

function figures(millis: readonly number[]): string {
  const sorted = [...millis].sort((a, b) => a - b);
  const at = (share: number) => ((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) / 1000).toFixed(2);
  return `p50 ${at(0.5)} s, p95 ${at(0.95)} s, worst ${at(1)} s`;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
