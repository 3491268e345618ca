import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { instantOf, isoOf } from "../packages/engine/src/base/instant.js";
import { prepareProperties } from "../packages/engine/src/collect/load/typed-properties.js";
import { propertiesRead } from "../packages/engine/src/project/compile/properties-read.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import { type CycleSummary, runCycle } from "../packages/engine/src/run/cycle.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { type Sql, sql } from "../packages/engine/src/warehouse/sql.js";
import { loads } from "../packages/engine/src/warehouse/tables/ops.js";
import type { Connection } from "../packages/engine/src/warehouse/warehouse.js";
import { table } from "./table.js";

/**
 * The cycle at size: a first full cycle over the history, cycles of 10,000 new events each, and a recompute of everyone.
 * The limit is a raw aggregation of the same events in the same run. Size by CAMBIUM_BENCH_EVENTS (default 10,000,000;
 * a profile per 100 events, a workspace per 10 profiles).
 */
const eventsStored = Number(process.env["CAMBIUM_BENCH_EVENTS"] ?? 10_000_000);
const profiles = Math.floor(eventsStored / 100);
const workspaces = Math.floor(profiles / 10);
const newEvents = 10_000;
const cycles = 7;
const end = instantOf("2026-03-20T12:00:00Z");

const files = {
  "cambium.yml": `
name: bench
entities:
  user: {}
  workspace: { parent: account, id: [context.groupId] }
  account: { id: [properties.account_id] }
warehouse: { memory: 6GB }
`,
  "sources/web.yml": "name: web\nwrite_keys: [key]\n",
  "traits/all.yml": [
    ...["Opened", "Created", "Shared", "Paid", "Invited"].flatMap((event) => [
      `- { name: ${event.toLowerCase()}, entity: [user, workspace, account], type: count, event: ${event} }`,
      `- { name: ${event.toLowerCase()}_7d, entity: [user, workspace, account], type: count, event: ${event}, within: 7 days }`,
      `- { name: ${event.toLowerCase()}_28d, entity: [user, workspace, account], type: count, event: ${event}, within: 28 days }`,
    ]),
    `- { name: revenue, entity: [user, workspace, account], type: sum, event: Paid, property: amount }`,
    `- { name: days_28d, entity: [user, workspace], type: days_active, event: "*", within: 28 days }`,
    `- { name: since, entity: [user, workspace], type: days_since, event: Opened }`,
    `- { name: last_plan, entity: [user, workspace], type: last, event: Paid, property: plan }`,
  ].join("\n"),
  "scores/user.yml": score("user"),
  "scores/workspace.yml": score("workspace"),
  "scores/account.yml": score("account"),
  "audiences/a.yml": "{ name: active, entity: user, where: { all: [{ trait: opened_7d, gte: 2 }, { score: user_score, gte: 30 }] } }",
  "audiences/b.yml": "{ name: hot, entity: workspace, where: { all: [{ trait: created_7d, gte: 20 }, { trait: revenue, gt: 100 }] } }",
  "audiences/c.yml":
    "{ name: hot_accounts, entity: account, where: { any: [{ score: account_score, gte: 60 }, { trait: paid_7d, gte: 10 }] } }",
};

function score(entity: string): string {
  return `
name: ${entity}_score
entity: ${entity}
components:
  - { name: usage, weight: 50, log: { trait: created_28d, from: 0, to: 100 } }
  - { name: sharing, weight: 25, linear: { trait: shared_28d, from: 0, to: 20 } }
  - { name: paid, weight: 25, milestone: { trait: revenue, gt: 0 } }
`;
}

export async function bench(): Promise<void> {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-"));
  const warehouse = await openDuckdb({ file: path.join(scratchDir, "bench.duckdb"), scratchDir, memoryMax: "6GB" });
  const connection = await warehouse.connect();
  try {
    const project = projectFromFiles(files, scratchDir);
    await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
    const typed = new Map(
      (await prepareProperties(connection, propertiesRead(project), end)).map(({ path: from, column }) => [from, column]),
    );
    await generate(connection, 1, eventsStored, end - 90 * 86_400_000_000, 90 * 86_400_000_000);
    const raw = await seconds(() =>
      connection.read(sql`/* the limit: one aggregation over the same events */ SELECT count(*) FROM (
SELECT identifier_id, CAST(timestamp AS DATE) AS day, ${connection.dialect.tryCast(sql`sum(CASE WHEN event = 'Paid' THEN TRY_CAST(p_amount AS DOUBLE) END)`, "double")} AS revenue,
  count(*) FILTER (WHERE event = 'Opened'), count(*) FILTER (WHERE event = 'Created'), count(*) FILTER (WHERE event = 'Shared') FROM raw.events GROUP BY 1, 2) AS t`),
    );
    const first = await runCycle(connection, project, { now: end, typed });
    const turns: CycleSummary[] = [];
    for (let turn = 0; turn < cycles; turn += 1) {
      await generate(connection, 2 + turn, newEvents, end + turn * 2_000_000, 2_000_000);
      turns.push(await runCycle(connection, project, { now: end + (turn + 1) * 2_000_000, typed }));
    }
    const idle = await runCycle(connection, project, { now: end + (cycles + 1) * 2_000_000, typed });
    const full = await runCycle(connection, project, { now: end + (cycles + 2) * 2_000_000, typed, everyone: true });
    const sorted = turns.map((each) => each.seconds).sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] as number;
    table(
      ["what", "figure", "ratio to the limit"],
      [
        [`raw aggregation of ${millions(eventsStored)} events (limit)`, `${raw.toFixed(2)} s`, ""],
        [
          "first cycle, everything from raw events",
          `${first.seconds.toFixed(2)} s = ${Math.round(eventsStored / first.seconds).toLocaleString("en")} events/s`,
          ratio(raw / first.seconds),
        ],
        [
          `cycle of ${newEvents.toLocaleString("en")} new events, median of ${cycles} (worst ${(sorted.at(-1) as number).toFixed(2)} s)`,
          `${median.toFixed(2)} s`,
          "",
        ],
        ["  of which", slowest(turns[0] as CycleSummary), ""],
        ["cycle without news", `${idle.seconds.toFixed(2)} s`, ""],
        [`recompute of everyone (${profiles.toLocaleString("en")} profiles)`, `${full.seconds.toFixed(2)} s`, ratio(raw / full.seconds)],
        ["memory of the process", `${Math.round(process.memoryUsage().rss / 1e6)} MB`, ""],
      ],
    );
  } finally {
    await connection.close();
    await warehouse.close();
    await rm(scratchDir, { recursive: true, force: true });
  }
}

async function generate(connection: Connection, loadId: number, count: number, from: number, span: number): Promise<void> {
  const { dialect } = connection;
  const user = sql`(hash(i + ${loadId * 1_000_003}) % ${profiles})`;
  const at = sql`make_timestamp(CAST(${from} + (i * (${span} / ${count})) AS BIGINT))`;
  const text = (prefix: string, value: Sql) => sql`${prefix} || ${value}`;
  await connection.run(sql`INSERT INTO raw.events (load_id, message_id, message_hash, source, type, event, user_id, group_id, identifier_id, workspace_id, timestamp, received_at, properties, context, p_amount, p_plan)
SELECT ${loadId}, ${`m${loadId}-`} || i, hash(i) >> 1, 'web', 'track', ['Opened','Opened','Opened','Created','Created','Shared','Paid','Invited'][CAST(1 + hash(i * 7) % 8 AS BIGINT)], u, w,
  ${dialect.hash64(text("user_id:", sql`u`))}, ${dialect.hash64(text("workspace:", sql`w`))}, moment, moment, NULL, NULL, CAST((hash(i * 3) % 10000) / 100.0 AS VARCHAR), ['free', 'team', 'business'][CAST(1 + hash(i * 5) % 3 AS BIGINT)]
FROM (SELECT i, 'u' || ${user} AS u, 'w' || (${user} % ${workspaces}) AS w, ${at} AS moment FROM range(${count}) AS r(i)) AS g`);
  await connection.append(loads, [
    {
      load_id: loadId,
      segment: `s${loadId}`,
      node: "bench",
      accepted: count,
      stored: count,
      duplicates: 0,
      quarantined: 0,
      bytes: 0,
      loaded_at: isoOf(end),
      seconds: 0,
    },
  ]);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

const ratio = (value: number) => `${(value * 100).toFixed(0)} %`;
const millions = (value: number) => `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} M`;
const slowest = (cycle: CycleSummary) =>
  [...cycle.steps]
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, 4)
    .map((step) => `${step.name} ${step.seconds.toFixed(2)} s`)
    .join(", ");
