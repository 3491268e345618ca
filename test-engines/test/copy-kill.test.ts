import { afterAll, beforeAll } from "vitest";
import { killSuite } from "../../packages/engine/test/run/copy/kill-suite.js";
import { type Bridge, startBridge } from "./bridge-process.js";

let bridge: Bridge;
beforeAll(async () => {
  bridge = await startBridge();
});
afterAll(() => bridge.stop());

killSuite("from DuckDB to ClickHouse", () => `${bridge.url}/killed_`);
