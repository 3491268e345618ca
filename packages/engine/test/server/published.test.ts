import { afterAll, beforeAll, expect, test } from "vitest";
import { segmentViews } from "../../src/model/segment-views.js";
import { checkLedger } from "../../src/observe/ledger.js";
import { runCycle } from "../../src/run/cycle.js";
import { verify } from "../../src/run/verify.js";
import { sql } from "../../src/warehouse/sql.js";
import { type Testbed, noon, testServer } from "./support.js";

/**
 * Rows of raw tables count once the row of their load is committed. What a load that is under way, or died, has left
 * there is seen by nobody who reads them.
 */
let bed: Testbed;
beforeAll(async () => {
  bed = await testServer();
});
afterAll(() => bed.close());

const pages = [
  "/api/events?limit=100",
  "/api/events?limit=100&text=Paid",
  "/api/quarantine",
  "/api/entities/user/u1/timeline",
  "/api/entities/user/u1/timeline?limit=2",
  "/api/entities/workspace/w1/timeline",
  "/api/entities/user/u1/explain?score=activation",
  "/api/entities/workspace/w1/explain?trait=revenue",
];

async function everything() {
  const { connection, warehouse, project } = bed;
  const answers = await Promise.all(pages.map((page) => bed.json(page)));
  return {
    ...Object.fromEntries(pages.map((page, index) => [page, answers[index]])),
    ledger: await checkLedger(connection),
    verified: (await verify(warehouse, connection, project)).comparisons,
    views: await connection.first(sql`SELECT (SELECT count(*) FROM segment.tracks) AS tracks, (SELECT count(*) FROM segment.paid) AS paid,
  (SELECT count(*) FROM segment.identifies) AS identifies, (SELECT count(*) FROM segment.users) AS users`),
    traits: await connection.read(sql`SELECT * FROM growth.user_traits ORDER BY entity_id`),
  };
}

test("what no committed load names is seen by nobody", async () => {
  const { connection, project } = bed;
  const newest = await connection.first<{ load: number }>(sql`SELECT max(load_id) AS load FROM ops.loads`);
  const later = (newest?.load ?? 0) + 1;
  const window = { cycleId: 1, now: noon, previousNow: 0, fromLoad: 0, toLoad: later - 1 };
  await segmentViews(connection, window);
  const before = await everything();
  // Every stored event once more, as of somebody else's load, and one that came due since.
  const at = connection.dialect.timestamp(noon + 1);
  await connection.run(
    sql`INSERT INTO raw.events SELECT * REPLACE (${later} AS load_id, 'later-' || message_id AS message_id) FROM raw.events`,
  );
  await connection.run(
    sql`INSERT INTO raw.events SELECT * REPLACE ('due-' || message_id AS message_id, ${at} AS timestamp) FROM raw.events WHERE message_id = 'later-t1'`,
  );
  await connection.run(sql`INSERT INTO raw.quarantine SELECT * REPLACE (${later} AS load_id, 'later' AS segment) FROM raw.quarantine`);
  expect(await everything()).toEqual(before);
  expect(await segmentViews(connection, window)).toBe("kept");
  const cycle = await runCycle(connection, project, { now: noon + 60_000_000 });
  expect(cycle).toMatchObject({ events: 0, changed: { user: 0, workspace: 0, account: 0 } });
});
