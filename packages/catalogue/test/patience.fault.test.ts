import { expect, test } from "vitest";
import { openCatalogue } from "../src/index.js";
import { contextOf, rowOf } from "./support/context.js";
import { localServer } from "./support/server.js";

test("a request may take longer than the ten seconds that the actions' own client allows", async () => {
  await using server = await localServer(() => ({ body: {}, delayMs: 11_000 }));
  await using catalogue = openCatalogue({ environment: {}, redirectTo: server.url });
  const context = contextOf({ action: "createUpdatePerson", settings: { siteId: "site", apiKey: "key" } });
  const outcomes = await catalogue.destination("customerio").deliver([rowOf("ada", { id: "ada", email: "ada@example.com" })], context);
  expect(outcomes).toMatchObject([{ outcome: "delivered" }]);
  expect(server.requests).toHaveLength(1);
});
