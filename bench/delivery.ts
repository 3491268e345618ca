import { fork } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Agent, request } from "undici";
import { webhookDestination } from "../packages/engine/src/activate/destinations/webhook/webhook.js";
import { runSync } from "../packages/engine/src/activate/run.js";
import { systemClock } from "../packages/engine/src/base/instant.js";
import { destination } from "../packages/engine/src/project/kinds/destination.js";
import { type Sync, sync } from "../packages/engine/src/project/kinds/sync.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import type { Project } from "../packages/engine/src/project/project.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import { table } from "./table.js";

/**
 * A first run of a webhook sync to a receiver in a process of its own, which parses every row: difference, mapping,
 * signing, sending, and one committed outcome per row. The limit beside it: ready-made bodies of the same rows posted to
 * the same receiver by the same client, with nothing read, mapped or recorded.
 */
export interface DeliveryBench {
  readonly rows: number;
  readonly bytesPerRow: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly limitRowsPerSecond: number;
  /** rowsPerSecond / limitRowsPerSecond */
  readonly ratio: number;
  /** Rows a second and processor second of the engine's process. */
  readonly rowsPerCpuSecond: number;
}

const batchRows = 1000;
const concurrency = 4;

export async function bench(): Promise<void> {
  const found = await measureDelivery();
  const rate = (perSecond: number) => `${perSecond.toLocaleString("en")} rows/s`;
  table(
    ["what", "figure", "goal"],
    [
      [`ready-made bodies, ${found.bytesPerRow} bytes a row (limit)`, rate(found.limitRowsPerSecond), ""],
      [
        `a sync's first run of ${found.rows.toLocaleString("en")} rows to a webhook (${rate(found.rowsPerCpuSecond)} a processor second)`,
        `${rate(found.rowsPerSecond)} = ${Math.round(found.ratio * 100)} % of the limit`,
        "≥ 30,000 rows/s",
      ],
    ],
  );
}

export async function measureDelivery(rows = 300_000): Promise<DeliveryBench> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-delivery-"));
  const receiver = await startReceiver(dir);
  const warehouse = await openDuckdb({ file: path.join(dir, "bench.duckdb"), scratchDir: path.join(dir, "scratch") });
  try {
    const connection = await warehouse.connect();
    await createTables(connection, ["user"], []);
    await connection.run(sql`CREATE SCHEMA IF NOT EXISTS models`);
    await connection.run(sql`CREATE TABLE models.people AS SELECT 'user-' || i AS id, 'u' || i || '@example.com' AS email, ['free', 'pro', 'team'][1 + i % 3] AS plan,
i % 97 AS logins, (i % 1000) / 10.0 AS score, i % 4 = 0 AS active, make_timestamp(1750000000000000 + i * 1000) AS last_seen FROM range(${rows}) AS r(i)`);
    const project = benchProject(receiver.url, receiver.host);
    const webhook = webhookDestination();
    const cpu = process.cpuUsage();
    const started = performance.now();
    const result = await runSync(connection, project, project.syncs[0] as Sync, {
      now: systemClock(),
      clock: systemClock,
      destinations: () => webhook,
    });
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (result.delivered !== rows) throw new Error(`${result.delivered} of ${rows} rows were delivered: ${result.message ?? ""}`);
    await webhook.close?.();
    await connection.close();
    const limit = await postReady(receiver.url, rows);
    return {
      rows,
      bytesPerRow: Math.round(limit.bytes / rows),
      seconds,
      rowsPerSecond: Math.round(rows / seconds),
      limitRowsPerSecond: Math.round(rows / limit.seconds),
      ratio: limit.seconds / seconds,
      rowsPerCpuSecond: Math.round(rows / ((user + system) / 1_000_000)),
    };
  } finally {
    await receiver.stop();
    await warehouse.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function benchProject(url: string, host: string): Project {
  const project = projectFromFiles(
    { "cambium.yml": "name: bench\nentities:\n  user: {}\n", "sources/web.yml": "name: web\nwrite_keys: [k]\n" },
    "/bench",
  );
  const mapping = {
    id: "id",
    email: "email",
    plan: "plan",
    logins: "logins",
    score: { column: "score", transform: "round" },
    active: "active",
    "seen.last": "last_seen",
  };
  return {
    ...project,
    destinations: [
      destination.parse({
        name: "app",
        type: "webhook",
        settings: { url, secret: "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4" },
        allow: [host],
        concurrency,
      }),
    ],
    syncs: [sync.parse({ name: "people", from: { model: "people" }, destination: "app", key: "id", batch_rows: batchRows, mapping })],
  };
}

/** Ready bodies of the same shape, `concurrency` at once. */
async function postReady(url: string, rows: number): Promise<{ seconds: number; bytes: number }> {
  const data = Array.from({ length: batchRows }, (_, i) => ({
    key: `user-${i}`,
    change: "add",
    idempotency_key: "1234567890123456789",
    fields: {
      id: `user-${i}`,
      email: `u${i}@example.com`,
      plan: "team",
      logins: i % 97,
      score: 12,
      active: false,
      seen: { last: "2025-06-15T15:06:40.001000Z" },
    },
  }));
  const body = JSON.stringify({ type: "rows.changed", timestamp: "2026-01-01T00:00:00.000000Z", sync: "people", mode: "upsert", data });
  const agent = new Agent({ connections: concurrency });
  let left = Math.ceil(rows / batchRows);
  const started = performance.now();
  const post = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await request(url, { method: "POST", body, headers: { "content-type": "application/json" }, dispatcher: agent });
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, post));
  const seconds = (performance.now() - started) / 1000;
  await agent.close();
  return { seconds, bytes: Math.ceil(rows / batchRows) * body.length };
}

const receiverSource = `
import http from "node:http";
const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { data } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ taken: data.length }));
  });
});
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("disconnect", () => process.exit(0));
`;

async function startReceiver(dir: string) {
  const file = path.join(dir, "receiver.mjs");
  await writeFile(file, receiverSource);
  const child = fork(file, [], { execArgv: [] });
  const port = await new Promise<number>((resolve) => void child.once("message", (message) => resolve(Number(message))));
  return {
    url: `http://127.0.0.1:${port}/`,
    host: `127.0.0.1:${port}`,
    async stop() {
      const gone = new Promise((resolve) => void child.once("exit", resolve));
      child.disconnect();
      await gone;
    },
  };
}
