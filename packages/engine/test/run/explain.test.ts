import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { instantOf, isoOf, microsPerDay } from "../../src/base/instant.js";
import { findEntity } from "../../src/identify/find-entity.js";
import { runCycle } from "../../src/run/cycle.js";
import { explain } from "../../src/run/explain.js";
import { render } from "../../src/warehouse/sql.js";
import { loads } from "../../src/warehouse/tables/ops.js";
import { appendEvents } from "../support/events.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

const noon = instantOf("2026-03-10T12:00:00Z");
const project = testProject({
  "traits/all.yml": `
- { name: paid, entity: [user, workspace], type: count, event: Paid, within: 7 days }
- { name: revenue, entity: user, type: sum, event: Paid, property: amount }
- { name: plan, entity: user, type: profile }
- { name: half, entity: user, type: formula, formula: "revenue / 2" }
- { name: members, entity: workspace, type: rollup, from: user, trait: paid, roll: sum }
- { name: payers, entity: workspace, type: rollup, from: user, roll: count_where, where: { trait: paid, gte: 2 } }
- { name: people, entity: workspace, type: rollup, from: user, roll: count }
`,
  "scores/activation.yml": `
name: activation
entity: user
components:
  - { name: usage, weight: 75, linear: { trait: paid, from: 0, to: 4 } }
  - { name: team, weight: 25, milestone: { trait: plan, is: team } }
buckets: { cold: 0, warm: 20 }
`,
  "audiences/inner.yml": `{ name: inner, entity: user, where: { trait: paid, gte: 1 } }`,
  "audiences/outer.yml": `{ name: outer, entity: user, where: { all: [{ audience: inner }, { trait: revenue, gte: 50 }, { event: Paid, count: { gte: 5 }, within: 7 days }] } }`,
});

let open: Awaited<ReturnType<typeof testWarehouse>>;
let user: string;
let workspace: string;
beforeAll(async () => {
  open = await testWarehouse();
  const { connection } = open;
  await appendEvents(connection, project, [
    { id: "i1", type: "identify", user: "u1", at: noon - 9 * microsPerDay, traits: { plan: "free" } },
    { id: "i2", type: "identify", user: "u1", at: noon - 8 * microsPerDay, traits: { plan: "team" } },
    { id: "g1", type: "group", user: "u1", group: "w1", at: noon - 8 * microsPerDay, traits: {} },
    { id: "old", event: "Paid", user: "u1", at: noon - 8 * microsPerDay, properties: { amount: 1 } },
    { id: "p1", event: "Paid", user: "u1", at: noon - 2 * microsPerDay, properties: { amount: 10 } },
    { id: "p2", event: "Paid", user: "u1", at: noon - microsPerDay, properties: { amount: 20 } },
  ]);
  await connection.append(loads, [
    {
      load_id: 1,
      segment: "s",
      node: "n",
      accepted: 6,
      stored: 6,
      duplicates: 0,
      quarantined: 0,
      bytes: 1,
      loaded_at: isoOf(noon),
      seconds: 0,
    },
  ]);
  await runCycle(connection, project, { now: noon });
  user = (await findEntity(connection, "user", "u1")) ?? "";
  workspace = (await findEntity(connection, "workspace", "w1")) ?? "";
});
afterAll(() => open.close());

const ask = (kind: string, entityId: string, what: Record<string, string>) =>
  explain(open.connection, project, { kind, entityId, ...what });

test("a count names the events it counted, and no others", async () => {
  expect(await ask("user", user, { trait: "paid" })).toMatchObject({
    value: 2,
    eventsTotal: 2,
    events: [{ messageId: "p2" }, { messageId: "p1" }],
  });
});

test("a sum shows the property of each event", async () => {
  expect(await ask("user", user, { trait: "revenue" })).toMatchObject({
    value: 31,
    events: [{ detail: "amount: 20" }, { detail: "amount: 10" }, { detail: "amount: 1" }],
  });
});

test("events that reached a workspace through a membership are its events", async () => {
  expect(await ask("workspace", workspace, { trait: "paid" })).toMatchObject({ value: 2, eventsTotal: 2 });
});

test("a profile trait names the write that holds", async () => {
  expect(await ask("user", user, { trait: "plan" })).toMatchObject({ value: "team", events: [{ messageId: "i2" }, { messageId: "i1" }] });
});

test("formulas and roll-ups open their inputs", async () => {
  expect(await ask("user", user, { trait: "half" })).toMatchObject({ value: 15.5, children: [{ title: "trait revenue", value: 31 }] });
  expect(await ask("workspace", workspace, { trait: "members" })).toMatchObject({ value: 2, children: [{ title: "user u1", value: 2 }] });
  // Under a condition each member says whether it holds, and by which value.
  const payers = await ask("workspace", workspace, { trait: "payers" });
  expect(payers).toMatchObject({
    value: 1,
    detail: "over 1 user",
    children: [{ title: "user u1", holds: true, value: 2, detail: "trait paid" }],
  });
  expect(await ask("workspace", workspace, { trait: "people" })).toMatchObject({ value: 1, children: [{ title: "user u1", value: null }] });
});

test("a score adds up from its components", async () => {
  const tree = await ask("user", user, { score: "activation" });
  expect(tree).toMatchObject({
    value: 0.75 * 50 + 25,
    version: 1,
    detail: "bucket warm",
    children: [
      { title: "component usage", value: 50 },
      { title: "component team", value: 100 },
    ],
  });
  expect(tree.children[0]?.detail).toBe("weight 75: adds 37.5 of at most 75.0 points");
});

test("not in an audience: which condition fails, and by how much", async () => {
  const tree = await ask("user", user, { audience: "outer" });
  expect(tree).toMatchObject({ value: false, holds: false, detail: undefined });
  const [inner, revenue, events] = tree.children[0]?.children ?? [];
  expect(inner).toMatchObject({ holds: true, children: [{ title: "audience inner", value: true }] });
  expect(revenue).toMatchObject({ holds: false, detail: "is 31, needs at least 50: 19 short" });
  expect(events).toMatchObject({ holds: false, value: 2, detail: "is 2, needs at least 5: 3 short" });
});

test("in an audience: since when and by which event", async () => {
  expect((await ask("user", user, { audience: "inner" })).detail).toMatch(
    /^entered at 2026-03-10T12:00:00.000000Z because of event \(event (p2|i2|g1|old|p1|i1)\)$/,
  );
});

test("everything about an entity is one pass over the events, whatever the number of traits, scores and audiences", async () => {
  const passes = async (kind: string, entityId: string) => {
    const spied = vi.spyOn(open.connection, "run");
    const read = vi.spyOn(open.connection, "read");
    const tree = await ask(kind, entityId, {});
    const statements = [...spied.mock.calls, ...read.mock.calls].map(([statement]) => render(statement, open.connection.dialect.quoting));
    vi.restoreAllMocks();
    return { tree, passes: statements.filter((statement) => /"[\w]*raw"\.events/.test(statement)).length };
  };
  const whole = await passes("user", user);
  expect(whole.passes).toBe(1);
  expect(whole.tree.children.map((child) => child.title)).toEqual([
    "score activation",
    "audience inner",
    "audience outer",
    ...["paid", "revenue", "plan", "half"].map((trait) => `trait ${trait}`),
  ]);
  expect(whole.tree.children.find((child) => child.title === "trait paid")).toMatchObject({ value: 2, eventsTotal: 2 });
  expect((await passes("workspace", workspace)).passes).toBe(1);
});

test("what is unknown is an error with a name", async () => {
  await expect(ask("user", user, { trait: "nothing" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(ask("user", "1; DROP TABLE raw.events", { trait: "paid" })).rejects.toThrow("not an id");
});
