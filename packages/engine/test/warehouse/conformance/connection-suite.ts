import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { isoOf } from "../../../src/base/instant.js";
import { type Sql, name, sql } from "../../../src/warehouse/sql.js";
import { defineTable, nameOf } from "../../../src/warehouse/table.js";
import { audienceMembers } from "../../../src/warehouse/tables/growth.js";
import { requests } from "../../../src/warehouse/tables/ops.js";
import { events, rawTables } from "../../../src/warehouse/tables/raw.js";
import { incoming } from "../../../src/warehouse/tables/shipping.js";
import type { Connection, Warehouse } from "../../../src/warehouse/warehouse.js";

/** What a connection does beside answering: writing, streaming, temporary tables, errors, questions of people, shadows. */
export function connectionSuite(warehouse: () => Warehouse, connect: () => Connection): void {
  const make = async (spec: Parameters<Connection["dialect"]["createTable"]>[0]) => {
    for (const statement of connect().dialect.createTable(spec)) await connect().run(statement);
  };
  const state = defineTable({
    schema: "growth",
    table: "conformance_state",
    purpose: "current state by key",
    columns: { kind: "text", id: "integer", value: "text?", at: "timestamp", is_on: "boolean" },
    key: ["kind", "id"],
  });
  const row = (id: number | string, value: string | null) => ({ kind: "k", id, value, at: isoOf(0), is_on: true });
  const contents = () =>
    connect().read(
      sql`SELECT kind, ${connect().dialect.idText(sql`id`)} AS id, value, is_on FROM ${nameOf(state)} ORDER BY kind, conformance_state.id`,
    );

  describe("connection", () => {
    test("upsert replaces by key and adds the rest; deleteWhere removes; a key may come back", async () => {
      await make(state);
      await make(state);
      const { dialect } = connect();
      await connect().append(state, [row(1, "a"), row("9223372036854775807", "b")]);
      const source = sql`SELECT 'k' AS kind, n AS id, 'new' AS value, ${dialect.timestamp(5)} AS at, FALSE AS is_on FROM growth.conformance_rows WHERE n IN (1, 2)`;
      for (const statement of dialect.upsert(state, source)) await connect().run(statement);
      expect(await contents()).toEqual([
        { kind: "k", id: "1", value: "new", is_on: false },
        { kind: "k", id: "2", value: "new", is_on: false },
        { kind: "k", id: "9223372036854775807", value: "b", is_on: true },
      ]);
      const partly = sql`SELECT 'k' AS kind, n AS id, CAST(NULL AS ${{ parts: [{ text: dialect.type("text") }] }}) AS value FROM growth.conformance_rows WHERE n = 2`;
      for (const statement of dialect.upsert(state, partly, ["kind", "id", "value"])) await connect().run(statement);
      await connect().run(dialect.updateWhere(state, { value: sql`'again'`, is_on: sql`TRUE` }, sql`value = 'new'`));
      await connect().run(dialect.deleteWhere(state, sql`id > 5 AND kind IN (SELECT 'k' FROM growth.conformance_rows)`));
      expect(await contents()).toEqual([
        { kind: "k", id: "1", value: "again", is_on: true },
        { kind: "k", id: "2", value: null, is_on: false },
      ]);
      await connect().run(dialect.deleteWhere(state, sql`TRUE`));
      expect(await contents()).toEqual([]);
      await connect().append(state, [row(2, "back")]);
      expect(await contents()).toEqual([{ kind: "k", id: "2", value: "back", is_on: true }]);
    });

    test("columns come and go", async () => {
      await make(audienceMembers);
      const { dialect } = connect();
      await connect().run(dialect.addColumn(audienceMembers, "t_list", "text[]"));
      await connect().run(dialect.addColumn(audienceMembers, "t_list", "text[]"));
      await connect().run(dialect.addColumn(audienceMembers, "p'q\"r", "decimal"));
      await connect().append(audienceMembers, [
        { audience: "a", entity_id: 1, entered_at: isoOf(0), cycle_id: 1, held_out: false, t_list: ["x", "y"], "p'q\"r": 1.25 },
        { audience: "a", entity_id: 2, entered_at: isoOf(0), cycle_id: 1, held_out: false, t_list: null, "p'q\"r": null },
      ]);
      expect(await connect().read(sql`SELECT t_list, ${name("p'q\"r")} AS p FROM growth.audience_members ORDER BY entity_id`)).toEqual([
        { t_list: ["x", "y"], p: 1.25 },
        { t_list: null, p: null },
      ]);
      expect(await connect().describe(sql`SELECT * FROM growth.audience_members`)).toEqual([
        { name: "audience", type: "text" },
        { name: "entity_id", type: "integer" },
        { name: "entered_at", type: "timestamp" },
        { name: "cycle_id", type: "integer" },
        { name: "held_out", type: "boolean" },
        { name: "t_list", type: "text[]" },
        { name: "p'q\"r", type: "decimal" },
      ]);
      await connect().run(dialect.dropColumn(audienceMembers, "t_list"));
      await connect().run(dialect.dropColumn(audienceMembers, "t_list"));
      expect((await connect().describe(sql`SELECT * FROM growth.audience_members`)).map((column) => column.name)).not.toContain("t_list");
    });

    test("append takes many rows, JSON and null in them", async () => {
      await make(requests);
      const many = Array.from({ length: 5_000 }, (_, index) => ({
        request_id: `r${index}`,
        sync: "s",
        run_id: index,
        happened_at: isoOf(index),
        method: "POST",
        url: "http://x/",
        request_headers: JSON.stringify({ a: 'é"' }),
        request_body: index % 2 === 0 ? null : "\\N",
        status: null,
        response_headers: null,
        response_body: "b",
        millis: 1.5,
        error: null,
      }));
      await connect().append(requests, many);
      expect(
        await connect().first(
          sql`SELECT count(*) AS n, count(request_body) AS bodies, min(request_body) AS body, max(happened_at) AS last, sum(millis) AS millis, min(${connect().dialect.jsonText(sql`request_headers`, ["a"])}) AS header FROM ops.requests`,
        ),
      ).toEqual({ n: 5_000, bodies: 2_500, body: "\\N", last: isoOf(4_999), millis: 7_500, header: 'é"' });
    });

    test("a null where none is allowed is refused", async () => {
      await expect(connect().append(state, [{ ...row(3, "x"), at: null }])).rejects.toMatchObject({ code: "WAREHOUSE_FAILED" });
      await expect(
        connect().run(
          sql`INSERT INTO ${nameOf(state)} (kind, id, value, at, is_on) SELECT NULL, 1, 'x', moment, TRUE FROM growth.conformance_rows`,
        ),
      ).rejects.toMatchObject({ code: "WAREHOUSE_FAILED" });
    });

    test("a result by batches, by columns, by one column of numbers", async () => {
      const { dialect } = connect();
      const numbers = Array.from({ length: 10_000 }, (_, index) => index - 5);
      await connect().stage("staged_numbers", { a: numbers, b: numbers.map((n) => n * 2) });
      let rows = 0;
      let largest = 0;
      for await (const batch of connect().batches<{ a: number }>(sql`SELECT a FROM staged_numbers`, 100)) {
        rows += batch.length;
        largest = Math.max(largest, batch.length);
      }
      expect({ rows, largest }).toEqual({ rows: 10_000, largest: 100 });
      const columns = await connect().columns(
        sql`SELECT a, b, ${dialect.cast(sql`a`, "text")} AS t FROM staged_numbers WHERE a < 0 ORDER BY a`,
      );
      expect(columns).toEqual({ a: [-5, -4, -3, -2, -1], b: [-10, -8, -6, -4, -2], t: ["-5", "-4", "-3", "-2", "-1"] });
      expect(await connect().integers(sql`SELECT b FROM staged_numbers WHERE a > 9992 ORDER BY a`)).toEqual(
        BigInt64Array.from([19_986n, 19_988n]),
      );
      expect(await connect().integers(sql`SELECT b FROM staged_numbers WHERE a > 99999`)).toEqual(new BigInt64Array());
      const all = sql`SELECT a, ${dialect.cast(sql`a`, "text")} AS t FROM staged_numbers ORDER BY a`;
      const rowsOfAll = numbers.map((a) => ({ a, t: String(a) }));
      expect(await connect().read(all)).toEqual(rowsOfAll);
      expect(await connect().columns(all)).toEqual({ a: numbers, t: numbers.map(String) });
      expect(await connect().integers(sql`SELECT a FROM staged_numbers ORDER BY a`)).toEqual(BigInt64Array.from(numbers, BigInt));
      const inBatches: unknown[] = [];
      for await (const batch of connect().batches(all, 300)) inBatches.push(...batch);
      expect(inBatches).toEqual(rowsOfAll);
      await connect().stage("staged_numbers", { a: [7] });
      expect(await connect().read(sql`SELECT * FROM staged_numbers`)).toEqual([{ a: 7 }]);
      await connect().stage("staged_numbers", { a: [], b: [] });
      expect(await connect().read(sql`SELECT * FROM staged_numbers`)).toEqual([]);
    });

    test("temporary tables are this connection's own", async () => {
      const other = await warehouse().connect();
      try {
        await connect().run(connect().dialect.tempTable("mine", sql`SELECT 1 + ${1} AS x`));
        await other.run(other.dialect.tempTable("mine", sql`SELECT 10 + ${1} AS x UNION ALL SELECT 12 + ${1}`));
        await other.run(other.dialect.deleteTemp("mine", sql`x > 12`));
        await connect().run(connect().dialect.tempTable("mine", sql`SELECT x + 1 AS x FROM mine`));
        await connect().run(sql`INSERT INTO mine SELECT x + 1 FROM mine`);
        expect(await connect().read(sql`SELECT x FROM mine ORDER BY x`)).toEqual([{ x: 3 }, { x: 4 }]);
        expect(await other.read(sql`SELECT x FROM mine`)).toEqual([{ x: 11 }]);
      } finally {
        await other.close();
      }
    });

    test("rows that were only added are removed and changed by what a temporary table says", async () => {
      const log = defineTable({
        schema: "ops",
        table: "conformance_log",
        purpose: "a log",
        columns: { n: "integer", v: "text?" },
        key: ["n"],
        appended: true,
      });
      await make(log);
      const { dialect } = connect();
      await connect().append(
        log,
        [1, 1, 2, 3].map((n) => ({ n, v: null })),
      );
      await connect().run(dialect.tempTable("gone_numbers", sql`SELECT n FROM growth.conformance_rows WHERE n IN (1, 6)`));
      await connect().run(
        sql`/* FROM nowhere */ ${dialect.deleteWhere(log, sql`n IN (SELECT n FROM gone_numbers) AND v IS NULL AND n IN (SELECT r.n FROM growth.conformance_rows AS r JOIN gone_numbers AS g ON g.n = r.n)`)}`,
      );
      await connect().run(dialect.updateWhere(log, { v: sql`'x' || v` }, sql`n > 99`));
      await connect().run(dialect.updateWhere(log, { v: sql`coalesce(v, 'none')` }, sql`n NOT IN (SELECT n FROM gone_numbers) AND n > 2`));
      expect(await connect().read(sql`SELECT n, v FROM ops.conformance_log ORDER BY n`)).toEqual([
        { n: 2, v: null },
        { n: 3, v: "none" },
      ]);
      await connect().run(dialect.deleteWhere(log, sql`TRUE`));
      expect(await connect().read(sql`SELECT n FROM ops.conformance_log`)).toEqual([]);
    });

    test("views and tables of queries, and what stands in a schema", async () => {
      const { dialect } = connect();
      await connect().run(dialect.createSchema("models"));
      await connect().run(dialect.createView(name("models", "seen"), sql`SELECT n, v FROM growth.conformance_rows WHERE n < 3`));
      await connect().run(dialect.createView(name("models", "seen"), sql`SELECT n, v FROM growth.conformance_rows WHERE n < 4`));
      await connect().run(dialect.createTableAs(name("models", "kept"), sql`SELECT * FROM models.seen`));
      await connect().run(dialect.createTableAs(name("models", "kept"), sql`SELECT n, v, 'x' AS more FROM ${name("models", "seen")}`));
      expect(await connect().read(sql`SELECT name, is_view FROM ${dialect.tablesOf("models")} AS t ORDER BY name`)).toEqual([
        { name: "kept", is_view: false },
        { name: "seen", is_view: true },
      ]);
      expect(await connect().read(sql`SELECT * FROM ${name("models", "kept")} ORDER BY n`)).toEqual([
        { n: 1, v: "b", more: "x" },
        { n: 2, v: "a", more: "x" },
        { n: 3, v: null, more: "x" },
      ]);
    });

    test("lines of files are rows", async () => {
      const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-lines-"));
      const first = path.join(folder, "o'ne.ndjson");
      const second = path.join(folder, "two.ndjson");
      const shape = { r: "integer", s: "text", e: { id: "text", n: "text", properties: "json", "odd key": "text" } } as const;
      try {
        await writeFile(
          first,
          [
            { r: 1774747800123456, s: 'é"\\\n', e: { id: "a", n: 5, properties: { x: [1, "y"] }, "odd key": "k" } },
            { r: null, e: { id: null, properties: null } },
            { r: "7", s: "{}", e: {} },
            { s: "no e" },
          ]
            .map((line) => `${JSON.stringify(line)}\n`)
            .join(""),
        );
        await writeFile(second, 'no json at all\n{"r":"x","s":true,"e":{"id":"b","properties":{"big":123456789012345678901234}}}\n');
        const fields = (lines: Sql) =>
          connect().read<{ properties: string | null }>(
            sql`SELECT file, l.r, l.s, l.e.id AS id, l.e.n AS n, ${connect().dialect.cast(sql`l.e.properties`, "text")} AS properties, l.e.${name("odd key")} AS odd FROM ${lines} AS l`,
          );
        const read = await connect().withNdjson([first, second], 1_000_000, (lines) => fields(lines(shape)));
        await make(incoming);
        for (const file of [first, second]) await connect().appendLines(incoming, "line", file, { segment: "s'1", attempt: file });
        const kept = await fields(
          connect().dialect.linesAs(sql`SELECT attempt AS file, line FROM ${nameOf(incoming)} WHERE segment = ${"s'1"}`, shape),
        );
        const none = { r: null, s: null, id: null, n: null, properties: null, odd: null };
        const sorted = (all: readonly object[]) => all.map((each) => JSON.stringify(each, Object.keys(none).concat("file").sort())).sort();
        // An engine may keep the digits of a number beyond 64 bits, or its value as a double.
        const digits = /\d{20,}(\.0)?|1\.234\d+e\+?23/;
        const wanted = sorted([
          { ...none, file: first, s: 'é"\\\n', r: 1774747800123456, id: "a", n: "5", properties: '{"x":[1,"y"]}', odd: "k" },
          { ...none, file: first },
          { ...none, file: first, s: "{}", r: 7 },
          { ...none, file: first, s: "no e" },
          { ...none, file: second },
          { ...none, file: second, s: "true", id: "b", properties: '{"big":BIG}' },
        ]);
        for (const rows of [read, kept])
          expect(sorted(rows.map((each) => ({ ...each, properties: each.properties?.replace(digits, "BIG") ?? null })))).toEqual(wanted);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    test("errors say what the engine said, with the statement", async () => {
      for (const spec of rawTables) await make(spec);
      const failed = connect().run(sql`/* a table that is not there */ SELECT * FROM raw.nothing_like_it`);
      await expect(failed).rejects.toMatchObject({ code: "WAREHOUSE_FAILED" });
      await expect(failed).rejects.toThrow(/nothing_like_it/);
      await expect(failed).rejects.toMatchObject({ details: { sql: expect.stringContaining("a table that is not there") as string } });
      expect(await connect().first(sql`SELECT count(*) AS n FROM growth.conformance_rows`)).toEqual({ n: 6 });
    });
  });

  describe("questions of people", () => {
    const limits = { rowsMax: 3, millisMax: 20_000 };
    const ask = (text: string) => warehouse().query(text, limits);

    test("are answered within limits", async () => {
      expect(await ask("SELECT n, v FROM growth.conformance_rows ORDER BY n")).toEqual({
        columns: [
          { name: "n", type: "integer" },
          { name: "v", type: "text" },
        ],
        rows: [
          [1, "b"],
          [2, "a"],
          [3, null],
        ],
        truncated: true,
      });
      expect((await ask("WITH x AS (SELECT max(n) AS n FROM growth.conformance_rows) SELECT n FROM x; ")).rows).toEqual([[6]]);
    });

    test.each([
      "DELETE FROM growth.conformance_rows",
      "DROP TABLE growth.conformance_rows",
      "INSERT INTO growth.conformance_rows SELECT * FROM growth.conformance_rows",
      "CREATE TABLE x (a INTEGER)",
      "SELECT 1; SELECT 2",
      "SELECT 1; DROP TABLE growth.conformance_rows",
      "SELECT 1) ; DROP TABLE growth.conformance_rows; SELECT * FROM (SELECT 1",
      "SET threads = 1",
      "not SQL at all",
      "",
    ])("what would write is refused: %s", async (text) => {
      await expect(ask(text)).rejects.toMatchObject({ code: "BAD_REQUEST" });
      expect(await connect().first(sql`SELECT count(*) AS n FROM growth.conformance_rows`)).toEqual({ n: 6 });
    });
  });

  test("a shadow sees the raw tables, and what it writes is its own", async () => {
    for (const spec of rawTables) await make(spec);
    const before = await contents();
    const shadow = await warehouse().shadow();
    try {
      const { connection, mainTable } = shadow;
      for (const statement of connection.dialect.createTable(state)) await connection.run(statement);
      await connection.append(state, [row(77, "shadow")]);
      expect(await connection.first(sql`SELECT count(*) AS n FROM ${nameOf(state)}`)).toEqual({ n: 1 });
      expect(await connection.first(sql`SELECT count(*) AS n FROM growth.conformance_state`)).toEqual({ n: 1 });
      expect(await connection.first(sql`SELECT count(*) AS n FROM ${mainTable(state)}`)).toEqual({ n: before.length });
      expect(await connection.first(sql`SELECT count(*) AS n FROM ${nameOf(events)}`)).toEqual({ n: 0 });
    } finally {
      await shadow.close();
    }
    expect(await contents()).toEqual(before);
  });

  test("a session that is closed while its statements run ends them first", async () => {
    for (let round = 0; round < 20; round += 1) {
      const session = await warehouse().connect();
      const answers = Array.from({ length: 3 }, (_, index) =>
        session.first(sql`SELECT count(*) + ${index} AS n FROM growth.conformance_rows`),
      );
      // One that is at the engine already, two that may still wait for their turn.
      const first = answers[0];
      const closing = session.close();
      expect(await first).toEqual({ n: 6 });
      const outcomes = await Promise.allSettled(answers);
      for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "WAREHOUSE_FAILED" });
      await closing;
    }
  });
}
