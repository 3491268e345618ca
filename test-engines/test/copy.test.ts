import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openClickhouse } from "../../packages/engine/src/warehouse/clickhouse/open.js";
import { openDuckdb } from "../../packages/engine/src/warehouse/duckdb/open.js";
import { sql } from "../../packages/engine/src/warehouse/sql.js";
import { runCli } from "../../packages/engine/test/cli/run-cli.js";
import { copySuite } from "../../packages/engine/test/run/copy/copy-suite.js";
import { fill, live, worldFolder } from "../../packages/engine/test/run/copy/world.js";
import { type Bridge, startBridge } from "./bridge-process.js";

let bridge: Bridge;
const folders: string[] = [];
beforeAll(async () => {
  bridge = await startBridge();
});
afterAll(async () => {
  await bridge.stop();
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-copied-"));
  folders.push(folder);
  return folder;
}

const embedded = async () => openDuckdb({ file: ":memory:", scratchDir: await scratch() });
const server = async () => openClickhouse({ url: bridge.url, prefix: `c${randomUUID().slice(0, 8)}_`, scratchDir: await scratch() });

/** What the other direction shows as well is tried in this one when more deaths are asked for. */
const brief = process.env["CAMBIUM_COPY_DEATHS"] === undefined;

copySuite("DuckDB to ClickHouse", embedded, server);
copySuite("ClickHouse to DuckDB", server, embedded, { brief });
if (!brief) copySuite("ClickHouse to ClickHouse", server, server, { brief: true });

test("who still conducts the source can write nothing more once it is copied", async () => {
  const dir = await worldFolder();
  folders.push(dir);
  const url = `${bridge.url}/conducted_`;
  const running = await openClickhouse({ url: bridge.url, prefix: "conducted_", scratchDir: dir });
  const connection = await running.connect();
  await fill(connection);
  const copy = (...more: string[]) => runCli(["warehouse", "copy", "-p", dir, "--from", url, "--to", path.join(dir, "to.duckdb"), ...more]);
  expect(await copy("--dry-run")).toMatchObject({ code: 0 });
  await live(connection, 5);
  expect(await copy()).toMatchObject({ code: 0, out: expect.stringContaining("whole, and equal") as string });
  await expect(live(connection, 6)).rejects.toMatchObject({ code: "WAREHOUSE_TAKEN_OVER" });
  expect(await connection.first(sql`SELECT max(cycle_id) AS newest FROM ops.cycles`)).toEqual({ newest: 5 });
  await connection.close();
  await running.close();
  const mistyped = await runCli(["warehouse", "copy", "-p", dir, "--from", `${bridge.url}/nobody_`, "--to", path.join(dir, "none.duckdb")]);
  expect(mistyped).toMatchObject({ code: 1, err: expect.stringContaining("none of its tables") as string });
});
