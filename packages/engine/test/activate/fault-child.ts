import { createTables } from "../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { sql } from "../../src/warehouse/sql.js";
import { webhookDestination } from "../../src/activate/destinations/webhook/webhook.js";
import { runSync } from "../../src/activate/run.js";
import { systemClock } from "../../src/base/instant.js";
import { changeAudience, prepare, putUsers, testProject, userId } from "./support.js";

/**
 * The process that the fault test kills: changes people and delivers them, again and again. With `finish` it changes
 * nothing more, delivers what is left, and prints what the destination should hold.
 */
const [file = "", scratch = "", url = "", host = "", seedText = "1", finish = ""] = process.argv.slice(2);
let seed = Number(seedText);
const random = (below: number) => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * below);
};

const warehouse = await openDuckdb({ file, scratchDir: scratch, threads: 1 });
const connection = await warehouse.connect();
await createTables(connection, ["user"], []);
await prepare(connection);
const project = testProject(
  [
    { name: "people", from: { entity: "user" }, destination: "app", mode: "mirror", batch_rows: 20, mapping: { id: "key", plan: "plan" } },
    { name: "members", from: { audience: "active" }, destination: "app", mode: "add_remove", batch_rows: 20, mapping: { id: "key" } },
  ],
  [{ name: "app", type: "webhook", settings: { url }, allow: [host], concurrency: 3 }],
);
const destination = webhookDestination();
const deliver = async () => {
  for (const sync of project.syncs)
    await runSync(connection, project, sync, { now: systemClock(), clock: systemClock, destinations: () => destination });
};
const key = () => `u${random(200)}`;

process.stdout.write("ready\n");
if (finish === "") {
  for (;;) {
    const newest = await connection.first<{ n: number | null }>(sql`SELECT max(cycle_id) AS n FROM ops.cycles`);
    const cycle = (newest?.n ?? 0) + 1;
    const users = [...new Set(Array.from({ length: 60 }, key))];
    await putUsers(
      connection,
      cycle,
      users.slice(5).map((one) => ({ key: one, plan: random(2) === 0 ? "free" : "pro" })),
      users.slice(0, 5),
    );
    // By id: members who were removed above are members still, as between two cycles of the program.
    const inside = new Set(
      (
        await connection.read<{ id: string }>(sql`SELECT ${connection.dialect.idText(sql`entity_id`)} AS id FROM growth.audience_members`)
      ).map((row) => row.id),
    );
    const flipped = [...new Set(Array.from({ length: 20 }, key))];
    await changeAudience(
      connection,
      cycle,
      "active",
      flipped.filter((one) => !inside.has(userId(one))),
      flipped.filter((one) => inside.has(userId(one))),
    );
    await deliver();
  }
}
await new Promise((resolve) => void setTimeout(resolve, 1500));
await deliver();
await deliver();
const people = await connection.read(
  sql`SELECT e.key AS key, t.plan AS plan FROM growth.user_traits AS t JOIN growth.user_entities AS e ON e.entity_id = t.entity_id ORDER BY 1`,
);
const members = await connection.read(
  sql`SELECT DISTINCT e.key AS key FROM growth.audience_members AS m JOIN growth.user_entities AS e ON e.entity_id = m.entity_id JOIN growth.user_traits AS t ON t.entity_id = m.entity_id ORDER BY 1`,
);
const ledger = await connection.read(sql`SELECT hop, ref, changed, delivered, failed, skipped FROM ops.ledger`);
const runs = await connection.read(sql`SELECT sync, run_id, state, added + changed + removed AS taken FROM ops.sync_runs`);
const outcomes = await connection.read(sql`SELECT sync, run_id, count(*) AS n FROM ops.deliveries GROUP BY ALL`);
const open = await connection.first(
  sql`SELECT (SELECT count(*) FROM ops.sync_rows) AS rows, (SELECT count(*) FROM ops.sync_sending) AS sending`,
);
process.stdout.write(`${JSON.stringify({ people, members, ledger, runs, outcomes, open })}\n`);
await destination.close?.();
await connection.close();
await warehouse.close();
