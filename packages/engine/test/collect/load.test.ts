import { afterAll, beforeAll, expect, test } from "vitest";
import { idOf } from "../../src/base/hash.js";
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
