import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, total, writeKey } from "./support.js";

/** Real client libraries as processes: every event that each sends is a row, once. */

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "clients");
const count = 50;

let bench: Bench;
beforeAll(async () => {
  bench = await collectBench();
});
afterAll(() => bench.close());

const clients = [
  { file: "segment-node.mjs", users: "segment-", calls: { track: count, identify: 1, page: 1, group: 1, alias: 1 } },
  { file: "rudder-node.mjs", users: "rudder-", calls: { track: count, identify: 1, group: 1 } },
  { file: "jitsu.mjs", users: "jitsu-", calls: { track: count, identify: 1 } },
  { file: "posthog.mjs", users: "posthog-", calls: { track: count, identify: 1, alias: 1, group: 1 } },
] as const;

test.each(clients)("$file: every event arrives once", async ({ file, users, calls }) => {
  const { code, errors } = await run(file, [bench.collector.url, writeKey, String(count)]);
  expect(errors).toBe("");
  expect(code).toBe(0);
  const loaded = total(await bench.load());
  const sent = Object.values(calls).reduce((sum, n) => sum + n, 0);
  expect(loaded).toEqual({ accepted: sent, stored: sent, duplicates: 0, quarantined: 0 });
  const mine = sql`WHERE load_id = (SELECT max(load_id) FROM raw.events)`;
  const byType = await bench.connection.read<{ type: string; n: number }>(
    sql`SELECT type, count(*) AS n FROM raw.events ${mine} GROUP BY type ORDER BY type`,
  );
  expect(Object.fromEntries(byType.map((row) => [row.type, row.n]))).toEqual(calls);
  const tracks = await bench.connection.first(
    sql`SELECT count(DISTINCT json_extract_string(properties, '$.n')) AS numbers, count(DISTINCT message_id) AS ids,
      min(json_extract_string(properties, '$.note')) AS note, bool_and(starts_with(user_id, ${users})) AS users,
      bool_and(original_timestamp IS NOT NULL AND time_flag IS NULL) AS timed
    FROM raw.events ${mine} AND type = 'track' AND event = 'Sent'`,
  );
  expect(tracks).toEqual({ numbers: count, ids: count, note: "é ✓", users: true, timed: true });
  const email = await bench.connection.first(sql`SELECT email FROM raw.events ${mine} AND type = 'identify'`);
  expect(email).toEqual({ email: `${users.slice(0, -1)}@example.com` });
});

test("a library that is told to wait (429) sends again, and every event arrives once", async () => {
  const limited = await collectBench({ eventsPerSecondMax: 12 });
  const { code, errors } = await run("segment-node.mjs", [limited.collector.url, writeKey, "180"]);
  expect(errors).toBe("");
  expect(code).toBe(0);
  const metrics = await (await fetch(`${limited.collector.url}/metrics`)).text();
  expect(Number(/refused_total\{status="429"\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThan(0);
  const loaded = total(await limited.load());
  expect(loaded).toMatchObject({ stored: loaded.accepted, duplicates: 0, quarantined: 0 });
  const sent = await limited.connection.first(
    sql`SELECT count(*) AS rows, count(DISTINCT json_extract_string(properties, '$.n')) AS numbers FROM raw.events WHERE type = 'track'`,
  );
  expect(sent).toEqual({ rows: 180, numbers: 180 });
  await limited.close();
});

test("what the calls carry beside the event arrives too", async () => {
  const page = await bench.connection.first(
    sql`SELECT event, json_extract_string(properties, '$.category') AS category FROM raw.events WHERE type = 'page'`,
  );
  expect(page).toEqual({ event: "Home", category: "Docs" });
  const aliases = await bench.connection.read(sql`SELECT user_id, previous_id FROM raw.events WHERE type = 'alias' ORDER BY 1`);
  expect(aliases).toEqual([
    { user_id: "posthog-0", previous_id: "posthog-older" },
    { user_id: "segment-0", previous_id: "segment-anonymous" },
  ]);
  const groups = await bench.connection.read(sql`SELECT group_id, traits FROM raw.events WHERE type = 'group' ORDER BY 1`);
  expect(groups.map((row) => row["group_id"])).toEqual(["posthog-group", "rudder-group", "segment-group"]);
});

function run(file: string, args: readonly string[]): Promise<{ code: number | null; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(folder, file), ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve({ code, errors }));
  });
}
