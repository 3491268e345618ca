import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DestinationRow } from "../src/engine.js";
import { type Catalogue, openCatalogue } from "../src/index.js";
import { contextOf, rowOf } from "./support/context.js";
import { type ToolServer, toolServer } from "./support/tools.js";

let catalogue: Catalogue;
let tools: ToolServer;
beforeAll(async () => {
  tools = await toolServer();
  catalogue = openCatalogue({ environment: {}, requestTimeoutMs: 400 });
});
beforeEach(() => tools.fresh());
afterAll(async () => {
  await catalogue.close();
  await tools[Symbol.asyncDispose]();
});

const settings = () => ({ access_token: "pat-secret-token", redirect_to: tools.url });
const contact = (name: string, more: Record<string, unknown> = {}, domain = "example.com"): DestinationRow =>
  rowOf(name, { email: `${name}@${domain}`, firstname: name, "properties.pql_score": 80, ...more });
const deliver = (rows: readonly DestinationRow[], given: Parameters<typeof contextOf>[0] = { action: "upsertContact" }) => {
  const context = contextOf({ settings: settings(), ...given });
  return catalogue
    .destination("hubspot")
    .deliver(rows, context)
    .then((outcomes) => ({ outcomes, context }));
};
const words = (outcomes: readonly { outcome: string }[]) => outcomes.map(({ outcome }) => outcome);

test("contacts: read, then create those who are new and update those who are known", async () => {
  const first = await deliver([contact("ada"), contact("bea")]);
  expect(first.outcomes).toMatchObject([{ outcome: "delivered" }, { outcome: "delivered" }]);
  expect(tools.requests.map(({ host, path }) => `${host}${path}`)).toEqual([
    "api.hubapi.com/crm/v3/objects/contacts/batch/read",
    "api.hubapi.com/crm/v3/objects/contacts/batch/create",
  ]);
  expect(tools.requests[0]?.body).toEqual({
    properties: ["email", "lifecyclestage", "hs_additional_emails"],
    idProperty: "email",
    inputs: [{ id: "ada@example.com" }, { id: "bea@example.com" }],
  });
  expect(tools.requests[0]?.headers).toMatchObject({ authorization: "Bearer pat-secret-token", "user-agent": "Cambium" });
  const second = await deliver([contact("ada", { "properties.pql_score": 90 }), contact("cleo")]);
  expect(words(second.outcomes)).toEqual(["delivered", "delivered"]);
  expect(tools.requests.slice(2).map(({ path }) => path.split("/").at(-1))).toEqual(["read", "create", "update"]);
  expect(tools.records("hubspot")["contacts"]).toMatchObject([
    { properties: { email: "ada@example.com", pql_score: 90 } },
    { properties: { email: "bea@example.com" } },
    { properties: { email: "cleo@example.com" } },
  ]);
});

test("the action says 200 for a row that HubSpot refused in a 207: the outcome is what HubSpot said", async () => {
  const { outcomes } = await deliver([contact("ada"), contact("bad", {}, "invalid.example"), contact("cleo")]);
  expect(words(outcomes)).toEqual(["delivered", "failed", "delivered"]);
  expect(outcomes[1]).toMatchObject({ reason: expect.stringContaining("bad@invalid.example is not a valid email") as string });
});

test("a known contact that is refused in the update's 207 fails alone", async () => {
  await deliver([contact("ada"), contact("bea")]);
  tools.fresh((request) => {
    if (!request.path.endsWith("/update")) return undefined;
    const { inputs } = request.body as { inputs: { id: string; properties: object }[] };
    const [good, bad] = inputs;
    return {
      status: 207,
      body: {
        results: [{ id: good?.id, properties: good?.properties }],
        numErrors: 1,
        errors: [
          {
            status: "error",
            category: "VALIDATION_ERROR",
            message: `Property "pql_score" of ${String(bad?.id)} is read only`,
            context: {},
          },
        ],
      },
    };
  });
  await deliver([contact("ada"), contact("bea")]);
  const { outcomes } = await deliver([contact("ada"), contact("bea")]);
  expect(outcomes).toMatchObject([{ outcome: "delivered" }, { outcome: "failed", reason: expect.stringContaining("read only") as string }]);
});

test("a contact that HubSpot's answers never mention is tried again", async () => {
  tools.fresh((request) => (request.path.endsWith("/read") ? { body: { results: [] } } : undefined));
  const { outcomes } = await deliver([contact("ada")]);
  expect(outcomes).toMatchObject([{ outcome: "retry", reason: "HubSpot's answer does not name this record" }]);
});

test("two rows with one e-mail address go out one after the other, and both count", async () => {
  const { outcomes } = await deliver([
    contact("ada", { firstname: "First" }),
    rowOf("other", { email: "ADA@example.com", firstname: "Second" }),
  ]);
  expect(words(outcomes)).toEqual(["delivered", "delivered"]);
  expect(tools.records("hubspot")["contacts"]).toMatchObject([{ properties: { firstname: "Second" } }]);
});

test("a row without a valid e-mail address is refused before anything is sent, the others go", async () => {
  const { outcomes } = await deliver([contact("ada"), rowOf("none", { firstname: "None" }), rowOf("odd", { email: "not-an-address" })]);
  expect(words(outcomes)).toEqual(["delivered", "failed", "failed"]);
  expect(outcomes[1]).toMatchObject({ reason: expect.stringMatching(/email/i) as string });
});

test("more than HubSpot's 100 contacts become several batches", async () => {
  const { outcomes } = await deliver(Array.from({ length: 230 }, (_, index) => contact(`u${index}`)));
  expect(new Set(words(outcomes))).toEqual(new Set(["delivered"]));
  const sizes = tools.requests
    .filter(({ path }) => path.endsWith("/create"))
    .map(({ body }) => (body as { inputs: unknown[] }).inputs.length);
  expect(sizes.sort((a, b) => a - b)).toEqual([30, 100, 100]);
});

test("one contact that makes HubSpot refuse the whole batch is found, the others are delivered", async () => {
  tools.fresh((request) =>
    request.path.endsWith("/create") && request.text.includes("poison@")
      ? { status: 400, body: { status: "error", category: "VALIDATION_ERROR", message: "Property values were not valid" } }
      : undefined,
  );
  const names = Array.from({ length: 20 }, (_, index) => (index === 13 ? "poison" : `u${index}`));
  const { outcomes } = await deliver(names.map((name) => contact(name)));
  expect(outcomes.filter(({ outcome }) => outcome === "delivered")).toHaveLength(19);
  expect(outcomes[13]).toMatchObject({ outcome: "failed", status: 400 });
});

test("401: every row waits, and says that the credentials were refused", async () => {
  tools.fresh(() => ({ status: 401, body: { message: "expired" } }));
  const { outcomes } = await deliver([contact("ada"), contact("bea")]);
  expect(outcomes).toMatchObject([
    { outcome: "retry", status: 401, reason: expect.stringContaining("credentials refused") as string },
    { outcome: "retry", status: 401 },
  ]);
});

test("429: every row is tried again, not before Retry-After", async () => {
  tools.fresh(() => ({ status: 429, headers: { "retry-after": "7" }, body: { message: "slow down" } }));
  const { outcomes } = await deliver([contact("ada")]);
  expect(outcomes).toMatchObject([{ outcome: "retry", status: 429, retryAfterMs: 7000 }]);
});

test.each([
  ["500", { status: 500, body: { message: "oops" } }],
  ["no answer", { hang: true }],
  ["a cut connection", { reset: true }],
])("%s: every row is tried again", async (_, answer) => {
  tools.fresh(() => answer);
  const { outcomes } = await deliver([contact("ada"), contact("bea")]);
  expect(words(outcomes)).toEqual(["retry", "retry"]);
});

test("an answer of megabytes is read whole", async () => {
  const filler = "x".repeat(3_000_000);
  tools.fresh((request) =>
    request.path.endsWith("/read")
      ? {
          status: 207,
          body: {
            filler,
            results: [],
            numErrors: 1,
            errors: [{ status: "error", category: "OBJECT_NOT_FOUND", context: { ids: ["ada@example.com"] } }],
          },
        }
      : undefined,
  );
  expect(words((await deliver([contact("ada")])).outcomes)).toEqual(["delivered"]);
});

test("companies: found by the group's id, created when new", async () => {
  const company = rowOf("acme", {
    groupid: "acme",
    createNewCompany: true,
    name: "Acme",
    domain: "acme.example",
    associateContact: false,
    "properties.seats": 12,
  });
  const first = await deliver([company], { action: "upsertCompany", settings: settings() });
  expect(first.outcomes).toMatchObject([{ outcome: "delivered" }]);
  expect(tools.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PATCH /crm/v3/objects/companies/acme?idProperty=segment_group_id",
    "POST /crm/v3/objects/companies",
  ]);
  const second = await deliver([company], { action: "upsertCompany", settings: settings() });
  expect(words(second.outcomes)).toEqual(["delivered"]);
  expect(tools.records("hubspot")["companies"]).toMatchObject([{ properties: { name: "Acme", seats: 12, segment_group_id: "acme" } }]);
});

test("a company and the contact it belongs with, whose id the mapping gives", async () => {
  const company = rowOf("acme", {
    groupid: "acme",
    createNewCompany: true,
    name: "Acme",
    associateContact: true,
    "transaction.contact_id": "77",
  });
  const { outcomes } = await deliver([company], { action: "upsertCompany", settings: settings() });
  expect(words(outcomes)).toEqual(["delivered"]);
  expect(tools.requests.at(-1)).toMatchObject({ method: "PUT", path: expect.stringContaining("/associations/contacts/77/") as string });
});

test("a company that may not be created is skipped, not delivered", async () => {
  const company = rowOf("acme", { groupid: "acme", createNewCompany: false, name: "Acme", associateContact: false });
  const { outcomes } = await deliver([company], { action: "upsertCompany", settings: settings() });
  expect(outcomes).toMatchObject([{ outcome: "skipped", reason: expect.stringContaining("createNewCompany") as string }]);
});

test("companies as objects, in batches, with the truth of a 207", async () => {
  const row = (domain: string, more = {}) =>
    rowOf(domain, {
      "object_details.object_type": "companies",
      "object_details.id_field_name": "domain",
      "object_details.id_field_value": domain,
      "properties.seats": 3,
      "object_details.property_group": "companyinformation",
      ...more,
    });
  const { outcomes } = await deliver([row("acme.example"), row("birch.example", { "properties.email": "x@invalid.example" })], {
    action: "upsertObject",
    settings: settings(),
  });
  expect(tools.requests.at(-1)).toMatchObject({ path: "/crm/v3/objects/companies/batch/upsert" });
  expect(words(outcomes)).toEqual(["delivered", "failed"]);
});

test("a dry run sends nothing and shows the requests that would create the contacts", async () => {
  const { outcomes, context } = await deliver([contact("ada"), rowOf("none", { firstname: "None" })], {
    action: "upsertContact",
    settings: settings(),
    dryRun: true,
  });
  expect(tools.requests).toHaveLength(0);
  expect(outcomes).toMatchObject([{ outcome: "skipped", reason: "dry run" }, { outcome: "failed" }]);
  expect(context.traces.map(({ url }) => url)).toEqual([
    "https://api.hubapi.com/crm/v3/objects/contacts/batch/read",
    "https://api.hubapi.com/crm/v3/objects/contacts/batch/create",
  ]);
  expect(context.traces[1]?.requestBody).toContain("pql_score");
  expect(context.traces[0]?.responseBody).toContain("dry run: not sent");
});

test("no trace holds the token", async () => {
  const { context } = await deliver([contact("ada", { "properties.note": "pat-secret-token" })]);
  expect(context.traces.length).toBeGreaterThan(1);
  expect(JSON.stringify(context.traces)).not.toContain("pat-secret-token");
  expect(context.traces[0]?.requestHeaders["authorization"]).toBe("[redacted]");
});

test("a field that the action does not have is named", async () => {
  const { outcomes } = await deliver([contact("ada", { firstnam: "typo" })]);
  expect(outcomes).toMatchObject([{ outcome: "failed", reason: expect.stringContaining("no field firstnam") as string }]);
});

test("a contact who leaves cannot be removed by this action: said, not lost", async () => {
  const { outcomes } = await deliver([rowOf("ada", { email: "ada@example.com" }, "remove")]);
  expect(outcomes).toMatchObject([{ outcome: "skipped", reason: expect.stringContaining("cannot remove") as string }]);
});

test("verify: a token that works, and one that does not", async () => {
  const context = contextOf({ action: "upsertContact", settings: settings() });
  await catalogue.destination("hubspot").verify(context);
  tools.fresh(() => ({ status: 401, body: {} }));
  await expect(catalogue.destination("hubspot").verify(context)).rejects.toMatchObject({ code: "DESTINATION_AUTH" });
});
