import { afterAll, beforeAll, expect, test } from "vitest";
import { isoOf, microsPerDay } from "../../src/base/instant.js";
import { ModelUpdates } from "../../src/run/model-updates.js";
import { sql } from "../../src/warehouse/sql.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse();
});
afterAll(() => warehouse.close());

test("models follow definitions at once, and a failure is told once for each reason", async () => {
  const { connection } = warehouse;
  const updates = new ModelUpdates();
  const told: string[] = [];
  const onError = (thrown: unknown) => void told.push(thrown instanceof Error ? thrown.message : "");
  const good = testProject({ "models/a.sql": "SELECT 1 AS id" });
  await updates.update(connection, good, 1, { onError });
  expect(await connection.read(sql`SELECT id FROM models.a`)).toEqual([{ id: 1 }]);
  expect(updates.isDue(microsPerDay)).toBe(false);
  // The same moment again: put off, since looking costs, until a share of the time has passed.
  await updates.update(connection, good, 1, { onError });
  expect(updates.isDue(2)).toBe(false);
  expect(updates.isDue(microsPerDay)).toBe(true);
  const bad = testProject({ "models/a.sql": "SELECT nothing FROM raw.events" });
  await updates.update(connection, bad, 2, { onError });
  await updates.update(connection, bad, 3, { force: true, onError });
  expect(told).toEqual([expect.stringContaining("The model a cannot be built")]);
  await updates.update(connection, good, 4, { onError });
  await updates.update(connection, bad, 5, { onError });
  expect(told.length).toBe(2);
  expect(await connection.first(sql`SELECT count(*) AS n FROM ops.model_runs WHERE built_at <= ${isoOf(5)}`)).toEqual({ n: 2 });
});
