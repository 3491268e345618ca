import { afterAll, beforeAll, expect, test } from "vitest";
import { type Catalogue, openCatalogue } from "../src/index.js";
import { contextOf, rowOf } from "./support/context.js";
import { type LocalServer, localServer } from "./support/server.js";

let catalogue: Catalogue;
let server: LocalServer;
beforeAll(async () => {
  server = await localServer();
  catalogue = openCatalogue({ environment: {}, requestTimeoutMs: 500 });
});
afterAll(async () => {
  await catalogue.close();
  await server[Symbol.asyncDispose]();
});

test("a webhook gets its rows as one batch, and every row its outcome", async () => {
  server.respond(() => ({ body: {} }));
  const context = contextOf({ action: "send", allow: [`127.0.0.1:${server.port}`] });
  const rows = ["a", "b", "c"].map((key) => rowOf(key, { url: `${server.url}/hook`, method: "POST", "data.id": key, "data.score": 5 }));
  const outcomes = await catalogue.destination("webhook").deliver(rows, context);
  expect(outcomes).toMatchObject([{ outcome: "delivered" }, { outcome: "delivered" }, { outcome: "delivered" }]);
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]?.body).toEqual([
    { id: "a", score: 5 },
    { id: "b", score: 5 },
    { id: "c", score: 5 },
  ]);
  expect(server.requests[0]?.headers["user-agent"]).toBe("Cambium");
  expect(context.traces).toHaveLength(1);
});

test("Customer.io people: identify calls in one batch", async () => {
  server.respond(() => ({ body: {} }));
  const context = contextOf({
    action: "createUpdatePerson",
    settings: { siteId: "site-1", apiKey: "very-secret-key", accountRegion: "US 🇺🇸", redirect_to: server.url },
  });
  const rows = ["u1", "u2"].map((id) => rowOf(id, { id, email: `${id}@example.com`, "custom_attributes.score": 7 }));
  const outcomes = await catalogue.destination("customerio").deliver(rows, context);
  expect(outcomes).toMatchObject([{ outcome: "delivered" }, { outcome: "delivered" }]);
  expect(server.requests[0]).toMatchObject({ method: "POST", host: "track.customer.io", path: "/api/v2/batch" });
  expect(JSON.stringify(context.traces)).not.toContain("very-secret-key");
});
