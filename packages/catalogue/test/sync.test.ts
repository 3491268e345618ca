import { afterAll, beforeAll, expect, test } from "vitest";
import { runSync } from "../../engine/src/activate/run.js";
import { sql } from "../../engine/src/warehouse/sql.js";
import { changeAudience, optionsFor, prepare, putUsers, syncOf, testClock, testProject } from "../../engine/test/activate/support.js";
import { testWarehouse } from "../../engine/test/support/warehouse.js";
import { type Catalogue, openCatalogue } from "../src/index.js";
import { type ToolServer, toolServer } from "./support/tools.js";

/** The whole way: rows of the warehouse, through a sync, to a simulated tool, and their outcomes back in the warehouse. */

let catalogue: Catalogue;
let tools: ToolServer;
let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  tools = await toolServer();
  catalogue = openCatalogue({ environment: {} });
  warehouse = await testWarehouse();
  await prepare(warehouse.connection);
});
afterAll(async () => {
  await catalogue.close();
  await warehouse.close();
  await tools[Symbol.asyncDispose]();
});

test("people to HubSpot contacts and an audience to LaunchDarkly, by syncs", async () => {
  const { connection } = warehouse;
  const env = { CRM_TOKEN: "pat-secret-token", FLAGS_KEY: "flags-secret-key" };
  const project = testProject(
    [
      {
        name: "contacts",
        from: { entity: "user" },
        destination: "crm",
        action: "upsertContact",
        mapping: { email: { column: "email", transform: "lower" }, "properties.plan": "plan", "properties.pql_score": "activation" },
      },
      {
        name: "active_people",
        from: { audience: "active" },
        destination: "flags",
        action: "syncAudience",
        mode: "add_remove",
        mapping: { segment_user_id: "key" },
      },
    ],
    [
      { name: "crm", type: "catalogue:hubspot", settings: { access_token: "${CRM_TOKEN}", redirect_to: tools.url } },
      {
        name: "flags",
        type: "catalogue:launchdarkly-audiences",
        settings: { apiKey: "${FLAGS_KEY}", clientId: "env-1", redirect_to: tools.url },
      },
    ],
  );
  const time = testClock();
  const run = (index: number, slug: string) =>
    runSync(connection, project, syncOf(project, index), optionsFor(catalogue.destination(slug), time, { env }));
  await putUsers(connection, 1, [
    { key: "u1", email: "Ada@example.com", plan: "pro", logins: 8 },
    { key: "u2", email: "bad@invalid.example", plan: "free", logins: 1 },
    { key: "u3", email: null },
  ]);
  await changeAudience(connection, 1, "active", ["u1", "u2"]);

  expect(await run(0, "hubspot")).toMatchObject({ planned: { added: 3 }, delivered: 1, failed: 2 });
  expect(tools.records("hubspot")["contacts"]).toMatchObject([{ properties: { email: "ada@example.com", plan: "pro", pql_score: 80 } }]);
  expect(await run(1, "launchdarkly-audiences")).toMatchObject({ delivered: 2, failed: 0 });
  await changeAudience(connection, 2, "active", [], ["u1"]);
  expect(await run(1, "launchdarkly-audiences")).toMatchObject({ planned: { removed: 1 }, delivered: 1 });
  expect(tools.records("launchdarkly")["members"]).toEqual([{ cohort: "active_people", name: "Active people", user: "u2" }]);

  const stored =
    JSON.stringify(await connection.read(sql`SELECT * FROM ops.requests`)) +
    JSON.stringify(await connection.read(sql`SELECT * FROM ops.deliveries`));
  expect(stored).toContain("api.hubapi.com");
  expect(stored).toContain("bad@invalid.example is not a valid email");
  expect(stored).not.toMatch(/pat-secret-token|flags-secret-key/);
});
