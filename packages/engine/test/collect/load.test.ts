import { afterAll, beforeAll, expect, test } from "vitest";
import { hash64, idOf } from "../../src/base/hash.js";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, total, writeKey } from "./support.js";

let bench: Bench;
beforeAll(async () => {
  bench = await collectBench();
});
afterAll(() => bench.close());

test("an event that was answered with 200 is a row once, with owner and groups", async () => {
  const event = {
    type: "track",
    event: "Déploiement",
    userId: "u1",
    anonymousId: "a1",
    messageId: "m1",
    timestamp: "2026-01-01T10:00:00.000Z",
    properties: { workspace_id: "w1", plan: "pro", note: "日本" },
    context: { traits: { email: "Zoe@Example.com" } },
  };
  const answer = await bench.post("/v1/batch", { batch: [event, event, { ...event, messageId: "m2", properties: [] }], writeKey });
  expect([answer.status, await answer.json()]).toEqual([200, { success: true }]);
  const retry = await bench.post("/v1/track", { ...event, writeKey });
  expect(retry.status).toBe(200);
  const summaries = await bench.load();
  expect(total(summaries)).toEqual({ accepted: 4, stored: 1, duplicates: 2, quarantined: 1 });
  const [row] = await bench.connection.read(
    sql`SELECT event, email, properties, timestamp, CAST(identifier_id AS VARCHAR) AS owner, CAST(workspace_id AS VARCHAR) AS workspace FROM raw.events`,
  );
  expect(row).toEqual({
    event: "Déploiement",
    email: "zoe@example.com",
    properties: '{"workspace_id":"w1","plan":"pro","note":"日本"}',
    timestamp: "2026-01-01T10:00:00.000000Z",
    owner: idOf("user_id", "u1"),
    workspace: idOf("workspace", "w1"),
  });
  const [bad] = await bench.quarantined();
  expect(bad).toMatchObject({ reason: "wrong_type", message_id: "m2", source: "web" });
});

test("rows that a load left behind when it died are taken away by the next, and no message counts as stored for them", async () => {
  await bench.load();
  const newest = await bench.connection.first<{ load: number }>(sql`SELECT max(load_id) AS load FROM ops.loads`);
  const died = (newest?.load ?? 0) + 1;
  const before = { events: await bench.events(), quarantined: await bench.quarantined() };
  await bench.connection.run(
    sql`INSERT INTO raw.events SELECT * REPLACE (${died} AS load_id, 'again' AS message_id, ${BigInt(hash64("again"))} AS message_hash) FROM raw.events WHERE message_id = 'm1'`,
  );
  await bench.connection.run(sql`INSERT INTO raw.quarantine SELECT * REPLACE (${died + 1} AS load_id) FROM raw.quarantine`);
  const event = { type: "track", event: "Again", userId: "u1", messageId: "again", timestamp: "2026-01-01T10:00:00.000Z" };
  await bench.post("/v1/batch", { batch: [event], writeKey });
  expect(total(await bench.load())).toEqual({ accepted: 1, stored: 1, duplicates: 0, quarantined: 0 });
  const stored = await bench.events();
  expect(stored.filter((row) => row["message_id"] !== "again")).toEqual(before.events);
  expect(stored.filter((row) => row["message_id"] === "again")).toMatchObject([{ load_id: died, event: "Again" }]);
  expect(await bench.quarantined()).toEqual(before.quarantined);
});
