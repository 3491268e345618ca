import fc from "fast-check";
import { expect, test } from "vitest";
import { instantOf, isoOf } from "../../src/base/instant.js";
import { runCycle } from "../../src/run/cycle.js";
import { maintain } from "../../src/run/maintain.js";
import { verify } from "../../src/run/verify.js";
import { loads } from "../../src/warehouse/tables/ops.js";
import type { Cell } from "../../src/warehouse/warehouse.js";
import { type TestEvent, appendEvents } from "../support/events.js";
import { files, score } from "../support/definitions.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

/**
 * Incremental = full, after any history: late events, merges, memberships that come and go, parents that change, window
 * edges that pass, definitions that change. More runs: CAMBIUM_PROPERTY_RUNS=500.
 */
const runs = Number(process.env["CAMBIUM_PROPERTY_RUNS"] ?? 8);
const start = instantOf("2026-03-20T12:00:00Z");

const projects = [
  testProject(files),
  testProject({
    ...files,
    "traits/more.yml": `{ name: late, entity: [user, workspace], type: sum, event: Left, property: amount, within: 15 days }`,
  }),
  testProject({
    ...files,
    "scores/user.yml": score("user", 10),
    "audiences/nested.yml": `{ name: nested, entity: user, where: { event: Paid, count: { lte: 1 }, within: 2 days } }`,
  }),
];

interface Draft {
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
  who: fc.integer({ min: 0, max: 3 }),
  device: fc.integer({ min: 0, max: 3 }),
  both: fc.boolean(),
  group: fc.integer({ min: 0, max: 3 }),
  kind: fc.integer({ min: 0, max: 9 }),
  back: fc.oneof(fc.integer({ min: -4, max: 600 }), fc.integer({ min: 0, max: 40 * 1440 })),
  late: fc.integer({ min: 0, max: 90 }),
  amount: fc.integer({ min: -200, max: 2000 }),
  item: fc.integer({ min: 0, max: 3 }),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("load" as const), events: fc.array(draft, { minLength: 1, maxLength: 8 }) }) },
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

/** An event of the drafts: `now` is when it is received, `back` minutes are how much earlier it happened. */
function eventOf(draft: Draft, id: string, now: number): TestEvent {
  const workspace = `w${draft.group}`;
  const person = draft.both
    ? { user: `u${draft.who}`, anonymous: `a${draft.device}` }
    : draft.device % 2 === 0
      ? { user: `u${draft.who}` }
      : { anonymous: `a${draft.device}` };
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
        ...(draft.who === 0 && { email: "shared@example.com" }),
      },
    };
  if (draft.kind === 1)
    return {
      ...base,
      type: "group",
      group: workspace,
      traits: { plan: "team", ...(draft.item > 0 && { account_id: `acc${draft.item % 2}` }) },
    };
  if (draft.kind === 2) return { ...base, event: "Workspace Left", group: workspace };
  if (draft.kind === 3) return { ...base, event: "Left", properties };
  if (draft.kind === 4) return { ...base, event: "Paid", properties: { ...properties, account_id: `acc${draft.item % 2}` } };
  return { ...base, event: "Paid", properties, ...(draft.kind > 6 && { group: workspace }) };
}

test(
  `incremental equals full over ${runs} random histories`,
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const open = await testWarehouse();
        try {
          const { connection, warehouse } = open;
          let project = projects[0] as (typeof projects)[number];
          let now = start;
          let loadId = 0;
          let made = 0;
          for (const each of [...steps, { type: "cycle" as const, minutes: 1, copied: true }]) {
            if (each.type === "define") project = projects[each.project] as typeof project;
            else if (each.type === "cycle") {
              now += each.minutes * 60_000_000;
              await runCycle(connection, project, { now, ...(!each.copied && { copiedEventsMax: 0 }) });
              // Whatever is added up between cycles, nobody sees a difference.
              if (each.minutes % 2 === 1) await maintain(connection, project);
            } else {
              loadId += 1;
              now += 1_000_000;
              await appendEvents(
                connection,
                project,
                each.events.map((one) => ({ ...eventOf(one, `m${(made += 1)}`, now), load: loadId })),
              );
              await connection.append(loads, [
                {
                  load_id: loadId,
                  segment: `s${loadId}`,
                  node: "n",
                  accepted: each.events.length,
                  stored: each.events.length,
                  duplicates: 0,
                  quarantined: 0,
                  bytes: 1,
                  loaded_at: isoOf(now),
                  seconds: 0,
                },
              ]);
            }
          }
          const outcome = await verify(warehouse, connection, project);
          const wrong = outcome.comparisons.filter((one) => one.missing + one.extra + one.different > 0);
          expect(wrong).toEqual([]);
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
  60_000 + runs * 10_000,
);
