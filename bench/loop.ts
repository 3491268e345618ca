import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { instantOf, microsPerDay } from "../packages/engine/src/base/instant.js";
import { prepareProperties } from "../packages/engine/src/collect/load/typed-properties.js";
import { propertiesRead } from "../packages/engine/src/project/compile/properties-read.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import { type CycleSummary, runCycle } from "../packages/engine/src/run/cycle.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import { generate, prepareGenerator } from "./history/generate.js";
import { definitions, sizesOf } from "./history/project.js";
import { table } from "./table.js";

/**
 * The cycle at size: a first full cycle over the history, cycles of 10,000 new events each, and a recompute of everyone.
 * The limit is a raw aggregation of the same events in the same run. Size by CAMBIUM_BENCH_EVENTS (default 10,000,000).
 */
const sizes = sizesOf(Number(process.env["CAMBIUM_BENCH_EVENTS"] ?? 10_000_000));
const historyMicros = 90 * microsPerDay;
const newEvents = 10_000;
const cycles = 7;
const end = instantOf("2026-03-20T12:00:00Z");

export async function bench(): Promise<void> {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-"));
  const warehouse = await openDuckdb({ file: path.join(scratchDir, "bench.duckdb"), scratchDir, memoryMax: "6GB" });
  const connection = await warehouse.connect();
  try {
    const project = projectFromFiles(definitions, scratchDir);
    await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
    const typed = new Map(
      (await prepareProperties(connection, propertiesRead(project), end)).map(({ path: from, column }) => [from, column]),
    );
    await prepareGenerator(connection, sizes);
    let loadId = await generate(connection, sizes, 1, sizes.events, end - historyMicros, historyMicros);
    const raw = await seconds(() =>
      connection.read(sql`/* the limit: one aggregation over the same events */ SELECT count(*) FROM (
SELECT identifier_id, CAST(timestamp AS DATE) AS day, ${connection.dialect.tryCast(sql`sum(CASE WHEN event = 'Paid' THEN TRY_CAST(p_amount AS DOUBLE) END)`, "double")} AS revenue,
  count(*) FILTER (WHERE event = 'Opened'), count(*) FILTER (WHERE event = 'Created'), count(*) FILTER (WHERE event = 'Shared') FROM raw.events GROUP BY 1, 2) AS t`),
    );
    const first = await runCycle(connection, project, { now: end, typed });
    const turns: CycleSummary[] = [];
    for (let turn = 0; turn < cycles; turn += 1) {
      loadId = await generate(connection, sizes, loadId + 1, newEvents, end + turn * 2_000_000, 2_000_000);
      turns.push(await runCycle(connection, project, { now: end + (turn + 1) * 2_000_000, typed }));
    }
    const idle = await runCycle(connection, project, { now: end + (cycles + 1) * 2_000_000, typed });
    const full = await runCycle(connection, project, { now: end + (cycles + 2) * 2_000_000, typed, everyone: true });
    const sorted = turns.map((each) => each.seconds).sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] as number;
    table(
      ["what", "figure", "ratio to the limit"],
      [
        [`raw aggregation of ${millions(sizes.events)} events (limit)`, `${raw.toFixed(2)} s`, ""],
        [
          "first cycle, everything from raw events",
          `${first.seconds.toFixed(2)} s = ${Math.round(sizes.events / first.seconds).toLocaleString("en")} events/s`,
          ratio(raw / first.seconds),
        ],
        [
          `cycle of ${newEvents.toLocaleString("en")} new events, median of ${cycles} (worst ${(sorted.at(-1) as number).toFixed(2)} s)`,
          `${median.toFixed(2)} s`,
          "",
        ],
        ["  of which", slowest(turns[0] as CycleSummary), ""],
        ["cycle without news", `${idle.seconds.toFixed(2)} s`, ""],
        [
          `recompute of everyone (${sizes.profiles.toLocaleString("en")} profiles)`,
          `${full.seconds.toFixed(2)} s`,
          ratio(raw / full.seconds),
        ],
        ["memory of the process", `${Math.round(process.memoryUsage().rss / 1e6)} MB`, ""],
      ],
    );
  } finally {
    await connection.close();
    await warehouse.close();
    await rm(scratchDir, { recursive: true, force: true });
  }
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
