import { rm } from "node:fs/promises";
import path from "node:path";
import { instantOf, microsPerDay } from "../../packages/engine/src/base/instant.js";
import { prepareProperties } from "../../packages/engine/src/collect/load/typed-properties.js";
import { propertiesRead } from "../../packages/engine/src/project/compile/properties-read.js";
import { projectFromFiles } from "../../packages/engine/src/project/load-project.js";
import { runCycle } from "../../packages/engine/src/run/cycle.js";
import { createTables } from "../../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../../packages/engine/src/warehouse/duckdb/open.js";
import { generate, prepareGenerator } from "../history/generate.js";
import { definitions, sizesOf } from "../history/project.js";

/**
 * An engine at its busiest, in a process of its own: it recomputes everyone of a generated history, again and again, until
 * it is told to end. `recompute.js <folder> <events>`; says "ready" when the first one is through.
 */
const scratchDir = process.argv[2] ?? "";
const sizes = sizesOf(Number(process.argv[3]));
const end = instantOf("2026-03-20T12:00:00Z");
const historyMicros = 90 * microsPerDay;

let over = false;
process.once("SIGTERM", () => (over = true));
process.once("disconnect", () => (over = true));

const warehouse = await openDuckdb({ file: path.join(scratchDir, "recompute.duckdb"), scratchDir, memoryMax: "4GB" });
const connection = await warehouse.connect();
const project = projectFromFiles(definitions, scratchDir);
await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
const typed = new Map((await prepareProperties(connection, propertiesRead(project), end)).map(({ path: from, column }) => [from, column]));
await prepareGenerator(connection, sizes);
await generate(connection, sizes, 1, sizes.events, end - historyMicros, historyMicros);
await runCycle(connection, project, { now: end, typed });
process.send?.({ type: "ready" });
for (let turn = 1; !over; turn += 1) {
  const { seconds } = await runCycle(connection, project, { now: end + turn * 1_000_000, typed, everyone: true });
  process.send?.({ type: "recomputed", seconds });
}
await connection.close();
await warehouse.close();
await rm(scratchDir, { recursive: true, force: true });
process.disconnect();
