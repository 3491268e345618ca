import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareProperties } from "../../src/collect/load/typed-properties.js";
import { propertyColumn, snakeCase } from "../../src/warehouse/property-column.js";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, writeKey } from "./support.js";

let bench: Bench;
beforeEach(async () => {
  bench = await collectBench();
});
afterEach(() => bench.close());

const send = (properties: object) => bench.post("/v1/track", { type: "track", event: "Sent", userId: "u", properties, writeKey });

test("a property that definitions read has a column, filled for the history and by every load", async () => {
  await send({ plan: "pro", amount: 12.5, "Seat Count": 3, nested: { deep: "x" } });
  await bench.load();
  const paths = ["plan", "amount", "Seat Count", "nested.deep", "missing"];
  const typed = await prepareProperties(bench.connection, paths, 0);
  await send({ plan: "free", amount: "12.50", "Seat Count": null, nested: { deep: { a: 1 } } });
  await bench.load({ typed });
  const column = Object.fromEntries(typed.map((property) => [property.path, property.column]));
  expect(column).toMatchObject({ plan: "p_plan", amount: "p_amount", missing: "p_missing" });
  expect(new Set(Object.values(column)).size).toBe(paths.length);
  const rows = await bench.events();
  const shown = rows.map((row) => paths.map((path) => row[column[path] as string]));
  expect(shown).toEqual([
    ["pro", "12.5", "3", "x", null],
    ["free", "12.50", null, '{"a":1}', null],
  ]);
  // Exactly what reading the JSON gives: a definition means the same with and without the column.
  const { dialect } = bench.connection;
  for (const path of paths) {
    const same = await bench.connection.first(
      sql`SELECT count(*) AS n FROM raw.events AS e WHERE ${dialect.differs(dialect.jsonText(sql`e.properties`, path.split(".")), sql`e.${{ parts: [{ name: column[path] as string }] }}`)}`,
    );
    expect(same).toEqual({ n: 0 });
  }
  // Asking again changes nothing; a column that is not there yet does not stop a load.
  expect(await prepareProperties(bench.connection, paths, 0)).toEqual(typed);
  await send({ later: 1 });
  await bench.load({ typed: [...typed, { path: "later", column: "p_later" }] });
  expect(await bench.events()).toHaveLength(3);
});

test("properties are noted with the kinds of their values", async () => {
  for (let n = 0; n < 3; n += 1) {
    await send({ plan: "pro", amount: n, tags: ["a"], "a.b": true, "": null, "*": { x: 1 }, 'it\'s "odd"': "\\" });
    await bench.load();
  }
  const rows = await bench.connection.read(sql`SELECT event, property, type, seen FROM ops.properties ORDER BY property`);
  expect(rows).toEqual(
    [
      ["", "null"],
      ["*", "object"],
      ["a.b", "boolean"],
      ["amount", "number"],
      ['it\'s "odd"', "text"],
      ["plan", "text"],
      ["tags", "list"],
    ].map(([property, type]) => ({ event: "Sent", property, type, seen: 3 })),
  );
});

test.each([
  ["plan", "p_plan"],
  ["workspace_id", "p_workspace_id"],
])("column of %s", (path, column) => {
  expect(propertyColumn(path)).toBe(column);
});

test("no two properties share a column", () => {
  const paths = ["a_b", "a.b", "aB", "A b", "a-b", "a  b", "é", "日本", "", "x".repeat(200), "x".repeat(201)];
  const columns = paths.map(propertyColumn);
  expect(new Set(columns).size).toBe(paths.length);
  for (const column of columns) expect(column).toMatch(/^p_[a-z0-9_]{0,62}$/);
});

test.each([
  ["CStringRef", "cstring_ref"],
  ["samPLE", "sam_ple"],
  ["2FA Enabled", "2fa_enabled"],
  ["Seat Count", "seat_count"],
])("snake case of %s", (text, expected) => {
  expect(snakeCase(text)).toBe(expected);
});
