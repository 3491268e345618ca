import { afterAll, beforeAll, expect, test } from "vitest";
import { hash64 } from "../../src/base/hash.js";
import { isoOf, instantOf } from "../../src/base/instant.js";
import { sql } from "../../src/warehouse/sql.js";
import { audienceMembers, changes } from "../../src/warehouse/tables/growth.js";
import { ledger, requests } from "../../src/warehouse/tables/ops.js";
import { testWarehouse } from "../support/warehouse.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse();
});
afterAll(() => warehouse.close());

test("ids are the same in JavaScript and in SQL", async () => {
  const { connection } = warehouse;
  const { dialect } = connection;
  for (const text of ["", "user_id:u1", "email:zoë@example.com", "日本語", "a'b\\c"]) {
    const row = await connection.first(sql`SELECT ${dialect.idText(dialect.hash64(sql`${text}`))} AS id`);
    expect(row?.["id"]).toBe(hash64(text));
  }
});

test("instants keep their microseconds both ways", async () => {
  const instant = instantOf("2026-03-29T01:30:00.123456Z");
  const row = await warehouse.connection.first(sql`SELECT ${warehouse.connection.dialect.timestamp(instant)} AS at`);
  expect(row?.["at"]).toBe(isoOf(instant));
  expect(isoOf(instant)).toBe("2026-03-29T01:30:00.123456Z");
});

test("days are the project's zone's, on a daylight-saving day too", async () => {
  const { dialect } = warehouse.connection;
  const day = (at: string) => dialect.day(dialect.timestamp(instantOf(at)), "Europe/Berlin");
  const row = await warehouse.connection.first(
    sql`SELECT ${day("2026-03-28T22:59:59Z")} AS a, ${day("2026-03-28T23:00:00Z")} AS b, ${day("2026-03-29T21:59:59Z")} AS c, ${day("2026-03-29T22:00:00Z")} AS d,
        ${dialect.dayStart(dialect.date("2026-03-30"), "Europe/Berlin")} AS start`,
  );
  expect(row).toEqual({ a: "2026-03-28", b: "2026-03-29", c: "2026-03-29", d: "2026-03-30", start: "2026-03-29T22:00:00.000000Z" });
});

test("upsert replaces by key and adds the rest", async () => {
  const { connection } = warehouse;
  const row = (audience: string, entity: string, cycle: number) => ({
    audience,
    entity_id: entity,
    entered_at: isoOf(0),
    cycle_id: cycle,
    held_out: false,
  });
  await connection.append(audienceMembers, [row("a", "1", 1), row("a", "9223372036854775807", 1)]);
  const source = sql`SELECT 'a' AS audience, x AS entity_id, make_timestamp(0) AS entered_at, 2 AS cycle_id, true AS held_out FROM (VALUES (1), (7)) AS v(x)`;
  for (const statement of connection.dialect.upsert(audienceMembers, source)) await connection.run(statement);
  const rows = await connection.read(
    sql`SELECT ${connection.dialect.idText(sql`entity_id`)} AS id, cycle_id, held_out FROM growth.audience_members ORDER BY entity_id`,
  );
  expect(rows).toEqual([
    { id: "1", cycle_id: 2, held_out: true },
    { id: "7", cycle_id: 2, held_out: true },
    { id: "9223372036854775807", cycle_id: 1, held_out: false },
  ]);
});

test("hostile text is only ever data", async () => {
  const { connection } = warehouse;
  const hostile = `'); DROP TABLE growth.changes; -- "\\ \u2028`;
  const row = await connection.first(sql`SELECT ${hostile} AS x`);
  expect(row?.["x"]).toBe(hostile);
  await connection.append(changes, [{ cycle_id: 1, kind: hostile, entity_id: "5", reason: "event", message_id: null }]);
  expect(await connection.read(sql`SELECT kind, message_id FROM growth.changes`)).toEqual([{ kind: hostile, message_id: null }]);
});

test("append takes many rows and JSON through a file", async () => {
  const { connection } = warehouse;
  const rows = Array.from({ length: 1000 }, (_, index) => ({
    request_id: `r${index}`,
    sync: "s",
    run_id: 1,
    happened_at: isoOf(index),
    method: "POST",
    url: "http://x/",
    request_headers: JSON.stringify({ a: 'é"' }),
    request_body: null,
    status: 200,
    response_headers: null,
    response_body: "b",
    millis: 1.5,
    error: null,
  }));
  await connection.append(requests, rows);
  const row = await connection.first(
    sql`SELECT count(*) AS n, max(happened_at) AS last, any_value(request_headers) AS headers FROM ops.requests`,
  );
  expect(row).toEqual({ n: 1000, last: isoOf(999), headers: JSON.stringify({ a: 'é"' }) });
});

test("a transaction that fails leaves nothing", async () => {
  const { connection } = warehouse;
  const work = connection.transaction(async () => {
    await connection.append(ledger, [
      {
        happened_at: isoOf(0),
        hop: "x",
        ref: "1",
        accepted: 1,
        stored: 1,
        duplicates: 0,
        quarantined: 0,
        changed: 0,
        delivered: 0,
        failed: 0,
        skipped: 0,
      },
    ]);
    await connection.run(sql`SELECT error('stop')`);
  });
  await expect(work).rejects.toMatchObject({ code: "WAREHOUSE_FAILED" });
  expect(await connection.first(sql`SELECT count(*) AS n FROM ops.ledger`)).toEqual({ n: 0 });
});
