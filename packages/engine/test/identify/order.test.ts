import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { microsPerDay } from "../../src/base/instant.js";
import type { CycleWindow } from "../../src/base/cycle.js";
import { identify } from "../../src/identify/identify.js";
import { rebuildIdentity } from "../../src/identify/rebuild-identity.js";
import type { Project } from "../../src/project/project.js";
import { type TestEvent, appendEvents } from "../support/events.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";
import { dumpIdentity, emptyIdentity, kinds } from "./tables.js";

/** Random graphs, each in a namespace of its own, go through the warehouse together: `runs × graphsPerRun` graphs. */
const graphsPerRun = Number(process.env["CAMBIUM_PROPERTY_GRAPHS"] ?? 40);
const runs = Number(process.env["CAMBIUM_PROPERTY_RUNS"] ?? 3);
const loads = 4;

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse(kinds);
});
afterAll(() => warehouse.close());

const some = (prefix: string, count: number) =>
  fc.option(
    fc.integer({ min: 0, max: count - 1 }).map((n) => `${prefix}${n}`),
    { nil: undefined, freq: 2 },
  );

/** Positions tie often; timestamps and loads know nothing of the order of receipt. */
const event = fc.record({
  type: fc.constantFrom("track", "track", "identify", "group", "alias", "leave" as const),
  user: some("u", 4),
  anonymous: fc.oneof(some("a", 7), fc.constant("null")),
  email: some("e", 3),
  phone: some("p", 3),
  previous: fc.constantFrom("u0", "u1", "a0", "a1"),
  group: some("w", 3),
  parent: some("p", 3),
  kind: fc.constantFrom(undefined, undefined, "account", "team"),
  account: some("acc", 2),
  received: fc.integer({ min: 0, max: 40 }),
  at: fc.integer({ min: 0, max: 20 }),
  load: fc.integer({ min: 1, max: loads }),
});
const graph = fc.array(event, { minLength: 1, maxLength: 25 });

function eventsOf(graphs: readonly (typeof graph extends fc.Arbitrary<infer T> ? T : never)[], unit: number): TestEvent[] {
  return graphs.flatMap((rows, space) =>
    rows.flatMap((row, index): TestEvent[] => {
      const own = (value: string | undefined) => (value === undefined || value === "null" ? value : `${value}.${space}`);
      const [user, anonymous, email, group] = [own(row.user), own(row.anonymous), own(row.email), own(row.group)];
      if (user === undefined && (anonymous === undefined || anonymous === "null") && email === undefined) return [];
      return [
        {
          id: `m${space}.${index}`,
          load: row.load,
          type: row.type === "leave" ? "track" : row.type,
          ...(row.type === "leave" && { event: "Workspace Left" }),
          ...(user !== undefined && { user }),
          ...(anonymous !== undefined && { anonymous }),
          ...(email !== undefined && { email: `${email}@example.com` }),
          ...(row.type === "alias" && { previous: own(row.previous) ?? "" }),
          ...(group !== undefined && { group }),
          received: row.received * unit,
          at: row.at * unit,
          traits: {
            phone: own(row.phone) ?? null,
            account_id: own(row.account) ?? null,
            workspace_id: own(row.parent) ?? null,
            group_type: row.kind ?? null,
          },
          properties: { team_id: own(row.parent) ?? null, owner: own(row.account) ?? null },
        },
      ];
    }),
  );
}

async function check(project: Project, events: readonly TestEvent[]): Promise<void> {
  const { connection } = warehouse;
  await emptyIdentity(connection);
  await appendEvents(connection, project, events);
  const window = (fromLoad: number, toLoad: number): CycleWindow => ({ cycleId: toLoad, now: 1e15, previousNow: 0, fromLoad, toLoad });
  for (let load = 1; load <= loads; load += 1) await identify(connection, project, window(load - 1, load));
  const stepwise = await dumpIdentity(connection);
  await rebuildIdentity(connection, project, window(0, loads));
  const rebuilt = await dumpIdentity(connection);
  expect(stepwise).toEqual(rebuilt);
}

const projects = {
  "with limits for ever": testProject(),
  "with tight limits, windows, a declared identifier and nested groups": testProject({
    "cambium.yml": `
name: test
entities:
  user: {}
  workspace:
    parent: account
    parent_id: [traits.account_id, properties.owner]
    leave_events: [Workspace Left]
    membership: events
  team:
    parent: workspace
    membership: events
  account: {}
identity:
  identifiers:
    - { type: phone, paths: [traits.phone], priority: 1, limit: 1 }
    - { type: user_id, paths: [userId], priority: 2, limit: 2, limit_window: weekly }
    - { type: anonymous_id, paths: [anonymousId], priority: 4, limit: 2, limit_window: weekly, blocked: ["null"] }
    - { type: email, paths: [traits.email], priority: 3, limit: 2, lower: true }
`,
  }),
};

for (const [title, project] of Object.entries(projects)) {
  test(
    `any order of loading gives what a rebuild gives, ${title}`,
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(graph, { minLength: graphsPerRun, maxLength: graphsPerRun }), (graphs) =>
          check(project, eventsOf(graphs, microsPerDay)),
        ),
        { numRuns: runs, endOnFailure: process.env["CAMBIUM_SHRINK"] === undefined },
      );
    },
    60_000 + runs * 10_000,
  );
}
