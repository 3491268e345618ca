import { afterAll, beforeAll, expect, test } from "vitest";
import type { CycleWindow } from "../../src/base/cycle.js";
import { instantOf } from "../../src/base/instant.js";
import { runModels } from "../../src/model/run-models.js";
import { testModels } from "../../src/model/test-models.js";
import { sql } from "../../src/warehouse/sql.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse();
  await warehouse.connection.run(sql`CREATE TABLE raw.people (id VARCHAR, type VARCHAR, value VARCHAR)`);
  await add("m1", "email", "a@example.com");
  await add("m2", "email", "b@example.com");
  await add("m3", "phone", "1");
});
afterAll(() => warehouse.close());

const start = instantOf("2026-03-01T12:00:00Z");
const add = (id: string, type: string, value: string) =>
  warehouse.connection.run(sql`INSERT INTO raw.people VALUES (${id}, ${type}, ${value})`);
const at = (minutes: number, toLoad: number): CycleWindow => ({
  cycleId: 1,
  now: start + minutes * 60_000_000,
  previousNow: 0,
  fromLoad: 0,
  toLoad,
});

const files = {
  "models/listed.sql": "SELECT * FROM {{ source('raw', 'people') }}",
  "models/by_type.sql":
    "{{ config(materialized='table', refresh='10 minutes') }}\nSELECT type, count(*) AS n FROM {{ ref('listed') }} GROUP BY 1",
  "models/top.sql": "SELECT type FROM {{ ref('by_type') }} WHERE n > 1;",
  "models/schema.yml": `
version: 2
models:
  - name: listed
    columns:
      - name: id
        tests: [unique, not_null]
      - name: type
        data_tests:
          - unique: { severity: warn }
          - accepted_values: { arguments: { values: [email] } }
          - relationships: { to: ref('top'), field: type, where: "value <> '1'" }
  - name: top
    columns:
      - name: missing
        tests: [not_null]
`,
};

const states = (outcomes: Awaited<ReturnType<typeof runModels>>) => outcomes.map(({ model, state }) => `${model} ${state}`);

test("models are built in order, kept while nothing changed, and tables again when due", async () => {
  const { connection } = warehouse;
  const project = testProject(files);
  expect(states(await runModels(connection, project, at(0, 1)))).toEqual(["listed built", "by_type built", "top built"]);
  expect(await connection.read(sql`SELECT type, n FROM models.by_type ORDER BY type`)).toEqual([
    { type: "email", n: 2 },
    { type: "phone", n: 1 },
  ]);
  expect(await connection.read(sql`SELECT * FROM models.top`)).toEqual([{ type: "email" }]);
  await add("m4", "phone", "2");
  expect(states(await runModels(connection, project, at(5, 2)))).toEqual(["listed kept", "by_type kept", "top kept"]);
  expect(states(await runModels(connection, project, at(11, 2)))).toEqual(["listed kept", "by_type built", "top kept"]);
  expect((await connection.read(sql`SELECT * FROM models.top`)).length).toBe(2);
  // No event came since: the table is not built again.
  expect(states(await runModels(connection, project, at(60, 2)))).toEqual(["listed kept", "by_type kept", "top kept"]);
});

test("a test counts what breaks its rule; null breaks not_null only", async () => {
  const results = await testModels(warehouse.connection, testProject(files));
  expect(results.map(({ model, column, type, failing }) => [model, column, type, failing])).toEqual([
    ["listed", "id", "unique", 0],
    ["listed", "id", "not_null", 0],
    ["listed", "type", "unique", 2],
    ["listed", "type", "accepted_values", 2],
    ["listed", "type", "relationships", 0],
    ["top", "missing", "not_null", undefined],
  ]);
  expect(results[2]?.severity).toBe("warn");
  expect(results[5]?.message).toMatch(/missing/);
});

test("a model that fails says why, hinders no other, and is built once it can be", async () => {
  const { connection } = warehouse;
  const broken = testProject({
    "models/bad.sql": "SELECT nothing FROM {{ source('raw', 'events') }}",
    "models/good.sql": "SELECT 1 AS id",
  });
  const outcomes = await runModels(connection, broken, at(61, 2));
  expect(states(outcomes)).toEqual(["bad failed", "good built", "by_type dropped", "listed dropped", "top dropped"]);
  expect(outcomes[0]?.message).toMatch(/nothing/);
  expect(await connection.first(sql`SELECT state FROM ops.model_runs WHERE model = 'bad'`)).toEqual({ state: "failed" });
  const repaired = testProject({
    "models/bad.sql": "SELECT message_id FROM {{ source('raw', 'events') }}",
    "models/good.sql": "SELECT 1 AS id",
  });
  expect(states(await runModels(connection, repaired, at(62, 2)))).toEqual(["bad built", "good built"]);
});

test("a view may become a table and back", async () => {
  const { connection } = warehouse;
  const as = (type: string) => testProject({ "models/x.sql": `{{ config(materialized='${type}') }} SELECT 1 AS id` });
  for (const type of ["view", "table", "view"]) {
    const outcomes = await runModels(connection, as(type), at(70, 2));
    expect(outcomes[0]).toEqual({ model: "x", state: "built" });
    expect(await connection.first(sql`SELECT is_view FROM ${connection.dialect.tablesOf("models")} AS t`)).toEqual({
      is_view: type === "view",
    });
  }
});

test("a column that raw.events gets does not break a view over all of it", async () => {
  const { connection } = warehouse;
  const project = testProject({ "models/everything.sql": "SELECT * FROM {{ source('raw', 'events') }}" });
  await runModels(connection, project, at(80, 2));
  await connection.run(sql`ALTER TABLE raw.events ADD COLUMN p_new VARCHAR`);
  expect(states(await runModels(connection, project, at(81, 2)))).toEqual(["everything built"]);
  expect((await connection.describe(sql`SELECT * FROM models.everything`)).map((column) => column.name)).toContain("p_new");
});

test.each(["view", "table"])(
  "a %s keeps what its author means: numbers as numbers, truth values where they say so, JSON by path",
  async (materialized) => {
    const { connection } = warehouse;
    const query = `SELECT id, extract(month FROM CAST('2026-05-06 07:08:09' AS TIMESTAMP)) AS month, CASE WHEN type = 'email' THEN 1 ELSE 0 END AS emails,
CAST(value <> '1' AS BOOLEAN) AS is_long, json_extract_string('{"a":{"b c":[7,"x"]}}', '$.a."b c"[1]') AS found FROM {{ source('raw', 'people') }}`;
    const project = testProject({ "models/meant.sql": `{{ config(materialized='${materialized}') }}\n${query}` });
    expect(states(await runModels(connection, project, at(60, 2)))).toContain("meant built");
    expect(await connection.read(sql`SELECT * FROM models.meant WHERE id IN ('m1', 'm3') ORDER BY id`)).toEqual([
      { id: "m1", month: 5, emails: 1, is_long: true, found: "x" },
      { id: "m3", month: 5, emails: 0, is_long: false, found: "x" },
    ]);
  },
);
