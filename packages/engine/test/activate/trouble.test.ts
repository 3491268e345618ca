import { afterEach, beforeEach, expect, test } from "vitest";
import type { FaultInput } from "../../../../examples/receiver/faults.js";
import { startReceiver } from "../../../../examples/receiver/receiver.js";
import { webhookDestination } from "../../src/activate/destinations/webhook/webhook.js";
import { runSync } from "../../src/activate/run.js";
import { sql } from "../../src/warehouse/sql.js";
import { testWarehouse } from "../support/warehouse.js";
import { optionsFor, prepare, putUsers, syncOf, testClock, testProject } from "./support.js";

/** Whatever trouble a destination makes: in the end it holds every row, and each run's counts add up. */

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeEach(async () => {
  warehouse = await testWarehouse();
  await prepare(warehouse.connection);
});
afterEach(() => warehouse.close());

const people = 200;
const roundsMax = 40;

const troubles: Record<string, FaultInput[]> = {
  "429 with a pause": [{ type: "status", status: 429, retry_after_seconds: 30, times: 5 }],
  "429 now and then": [{ type: "status", status: 429, retry_after_seconds: 0, every: 3 }],
  "500 for a while": [{ type: "status", status: 500, times: 9 }],
  "503 every other time": [{ type: "status", status: 503, every: 2 }],
  "connections cut after the rows were taken": [{ type: "reset", every: 2, times: 12 }],
  "slow answers": [{ type: "slow", millis: 30 }],
  "half of each batch refused for now": [{ type: "half_broken", status: 503, every_row: 2, times: 12 }],
  "everything at once": [
    { type: "reset", every: 3, times: 6 },
    { type: "status", status: 500, every: 4, times: 6 },
    { type: "half_broken", status: 429, every_row: 3, every: 2, times: 6 },
  ],
};

for (const [trouble, faults] of Object.entries(troubles)) {
  test(trouble, async () => {
    const { connection } = warehouse;
    const receiver = await startReceiver({ faults });
    const destination = webhookDestination();
    try {
      const project = testProject(
        [
          {
            name: "people",
            from: { entity: "user" },
            destination: "app",
            mode: "mirror",
            batch_rows: 20,
            mapping: { id: "key", plan: "plan" },
          },
        ],
        [{ name: "app", type: "webhook", settings: { url: `${receiver.url}/hooks/app` }, allow: [receiver.host], concurrency: 2 }],
      );
      const time = testClock();
      const users = Array.from({ length: people }, (_, index) => ({ key: `u${index}`, plan: "free" }));
      await putUsers(connection, 1, users);
      let rounds = 0;
      const settle = async () => {
        for (; rounds < roundsMax; rounds += 1) {
          const { state } = await runSync(connection, project, syncOf(project), optionsFor(destination, time));
          const open = await connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ops.sync_rows`);
          if (state === "even" && open?.n === 0) return;
          time.advance(120_000_000);
        }
        throw new Error(`not settled after ${roundsMax} rounds`);
      };
      await settle();
      await putUsers(
        connection,
        2,
        users.slice(0, 50).map((user) => ({ ...user, plan: "pro" })),
        users.slice(150).map((user) => user.key),
      );
      await settle();
      const [tool] = receiver.tools();
      const [table] = tool?.tables ?? [];
      expect(table?.count).toBe(150);
      const state = (await (await fetch(`${receiver.url}/state`)).json()) as {
        tools: { tables: { rows: { id: string; plan: string }[] }[] }[];
      };
      for (const row of state.tools[0]?.tables[0]?.rows ?? []) expect(row.plan).toBe(Number(row.id.slice(1)) < 50 ? "pro" : "free");
      const ledger = await connection.read<Record<"changed" | "delivered" | "failed" | "skipped", number>>(
        sql`SELECT changed, delivered, failed, skipped FROM ops.ledger`,
      );
      for (const row of ledger) expect(row.changed).toBe(row.delivered + row.failed + row.skipped);
      expect(ledger.reduce((sum, row) => sum + row.delivered, 0)).toBe(people + 100);
    } finally {
      await destination.close?.();
      await receiver.close();
    }
  });
}
