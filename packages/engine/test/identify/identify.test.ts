import { afterEach, beforeEach, expect, test } from "vitest";
import type { CycleWindow } from "../../src/base/cycle.js";
import { identify } from "../../src/identify/identify.js";
import { sql } from "../../src/warehouse/sql.js";
import { type TestEvent, appendEvents, id } from "../support/events.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeEach(async () => {
  warehouse = await testWarehouse();
});
afterEach(() => warehouse.close());

const window = (fromLoad: number, toLoad: number): CycleWindow => ({ cycleId: toLoad, now: 1e15, previousNow: 0, fromLoad, toLoad });

async function load(events: readonly TestEvent[], number = 1) {
  const project = testProject();
  await appendEvents(
    warehouse.connection,
    project,
    events.map((event) => ({ load: number, ...event })),
  );
  return identify(warehouse.connection, project, window(number - 1, number));
}

const users = () => warehouse.connection.read(sql`SELECT key, first_seen, last_seen FROM growth.user_entities ORDER BY key`);

test("an anonymous visitor who signs up is one person, with the id of the first visit", async () => {
  await load([{ id: "m1", anonymous: "a1", at: 1 }]);
  await load(
    [
      { id: "m2", type: "identify", anonymous: "a1", user: "u1", email: "Ann@Example.com", at: 2 },
      { id: "m3", user: "u1", at: 5 },
    ],
    2,
  );
  expect(await users()).toEqual([{ key: "u1", first_seen: "1970-01-01T00:00:00.000001Z", last_seen: "1970-01-01T00:00:00.000005Z" }]);
  const rows = await warehouse.connection.read(
    sql`SELECT type, value, CAST(entity_id AS VARCHAR) AS profile FROM growth.user_subjects JOIN growth.identifiers ON identifier_id = subject_id ORDER BY type`,
  );
  const profile = id("anonymous_id", "a1");
  expect(rows).toEqual([
    { type: "anonymous_id", value: "a1", profile },
    { type: "email", value: "ann@example.com", profile },
    { type: "user_id", value: "u1", profile },
  ]);
});
