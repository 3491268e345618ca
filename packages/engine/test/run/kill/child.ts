import type { WarehouseSettings } from "../../../src/warehouse/open-warehouse.js";
import { type Turn, live } from "./scenario.js";

/** The process that kills itself, as `kill -9` would, before a certain statement of a turn. */
const { settings, turn, at } = JSON.parse(process.argv[2] ?? "") as { settings: WarehouseSettings; turn: Turn; at: number };
let statements = 0;
await live(settings, turn, () => {
  statements += 1;
  if (statements >= at) process.kill(process.pid, "SIGKILL");
});
