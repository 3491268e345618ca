import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { openClickhouse } from "../../packages/engine/src/warehouse/clickhouse/open.js";
import { conformanceSuite } from "../../packages/engine/test/warehouse/conformance/suite.js";
import { type Bridge, startBridge } from "./bridge-process.js";

const bridges: Bridge[] = [];
const folders: string[] = [];
afterAll(async () => {
  await Promise.all(bridges.map((bridge) => bridge.stop()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

conformanceSuite("clickhouse", async () => {
  const bridge = await startBridge({ password: "secret" });
  bridges.push(bridge);
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-conformance-"));
  folders.push(scratchDir);
  return openClickhouse({ url: bridge.url, password: "secret", prefix: "conformance_", scratchDir });
});
