import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sql } from "../../../src/warehouse/sql.js";
import { type TableSpec, defineTable, nameOf } from "../../../src/warehouse/table.js";
import type { Cell, Connection, Row, Warehouse } from "../../../src/warehouse/warehouse.js";

/** What a transaction promises on every engine: its statements see what it wrote, nobody else does before it is whole. */
export function transactionSuite(warehouse: () => Warehouse): void {
  let mine: Connection;
  let other: Connection;
  const dialect = () => mine.dialect;
  const make = async (spec: TableSpec) => {
    for (const statement of dialect().createTable(spec)) await mine.run(statement);
  };
  beforeEach(async () => {
    mine = await warehouse().connect();
    other = await warehouse().connect();
    await make(people);
    await make(log);
    await mine.append(people, [person("a", 1), person("b", 2), person("ü'\"\\日", 3)]);
    await mine.append(log, [entry(1, "x"), entry(1, "y"), entry(2, "x"), entry(3, "z")]);
  });
  afterEach(async () => {
    for (const spec of [people, log]) await mine.run(sql`DROP TABLE ${nameOf(spec)}`);
    await mine.close();
    await other.close();
  });
  const read = (connection: Connection) =>
    connection.read<{ key: string; n: number | null }>(sql`SELECT key, n FROM growth.tx_people ORDER BY key`).then(listed);
  const entries = (connection: Connection) =>
    connection.read<{ day: number; what: string }>(sql`SELECT day, what FROM ops.tx_log ORDER BY day, what`).then(listed);
  const peopleBefore = [
    ["a", 1],
    ["b", 2],
    ["ü'\"\\日", 3],
  ];
  const entriesBefore = [
    [1, "x"],
    [1, "y"],
    [2, "x"],
    [3, "z"],
  ];

  describe("a transaction", () => {
    test("sees what it wrote, and nobody else does before its end", async () => {
      await mine.transaction(async () => {
        await mine.append(people, [person("c", 9)]);
        expect(await read(mine)).toEqual([["a", 1], ["b", 2], ["c", 9], peopleBefore[2]]);
        for (const statement of dialect().upsert(people, sql`SELECT key, n + 10 AS n FROM growth.tx_people WHERE n > 1`))
          await mine.run(statement);
        expect(await read(mine)).toEqual([
          ["a", 1],
          ["b", 12],
          ["c", 19],
          ["ü'\"\\日", 13],
        ]);
        await mine.run(dialect().deleteWhere(people, sql`key IN (SELECT key FROM growth.tx_people WHERE n IN (12, 13))`));
        await mine.run(dialect().updateWhere(people, { n: sql`n * 2` }, sql`key = 'c'`));
        await mine.append(people, [person("b", 7)]);
        expect(await read(mine)).toEqual([
          ["a", 1],
          ["b", 7],
          ["c", 38],
        ]);
        expect(await read(other)).toEqual(peopleBefore);
        await mine.append(log, [entry(4, "w")]);
        await mine.run(sql`INSERT INTO ops.tx_log SELECT day + 10, what FROM ops.tx_log WHERE day > 2`);
        expect(await entries(mine)).toEqual([...entriesBefore, [4, "w"], [13, "z"], [14, "w"]]);
        expect(await entries(other)).toEqual(entriesBefore);
      });
      for (const connection of [mine, other]) {
        expect(await read(connection)).toEqual([
          ["a", 1],
          ["b", 7],
          ["c", 38],
        ]);
        expect(await entries(connection)).toEqual([...entriesBefore, [4, "w"], [13, "z"], [14, "w"]]);
      }
    });

    test("that fails leaves nothing behind", async () => {
      const failed = mine.transaction(async () => {
        await mine.run(dialect().deleteWhere(people, sql`TRUE`));
        await mine.run(dialect().deleteWhere(log, sql`day = 1`));
        await mine.append(people, [person("c", 9)]);
        await mine.append(log, [entry(4, "w")]);
        expect(await read(mine)).toEqual([["c", 9]]);
        throw new Error("enough");
      });
      await expect(failed).rejects.toThrow("enough");
      for (const connection of [mine, other]) {
        expect(await read(connection)).toEqual(peopleBefore);
        expect(await entries(connection)).toEqual(entriesBefore);
      }
      await mine.transaction(() => mine.append(people, [person("d", null)]));
      expect(await read(other)).toEqual([["a", 1], ["b", 2], ["d", null], peopleBefore[2]]);
    });

    test("within another is a part of it", async () => {
      const failed = mine.transaction(async () => {
        await mine.transaction(() => mine.append(people, [person("c", 9)]));
        expect(await read(other)).toEqual(peopleBefore);
        throw new Error("enough");
      });
      await expect(failed).rejects.toThrow("enough");
      expect(await read(other)).toEqual(peopleBefore);
    });

    test("that writes nothing is nothing", async () => {
      expect(await mine.transaction(() => read(mine))).toEqual(peopleBefore);
      await mine.transaction(() => mine.append(people, []));
    });

    test("takes rows out that were only added, its own among them, and adds others in their place", async () => {
      await mine.transaction(async () => {
        await mine.append(log, [entry(1, "own"), entry(5, "own")]);
        await mine.run(dialect().tempTable("gone_days", sql`SELECT 1 AS day UNION ALL SELECT 5`));
        await mine.run(dialect().deleteWhere(log, sql`day IN (SELECT day FROM gone_days)`));
        expect(await entries(mine)).toEqual([
          [2, "x"],
          [3, "z"],
        ]);
        await mine.append(log, [entry(1, "new"), entry(3, "x")]);
        await mine.run(dialect().deleteWhere(log, sql`day > 2 AND what = 'x'`));
        await mine.append(log, [entry(2, "x")]);
        expect(await entries(mine)).toEqual([
          [1, "new"],
          [2, "x"],
          [2, "x"],
          [3, "z"],
        ]);
        expect(await entries(other)).toEqual(entriesBefore);
      });
      expect(await entries(other)).toEqual([
        [1, "new"],
        [2, "x"],
        [2, "x"],
        [3, "z"],
      ]);
      await mine.transaction(async () => {
        await mine.append(log, [entry(8, "own")]);
        await mine.run(dialect().deleteWhere(log, sql`TRUE`));
        expect(await entries(mine)).toEqual([]);
        await mine.append(log, [entry(9, "last")]);
      });
      expect(await entries(other)).toEqual([[9, "last"]]);
    });

    test("shows what it wrote to every kind of question", async () => {
      await mine.transaction(async () => {
        await mine.append(people, [person("c", 9)]);
        await mine.run(dialect().deleteWhere(people, sql`key = 'a'`));
        await mine.append(log, [entry(9, "c"), entry(2, "b")]);
        expect(
          await mine.read(sql`/* of growth.tx_people and 'growth.tx_people' */ SELECT tx_people.key, l.day FROM growth.tx_people
JOIN ops.tx_log AS l ON l.what = tx_people.key WHERE tx_people.n > 0 ORDER BY 1`),
        ).toEqual([
          { key: "b", day: 2 },
          { key: "c", day: 9 },
        ]);
        expect(
          await mine.read(
            sql`SELECT p.key FROM ${nameOf(people)} AS p WHERE NOT EXISTS (SELECT 1 FROM ops.tx_log AS l WHERE l.what = p.key AND l.day = 9) ORDER BY p.key`,
          ),
        ).toEqual([{ key: "b" }, { key: "ü'\"\\日" }]);
        expect(
          await mine.first(sql`WITH old AS (SELECT key FROM growth.tx_people WHERE n < 5) SELECT count(*) AS n, (SELECT max(n) FROM growth.tx_people) AS most
FROM old FULL OUTER JOIN ops.tx_log l ON l.what = old.key`),
        ).toEqual({ n: 7, most: 9 });
        expect(await mine.describe(sql`SELECT * FROM growth.tx_people`)).toEqual([
          { name: "key", type: "text" },
          { name: "n", type: "integer" },
        ]);
        expect(await mine.columns(sql`SELECT n FROM growth.tx_people ORDER BY n`)).toEqual({ n: [2, 3, 9] });
        expect(await mine.integers(sql`SELECT day FROM ops.tx_log WHERE day > 2 ORDER BY day`)).toEqual(BigInt64Array.from([3n, 9n]));
        const batched: Row[] = [];
        for await (const rows of mine.batches(sql`SELECT key FROM growth.tx_people ORDER BY key`)) batched.push(...rows);
        expect(batched.map((row) => row["key"])).toEqual(["b", "c", "ü'\"\\日"]);
        await mine.run(dialect().tempTable("kept_people", sql`SELECT * FROM growth.tx_people`));
      });
      expect(await mine.first(sql`SELECT count(*) AS n FROM kept_people`)).toEqual({ n: 3 });
    });

    test("changes columns with its end, and not at all when it fails", async () => {
      const change = async () => {
        await mine.run(dialect().addColumn(people, "plan", "text"));
        for (const statement of dialect().upsert(people, sql`SELECT key, 'team' AS plan FROM growth.tx_people WHERE key = 'a'`, [
          "key",
          "plan",
        ]))
          await mine.run(statement);
        await mine.append(people, [{ ...person("c", 9), plan: "free" }]);
        expect(await mine.read(sql`SELECT key, plan FROM growth.tx_people WHERE plan IS NOT NULL ORDER BY key`)).toEqual([
          { key: "a", plan: "team" },
          { key: "c", plan: "free" },
        ]);
      };
      await mine.transaction(change);
      expect(await other.first(sql`SELECT n, plan FROM growth.tx_people WHERE key = 'a'`)).toEqual({ n: 1, plan: "team" });
      const changeType = async (broken: boolean) => {
        await mine.run(dialect().dropColumn(people, "plan"));
        expect((await mine.describe(sql`SELECT * FROM growth.tx_people`)).map((column) => column.name)).toEqual(["key", "n"]);
        await mine.run(dialect().addColumn(people, "plan", "decimal"));
        expect(await mine.first(sql`SELECT count(plan) AS n FROM growth.tx_people`)).toEqual({ n: 0 });
        await mine.append(people, [{ ...person("d", 4), plan: 1.5 }]);
        expect(await mine.describe(sql`SELECT plan FROM growth.tx_people`)).toEqual([{ name: "plan", type: "decimal" }]);
        expect(await mine.first(sql`SELECT sum(plan) AS n FROM growth.tx_people`)).toEqual({ n: 1.5 });
        if (broken) throw new Error("enough");
      };
      await expect(mine.transaction(() => changeType(true))).rejects.toThrow("enough");
      expect(await other.read(sql`SELECT key, plan FROM growth.tx_people WHERE plan IS NOT NULL ORDER BY key`)).toEqual([
        { key: "a", plan: "team" },
        { key: "c", plan: "free" },
      ]);
      await mine.transaction(() => changeType(false));
      expect(await other.read(sql`SELECT key, plan FROM growth.tx_people WHERE plan IS NOT NULL ORDER BY key`)).toEqual([
        { key: "d", plan: 1.5 },
      ]);
      await mine.transaction(() => mine.run(dialect().dropColumn(people, "plan")).then(() => undefined));
      expect((await other.describe(sql`SELECT * FROM growth.tx_people`)).map((column) => column.name)).toEqual(["key", "n"]);
    });

    test("beside another on the same tables", async () => {
      await mine.transaction(async () => {
        await mine.append(people, [person("c", 9)]);
        await mine.append(log, [entry(7, "mine")]);
        await other.transaction(async () => {
          await other.append(people, [person("d", 10)]);
          await other.append(log, [entry(8, "other")]);
          expect(await read(other)).toEqual([["a", 1], ["b", 2], ["d", 10], peopleBefore[2]]);
          expect(await read(mine)).toEqual([["a", 1], ["b", 2], ["c", 9], peopleBefore[2]]);
        });
      });
      expect(await read(other)).toEqual([["a", 1], ["b", 2], ["c", 9], ["d", 10], peopleBefore[2]]);
      expect((await entries(mine)).slice(4)).toEqual([
        [7, "mine"],
        [8, "other"],
      ]);
    });
  });
}

const listed = (rows: readonly object[]): Cell[][] => rows.map((row) => Object.values(row) as Cell[]);
const person = (key: string, n: number | null) => ({ key, n });
const entry = (day: number, what: string) => ({ day, what });

const people = defineTable({
  schema: "growth",
  table: "tx_people",
  purpose: "current state by key",
  columns: { key: "text", n: "integer?" },
  key: ["key"],
});

const log = defineTable({
  schema: "ops",
  table: "tx_log",
  purpose: "rows that are only added",
  columns: { day: "integer", what: "text" },
  key: ["day"],
  appended: true,
});
