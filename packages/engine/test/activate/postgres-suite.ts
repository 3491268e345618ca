import pg from "pg";
import { expect, test } from "vitest";
import type { DeliveryContext, DestinationRow, RequestTrace } from "../../src/activate/destination.js";
import { postgresDestination } from "../../src/activate/destinations/postgres/postgres.js";

/** What the postgres destination must do on every Postgres: run on the embedded one in the fast suite, on a real server beside it. */
export function postgresSuite(server: () => { url: string; allow: string[] }): void {
  const row = (key: string, change: DestinationRow["change"], fields: Record<string, unknown>): DestinationRow => ({
    key,
    change,
    fields,
    idempotencyKey: `${key}-${change}`,
  });
  let tables = 0;

  function contextFor(
    more: Partial<DeliveryContext> = {},
    settings: Record<string, unknown> = {},
  ): DeliveryContext & { traces: RequestTrace[] } {
    const traces: RequestTrace[] = [];
    return {
      settings: { url: server().url, ...settings },
      action: "write_rows",
      mode: "mirror",
      sync: `people_${(tables += 1)}`,
      now: 1_800_000_000_000_000,
      allow: server().allow,
      dryRun: false,
      trace: (request) => void traces.push(request),
      traces,
      keyField: "id",
      fieldTypes: {
        id: "text",
        plan: "text",
        logins: "integer",
        score: "double",
        mrr: "decimal",
        seen: "timestamp",
        tags: "text[]",
        active: "boolean",
      },
      ...more,
    };
  }

  async function withDestination(work: (destination: ReturnType<typeof postgresDestination>) => Promise<void>): Promise<void> {
    const destination = postgresDestination();
    try {
      await work(destination);
    } finally {
      await destination.close?.();
    }
  }

  async function query(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: server().url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  const full = {
    plan: "pro",
    logins: 12,
    score: 97.25,
    mrr: 19.9999,
    seen: "2026-03-01T12:00:00.123456Z",
    tags: ["a", 'b"c'],
    active: true,
  };

  test("makes the table with the right types, upserts and deletes", () =>
    withDestination(async (destination) => {
      const context = contextFor();
      const outcomes = await destination.deliver(
        [row("u1", "add", { id: "u1", ...full }), row("u2", "add", { id: "u2", ...full, plan: null })],
        context,
      );
      expect(outcomes.map((outcome) => outcome.outcome)).toEqual(["delivered", "delivered"]);
      await destination.deliver(
        [
          row("u1", "change", { id: "u1", plan: "free", logins: 13 }),
          row("u2", "remove", { id: "u2" }),
          row("u3", "add", { id: "u3", nested: { a: 1 } }),
        ],
        context,
      );
      expect(
        await query(
          `SELECT id, plan, logins::text, score, mrr::text, tags, active, nested_a::text, (seen AT TIME ZONE 'UTC')::text AS seen FROM ${context.sync} ORDER BY id`,
        ),
      ).toEqual([
        {
          id: "u1",
          plan: "free",
          logins: "13",
          score: 97.25,
          mrr: "19.9999",
          tags: ["a", 'b"c'],
          active: true,
          nested_a: null,
          seen: "2026-03-01 12:00:00.123456",
        },
        { id: "u3", plan: null, logins: null, score: null, mrr: null, tags: null, active: null, nested_a: "1", seen: null },
      ]);
      const types = await query(
        `SELECT column_name AS c, data_type AS t FROM information_schema.columns WHERE table_name = '${context.sync}' ORDER BY 1`,
      );
      expect(Object.fromEntries(types.map(({ c, t }) => [c, t]))).toEqual({
        active: "boolean",
        id: "text",
        logins: "bigint",
        mrr: "numeric",
        nested_a: "bigint",
        plan: "text",
        score: "double precision",
        seen: "timestamp with time zone",
        tags: "ARRAY",
      });
    }));

  test("a bad row is found in its batch, the others are written", () =>
    withDestination(async (destination) => {
      const context = contextFor();
      await query(`CREATE TABLE ${context.sync} (id text PRIMARY KEY, logins integer CHECK (logins < 100))`);
      const rows = Array.from({ length: 9 }, (_, index) =>
        row(`u${index}`, "add", { id: `u${index}`, logins: index === 4 ? 1000 : index }),
      );
      const outcomes = await destination.deliver([...rows, row("nul", "add", { id: "nul\u0000", logins: 1 })], context);
      expect(outcomes.map((outcome) => outcome.outcome)).toEqual([
        ...Array<string>(4).fill("delivered"),
        "failed",
        ...Array<string>(4).fill("delivered"),
        "failed",
      ]);
      expect(outcomes[4]).toMatchObject({ reason: expect.stringContaining("23514") as string });
      expect(await query(`SELECT count(*)::int AS n FROM ${context.sync}`)).toEqual([{ n: 8 }]);
    }));

  test("hostile names are only names", () =>
    withDestination(async (destination) => {
      const table = 'odd"; DROP TABLE x; --';
      const context = contextFor({ keyField: undefined, fieldTypes: {} }, { table });
      await destination.deliver([row("k'1", "add", { 'a"b': "x'); DROP TABLE y; --" })], context);
      expect(await query(`SELECT * FROM "odd""; DROP TABLE x; --"`)).toEqual([{ _key: "k'1", 'a"b': "x'); DROP TABLE y; --" }]);
      await expect(destination.deliver([row("k", "add", { ["x".repeat(64)]: 1 })], contextFor())).rejects.toThrow(
        "cannot name a table or column",
      );
    }));

  test("appends write a row once, however often it comes", () =>
    withDestination(async (destination) => {
      const context = contextFor({ mode: "append", keyField: undefined, fieldTypes: {} });
      await destination.deliver([row("1", "add", { what: "entered" })], context);
      await destination.deliver([row("1", "add", { what: "changed?" }), row("2", "add", { what: "left" })], context);
      expect(await query(`SELECT * FROM ${context.sync} ORDER BY _key`)).toEqual([
        { _key: "1", what: "entered" },
        { _key: "2", what: "left" },
      ]);
    }));

  test("what only a person can mend stops the sync: no right to create, no unique key, wrong password", () =>
    withDestination(async (destination) => {
      const context = contextFor({}, { create: false });
      await query(`CREATE TABLE ${context.sync} (id text)`);
      await expect(destination.deliver([row("u1", "add", { id: "u1", plan: "x" })], context)).rejects.toThrow("has no column plan");
      await expect(destination.deliver([row("u1", "add", { id: "u1" })], context)).rejects.toMatchObject({ code: "DESTINATION_AUTH" });
      const blocked = contextFor({ allow: [] });
      await expect(destination.deliver([row("u1", "add", { id: "u1" })], blocked)).rejects.toThrow("not in the destination's allow list");
    }));

  test("a dry run shows the statements and writes nothing; traces have no password", () =>
    withDestination(async (destination) => {
      const context = contextFor({ dryRun: true });
      expect(await destination.deliver([row("u1", "add", { id: "u1", plan: "x" })], context)).toMatchObject([{ outcome: "skipped" }]);
      expect(context.traces[0]?.requestBody).toContain('ON CONFLICT ("id") DO UPDATE SET "plan" = EXCLUDED."plan"');
      expect(JSON.stringify(context.traces)).not.toContain("secret-password");
      expect(await query(`SELECT to_regclass('${context.sync}') AS t`)).toEqual([{ t: null }]);
    }));

  test("a server that is gone is worth another try", () =>
    withDestination(async (destination) => {
      const context = contextFor({ allow: ["127.0.0.1:1"] }, { url: "postgres://u:secret-password@127.0.0.1:1/db" });
      expect(await destination.deliver([row("u1", "add", { id: "u1" })], context)).toMatchObject([
        { outcome: "retry", reason: expect.stringContaining("ECONNREFUSED") as string },
      ]);
    }));
}
