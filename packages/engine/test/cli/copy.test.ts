import { appendFile, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEngine } from "../../src/engine.js";
import { openWarehouse, warehouseLine, warehouseNamed } from "../../src/warehouse/open-warehouse.js";
import { sql } from "../../src/warehouse/sql.js";
import { fill, worldFolder } from "../run/copy/world.js";
import { dying } from "../run/copy/dying.js";
import { copyWarehouse } from "../../src/run/copy/copy-warehouse.js";
import { loadProject } from "../../src/project/load-project.js";
import { runCli } from "./run-cli.js";

/** `cambium warehouse copy` as people type it, from one database file to another. */

let dir: string;
const file = (name: string) => path.join(dir, name);
beforeAll(async () => {
  dir = await worldFolder();
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const copy = (...more: string[]) => runCli(["warehouse", "copy", "-p", dir, ...more]);

test("without a warehouse there is nothing to copy; names are checked", async () => {
  expect(await copy("--to", file("b.duckdb"))).toMatchObject({ code: 1, err: expect.stringContaining("has no warehouse yet") as string });
  const warehouse = await openWarehouse({
    type: "duckdb",
    file: file(".cambium/warehouse.duckdb"),
    scratchDir: file("scratch"),
    threads: 1,
  });
  const connection = await warehouse.connect();
  await fill(connection);
  await connection.close();
  await warehouse.close();
  expect((await copy()).code).toBe(2);
  expect((await copy("--to", file(".cambium/warehouse.duckdb"))).err).toContain("same warehouse");
  expect((await copy("--to", "nowhere")).err).toContain("names no warehouse");
  expect((await copy("--to", "https://user:secret@ch.example.com/shop_")).err).toContain("CAMBIUM_CLICKHOUSE_PASSWORD");
});

test("a dry run lists tables and rows and leaves nothing behind", async () => {
  const { out, code } = await copy("--to", file("b.duckdb"), "--dry-run");
  expect(code).toBe(0);
  expect(out).toMatch(/^raw\.events +\d+$/m);
  expect(out).toContain("rows would be copied");
  const plan = JSON.parse((await copy("--to", file("b.duckdb"), "--dry-run", "--json")).out) as { tables: unknown[]; resumes: boolean };
  expect(plan).toMatchObject({ resumes: false, leftOut: ["raw.incoming", "ops.arrivals", "ops.model_runs"] });
  await expect(openWarehouse({ type: "duckdb", file: file("b.duckdb"), scratchDir: file("scratch"), readOnly: true })).rejects.toThrow();
});

test("a copy says what is equal, and how to go on there; the engine then does", async () => {
  const { out, err, code } = await copy("--to", file("b.duckdb"));
  expect(code).toBe(0);
  expect(out).toMatch(/^raw\.events +(\d+) +\1 +equal$/m);
  expect(out).toContain("The copy is whole, and equal.");
  expect(out).toContain('warehouse: { type: "duckdb", file: "b.duckdb" }');
  expect(err).toContain("Comparing done");
  expect((await copy("--to", file("b.duckdb"))).err).toMatch(/not empty[\s\S]*--replace/);
  const answer = JSON.parse((await copy("--to", file("b.duckdb"), "--replace", "--json")).out) as Record<string, unknown>;
  expect(answer).toMatchObject({ equal: true, resumed: false, models: [], syncs: [] });
});

test("no engine starts on half a copy, and the same command makes it whole", async () => {
  const project = await loadProject(dir);
  const from = await openWarehouse({
    type: "duckdb",
    file: file(".cambium/warehouse.duckdb"),
    scratchDir: file("scratch"),
    readOnly: true,
  });
  const to = await openWarehouse({ type: "duckdb", file: file("half.duckdb"), scratchDir: file("scratch-2"), threads: 1 });
  const dead = copyWarehouse({
    source: { warehouse: from, name: file(".cambium/warehouse.duckdb") },
    target: { warehouse: dying(to, 200, "after").warehouse, name: "half" },
    project,
    clock: () => 1_772_366_400_000_000,
    scratchDir: file("pieces"),
    replace: false,
  });
  await expect(dead).rejects.toThrow("killed");
  await from.close();
  await to.close();
  await appendFile(file("cambium.yml"), "warehouse: { file: half.duckdb }\n");
  await expect(openEngine({ dir, version: "test" })).rejects.toMatchObject({ code: "COPY_UNFINISHED" });
  expect((await copy("--to", file("third.duckdb"))).err).toContain("not whole yet");
  expect((await copy("--from", file(".cambium/warehouse.duckdb"), "--to", file("half.duckdb"), "--dry-run")).out).toContain("would go on");
  expect((await copy("--from", file(".cambium/warehouse.duckdb"), "--to", file("half.duckdb"))).code).toBe(0);
  const engine = await openEngine({ dir, version: "test" });
  const connection = await engine.warehouse.connect();
  expect(await connection.first(sql`SELECT count(*) > 0 AS any FROM raw.events`)).toEqual({ any: true });
  await connection.close();
  await engine.close();
});

test("the line for cambium.yml names the warehouse that was written to", () => {
  const place = { file: "/p/.cambium/warehouse.duckdb", scratchDir: "/p/.cambium/scratch" };
  const named = (text: string) => warehouseLine(warehouseNamed(text, { type: "duckdb" }, place, {}), "/p");
  expect(named("https://me@ch.example.com:8443/shop_")).toBe(
    'warehouse: { type: "clickhouse", url: "https://ch.example.com:8443", prefix: "shop_", user: "me" }',
  );
  expect(named("duckdb")).toBe('warehouse: { type: "duckdb", file: ".cambium/warehouse.duckdb" }');
});
