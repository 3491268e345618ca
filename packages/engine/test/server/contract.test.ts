import { afterAll, beforeAll, expect, test } from "vitest";
import type { z } from "zod";
import * as contract from "../../src/server/contract.js";
import { type Testbed, testServer } from "./support.js";

/** Every answer is what the contract says, over an engine with data and over one that has just started. */

let filled: Testbed;
let empty: Testbed;
beforeAll(async () => {
  filled = await testServer();
  empty = await testServer({ empty: true });
});
afterAll(async () => {
  await filled.close();
  await empty.close();
});

const everywhere: [string, z.ZodType][] = [
  ["/api/overview", contract.overview],
  ["/api/status", contract.status],
  ["/api/events", contract.eventsPage],
  ["/api/quarantine", contract.quarantinePage],
  ["/api/entities/user", contract.entitiesPage],
  ["/api/entities/workspace", contract.entitiesPage],
  ["/api/entities/account?sort=key", contract.entitiesPage],
  ["/api/scores", contract.scoreList],
  ["/api/scores/activation", contract.scoreDetail],
  ["/api/audiences", contract.audienceList],
  ["/api/audiences/payers", contract.audienceDetail],
  ["/api/audiences/big_spaces", contract.audienceDetail],
  ["/api/syncs", contract.syncList],
  ["/api/syncs/payers_hook", contract.syncDetail],
  ["/api/runs", contract.runs],
  ["/api/project", contract.projectView],
];

const withData: [string, z.ZodType][] = [
  ["/api/entities/user/u1", contract.profile],
  ["/api/entities/workspace/w1", contract.profile],
  ["/api/entities/account/acc", contract.profile],
  ["/api/entities/user/u1/timeline?limit=2", contract.timeline],
  ["/api/entities/user/u1/explain?score=activation", contract.explanation],
  ["/api/entities/user/u1/explain?audience=team_payers", contract.explanation],
  ["/api/entities/user/u1/explain?trait=paid", contract.explanation],
  ["/api/entities/user/u1/explain?sync=payers_hook", contract.explanation],
  ["/api/entities/user/u1/explain", contract.explanation],
  ["/v1/profiles/user/u1", contract.decisionProfile],
  ["/v1/memberships/user/u1/payers", contract.decisionMembership],
];

test.each(everywhere)("an empty engine answers %s", async (path, schema) => {
  expect(schema.safeParse(await empty.json(path)).error).toBeUndefined();
});

test.each([...everywhere, ...withData])("an engine with data answers %s", async (path, schema) => {
  expect(schema.safeParse(await filled.json(path)).error).toBeUndefined();
});

test.each([
  ["/api/query", { sql: "SELECT 1 AS one" }, contract.queryAnswer],
  ["/api/verify", {}, contract.verifyAnswer],
  ["/api/models/test", undefined, contract.modelTests],
  ["/api/syncs/payers_hook/dry-run", undefined, contract.dryRun],
  ["/api/syncs/payers_hook/run", undefined, contract.syncRunResult],
  ["/api/syncs/payers_hook/confirm", undefined, contract.syncRunResult],
])("POST %s", async (path, body, schema) => {
  const init =
    body === undefined
      ? { method: "POST" }
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer: unknown = await filled.json(path, init);
  expect((schema as z.ZodType).safeParse(answer).error).toBeUndefined();
});

test.each([
  ["/api/nothing", 404],
  ["/api/scores/none", 404],
  ["/api/audiences/none", 404],
  ["/api/syncs/none", 404],
  ["/api/entities/none", 404],
  ["/api/entities/user/nobody", 404],
  ["/api/entities/user?sort=none", 400],
  ["/api/entities/user?page=0", 400],
  ["/api/entities/user?page=999999", 400],
  ["/api/events?limit=100000", 400],
  ["/api/events?before=rubbish", 400],
  ["/api/entities/user/u1/timeline?before=W10", 400],
  ["/api/entities/user/u1/explain?score=a&trait=b", 400],
  ["/api/entities/user/u1/explain?score=none", 404],
])("%s says what is wrong with %i", async (path, status) => {
  const response = await filled.get(path);
  expect(response.status).toBe(status);
  const parsed = contract.failure.safeParse(await response.json());
  expect(parsed.error).toBeUndefined();
  expect(parsed.data?.error.next).not.toBe("");
});
