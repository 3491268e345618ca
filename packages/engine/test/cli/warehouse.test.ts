import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { instantOf } from "../../src/base/instant.js";
import { loadProject } from "../../src/project/load-project.js";
import { runCycle } from "../../src/run/cycle.js";
import type { WarehousesComparison } from "../../src/run/compare-warehouses.js";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openWarehouse, warehouseNamed } from "../../src/warehouse/open-warehouse.js";
import { sql } from "../../src/warehouse/sql.js";
import { audienceMembers, traits } from "../../src/warehouse/tables/growth.js";
import type { Connection } from "../../src/warehouse/warehouse.js";
import { files } from "../support/definitions.js";
import { type TestEvent, appendLoad } from "../support/events.js";
import { defaultFiles } from "../support/project.js";
import { seeded } from "../support/seeded.js";
import { testEnvironment } from "../support/warehouse.js";
import { runCli } from "./run-cli.js";

/** A project's warehouse on the engine that the tests run on, and an embedded one beside it: computed apart, compared row by row. */

const noon = instantOf("2026-03-20T12:00:00Z");
const hour = 3_600_000_000;
const { env, close } = testEnvironment();
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-warehouses-"));
  for (const [file, text] of Object.entries({ ...defaultFiles, ...files })) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), text);
  }
  await within("duckdb", env, fill);
  await within(other(), {}, fill);
});
afterAll(async () => {
  await close();
  await rm(dir, { recursive: true, force: true });
});

const other = () => path.join(dir, "other.duckdb");
const compare = (...more: string[]) => runCli(["warehouse", "compare", "other.duckdb", ...more], { cwd: dir, env });

/** The warehouse of this name, or the one that the environment names. */
async function within(named: string, environment: Record<string, string>, work: (connection: Connection) => Promise<void>): Promise<void> {
  const place = { file: path.join(dir, ".cambium/warehouse.duckdb"), scratchDir: path.join(dir, "scratch") };
  const settings = warehouseNamed(environment["CAMBIUM_WAREHOUSE"] ?? named, { type: "duckdb" }, place, environment);
  const warehouse = await openWarehouse(settings);
  const connection = await warehouse.connect();
  await work(connection);
  await connection.close();
  await warehouse.close();
}

/** A month of a few people with merges, groups and money. */
function history(): TestEvent[] {
  const random = seeded(20);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  return Array.from({ length: 300 }, (_, n): TestEvent => {
    const at = noon - Math.floor(random() * 720) * hour;
    const who = pick(["u1", "u2", "u3", "ü4", "u5"]);
    const group = random() < 0.7 ? { group: pick(["w1", "w2"]) } : {};
    if (random() < 0.1)
      return { id: `i${n}`, type: "identify", user: who, anonymous: `a-${who}`, at, traits: { plan: pick(["free", "team"]) } };
    if (random() < 0.05) return { id: `g${n}`, type: "group", user: who, group: pick(["w1", "w2"]), at };
    const amount = Math.round(random() * 10_000) / 100;
    const properties = { amount, item: pick(["a", "b", "ö"]), account_id: pick(["acc", "other"]) };
    return {
      id: `m${n}`,
      event: pick(["Paid", "Left"]),
      ...(random() < 0.3 ? { anonymous: `a-${who}` } : { user: who }),
      ...group,
      at,
      properties,
    };
  });
}

async function fill(connection: Connection): Promise<void> {
  const project = await loadProject(dir);
  await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
  await appendLoad(connection, project, 1, history(), noon);
  await runCycle(connection, project, { now: noon });
}

test("warehouses that saw the same events are equal, whatever engines they are on", async () => {
  const told = await compare();
  expect(told.out).toContain("The warehouses are equal.");
  expect(told.out).toMatch(/✓ events: 300 rows, the same on both sides/);
  expect(told.out).toMatch(/✓ user_traits: 5 rows/);
  expect(told.code).toBe(0);
  const { equal, comparisons } = JSON.parse((await compare("--json")).out) as WarehousesComparison;
  expect(equal).toBe(true);
  expect(comparisons.filter(({ here }) => here > 0).map(({ what }) => what)).toEqual(
    expect.arrayContaining([
      "workspace_entities",
      "account_traits",
      "score_user_score",
      "audience_members",
      "memberships",
      "audience sizes",
    ]),
  );
});

test("rows that differ are told with their key, their name and both values; exit code 4", async () => {
  await within(other(), {}, async (connection) => {
    const { dialect } = connection;
    const one = sql`entity_id = (SELECT entity_id FROM growth.user_entities WHERE key = 'u2')`;
    await connection.run(dialect.updateWhere(traits("user"), { paid: sql`paid + 1`, plan: sql`'odd'` }, one));
    await connection.run(dialect.deleteWhere(audienceMembers, one));
    await connection.run(dialect.dropColumn(traits("account"), "best"));
  });
  const told = await compare();
  expect(told.code).toBe(4);
  expect(told.out).toMatch(
    /✗ user_traits: 5 here, 5 there, 1 different\n {4}differs in paid \(1\), plan \(1\)\n {4}u2 \(\d+\): paid \d+ here, \d+ there; plan \S+ here, odd there/,
  );
  expect(told.out).toMatch(/✗ audience_members: \d+ here, \d+ there, \d only here\n {4}only here: u2 \(active \d+\)/);
  expect(told.out).toMatch(/✗ audience sizes: .*\n {4}differs in size/);
  expect(told.out).toContain("has no best there");
  expect(told.out).toMatch(/The warehouses differ in 4 of \d+ tables\./);
  const { comparisons } = JSON.parse((await compare("--json")).out) as WarehousesComparison;
  expect(comparisons.find(({ what }) => what === "user_traits")).toMatchObject({
    equal: false,
    columns: { paid: 1, plan: 1 },
    examples: [{ name: "u2", there: { plan: "odd" } }],
  });
});

test("a warehouse that is not there, or the project's own, is answered with what to do", async () => {
  const own = await runCli(["warehouse", "compare", env["CAMBIUM_WAREHOUSE"] ?? "duckdb"], { cwd: dir, env });
  expect(own).toMatchObject({ code: 1, err: expect.stringContaining("is the project's warehouse itself") as string });
  const none = await runCli(["warehouse", "compare", "none.duckdb"], { cwd: dir, env });
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining("none.duckdb does not exist") as string });
  const odd = await runCli(["warehouse", "compare", "snowflake"], { cwd: dir, env });
  expect(odd.err).toContain("names no warehouse");
  const secret = await runCli(["warehouse", "compare", "http://me:secret@127.0.0.1:1/"], { cwd: dir, env });
  expect(secret.err).toContain("CAMBIUM_CLICKHOUSE_PASSWORD");
  expect(secret.err).not.toContain("me:secret");
});
