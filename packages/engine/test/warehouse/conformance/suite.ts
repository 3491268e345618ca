import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dayText } from "../../../src/base/day.js";
import { hash64 } from "../../../src/base/hash.js";
import { instantOf, isoOf } from "../../../src/base/instant.js";
import { type Sql, name, sql } from "../../../src/warehouse/sql.js";
import { type ColumnType, defineTable, nameOf } from "../../../src/warehouse/table.js";
import type { Cell, Connection, Row, Warehouse } from "../../../src/warehouse/warehouse.js";
import { canonicalCases } from "./canonical.js";
import { carrySuite } from "./carry-suite.js";
import { connectionSuite } from "./connection-suite.js";
import { jsonCases } from "./json-paths.js";
import { queryCases, queryRows } from "./queries.js";
import { transactionSuite } from "./transaction-suite.js";
import { instantsOf, startOfDay, zoneDays, zones } from "./times.js";
import { valueCases } from "./values.js";

/**
 * What every warehouse engine must agree on: one list of cases, the same inputs, the same typed results. `engine` names
 * the one under test, for the few differences that are known and accepted.
 */
export function conformanceSuite(engine: string, open: () => Promise<Warehouse>): void {
  let warehouse: Warehouse;
  let connection: Connection;
  beforeAll(async () => {
    warehouse = await open();
    connection = await warehouse.connect();
    for (const spec of [inputs, rowsTable]) {
      for (const statement of connection.dialect.createTable(spec)) await connection.run(statement);
    }
    await connection.append(
      rowsTable,
      queryRows.map(([n, k, v, x, at]) => ({ n, k, v, x, moment: isoOf(at * 1_000_000) })),
    );
  });
  afterAll(async () => {
    await connection?.close();
    await warehouse?.close();
  });

  /** One expression over a column of inputs, in their order. */
  const evaluate = async (type: ColumnType, values: readonly Cell[], of: (value: Sql) => Sql): Promise<Cell[]> => {
    await connection.run(connection.dialect.deleteWhere(inputs, sql`TRUE`));
    await connection.append(
      inputs,
      values.map((value, index) => ({ place: index, [columnOf(type)]: value })),
    );
    const rows = await connection.read<{ result: Cell }>(
      sql`SELECT ${of(sql`i.${name(columnOf(type))}`)} AS result FROM ${nameOf(inputs)} AS i ORDER BY i.place`,
    );
    return rows.map((row) => row.result);
  };

  describe("values", () => {
    test.each([...valueCases, ...canonicalCases].map((each) => [each.what, each] as const))("%s", async (_, { input, of, cases }) => {
      const found = await evaluate(
        input,
        cases.map(([value]) => value),
        (value) => of(connection.dialect, value),
      );
      const told = (cell: Cell) => (typeof cell === "string" && cell.length > 60 ? `${cell.slice(0, 60)}… ${cell.length}` : cell);
      expect(cases.map(([value], index) => [told(value), found[index]])).toEqual(
        cases.map(([value, output, known]) => [told(value), known?.[engine] ?? output]),
      );
    });
  });

  describe("queries", () => {
    test.each(queryCases.map((each) => [each.what, each] as const))("%s", async (_, { query, rows }) => {
      expect(await connection.read(query(connection.dialect))).toEqual(rows);
    });
  });

  describe("JSON", () => {
    test.each(jsonCases.map((each) => [`${(each.json ?? "null").slice(0, 60)} at ${each.path.slice(0, 4).join(" → ")}`, each] as const))(
      "%s",
      async (_, { json, path, text, kind, known }) => {
        const wanted = known?.[engine] ?? text;
        expect(await evaluate("json", [json], (value) => connection.dialect.jsonText(value, path))).toEqual([wanted]);
        expect(
          await evaluate("json", [json], (value) =>
            connection.dialect.listItem(connection.dialect.jsonTexts(value, [["nope"], path, path]), 1),
          ),
        ).toEqual([wanted]);
        if (kind === undefined) return;
        expect(await evaluate("json", [json], (value) => connection.dialect.jsonKind(connection.dialect.jsonAt(value, path)))).toEqual([
          kind,
        ]);
        const last = path.at(-1) ?? "";
        const entry = await evaluate("json", [json], (value) =>
          connection.dialect.jsonKind(
            connection.dialect.jsonEntry(path.length > 1 ? connection.dialect.jsonAt(value, path.slice(0, -1)) : value, sql`${last}`),
          ),
        );
        expect(entry).toEqual([kind]);
      },
    );

    // A number is a place in a list there, never a key.
    const simple = jsonCases.filter(
      ({ json, path }) => path.length > 0 && path.every((step) => /^[a-z]+$/i.test(step) || (/^\d+$/.test(step) && json?.includes("["))),
    );
    test.each(simple.map((each) => [`${(each.json ?? "null").slice(0, 60)} at $.${each.path.slice(0, 4).join(".")}`, each] as const))(
      "as authors of SQL ask for it: %s",
      async (_, { json, path, text, known }) => {
        const asked = (value: Sql) =>
          sql`json_extract_string(${value}, ${`$${path.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join("")}`})`;
        expect(await evaluate("json", [json], asked)).toEqual([known?.[engine] ?? text]);
      },
    );

    test("keys of objects", async () => {
      const { dialect } = connection;
      const rows = await connection.read(
        sql`SELECT k.value AS key FROM ${dialect.unnest(sql`(SELECT ${dialect.cast(sql`${'{"b":1,"a":{"x":1},"":2,"é":3}'}`, "json")} AS j) AS t`, dialect.jsonKeys(sql`t.j`), "k")} ORDER BY key`,
      );
      expect(rows.map((row) => (row as Row)["key"])).toEqual(["", "a", "b", "é"]);
      const none = await connection.read(
        sql`SELECT k.value AS key FROM ${dialect.unnest(sql`(SELECT ${dialect.cast(sql`'[1]'`, "json")} AS j UNION ALL SELECT ${dialect.cast(sql`NULL`, "json")}) AS t`, dialect.jsonKeys(sql`t.j`), "k")}`,
      );
      expect(none).toEqual([]);
    });

    test("objects and lists are made", async () => {
      const { dialect } = connection;
      const object = dialect.jsonObject([
        ["a", sql`i.text`],
        ['"\\', sql`i.integer`],
        ["é'", sql`i.boolean`],
        ["d", sql`i.decimal`],
      ]);
      const list = dialect.jsonArray([sql`i.text`, sql`i.integer`, sql`i.boolean`, sql`i.day`]);
      await connection.run(dialect.deleteWhere(inputs, sql`TRUE`));
      await connection.append(inputs, [
        { place: 0, text: 'x"\\\n/é', integer: 5, boolean: true, decimal: 1.5, day: "2026-01-02" },
        { place: 1, text: null, integer: null, boolean: null, decimal: null, day: null },
      ]);
      const rows = await connection.read<{ object: string; list: string }>(
        sql`SELECT ${dialect.cast(object, "text")} AS object, ${dialect.cast(list, "text")} AS list FROM ${nameOf(inputs)} AS i ORDER BY i.place`,
      );
      expect(rows.map((row) => [JSON.parse(row.object) as unknown, JSON.parse(row.list) as unknown])).toEqual([
        [{ a: 'x"\\\n/é', '"\\': 5, "é'": true, d: 1.5 }, ['x"\\\n/é', 5, true, "2026-01-02"]],
        [{ a: null, '"\\': null, "é'": null, d: null }, [null, null, null, null]],
      ]);
    });
  });

  describe("hashes", () => {
    test("ids are the same numbers as in JavaScript", async () => {
      const texts = ["", "user_id:u1", "email:zoë@example.com", "日本語", "a'b\\c", "x".repeat(10_000)];
      expect(await evaluate("text", [...texts, null], (value) => connection.dialect.idText(connection.dialect.hash64(value)))).toEqual([
        ...texts.map(hash64),
        null,
      ]);
    });
  });

  describe("days", () => {
    test.each(zones)("of instants from 1900 to 2200 in %s", async (zone) => {
      const instants = instantsOf(zone);
      const found = await evaluate("timestamp", instants.map(isoOf), (value) => connection.dialect.day(value, zone));
      expect(instants.map((at, index) => [isoOf(at), found[index]])).toEqual(instants.map((at) => [isoOf(at), dayText(at, zone)]));
    });

    test.each(zones)("start when they start in %s", async (zone) => {
      const days = zoneDays(zone);
      const found = await evaluate("date", [...days, null], (value) => connection.dialect.dayStart(value, zone));
      expect([...days, null].map((day, index) => [day, found[index]])).toEqual([
        ...days.map((day) => [day, isoOf(startOfDay(day, zone))]),
        [null, null],
      ]);
    });

    test("a day in the program's hand is the same", async () => {
      const { dialect } = connection;
      const at = instantOf("2026-03-29T01:30:00.123456Z");
      expect(
        await connection.first(
          sql`SELECT ${dialect.timestamp(at)} AS at, ${dialect.day(dialect.timestamp(at), "Europe/Berlin")} AS day, ${dialect.date("2026-03-29")} AS date`,
        ),
      ).toEqual({ at: isoOf(at), day: "2026-03-29", date: "2026-03-29" });
    });
  });

  connectionSuite(
    () => warehouse,
    () => connection,
  );
  transactionSuite(() => warehouse);
  carrySuite(open);
}

const columnOf = (type: ColumnType): string => ({ ...columnNames, date: "day", timestamp: "moment" })[type];

const columnNames: Record<ColumnType, string> = {
  text: "text",
  integer: "integer",
  double: "double",
  decimal: "decimal",
  boolean: "boolean",
  timestamp: "moment",
  date: "day",
  json: "json",
  "text[]": "list",
  position: "position",
};

const inputs = defineTable({
  schema: "growth",
  table: "conformance_inputs",
  purpose: "a value of each type",
  columns: {
    place: "integer",
    text: "text?",
    integer: "integer?",
    double: "double?",
    decimal: "decimal?",
    boolean: "boolean?",
    moment: "timestamp?",
    day: "date?",
    json: "json?",
    list: "text[]?",
  },
  key: ["place"],
  appended: true,
});

const rowsTable = defineTable({
  schema: "growth",
  table: "conformance_rows",
  purpose: "rows for queries",
  columns: { n: "integer", k: "text", v: "text?", x: "double?", moment: "timestamp" },
  key: ["n"],
});
