import { expect, test } from "vitest";
import { instantOf } from "../../src/base/instant.js";
import { runCycle } from "../../src/run/cycle.js";
import { verify } from "../../src/run/verify.js";
import { sql } from "../../src/warehouse/sql.js";
import { traits } from "../../src/warehouse/tables/growth.js";
import type { Connection, Warehouse } from "../../src/warehouse/warehouse.js";
import { files } from "../support/definitions.js";
import { type TestEvent, appendLoad } from "../support/events.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

/** What the loop keeps is compared with a recompute as of one moment, whatever the loop does meanwhile. */

const noon = instantOf("2026-03-20T12:00:00Z");
const second = 1_000_000;
const paid = (id: string, user: string, at: number): TestEvent => ({ id, event: "Paid", user, group: "w1", at, properties: { amount: 3 } });

/** The same warehouse; `during` happens once, when the recompute is done and nothing is compared yet. */
function interrupted(warehouse: Warehouse, during: () => Promise<unknown>): Warehouse {
  let happened = false;
  const shadow = async () => {
    const open = await warehouse.shadow();
    const connection = new Proxy(open.connection, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        if (property !== "first") return value.bind(target) as unknown;
        return async (query: Parameters<Connection["first"]>[0]) => {
          if (!happened && JSON.stringify(query).includes("incremental against full")) {
            happened = true;
            await during();
          }
          return target.first(query);
        };
      },
    });
    return { ...open, connection };
  };
  return { ...warehouse, shadow };
}

test("a cycle that ends while everything is computed again is no difference", async () => {
  const project = testProject(files);
  const { warehouse, connection, close } = await testWarehouse();
  await appendLoad(connection, project, 1, [paid("m1", "u1", noon)]);
  await runCycle(connection, project, { now: noon + second });
  let cycles = 0;
  const meanwhile = async () => {
    await appendLoad(connection, project, 2, [paid("m2", "u1", noon + 2 * second), paid("m3", "u2", noon + 2 * second)]);
    cycles = (await runCycle(connection, project, { now: noon + 3 * second })).cycleId;
  };
  expect(await verify(interrupted(warehouse, meanwhile), connection, project)).toMatchObject({ agrees: true, events: 1 });
  expect(cycles).toBe(2);
  expect(await verify(warehouse, connection, project)).toMatchObject({ agrees: true, events: 3 });
  await close();
});

test("a value that is not what the events say is told with its entity and columns", async () => {
  const project = testProject(files);
  const { warehouse, connection, close } = await testWarehouse();
  await appendLoad(connection, project, 1, [paid("m1", "u1", noon)]);
  await runCycle(connection, project, { now: noon + second });
  await connection.run(connection.dialect.updateWhere(traits("user"), { paid: sql`7` }, sql`TRUE`));
  const { agrees, comparisons } = await verify(warehouse, connection, project);
  expect(agrees).toBe(false);
  expect(comparisons.filter((each) => each.different > 0)).toMatchObject([
    { table: "growth.user_traits", rows: 1, different: 1, examples: [{ columns: ["paid"], incremental: ["7"], full: ["1"] }] },
  ]);
  await close();
});
