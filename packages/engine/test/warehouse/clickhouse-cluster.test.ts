import { describe, expect, test } from "vitest";
import { clickhouseDialect } from "../../src/warehouse/clickhouse/dialect.js";
import { joinGlobally } from "../../src/warehouse/clickhouse/global-joins.js";
import { readsShards } from "../../src/warehouse/clickhouse/layout.js";
import { listLookups } from "../../src/warehouse/clickhouse/mutations.js";
import { assertCluster } from "../../src/warehouse/clickhouse/nodes.js";
import { createStaged, publishRows } from "../../src/warehouse/clickhouse/staged.js";
import { Standing, madeIfMissing } from "../../src/warehouse/clickhouse/standing.js";
import { type Sql, name, render, sql } from "../../src/warehouse/sql.js";
import { changes, entities } from "../../src/warehouse/tables/growth.js";
import { events } from "../../src/warehouse/tables/raw.js";

/** What is sent to the nodes of a cluster, as text: what a cluster makes of it no engine in this suite can say. */

const dialect = clickhouseDialect("shop_", "main");
const alone = clickhouseDialect("shop_");
const texts = (...statements: readonly Sql[]) => statements.flatMap((statement) => dialect.texts(statement));

describe("tables", () => {
  test("current state is one replication group over all nodes", () => {
    const [database, table] = texts(...dialect.createTable(entities("user")));
    expect(database).toBe('CREATE DATABASE IF NOT EXISTS "shop_growth" ON CLUSTER "main"');
    expect(table).toContain('CREATE TABLE IF NOT EXISTS "shop_growth"."user_entities" ON CLUSTER "main" (');
    expect(table).toContain(
      "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/cambium/shop_growth/user_entities', '{shard}-{replica}', _version, _deleted) ORDER BY",
    );
  });

  test("events are split over shards, behind a table of their name that has no hidden columns", () => {
    const [, local, distributed, ...more] = texts(...dialect.createTable(events));
    expect(more).toEqual([]);
    expect(local).toContain('TABLE IF NOT EXISTS "shop_raw"."events_local" ON CLUSTER "main" (');
    expect(local).toContain("ENGINE = ReplicatedMergeTree('/clickhouse/cambium/shop_raw/events_local/{shard}', '{replica}') ORDER BY");
    expect(local).toContain("_txn UInt64 MATERIALIZED");
    expect(distributed).toContain(`ENGINE = Distributed('main', 'shop_raw', 'events_local', "message_hash") COMMENT`);
    expect(distributed).not.toContain("_txn");
  });

  test("staged rows stand on all nodes as well", () => {
    const table = { schema: "growth", table: "users", columns: new Map([["id", "Int64"]]), key: ["id"], isState: true };
    const [text] = texts(createStaged(dialect.layout, table));
    expect(text).toContain('"shop_staged"."growth.users" ON CLUSTER "main"');
    expect(text).toContain("ReplicatedReplacingMergeTree('/clickhouse/cambium/shop_staged/growth.users', '{shard}-{replica}', _version)");
  });

  test("one server has none of it", () => {
    const all = [...alone.createTable(events), ...alone.createTable(entities("user"))].flatMap((each) => alone.texts(each));
    expect(all.join("\n")).not.toMatch(/Replicated|Distributed|CLUSTER|_local/);
    expect(all).toHaveLength(4);
  });
});

describe("statements", () => {
  test.each<[string, Sql, string[]]>([
    [
      "a new column stands in the shards first",
      sql`/* typed */ ${dialect.addColumn(events, "plan", "text")}`,
      [
        `/* typed */ ALTER TABLE "shop_raw"."events_local" ON CLUSTER "main" ADD COLUMN IF NOT EXISTS "plan" Nullable(String) COMMENT 'text'`,
        `/* typed */ ALTER TABLE "shop_raw"."events" ON CLUSTER "main" ADD COLUMN IF NOT EXISTS "plan" Nullable(String) COMMENT 'text'`,
      ],
    ],
    [
      "one that goes leaves them last",
      dialect.dropColumn(events, "plan"),
      [
        'ALTER TABLE "shop_raw"."events" ON CLUSTER "main" DROP COLUMN IF EXISTS "plan"',
        'ALTER TABLE "shop_raw"."events_local" ON CLUSTER "main" DROP COLUMN IF EXISTS "plan"',
      ],
    ],
    [
      "replicas tell each other of columns",
      dialect.addColumn(entities("user"), "plan", "text"),
      [`ALTER TABLE "shop_growth"."user_entities" ADD COLUMN IF NOT EXISTS "plan" Nullable(String) COMMENT 'text'`],
    ],
    [
      "events are deleted in each shard",
      dialect.deleteWhere(events, sql`load_id > 7000`),
      ['DELETE FROM "shop_raw"."events_local" ON CLUSTER "main" WHERE load_id > 7000'],
    ],
    ["all of them, too", dialect.deleteWhere(events, sql`TRUE`), ['TRUNCATE TABLE "shop_raw"."events_local" ON CLUSTER "main"']],
    [
      "and changed in each shard",
      dialect.updateWhere(events, { plan: sql`'x'` }, sql`load_id < 900`),
      [`ALTER TABLE "shop_raw"."events_local" ON CLUSTER "main" UPDATE "plan" = 'x' WHERE load_id < 900`],
    ],
    ["replicas tell each other of rows", dialect.deleteWhere(changes, sql`TRUE`), ['TRUNCATE TABLE "shop_growth"."changes"']],
    [
      "a view stands on all nodes",
      dialect.createView(name("models", "v"), sql`SELECT 'ON CLUSTER' AS a`),
      [`CREATE OR REPLACE VIEW "shop_models"."v" ON CLUSTER "main" AS SELECT 'ON CLUSTER' AS a`],
    ],
    [
      "and goes from all",
      sql`/* gone */ DROP VIEW IF EXISTS ${name("models", "v")}`,
      ['/* gone */ DROP VIEW IF EXISTS "shop_models"."v" ON CLUSTER "main"'],
    ],
    [
      "so does a database",
      sql`DROP DATABASE IF EXISTS ${{ parts: [{ schema: "ops" }] }} SYNC`,
      ['DROP DATABASE IF EXISTS "shop_ops" ON CLUSTER "main" SYNC'],
    ],
    [
      "a session's table is on its node",
      dialect.tempTable("some", sql`SELECT * FROM raw.events`),
      ['CREATE OR REPLACE TABLE "some" ENGINE = Memory AS SELECT * FROM "shop_raw".events'],
    ],
    ["rows go in as they always do", sql`INSERT INTO raw.events SELECT 1`, ['INSERT INTO "shop_raw".events SELECT 1']],
  ])("%s", (_, statement, expected) => {
    expect(texts(statement)).toEqual(expected);
  });

  test("a table with a query's rows is filled once, beside the old one, and takes its place", () => {
    const made = texts(sql`/* daily */ ${dialect.createTableAs(name("models", "daily"), sql`SELECT 1 AS a`)}`);
    const engine =
      "ENGINE = ReplicatedMergeTree('/clickhouse/cambium/shop_models/daily/{uuid}', '{shard}-{replica}') ORDER BY tuple() EMPTY AS SELECT 1 AS a";
    expect(made).toEqual([
      `CREATE OR REPLACE TABLE "shop_models"."daily~new" ON CLUSTER "main" ${engine}`,
      'INSERT INTO "shop_models"."daily~new" SELECT 1 AS a',
      `CREATE TABLE IF NOT EXISTS "shop_models"."daily" ON CLUSTER "main" ${engine}`,
      'EXCHANGE TABLES "shop_models"."daily" AND "shop_models"."daily~new" ON CLUSTER "main"',
      'DROP TABLE IF EXISTS "shop_models"."daily~new" ON CLUSTER "main" SYNC',
    ]);
  });
});

describe("what shards or replicas cannot look up", () => {
  test.each([
    ["SELECT 1 FROM e LEFT ANY JOIN t ON a = b", "SELECT 1 FROM e GLOBAL LEFT ANY JOIN t ON a = b"],
    ["SELECT 1 FROM e JOIN t USING (k) CROSS JOIN u", "SELECT 1 FROM e GLOBAL JOIN t USING (k) GLOBAL CROSS JOIN u"],
    ["SELECT 1 FROM e ARRAY JOIN l AS x", "SELECT 1 FROM e ARRAY JOIN l AS x"],
    ["SELECT 1 FROM e WHERE a NOT IN (SELECT b FROM t)", "SELECT 1 FROM e WHERE a GLOBAL NOT IN (SELECT b FROM t)"],
    ["SELECT 1 FROM e WHERE a IN (1, 2) AND b = ' JOIN '", "SELECT 1 FROM e WHERE a IN (1, 2) AND b = ' JOIN '"],
    ["SELECT 1 FROM e GLOBAL JOIN t ON a GLOBAL IN (SELECT 1)", "SELECT 1 FROM e GLOBAL JOIN t ON a GLOBAL IN (SELECT 1)"],
    ["SELECT left(a, 1) FROM (SELECT 1) AS s INNER JOIN t ON TRUE", "SELECT left(a, 1) FROM (SELECT 1) AS s GLOBAL INNER JOIN t ON TRUE"],
  ])("%s", (before, after) => {
    expect(joinGlobally(before)).toBe(after);
  });

  test.each([
    ['SELECT 1 FROM "shop_raw"."events" AS e', true],
    ['SELECT 1 FROM "shop_raw".events', true],
    ['SELECT 1 FROM "shop_raw"."events_local"', false],
    ['SELECT 1 FROM "shop_growth"."events"', false],
  ])("%s: %j", (text, reads) => {
    expect(readsShards(dialect.layout, text)).toBe(reads);
    expect(readsShards(alone.layout, text)).toBe(false);
  });

  test.each([
    [
      "DELETE FROM t WHERE a IN (SELECT DISTINCT b FROM s WHERE c IN (SELECT 1)) AND d",
      "DELETE FROM t WHERE a IN identity((SELECT groupUniqArray(*) FROM (SELECT DISTINCT b FROM s WHERE c IN (SELECT 1)))) AND d",
    ],
    [
      "DELETE FROM t WHERE (a, b) NOT IN (SELECT a, f(b, c) FROM s)",
      "DELETE FROM t WHERE (a, b) NOT IN identity((SELECT groupUniqArray(tuple(*)) FROM (SELECT a, f(b, c) FROM s)))",
    ],
    [
      "ALTER TABLE t UPDATE a = 1 WHERE (a, b) IN (SELECT (a, b) FROM s)",
      "ALTER TABLE t UPDATE a = 1 WHERE (a, b) IN identity((SELECT groupUniqArray(*) FROM (SELECT (a, b) FROM s)))",
    ],
    ["SELECT 1 FROM t WHERE a IN (SELECT 1)", "SELECT 1 FROM t WHERE a IN (SELECT 1)"],
  ])("%s", (before, after) => {
    expect(listLookups(before)).toBe(after);
  });

  test("a commit deletes by lists that Keeper takes", () => {
    const table = { schema: "growth", table: "log", columns: new Map([["day", "Int64"]]), key: ["day"], isState: false };
    const change = {
      table,
      txn: "9",
      columns: table.columns,
      absent: new Set<string>(),
      deletes: [{ columns: ["day"], version: "8" }],
      isStaged: true,
    };
    const gone = publishRows(dialect.layout, change, { rows: 0, gone: 12_000 }, "conductor").map((each) => render(each, dialect.quoting));
    expect(gone).toHaveLength(3);
    for (const [part, text] of gone.entries()) {
      expect(text).toMatch(
        /^\/\* rows to go \*\/ DELETE FROM "shop_growth"\."log" WHERE \(SELECT max\(term\) = .* IN identity\(\(SELECT groupUniqArray/s,
      );
      expect(text).toContain(`cityHash64("day") % 3::UInt16 = ${part}::UInt16`);
    }
    expect(publishRows(alone.layout, change, { rows: 0, gone: 12_000 }, "conductor")).toHaveLength(1);
  });
});

test("nobody is shown what one shard has", () => {
  const listing = (of: typeof dialect) => render(of.tablesOf("raw"), of.quoting);
  expect(listing(dialect)).toContain("name NOT IN ('events_local')");
  expect(listing(alone)).not.toContain("local");
});

describe("what stands already", () => {
  test.each([
    ...texts(...dialect.createTable(entities("user"))).map(
      (text, index) => [text, [["shop_growth"], ["shop_growth", "user_entities"]][index]] as const,
    ),
    ...texts(dialect.addColumn(events, "plan", "text")).map(
      (text, index) => [text, ["shop_raw", index === 0 ? "events_local" : "events", "plan"]] as const,
    ),
    ['/* why */ CREATE TABLE IF NOT EXISTS "a"."b.c" ON CLUSTER "main" (', ["a", "b.c"]] as const,
    ['CREATE OR REPLACE TABLE "a"."b" ON CLUSTER "main" (', undefined] as const,
    ['CREATE DATABASE IF NOT EXISTS "shop_session_1"', undefined] as const,
  ])("%s", (text, thing) => {
    expect(madeIfMissing(text)).toEqual(thing);
  });

  test("is asked once, and again after something went", async () => {
    let asked = 0;
    const standing = new Standing(() => {
      asked += 1;
      return Promise.resolve([["raw", "events", "a"]]);
    });
    expect([await standing.has(["raw"]), await standing.has(["raw", "events"]), await standing.has(["raw", "events", "b"])]).toEqual([
      true,
      true,
      false,
    ]);
    await standing.add(["raw", "events", "b"]);
    expect([await standing.has(["raw", "events", "b"]), asked]).toEqual([true, 1]);
    standing.forget();
    expect([await standing.has(["raw", "events", "b"]), asked]).toEqual([false, 2]);
  });
});

describe("a cluster that cannot be used says what to do", () => {
  const ask =
    (clusters: object[], hosts: string[], macros: object[]) =>
    <Row>(question: string): Promise<Row[]> =>
      Promise.resolve(
        (question.includes("system.clusters") ? clusters : question.includes("macros") ? macros : hosts.map((host) => ({ host }))) as Row[],
      );
  const macrosOf = (...hosts: string[]) => hosts.flatMap((host) => ["shard", "replica"].map((macro) => ({ host, macro })));
  const known = [{ cluster: "other", replicas: 1 }];

  test.each<[string, Parameters<typeof ask>, RegExp]>([
    ["none by that name", [known, [], []], /knows no cluster main: it knows other\. Name one of its remote_servers/],
    ["none at all", [[], [], []], /it knows none/],
    [
      "macros that lack on one node",
      [[{ cluster: "main", replicas: 3 }], ["one", "two"], [...macrosOf("one"), { host: "two", macro: "shard" }]],
      /lack macros: replica on two\. Define <shard> and <replica>/,
    ],
  ])("%s", async (_, answers, message) => {
    await expect(assertCluster(ask(...answers), "http://one:8123", "main")).rejects.toThrow(message);
  });

  test("one that can be used has so many replicas of a shard", async () => {
    const answers = ask([{ cluster: "main", replicas: 2, all: 4 }], ["one", "two"], macrosOf("one", "two"));
    expect(await assertCluster(answers, "http://one:8123", "main")).toEqual({ replicas: 2, all: 4 });
  });
});
