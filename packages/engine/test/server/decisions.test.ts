import { afterEach, beforeEach, expect, test } from "vitest";
import { microsPerDay } from "../../src/base/instant.js";
import type { DecisionMembership, DecisionProfile, EntitiesPage, ScoreDetail } from "../../src/server/contract.js";
import { name, sql } from "../../src/warehouse/sql.js";
import { type Testbed, noon, testServer } from "./support.js";

/** Decision reads say what the warehouse says, as of the newest cycle: after a start, after cycles, after merges. */

let bed: Testbed;
beforeEach(async () => {
  bed = await testServer();
  await bed.server.warm;
});
afterEach(() => bed.close());

const profile = (key: string, kind = "user") => bed.json<DecisionProfile>(`/v1/profiles/${kind}/${encodeURIComponent(key)}`);
const membership = (key: string, audience: string) =>
  bed.json<DecisionMembership>(`/v1/memberships/user/${encodeURIComponent(key)}/${audience}`);

/** Waits until the answers belong to this cycle. */
async function caughtUp(cycleId: number): Promise<void> {
  await expect.poll(async () => (await membership("u1", "payers")).asOf.cycleId).toBe(cycleId);
}

test("a profile has traits, scores and audiences, by any of its identifiers", async () => {
  const expected = {
    kind: "user",
    traits: {
      paid: 2,
      revenue: 30.5,
      plan: "team",
      name: "Ada Example",
      email: "ada@example.com",
      items: ["a", "b"],
      last_paid: "2026-03-08T12:00:00.000000Z",
    },
    scores: { activation: { value: 70, bucket: "hot" } },
    audiences: ["payers", "team_payers"],
    asOf: { cycleId: 2, at: "2026-03-10T12:00:00.000000Z" },
  };
  for (const key of ["u1", "anon-1", " ADA@example.com "]) expect(await profile(key)).toEqual({ ...expected, key });
});

test("groups are read by their key", async () => {
  expect(await profile("w1", "workspace")).toMatchObject({ traits: { paid: 3, revenue: 130.5, name: "First space" }, audiences: [] });
});

test("who is unknown has no profile and is in no audience", async () => {
  expect((await bed.get("/v1/profiles/user/nobody")).status).toBe(404);
  expect((await bed.get("/v1/profiles/robot/u1")).status).toBe(404);
  expect(await membership("nobody", "payers")).toMatchObject({ member: false, heldOut: false });
  expect((await bed.get("/v1/memberships/user/u1/unknown")).status).toBe(404);
  expect((await bed.get("/v1/memberships/user/u1/big_spaces")).status).toBe(404);
});

test("a cycle moves values and memberships, and brings new people", async () => {
  await bed.turn(3, [
    { id: "n1", event: "Paid", user: "new", anonymous: "anon-new", at: noon, properties: { amount: 5, item: "q" } },
    { id: "n2", type: "identify", user: "u1", at: noon, traits: { plan: "free" } },
  ]);
  await caughtUp(3);
  expect(await profile("anon-new")).toMatchObject({ traits: { paid: 1, revenue: 5 }, audiences: ["payers"] });
  expect(await profile("u1")).toMatchObject({
    traits: { plan: "free" },
    scores: { activation: { value: 30, bucket: "cold" } },
    audiences: ["payers"],
  });
  expect(await membership("u1", "team_payers")).toMatchObject({ member: false });
});

test("after a merge both identifiers lead to the winner", async () => {
  await bed.turn(3, [{ id: "m1", type: "page", anonymous: "roaming", at: noon - microsPerDay }]);
  await caughtUp(3);
  expect(await profile("roaming")).toMatchObject({ traits: { paid: 0 } });
  await bed.turn(4, [{ id: "m2", type: "identify", anonymous: "roaming", user: "u2", at: noon }]);
  await caughtUp(4);
  expect((await profile("roaming")).traits).toEqual((await profile("u2")).traits);
  expect(await membership("roaming", "payers")).toMatchObject({ member: true });
});

test("new definitions show with the cycle that computes them, everywhere", async () => {
  bed.redefine({
    "traits/more.yml": `{ name: clicks, entity: user, type: count, event: "Clicked 100%" }`,
    "scores/clicking.yml": `{ name: clicking, entity: user, components: [{ name: clicks, weight: 100, linear: { trait: clicks, from: 0, to: 2 } }] }`,
    "audiences/clickers.yml": `{ name: clickers, entity: user, where: { trait: clicks, gt: 0 } }`,
  });
  expect(Object.keys((await profile("u1")).traits)).not.toContain("clicks");
  expect((await bed.json<ScoreDetail>("/api/scores/clicking")).count).toBe(0);
  expect((await bed.json<EntitiesPage>("/api/entities/user")).columns.map((column) => column.name)).not.toContain("trait:clicks");
  await bed.turn(3, []);
  await caughtUp(3);
  expect(await profile("u1")).toMatchObject({
    traits: { clicks: 1 },
    scores: { clicking: { value: 50 } },
    audiences: ["clickers", "payers", "team_payers"],
  });
  expect((await bed.json<ScoreDetail>("/api/scores/clicking")).count).toBe(3);
  const page = await bed.json<EntitiesPage>("/api/entities/user?sort=-trait:clicks");
  expect(page.rows[0]).toMatchObject({ key: "u1", cells: { "trait:clicks": 1, "score:clicking": 50 } });
});

test("answers agree with the warehouse for everyone after many cycles", async () => {
  for (let load = 3; load < 9; load += 1) {
    const events = Array.from({ length: 40 }, (_, index) => {
      const person = `p${(index * 7 + load * 13) % 25}`;
      const shared = { id: `x${load}-${index}`, at: noon - ((index * 31) % 9) * microsPerDay };
      if (index % 5 === 0)
        return {
          ...shared,
          type: "identify" as const,
          user: person,
          anonymous: `dev-${(index + load) % 30}`,
          traits: { plan: index % 2 === 0 ? "team" : "free" },
        };
      return {
        ...shared,
        event: "Paid",
        ...(index % 3 === 0 ? { anonymous: `dev-${index % 30}` } : { user: person }),
        properties: { amount: index },
      };
    });
    await bed.turn(load, events);
  }
  await caughtUp(8);
  const { dialect } = bed.connection;
  const rows = await bed.connection.read<{
    key: string;
    paid: number;
    revenue: number | null;
    plan: string | null;
    value: number;
    audiences: string[] | null;
  }>(
    sql`SELECT e.key, t.paid, t.revenue, t.plan, s.value, m.audiences
FROM ${name("growth", "user_entities")} AS e JOIN growth.user_traits AS t ON t.entity_id = e.entity_id JOIN growth.score_activation AS s ON s.entity_id = e.entity_id
LEFT JOIN (SELECT entity_id, ${dialect.uniqueList(sql`audience`, 10)} AS audiences FROM growth.audience_members GROUP BY entity_id) AS m ON m.entity_id = e.entity_id`,
  );
  expect(rows.length).toBeGreaterThan(25);
  for (const row of rows) {
    const found = await profile(row.key);
    expect(found.traits).toMatchObject({ paid: row.paid, revenue: row.revenue, plan: row.plan });
    expect(found.scores["activation"]?.value).toBe(row.value);
    expect(found.audiences.toSorted()).toEqual(row.audiences ?? []);
  }
  const identifiers = await bed.connection.read<{ value: string; key: string }>(
    sql`SELECT i.value, e.key FROM growth.identifiers AS i JOIN growth.user_subjects AS s ON s.subject_id = i.identifier_id JOIN growth.user_entities AS e ON e.entity_id = s.entity_id`,
  );
  for (const { value, key } of identifiers) expect((await profile(value)).traits).toEqual((await profile(key)).traits);
});
