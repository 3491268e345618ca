import { afterAll, beforeAll, expect, test } from "vitest";
import { isBlocked } from "../../src/project/identifier-value.js";
import { join, sql } from "../../src/warehouse/sql.js";
import { testWarehouse } from "../support/warehouse.js";

/** However many values a rule blocks, they are blocked alike. */

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse();
});
afterAll(() => warehouse.close());

test.each([0, 100])("blocked values with %d others beside them", async (others) => {
  const blocked = ["null", "N/A", "it's", "/^[0-]*$/", ...Array.from({ length: others }, (_, index) => `other-${index}`)];
  const values = ["null", " NULL ", "n/a", "IT'S", "000-", "", "nul", "zoe", "x".repeat(501), null];
  const { connection } = warehouse;
  const rows = await connection.read<{ state: boolean | null }>(
    sql`SELECT ${isBlocked(connection.dialect, blocked, sql`text`)} AS state FROM (VALUES ${join(values.map((value, place) => sql`(${place}, ${value})`))}) AS v(place, text) ORDER BY place`,
  );
  expect(rows.map(({ state }) => state)).toEqual([true, true, true, true, true, true, false, false, true, null]);
});
