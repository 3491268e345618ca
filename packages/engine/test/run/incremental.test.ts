import fc from "fast-check";
import { expect, test } from "vitest";
import { instantOf } from "../../src/base/instant.js";
import { runCycle } from "../../src/run/cycle.js";
import { maintain } from "../../src/run/maintain.js";
import { verify } from "../../src/run/verify.js";
import type { Cell } from "../../src/warehouse/warehouse.js";
import { type TestEvent, appendLoad } from "../support/events.js";
import { files, score } from "../support/definitions.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

/**
 * Incremental = full, after any history: late events, merges, memberships that come and go, parents that change, window
 * edges that pass, definitions that change. More runs: CAMBIUM_PROPERTY_RUNS=500.
 */
const runs = Number(process.env["CAMBIUM_PROPERTY_RUNS"] ?? 8);
/** Companies that live side by side in a history: a cycle costs the same for all of them as for one. */
const worlds = 6;
const start = instantOf("2026-03-20T12:00:00Z");

const projects = [
  testProject(files),
  testProject({
    ...files,
    "traits/more.yml": `{ name: late, entity: [user, workspace], type: sum, event: Left, property: amount, within: 15 days }`,
  }),
  testProject({
    ...files,
    // Without a trait that has everyone looked at in each cycle.
    "traits/all.yml": files["traits/all.yml"].replace(/^.*exact: true.*$/m, ""),
    "scores/user.yml": score("user", 10),
    "audiences/nested.yml": `{ name: nested, entity: user, where: { event: Paid, count: { lte: 1 }, within: 2 days } }`,
  }),
];

interface Draft {
  world: number;
  who: number;
  device: number;
  both: boolean;
  group: number;
  kind: number;
  back: number;
  late: number;
  amount: number;
  item: number;
}
const draft: fc.Arbitrary<Draft> = fc.record({
  world: fc.integer({ min: 0, max: worlds - 1 }),
  who: fc.integer({ min: 0, max: 3 }),
  device: fc.integer({ min: 0, max: 3 }),
  both: fc.boolean(),
  group: fc.integer({ min: 0, max: 3 }),
  kind: fc.integer({ min: 0, max: 9 }),
  back: fc.oneof(fc.integer({ min: -4, max: 600 }), fc.integer({ min: 0, max: 40 * 1440 }), fc.integer({ min: 0, max: 130 * 1440 })),
  late: fc.integer({ min: 0, max: 90 }),
  amount: fc.integer({ min: -200, max: 2000 }),
  item: fc.integer({ min: 0, max: 3 }),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("load" as const), events: fc.array(draft, { minLength: 1, maxLength: 8 * worlds }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("cycle" as const),
      minutes: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 10, max: 400 }), fc.constant(1440 * 3)),
      copied: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("define" as const), project: fc.integer({ min: 0, max: projects.length - 1 }) }) },
);

const history = fc.array(step, { minLength: 3, maxLength: 14 });
/** Then time alone passes: no event hides what an hour or a day should have touched. */
const rest = fc.constantFrom(65, 290, 1440);

/** An event of the drafts: `now` is when it is received, `back` minutes are how much earlier it happened. */
function eventOf(draft: Draft, id: string, now: number): TestEvent {
  const named = (what: string, number: number) => `${what}${draft.world}.${number}`;
  const [workspace, user, anonymous] = [named("w", draft.group), named("u", draft.who), named("a", draft.device)];
  const person = draft.both ? { user, anonymous } : draft.device % 2 === 0 ? { user } : { anonymous };
  const received = now - draft.late * 1_000_000;
  const base = { id, ...person, at: received - draft.back * 60_000_000, received };
  const properties: Record<string, Cell> = {
    amount: draft.item === 3 ? "none" : draft.amount / 100,
    item: ["a", "b", "c", null][draft.item] as Cell,
  };
  if (draft.kind === 0)
    return {
      ...base,
      type: "identify",
      traits: {
        plan: draft.item === 0 ? null : (["free", "team"][draft.item % 2] as Cell),
        ...(draft.who === 0 && { email: `shared${draft.world}@example.com` }),
      },
    };
  if (draft.kind === 1)
    return {
      ...base,
      type: "group",
      group: workspace,
      traits: { plan: "team", ...(draft.item > 0 && { account_id: named("acc", draft.item % 2) }) },
    };
  if (draft.kind === 2) return { ...base, event: "Workspace Left", group: workspace };
  if (draft.kind === 3) return { ...base, event: "Left", properties };
  if (draft.kind === 4) return { ...base, event: "Paid", properties: { ...properties, account_id: named("acc", draft.item % 2) } };
  return { ...base, event: "Paid", properties, ...(draft.kind > 6 && { group: workspace }) };
}

test(
  `incremental equals full over ${runs} random histories`,
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...projects), history, rest, async (first, steps, minutes) => {
        const open = await testWarehouse();
        try {
          const { connection, warehouse } = open;
          let project = first;
          let now = start;
          let loadId = 0;
          let made = 0;
          for (const each of [
            ...steps,
            { type: "cycle" as const, minutes: 1, copied: true },
            { type: "compare" as const },
            { type: "cycle" as const, minutes, copied: true },
            { type: "compare" as const },
          ]) {
            if (each.type === "define") project = projects[each.project] as typeof project;
            else if (each.type === "cycle") {
              now += each.minutes * 60_000_000;
              await runCycle(connection, project, { now, ...(!each.copied && { copiedEventsMax: 0 }) });
              // Whatever is added up between cycles, nobody sees a difference.
              if (each.minutes % 2 === 1) await maintain(connection, project);
            } else if (each.type === "compare") {
              const { comparisons } = await verify(warehouse, connection, project);
              expect(comparisons.filter((one) => one.missing + one.extra + one.different > 0)).toEqual([]);
            } else {
              loadId += 1;
              now += 1_000_000;
              const events = each.events.map((one) => eventOf(one, `m${(made += 1)}`, now));
              await appendLoad(connection, project, loadId, events, now);
            }
          }
        } finally {
          await open.close();
        }
      }),
      {
        numRuns: runs,
        ...(process.env["CAMBIUM_PROPERTY_SEED"] !== undefined && { seed: Number(process.env["CAMBIUM_PROPERTY_SEED"]) }),
        endOnFailure: process.env["CAMBIUM_PROPERTY_SHRINK"] !== "1",
      },
    );
  },
  60_000 + runs * 300_000,
);

/** Few people who come and go between workspaces, with events that name none: their facts change hands. */
const coming: fc.Arbitrary<Draft> = fc.record({
  world: fc.integer({ min: 0, max: worlds - 1 }),
  who: fc.integer({ min: 0, max: 1 }),
  device: fc.integer({ min: 0, max: 1 }),
  both: fc.boolean(),
  group: fc.integer({ min: 0, max: 1 }),
  kind: fc.constantFrom(1, 2, 5, 5),
  back: fc.integer({ min: 0, max: 3 * 1440 }),
  late: fc.integer({ min: 0, max: 90 }),
  amount: fc.integer({ min: -200, max: 2000 }),
  item: fc.integer({ min: 0, max: 3 }),
});
const hands = testProject({
  "traits/all.yml": `
- { name: paid_7d, entity: [workspace, account], type: count, event: Paid, within: 7 days }
- { name: last_item, entity: [workspace, account], type: last, event: Paid, property: item }
- { name: days, entity: workspace, type: days_active, event: Paid, within: 10 days }
`,
});

test("incremental equals full where memberships move facts from cycle to cycle", { timeout: 300_000 }, async () => {
  const loads = fc.array(fc.array(coming, { minLength: 1, maxLength: 2 * worlds }), { minLength: 8, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(loads, async (all) => {
      const open = await testWarehouse();
      try {
        const { connection, warehouse } = open;
        let made = 0;
        for (const [index, events] of all.entries()) {
          const now = start + index * 60_000_000;
          const named = events.map((one) => eventOf(one, `m${(made += 1)}`, now));
          await appendLoad(connection, hands, index + 1, named, now);
          await runCycle(connection, hands, { now });
        }
        await maintain(connection, hands);
        const { comparisons } = await verify(warehouse, connection, hands);
        expect(comparisons.filter((one) => one.missing + one.extra + one.different > 0)).toEqual([]);
      } finally {
        await open.close();
      }
    }),
    { numRuns: Math.max(2, Math.ceil(runs / 3)), endOnFailure: true },
  );
});
