import fc from "fast-check";
import { expect, test } from "vitest";
import type { RowOutcome } from "../../src/activate/destination.js";
import { planSync } from "../../src/activate/plan.js";
import { runSync } from "../../src/activate/run.js";
import { sql } from "../../src/warehouse/sql.js";
import { testWarehouse } from "../support/warehouse.js";
import {
  type TestUser,
  changeAudience,
  memoryDestination,
  optionsFor,
  prepare,
  putUsers,
  syncOf,
  testClock,
  testProject,
  userId,
} from "./support.js";

/**
 * Following the changes must come to the same as comparing everything: over random histories of changes, departures,
 * shared keys, refusals and lost answers, and runs at random moments.
 */

/** More by hand: `CAMBIUM_PROPERTY_RUNS=500 CAMBIUM_PROPERTY_SEED=1`. */
const runs = Number(process.env["CAMBIUM_PROPERTY_RUNS"] ?? 20);

const keys = ["u1", "u2", "u3", "u4", "u5", "u6"];
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("put" as const),
      key: fc.constantFrom(...keys),
      email: fc.constantFrom("a@x.example", "b@x.example", "c@x.example", null),
      plan: fc.constantFrom("free", "pro"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("delete" as const), key: fc.constantFrom(...keys) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("audience" as const), key: fc.constantFrom(...keys) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("run" as const),
      trouble: fc.constantFrom("none", "refuse_pro", "lose_all", "arrive_unanswered"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("wait" as const) }) },
);

const variants = [
  { name: "by_key", from: { entity: "user" }, mode: "mirror" },
  { name: "by_email", from: { entity: "user" }, mode: "mirror", key: "email" },
  { name: "members", from: { audience: "active" }, mode: "add_remove" },
  { name: "upserted", from: { entity: "user" }, mode: "upsert", key: "email" },
];

test("incremental differences equal full ones, and the destination ends up right", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...variants), fc.array(step, { minLength: 3, maxLength: 14 }), async (variant, steps) => {
      const warehouse = await testWarehouse(["user"]);
      try {
        await play(warehouse.connection, variant, steps);
      } finally {
        await warehouse.close();
      }
    }),
    { numRuns: runs, seed: Number(process.env["CAMBIUM_PROPERTY_SEED"] ?? 20_261_122) },
  );
});

async function play(
  connection: Awaited<ReturnType<typeof testWarehouse>>["connection"],
  variant: (typeof variants)[number],
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
) {
  await prepare(connection);
  const project = testProject(
    [{ ...variant, destination: "tool", mapping: { email: "email", plan: "plan", id: "key", active: "active" } }],
    [{ name: "tool", type: "memory" }],
  );
  const time = testClock();
  let trouble = "none";
  const tool = memoryDestination((row): RowOutcome => {
    if (trouble === "refuse_pro" && row.fields["plan"] === "pro") return { outcome: "failed", reason: "refused" };
    if (trouble === "lose_all") return { outcome: "retry", reason: "lost" };
    if (trouble === "arrive_unanswered") {
      tool.take(row);
      return { outcome: "retry", reason: "no answer" };
    }
    return { outcome: "delivered" };
  });
  const users = new Map<string, TestUser>();
  const members = new Set<string>();
  let cycle = 0;
  const run = (full = false) => runSync(connection, project, syncOf(project), optionsFor(tool.destination, time, { full }));
  for (const one of steps) {
    cycle += 1;
    if (one.type === "put") {
      users.set(one.key, { key: one.key, email: one.email, plan: one.plan });
      await putUsers(connection, cycle, [users.get(one.key) as TestUser]);
    } else if (one.type === "delete") {
      users.delete(one.key);
      await putUsers(connection, cycle, [], [one.key]);
    } else if (one.type === "audience") {
      if (members.has(one.key)) await changeAudience(connection, cycle, "active", [], [one.key]);
      else await changeAudience(connection, cycle, "active", [one.key]);
      if (!members.delete(one.key)) members.add(one.key);
    } else if (one.type === "run") {
      trouble = one.trouble;
      await samePlans(connection, project, time.clock());
      await run();
      trouble = "none";
    } else time.advance(120_000_000);
  }
  time.advance(86_400_000_000);
  await samePlans(connection, project, time.clock());
  await run();
  const refused = new Set(
    (await connection.read<{ key: string }>(sql`SELECT key FROM ops.sync_rows WHERE state = 'failed'`)).map((row) => row.key),
  );
  for (const [key, fields] of expected(variant, users, members)) {
    if (!refused.has(key)) expect(tool.held.get(key)).toEqual(fields);
  }
  if (variant.mode !== "upsert") {
    const wanted = expected(variant, users, members);
    for (const key of tool.held.keys()) if (!refused.has(key)) expect(wanted.has(key), `${key} should have left`).toBe(true);
  }
  const sums = await connection.read<Record<"changed" | "delivered" | "failed" | "skipped", number>>(
    sql`SELECT changed, delivered, failed, skipped FROM ops.ledger`,
  );
  for (const sum of sums) expect(sum.changed).toBe(sum.delivered + sum.failed + sum.skipped);
}

/** Keys and changes of both plans, row for row. */
async function samePlans(
  connection: Awaited<ReturnType<typeof testWarehouse>>["connection"],
  project: ReturnType<typeof testProject>,
  now: number,
) {
  const planned = async (full: boolean) => {
    const { rows } = await planSync(connection, project, syncOf(project), now, { full });
    if (rows === 0) return [];
    return connection.read(
      sql`SELECT row_key, change, ${connection.dialect.idText(sql`row_fingerprint`)} AS f FROM sync_plan ORDER BY row_key, change`,
    );
  };
  expect(await planned(false)).toEqual(await planned(true));
}

function expected(
  variant: (typeof variants)[number],
  users: ReadonlyMap<string, TestUser>,
  members: ReadonlySet<string>,
): Map<string, Record<string, unknown>> {
  const rows = new Map<string, { id: bigint; fields: Record<string, unknown> }>();
  for (const user of users.values()) {
    if ("audience" in variant.from && !members.has(user.key)) continue;
    const key = variant.key === "email" ? user.email : user.key;
    if (key === null || key === undefined) continue;
    const id = BigInt(userId(user.key));
    const known = rows.get(key);
    if (known !== undefined && known.id < id) continue;
    rows.set(key, { id, fields: { email: user.email ?? null, plan: user.plan ?? null, id: user.key, active: members.has(user.key) } });
  }
  return new Map([...rows].map(([key, { fields }]) => [key, fields]));
}
