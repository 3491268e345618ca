import { setTimeout as sleep } from "node:timers/promises";
import { LoadMemory } from "../../../src/collect/load/load-memory.js";
import { spoolLines } from "../../../src/collect/load/line-source.js";
import { loadSegments } from "../../../src/collect/load/load-segments.js";
import { emptyMessageFilter, fillMessageFilter } from "../../../src/collect/load/message-filter.js";
import { createTables } from "../../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../../src/warehouse/duckdb/open.js";
import { testProject } from "../../support/project.js";

/** A loader as a process, to be killed: `node loader.mjs <warehouse file> <scratch dir> <spool dir>`. */
const [file = "", scratchDir = "", spoolDir = ""] = process.argv.slice(2);
const warehouse = await openDuckdb({ file, scratchDir });
const connection = await warehouse.connect();
await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
const filter = await emptyMessageFilter(connection);
// Meanwhile, as the engine does.
void fillMessageFilter(await warehouse.connect(), filter);
const memory = new LoadMemory();
process.send?.("ready");
const source = spoolLines(spoolDir, scratchDir);
for (;;) {
  const { loadId } = await loadSegments(connection, testProject(), { source, filter, memory, now: Date.now() * 1000 });
  if (loadId === undefined) await sleep(5);
}
