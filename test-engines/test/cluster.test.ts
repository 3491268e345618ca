import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { openClickhouse } from "../../packages/engine/src/warehouse/clickhouse/open.js";
import { conformanceSuite } from "../../packages/engine/test/warehouse/conformance/suite.js";
import { type Bridge, startBridge } from "./bridge-process.js";

/** The conformance suite with tables as a cluster has them; what of a cluster that is, `one-node-cluster.mjs` says. */
const cluster = "main";
const bridges: Bridge[] = [];
const folders: string[] = [];
afterAll(async () => {
  await Promise.all(bridges.map((bridge) => bridge.stop()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

conformanceSuite("clickhouse", async () => {
  const bridge = await startBridge({ cluster });
  bridges.push(bridge);
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-cluster-"));
  folders.push(scratchDir);
  return openClickhouse({ url: bridge.url, prefix: "conformance_", cluster, scratchDir });
});
