import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { openDuckdb } from "../../../src/warehouse/duckdb/open.js";
import { copySuite } from "./copy-suite.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function open() {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-copied-"));
  folders.push(scratchDir);
  return openDuckdb({ file: ":memory:", scratchDir, threads: 1 });
}

copySuite("one database file to another", open, open);
