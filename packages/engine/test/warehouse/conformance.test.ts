import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { conformanceSuite } from "./conformance/suite.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

conformanceSuite("duckdb", async () => {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-conformance-"));
  folders.push(scratchDir);
  return openDuckdb({ file: ":memory:", scratchDir });
});
