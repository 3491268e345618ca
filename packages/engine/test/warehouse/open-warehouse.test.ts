import { expect, test } from "vitest";
import { type WarehouseConfig, warehouseNamed, warehouseSettings } from "../../src/warehouse/open-warehouse.js";

/** Which warehouse a name means: on the command line, in the environment, in cambium.yml. */

const place = { file: "/p/.cambium/warehouse.duckdb", scratchDir: "/p/scratch", cwd: "/here" };
const embedded: WarehouseConfig = { type: "duckdb", memory: "2GB" };
const server: WarehouseConfig = { type: "clickhouse", url: "https://ch.example.com:8443", prefix: "shop_", user: "cambium" };

test.each<[string, WarehouseConfig, object]>([
  ["duckdb", embedded, { type: "duckdb", file: "/p/.cambium/warehouse.duckdb", memoryMax: "2GB" }],
  ["copy.duckdb", embedded, { type: "duckdb", file: "/here/copy.duckdb" }],
  ["/data/copy.db", server, { type: "duckdb", file: "/data/copy.db" }],
  ["clickhouse", embedded, { type: "clickhouse", url: "http://127.0.0.1:8123", prefix: "", user: "default" }],
  ["clickhouse", server, { type: "clickhouse", url: "https://ch.example.com:8443", prefix: "shop_", user: "cambium" }],
  ["clickhouse", { type: "clickhouse", url: "http://ch:8123/path_" }, { url: "http://ch:8123", prefix: "path_" }],
  ["http://other:8123", server, { url: "http://other:8123", prefix: "shop_", user: "cambium" }],
  ["http://other:8123", { ...server, cluster: "main" }, { url: "http://other:8123", cluster: "main" }],
  ["http://other:8123/shop_?cluster=west", { ...server, cluster: "main" }, { prefix: "shop_", cluster: "west" }],
  ["http://me@other:8123/new_/", server, { url: "http://other:8123", prefix: "new_", user: "me" }],
])("%s", (name, config, expected) => {
  expect(warehouseNamed(name, config, place, {})).toMatchObject(expected);
});

test("the environment goes before the file, and has the password", () => {
  const env = { CAMBIUM_WAREHOUSE: "http://other:8123", CAMBIUM_CLICKHOUSE_PASSWORD: "secret" };
  expect(warehouseSettings(embedded, place, env)).toMatchObject({ type: "clickhouse", url: "http://other:8123", password: "secret" });
  expect(warehouseSettings(embedded, place, { CAMBIUM_WAREHOUSE: "" })).toMatchObject({ type: "duckdb" });
});

test.each(["snowflake", "", "http://", "http://me:secret@other:8123/"])("%j is no warehouse", (name) => {
  expect(() => warehouseNamed(name, embedded, place, {})).toThrow(/names no warehouse|is no address|password out of/);
});
