import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { isoOf } from "../../../src/base/instant.js";
import { carriedFrom, carriedTo } from "../../../src/warehouse/carried.js";
import { type Sql, join, name, sql } from "../../../src/warehouse/sql.js";
import { nameOf } from "../../../src/warehouse/table.js";
import { copyLog } from "../../../src/warehouse/tables/copy.js";
import { hourFacts } from "../../../src/warehouse/tables/growth.js";
import { tableNamed } from "../../../src/warehouse/tables/table-named.js";
import type { Row, Warehouse } from "../../../src/warehouse/warehouse.js";

/** Rows leave a table as a file and come back as they were; a warehouse can be emptied. On a warehouse of its own. */
export function carrySuite(open: () => Promise<Warehouse>): void {
  describe("carrying rows", () => {
    test("every type, and the columns that a table has", async () => {
      const warehouse = await open();
      const connection = await warehouse.connect();
      const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-carry-"));
      const { dialect } = connection;
      const [from, to, draft] = [hourFacts("user"), hourFacts("other"), hourFacts("draft")];
      for (const spec of [from, to, draft]) {
        for (const statement of dialect.createTable(spec)) await connection.run(statement);
        for (const [column, type] of added) await connection.run(dialect.addColumn(spec, column, type));
      }
      const columns = await connection.columnsOf(from);
      expect(columns).toEqual([
        { name: "subject_id", type: "integer" },
        { name: "via", type: "integer" },
        { name: "bucket", type: "timestamp" },
        ...added.map(([column, type]) => ({ name: column, type })),
      ]);
      for (const [index, row] of rows.entries()) {
        const { position, double, ...plain } = row;
        await connection.append(draft, [{ subject_id: index, via: 0, bucket: isoOf(-1), ...plain }]);
        const parts = position?.map((part) => (part === null ? dialect.cast(sql`NULL`, "text") : sql`${part}`)) ?? [];
        const place = dialect.position(dialect.timestamp(-5), dialect.timestamp(7), parts[0] ?? sql`''`, parts[1] ?? sql`''`);
        const values: Record<string, Sql> = {
          ...(position !== undefined && { "m'p": place }),
          ...(double !== undefined && { m_double: dialect.cast(sql`${double}`, "double") }),
        };
        const named = columns.map((column) => name(column.name));
        const selected = columns.map((column) => values[column.name] ?? name(column.name));
        await connection.run(
          sql`INSERT INTO ${nameOf(from)} (${join(named)}) SELECT ${join(selected)} FROM ${nameOf(draft)} WHERE subject_id = ${index}`,
        );
      }
      const carried = columns.map((column, index) => ({ column, parts: carriedFrom(dialect, column, `c${index}`) }));
      const parts = carried.flatMap((each) => each.parts);
      const file = { path: path.join(folder, "rows.parquet"), columns: parts };
      const selected = join(parts.map((part) => sql`${part.value} AS ${name(part.name)}`));
      await connection.exportRows(sql`SELECT ${selected} FROM ${nameOf(from)}`, file.path);
      const values = carried.map(({ column }, index) => [column.name, carriedTo(dialect, column, `c${index}`)] as const);
      await connection.importRows(to, Object.fromEntries(values), file);
      const shown = (spec: typeof from) =>
        connection.read(sql`SELECT ${join(parts.map((part) => sql`${dialect.canonicalText(part.value, part.type)} AS ${name(part.name)}`))}
FROM ${nameOf(spec)} ORDER BY subject_id`);
      const found = await shown(to);
      expect(found).toEqual(await shown(from));
      expect(found.map((row) => row["c6"])).toEqual([null, "nan", "-inf"]);
      expect(found.map((row) => [row["c10_moment"], row["c10_received"], row["c10_id"], row["c10_value"]])).toEqual([
        [null, null, null, null],
        ["-5", "7", "id'é", null],
        ["-5", "7", "", "v"],
      ]);
      expect(found.map((row) => row["c9"])).toEqual([null, '["a","é\\"",""]', "[]"]);
      await connection.close();
      await warehouse.close();
      await rm(folder, { recursive: true, force: true });
    });

    test("a file with a null where none is allowed is refused", async () => {
      const warehouse = await open();
      const connection = await warehouse.connect();
      const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-carry-"));
      for (const statement of connection.dialect.createTable(hourFacts("user"))) await connection.run(statement);
      const file = { path: path.join(folder, "rows.parquet"), columns: [{ name: "c0", type: "integer" as const }] };
      await connection.exportRows(sql`SELECT ${connection.dialect.cast(sql`NULL`, "integer")} AS c0`, file.path);
      await expect(connection.importRows(hourFacts("user"), { subject_id: sql`c0` }, file)).rejects.toMatchObject({
        code: "WAREHOUSE_FAILED",
      });
      await connection.close();
      await warehouse.close();
      await rm(folder, { recursive: true, force: true });
    });

    test("what is in a warehouse goes, and it can be used on", async () => {
      const warehouse = await open();
      const connection = await warehouse.connect();
      const { dialect } = connection;
      const spec = hourFacts("user");
      const fill = async () => {
        for (const statement of dialect.createTable(spec)) await connection.run(statement);
        await connection.append(spec, [{ subject_id: 1, via: 0, bucket: isoOf(0) }]);
      };
      await fill();
      await connection.transaction(() => connection.append(spec, [{ subject_id: 2, via: 0, bucket: isoOf(0) }]));
      await connection.run(dialect.createSchema("models"));
      await connection.run(dialect.createTableAs(name("models", "m"), sql`SELECT * FROM growth.user_hour_facts`));
      await connection.run(dialect.createView(name("models", "v"), sql`SELECT * FROM models.m`));
      for (const statement of dialect.createTable(copyLog)) await connection.run(statement);
      await warehouse.clear(copyLog);
      for (const schema of ["growth", "models"])
        expect(await connection.read(sql`SELECT name FROM ${dialect.tablesOf(schema)} AS t`)).toEqual([]);
      const left = await connection.read<{ name: string }>(sql`SELECT name FROM ${dialect.tablesOf("ops")} AS t`);
      // What writers keep about themselves may be there.
      expect(left.filter(({ name: table }) => !["terms", "commits", "closures", "renewals"].includes(table))).toEqual([
        { name: copyLog.table },
      ]);
      await fill();
      await connection.transaction(() => connection.append(spec, [{ subject_id: 2, via: 0, bucket: isoOf(0) }]));
      expect(await connection.first(sql`SELECT count(*) AS n FROM growth.user_hour_facts`)).toEqual({ n: 2 });
      await connection.close();
      await warehouse.close();
    });

    test("tables are known by their names, those of an engine's own are not", () => {
      const named = (table: string, schema = "growth") => tableNamed(schema, table, ["user", "score_x"])?.table;
      const known = [
        "user_hour_facts",
        "user_facts",
        "team_profile_values",
        "team_values",
        "score_total",
        "score_history",
        "score_x_facts",
      ];
      expect(known.map((table) => named(table))).toEqual(known);
      expect(tableNamed("growth", "user_hour_facts", [])?.purpose).toContain("hour");
      expect(tableNamed("growth", "score_history", [])?.key).toEqual(["score", "entity_id", "day"]);
      expect(tableNamed("growth", "score_x_facts", ["score_x"])?.key).toEqual(["subject_id", "via", "bucket"]);
      expect(named("sync_state_crm", "ops")).toBe("sync_state_crm");
      expect([named("terms", "ops"), named(copyLog.table, "ops"), named("_facts"), named("events"), named("mine")]).toEqual(
        Array.from({ length: 5 }),
      );
    });
  });
}

const added = [
  ["m_text", "text"],
  ["m_integer", "integer"],
  ["m_decimal", "decimal"],
  ["m_double", "double"],
  ["m_boolean", "boolean"],
  ["m_date", "date"],
  ["m_list", "text[]"],
  ["m'p", "position"],
  ["m_json", "json"],
  ["_text", "text"],
] as const;

interface NastyRow extends Row {
  position?: [string, string | null];
  double?: string;
}

const rows: readonly NastyRow[] = [
  {},
  {
    m_text: "é'\\\n😀",
    m_integer: "9223372036854775807",
    m_decimal: "-99999999999999.9999",
    double: "nan",
    m_boolean: true,
    m_date: "1905-01-02",
    m_list: ["a", 'é"', ""],
    position: ["id'é", null],
    m_json: '{"a":[1,"é\\""]}',
  },
  {
    m_text: "",
    m_integer: "-9223372036854775808",
    m_decimal: 0.0001,
    double: "-inf",
    m_boolean: false,
    m_date: "2199-12-31",
    m_list: [],
    position: ["", "v"],
    m_json: "null",
    _text: "kept",
  },
];
