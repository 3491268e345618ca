import { expect, test } from "vitest";
import { formulaNames } from "../../src/project/formula.js";
import {
  nodeId,
  orderedAudiences,
  orderedScores,
  orderedTraits,
  orderedTraitsOfAllKinds,
  topologicalOrder,
} from "../../src/project/graph.js";
import { testProject } from "../support/project.js";

const project = testProject({
  "traits/all.yml": `
- { name: z_ratio, entity: workspace, type: formula, formula: "a_deploys / members" }
- { name: members, entity: workspace, type: rollup, from: user, roll: count }
- { name: a_deploys, entity: [workspace, account], type: count, event: Deployed }
- { name: best_ratio, entity: account, type: rollup, from: workspace, trait: z_ratio, roll: max }
`,
  "scores/s.yml": `
- { name: b, entity: workspace, components: [{ name: x, weight: 100, milestone: { score: c, gte: 10 } }] }
- { name: c, entity: workspace, components: [{ name: x, weight: 100, linear: { trait: z_ratio, from: 0, to: 1 } }] }
`,
  "audiences/a.yml": `
- { name: inner, entity: workspace, where: { all: [{ audience: outer }, { score: b, gte: 10 }] } }
- { name: outer, entity: workspace, where: { trait: a_deploys, gt: 1 } }
`,
  "models/b.sql": "SELECT * FROM {{ ref('c') }}",
  "models/c.sql": "SELECT 1 AS id",
  "destinations/d.yml": "{ name: d, type: file }",
  "syncs/s.yml": "{ name: s, from: { audience: inner }, destination: d, mapping: { id: key } }",
});

test("everything stands after what it reads", () => {
  expect(orderedTraits(project, "workspace").map((trait) => trait.name)).toEqual(["a_deploys", "members", "z_ratio"]);
  expect(orderedTraits(project, "account").map((trait) => trait.name)).toEqual(["a_deploys", "best_ratio"]);
  const all = orderedTraitsOfAllKinds(project).map(({ kind, trait }) => `${kind}.${trait.name}`);
  expect(all.indexOf("account.best_ratio")).toBeGreaterThan(all.indexOf("workspace.z_ratio"));
  expect(orderedScores(project).map((score) => score.name)).toEqual(["c", "b"]);
  expect(orderedAudiences(project).map((audience) => audience.name)).toEqual(["outer", "inner"]);
  const order = topologicalOrder(project).map(nodeId);
  expect(order.indexOf("model c")).toBeLessThan(order.indexOf("model b"));
  expect(order.at(-1)).toBe("sync s");
  expect(new Set(order).size).toBe(order.length);
});

test("the names in a formula are its traits: no functions, texts or numbers", () => {
  expect(formulaNames(`if(plan == "free or not" && seats_used >= 1e3, round(coalesce(seats_used, 0) / seats, 2), -1)`)).toEqual([
    "plan",
    "seats_used",
    "seats",
  ]);
});

test("a chain of thousands of audiences is ordered without overflowing", () => {
  const length = 5000;
  const text = Array.from({ length }, (_, index) =>
    index === length - 1
      ? `- { name: a${index}, entity: user, where: { event: X } }`
      : `- { name: a${index}, entity: user, where: { audience: a${index + 1} } }`,
  ).join("\n");
  const order = orderedAudiences(testProject({ "audiences/a.yml": text }));
  expect(order[0]?.name).toBe(`a${length - 1}`);
  expect(order.at(-1)?.name).toBe("a0");
});

test("SQL of traits and conditions reads models by reference, and comes after nothing else", () => {
  const withSql = testProject({
    "models/tickets.sql": "SELECT 1 AS id",
    "traits/t.yml": `{ name: t, entity: account, type: sql, value: integer, sql: "SELECT id, 1 AS value FROM {{ ref('tickets') }}" }`,
    "audiences/a.yml": `{ name: a, entity: account, where: { not: { sql: "SELECT id FROM {{ ref('tickets') }} JOIN {{ source('raw', 'events') }} ON true" } } }`,
  });
  expect(withSql.traits[0]).toMatchObject({ sql: 'SELECT id, 1 AS value FROM models."tickets"' });
  expect(withSql.audiences[0]?.where).toEqual({ not: { sql: 'SELECT id FROM models."tickets" JOIN "raw"."events" ON true' } });
  expect(topologicalOrder(withSql).map(nodeId)).toEqual(["model tickets", "trait account.t", "audience a"]);
});
