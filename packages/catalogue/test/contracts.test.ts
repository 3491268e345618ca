import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DeliveryContext, DestinationRow } from "../src/engine.js";
import { type Catalogue, openCatalogue } from "../src/index.js";
import { contextOf, rowOf } from "./support/context.js";
import { type ToolServer, toolServer } from "./support/tools.js";

/** What each verified destination sends, and what its answers mean for rows. HubSpot has a file of its own. */

let catalogue: Catalogue;
/** Gives up soon: for what is never answered, and for nothing else, since a busy machine is slow too. */
let impatient: Catalogue;
let tools: ToolServer;
beforeAll(async () => {
  tools = await toolServer();
  catalogue = openCatalogue({ environment: {}, redirectTo: tools.url, childrenMax: 8 });
  impatient = openCatalogue({ environment: {}, requestTimeoutMs: 400, redirectTo: tools.url, childrenMax: 8 });
});
beforeEach(() => tools.fresh());
afterAll(async () => {
  await catalogue.close();
  await impatient.close();
  await tools[Symbol.asyncDispose]();
});

interface Subject {
  readonly slug: string;
  readonly action: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly row: (name: string) => DestinationRow;
}

async function deliver(subject: Subject, rows: readonly DestinationRow[], given: Partial<DeliveryContext> = {}, through = catalogue) {
  const context = contextOf({ action: subject.action, settings: subject.settings, ...given });
  const outcomes = await through.destination(subject.slug).deliver(rows, context);
  return { outcomes, words: outcomes.map(({ outcome }) => outcome), context };
}

const sent = () => tools.requests.map(({ method, host, path }) => `${method} ${host}${decodeURIComponent(path)}`);

const customerio: Subject = {
  slug: "customerio",
  action: "createUpdatePerson",
  settings: { siteId: "site-1-secret", apiKey: "cio-secret-key" },
  row: (name) =>
    rowOf(name, { id: name, email: `${name}@example.com`, created_at: "2026-01-02T03:04:05Z", "custom_attributes.pql_score": 80 }),
};
const customerioEvents: Subject = {
  ...customerio,
  action: "trackEvent",
  row: (name) => rowOf(name, { id: name, name: "Entered Trial Audience", timestamp: "2026-01-02T03:04:05Z", "data.audience": "trial" }),
};
const intercom: Subject = {
  slug: "intercom",
  action: "identifyContact",
  settings: { access_token: "intercom-secret-token" },
  row: (name) => rowOf(name, { role: "user", external_id: name, email: `${name}@example.com`, "custom_attributes.pql_score": 80 }),
};
const salesforce: Subject = {
  slug: "salesforce",
  action: "lead2",
  settings: { access_token: "salesforce-secret-token", instanceUrl: "https://acme.my.salesforce.com/" },
  row: (name) =>
    rowOf(name, {
      "traits.Email": `${name}@example.com`,
      email: `${name}@example.com`,
      last_name: name,
      company: "Acme",
      "customFields.Score__c": 80,
    }),
};
const salesforceBulk: Subject = {
  ...salesforce,
  row: (name) =>
    rowOf(name, {
      enable_batching: true,
      "bulkUpsertExternalId.externalIdName": "Cambium_Id__c",
      "bulkUpsertExternalId.externalIdValue": name,
      email: `${name}@example.com`,
      last_name: name,
      company: `${name}, "Ltd"`,
    }),
};
const braze: Subject = {
  slug: "braze",
  action: "updateUserProfile",
  settings: { api_key: "braze-secret-key", endpoint: "https://rest.iad-01.braze.com" },
  row: (name) => rowOf(name, { external_id: name, email: `${name}@example.com`, "custom_attributes.pql_score": 80 }),
};
const launchdarkly: Subject = {
  slug: "launchdarkly-audiences",
  action: "syncAudience",
  settings: { apiKey: "ld-secret-key", clientId: "environment-1" },
  row: (name) => rowOf(name, { segment_user_id: name }),
};
const sheets: Subject = {
  slug: "google-sheets",
  action: "postSheet2",
  settings: { access_token: "google-secret-token" },
  row: (name) =>
    rowOf(name, {
      record_identifier: name,
      spreadsheet_id: "sheet-1",
      spreadsheet_name: "Sheet1",
      "fields.name": name,
      "fields.score": 80,
    }),
};

const subjects = { customerio, customerioEvents, intercom, salesforce, braze, launchdarkly, sheets };

describe.each(Object.entries(subjects))("%s", (_, subject) => {
  const rows = () => [subject.row("ada"), subject.row("bea")];

  test("delivers, as Cambium, with secrets in no trace", async () => {
    const { words, context } = await deliver(subject, rows());
    expect(words).toEqual(["delivered", "delivered"]);
    expect(new Set(tools.requests.map(({ headers }) => headers["user-agent"]))).toEqual(new Set(["Cambium"]));
    expect(context.traces.length).toBe(tools.requests.length);
    for (const secret of Object.values(subject.settings).filter((value) => String(value).includes("secret"))) {
      expect(
        tools.requests.some(
          ({ headers }) => JSON.stringify(headers).includes(String(secret)) || headers.authorization?.startsWith("Basic "),
        ),
      ).toBe(true);
      expect(JSON.stringify(context.traces)).not.toContain(String(secret));
    }
  });

  test("twice is once", async () => {
    await deliver(subject, rows());
    const before = JSON.stringify(tools.records(toolOf(subject.slug)));
    expect((await deliver(subject, rows())).words).toEqual(["delivered", "delivered"]);
    expect(JSON.stringify(tools.records(toolOf(subject.slug)))).toBe(before);
  });

  test("401: rows wait, credentials are named", async () => {
    tools.fresh(() => ({ status: 401, body: { message: "no" } }));
    const { outcomes } = await deliver(subject, rows());
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ outcome: "retry", status: 401, reason: expect.stringContaining("credentials refused") as string });
  });

  test("429: tried again, not before Retry-After", async () => {
    tools.fresh(() => ({ status: 429, headers: { "retry-after": "3" }, body: { message: "slow down" } }));
    const { outcomes } = await deliver(subject, rows());
    for (const outcome of outcomes) expect(outcome).toMatchObject({ outcome: "retry", status: 429, retryAfterMs: 3000 });
  });

  test.each([
    ["500", { status: 500, body: { message: "oops" } }],
    ["an error page", { status: 502, body: "<html>Bad gateway</html>" }],
    ["a cut connection", { reset: true }],
  ])("%s: tried again", async (_name, answer) => {
    tools.fresh(() => answer);
    expect((await deliver(subject, rows())).words).toEqual(["retry", "retry"]);
  });

  test("no answer: tried again", async () => {
    tools.fresh(() => ({ hang: true }));
    expect((await deliver(subject, rows(), {}, impatient)).words).toEqual(["retry", "retry"]);
  });

  test("an answer above 64 KB hangs nothing", async () => {
    const filler = "x".repeat(300_000);
    tools.fresh(() => ({ status: 400, body: { filler, errors: [], message: "too much" } }));
    expect((await deliver(subject, rows())).words).toEqual(["failed", "failed"]);
  });

  test("a dry run shows the requests and sends none", async () => {
    const { words, context } = await deliver(subject, rows(), { dryRun: true });
    expect(words).toEqual(["skipped", "skipped"]);
    expect(tools.requests).toHaveLength(0);
    expect(context.traces.some(({ method }) => method !== "GET")).toBe(true);
  });
});

const toolOf = (slug: string) => slug.replace("-audiences", "");

test("Customer.io people: one batch, dates as seconds", async () => {
  await deliver(customerio, [customerio.row("ada"), customerio.row("bea")]);
  expect(sent()).toEqual(["POST track.customer.io/api/v2/batch"]);
  expect(tools.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from("site-1-secret:cio-secret-key").toString("base64")}`);
  expect((tools.requests[0]?.body as { batch: unknown[] }).batch[0]).toMatchObject({
    type: "person",
    action: "identify",
    identifiers: { id: "ada" },
    attributes: { email: "ada@example.com", created_at: 1767323045, pql_score: 80 },
  });
});

test("Customer.io events: the idempotency key is the event's id, the EU has its own host", async () => {
  const { words } = await deliver(customerioEvents, [customerioEvents.row("ada")], {
    mode: "append",
    settings: { ...customerio.settings, accountRegion: "EU 🇪🇺" },
  });
  expect(words).toEqual(["delivered"]);
  expect(sent()).toEqual(["POST track-eu.customer.io/api/v2/batch"]);
  expect((tools.requests[0]?.body as { batch: unknown[] }).batch[0]).toMatchObject({
    type: "person",
    action: "event",
    name: "Entered Trial Audience",
    id: "idem-ada",
    timestamp: 1767323045,
    attributes: { audience: "trial" },
  });
});

test("Customer.io: the part of a batch that a 207 refuses fails, the rest is delivered", async () => {
  tools.fresh(() => ({
    status: 207,
    body: { errors: [{ batch_index: 1, reason: "invalid", field: "attributes", message: "attribute too long" }] },
  }));
  const { outcomes } = await deliver(customerio, ["ada", "bea", "cleo"].map(customerio.row));
  expect(outcomes).toMatchObject([{ outcome: "delivered" }, { outcome: "failed", reason: "attribute too long" }, { outcome: "delivered" }]);
});

test("Customer.io: who leaves a mirror is deleted", async () => {
  await deliver(customerio, [customerio.row("ada"), customerio.row("bea")]);
  const { words } = await deliver(customerio, [rowOf("ada", { id: "ada" }, "remove")], { mode: "mirror" });
  expect(words).toEqual(["delivered"]);
  expect(tools.records("customerio")["people"]).toMatchObject([{ id: "bea" }]);
});

test("Intercom: looked up, then created or updated", async () => {
  await deliver(intercom, [intercom.row("ada")]);
  expect(sent()).toEqual(["POST api.intercom.io/contacts/search", "POST api.intercom.io/contacts"]);
  expect(tools.requests[0]?.body).toEqual({ query: { field: "external_id", operator: "=", value: "ada" } });
  await deliver(intercom, [intercom.row("ada")]);
  expect(sent().slice(2)).toEqual(["POST api.intercom.io/contacts/search", "PUT api.intercom.io/contacts/contact-1"]);
  expect(tools.records("intercom")["contacts"]).toMatchObject([
    { external_id: "ada", email: "ada@example.com", role: "user", custom_attributes: { pql_score: 80 } },
  ]);
});

test("Intercom: each row has its own outcome", async () => {
  tools.fresh((request) =>
    request.text.includes("bea@example.com") ? { status: 422, body: { errors: [{ message: "email is blocked" }] } } : undefined,
  );
  const { outcomes } = await deliver(intercom, ["ada", "bea", "cleo"].map(intercom.row));
  expect(outcomes).toMatchObject([{ outcome: "delivered" }, { outcome: "failed", status: 422 }, { outcome: "delivered" }]);
});

test("Salesforce leads: looked up by query, created or patched", async () => {
  await deliver(salesforce, [salesforce.row("ada")]);
  expect(sent()).toEqual([
    "GET acme.my.salesforce.com/services/data/v53.0/query/?q=SELECT Id FROM Lead WHERE Email = 'ada@example.com'",
    "POST acme.my.salesforce.com/services/data/v53.0/sobjects/Lead",
  ]);
  await deliver(salesforce, [salesforce.row("ada")]);
  expect(sent().at(-1)).toMatch(/^PATCH .*\/sobjects\/Lead\/00Q/);
  expect(tools.records("salesforce")["Lead"]).toMatchObject([{ Email: "ada@example.com", LastName: "ada", Company: "Acme", Score__c: 80 }]);
});

test("Salesforce leads, the first version of the action: told what to do by a field", async () => {
  const old = { ...salesforce, action: "lead" };
  const row = rowOf("ada", { ...salesforce.row("ada").fields, operation: "upsert" });
  expect((await deliver(old, [row])).words).toEqual(["delivered"]);
  expect((await deliver(old, [row])).words).toEqual(["delivered"]);
  expect(tools.records("salesforce")["Lead"]).toHaveLength(1);
});

test("Salesforce: a value that would change the look-up's query is refused", async () => {
  const { outcomes } = await deliver(salesforce, [
    rowOf("x", { "traits.Email": "x\\' OR Name != '", last_name: "x" }),
    salesforce.row("ada"),
  ]);
  expect(outcomes).toMatchObject([{ outcome: "failed", reason: expect.stringContaining("backslash") as string }, { outcome: "delivered" }]);
});

test("Salesforce: who leaves is deleted", async () => {
  await deliver(salesforce, [salesforce.row("ada")]);
  const { words } = await deliver(salesforce, [rowOf("ada", { "traits.Email": "ada@example.com" }, "remove")], { mode: "mirror" });
  expect(words).toEqual(["delivered"]);
  expect(tools.records("salesforce")["Lead"]).toEqual([]);
});

test("Salesforce bulk: the job is followed, and its failed rows fail", async () => {
  const bad = rowOf("bad", { ...salesforceBulk.row("bad").fields, company: "LOCKED" });
  const incomplete = rowOf("inc", { ...salesforceBulk.row("inc").fields, last_name: "" });
  const { outcomes } = await deliver(salesforceBulk, [salesforceBulk.row("ada"), bad, salesforceBulk.row("bea"), incomplete]);
  expect(outcomes).toMatchObject([
    { outcome: "delivered" },
    { outcome: "retry", reason: expect.stringContaining("UNABLE_TO_LOCK_ROW") as string },
    { outcome: "delivered" },
    { outcome: "failed", reason: expect.stringContaining("LastName") as string },
  ]);
  expect(
    sent()
      .slice(0, 3)
      .map((line) => line.replace(/750\d+/, "ID")),
  ).toEqual([
    "POST acme.my.salesforce.com/services/data/v53.0/jobs/ingest",
    "PUT acme.my.salesforce.com/services/data/v53.0/jobs/ingest/ID/batches",
    "PATCH acme.my.salesforce.com/services/data/v53.0/jobs/ingest/ID",
  ]);
  expect(tools.requests[0]?.body).toEqual({
    object: "Lead",
    contentType: "CSV",
    operation: "upsert",
    externalIdFieldName: "Cambium_Id__c",
  });
  expect(tools.records("salesforce")["Lead"]).toMatchObject([{ Cambium_Id__c: "ada", Company: 'ada, "Ltd"' }, { Cambium_Id__c: "bea" }]);
});

test("Salesforce bulk: a job whose end cannot be seen is tried again", async () => {
  tools.fresh((request) => (request.method === "GET" ? { status: 500, body: [] } : undefined));
  const { outcomes } = await deliver(salesforceBulk, [salesforceBulk.row("ada")]);
  expect(outcomes).toMatchObject([{ outcome: "retry", reason: expect.stringContaining("not confirmed") as string }]);
});

test("Braze: one request for the batch, errors by index", async () => {
  tools.fresh((request) => {
    const { attributes } = request.body as { attributes: { external_id: string }[] };
    return {
      status: 201,
      body: {
        message: "success",
        errors: [{ type: "unknown app", input_array: "attributes", index: attributes.findIndex((user) => user.external_id === "bea") }],
      },
    };
  });
  const { outcomes } = await deliver(braze, ["ada", "bea", "cleo"].map(braze.row));
  expect(outcomes).toMatchObject([
    { outcome: "delivered" },
    { outcome: "failed", status: 400, reason: expect.stringContaining("unknown app") as string },
    { outcome: "delivered" },
  ]);
  expect(sent()).toEqual(["POST rest.iad-01.braze.com/users/track"]);
  expect(tools.requests[0]?.body).toMatchObject({ attributes: [{ external_id: "ada", email: "ada@example.com", pql_score: 80 }, {}, {}] });
});

test("Braze: version 2 updates only, and says so in the request", async () => {
  await deliver({ ...braze, action: "updateUserProfile2" }, [braze.row("ada")]);
  expect(tools.requests[0]?.body).toMatchObject({ attributes: [{ external_id: "ada", _update_existing_only: true }] });
});

test("LaunchDarkly: who enters is added, who leaves is taken out, under the sync's name", async () => {
  const { words } = await deliver(launchdarkly, [launchdarkly.row("ada"), launchdarkly.row("bea")], { mode: "add_remove" });
  expect(words).toEqual(["delivered", "delivered"]);
  expect(sent()).toEqual(["POST app.launchdarkly.com/api/v2/segment-targets/segment-audiences"]);
  expect(tools.requests[0]?.headers).toMatchObject({ authorization: "ld-secret-key", "ld-api-version": "20240415" });
  expect(tools.requests[0]?.body).toEqual({
    environmentId: "environment-1",
    contextKind: "user",
    batch: ["ada", "bea"].map((userId) => ({ userId, cohortName: "Test sync", cohortId: "test_sync", value: true })),
  });
  await deliver(launchdarkly, [{ ...launchdarkly.row("ada"), change: "remove" }], { mode: "add_remove" });
  expect(tools.records("launchdarkly")["members"]).toEqual([{ cohort: "test_sync", name: "Test sync", user: "bea" }]);
});

test("LaunchDarkly: a row without an id is refused instead of becoming a nameless member; the audience can be named", async () => {
  const named = { "audience.key": "trial_accounts" };
  const { outcomes } = await deliver(
    launchdarkly,
    [rowOf("x", { ...named, user_email: "x@example.com" }), rowOf("y", { ...named, segment_user_id: "y" })],
    { mode: "add_remove" },
  );
  expect(outcomes).toMatchObject([{ outcome: "failed" }, { outcome: "delivered" }]);
  expect(tools.requests[0]?.body).toMatchObject({ batch: [{ userId: "y", cohortName: "Trial accounts", cohortId: "trial_accounts" }] });
});

test("Google Sheets: known rows are updated in place, new ones appended, with a header", async () => {
  await deliver(sheets, [sheets.row("ada"), sheets.row("bea")]);
  expect(sent()[0]).toBe("GET sheets.googleapis.com/v4/spreadsheets/sheet-1/values/Sheet1!A2:A");
  expect(sent().slice(1).sort()).toEqual([
    "POST sheets.googleapis.com/v4/spreadsheets/sheet-1/values/Sheet1!A2:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS",
    "POST sheets.googleapis.com/v4/spreadsheets/sheet-1/values:batchUpdate",
  ]);
  const changed = rowOf("ada", { ...sheets.row("ada").fields, "fields.score": 95 }, "change");
  await deliver(sheets, [changed, sheets.row("cleo")]);
  expect(tools.records("google-sheets")["sheet-1/Sheet1"]).toEqual(
    [
      ["id", "name", "score"],
      ["ada", "ada", 95],
      ["bea", "bea", 80],
      ["cleo", "cleo", 80],
    ].map((row) => ({ row })),
  );
});

test("Google Sheets: an expired token is renewed and the rows go out", async () => {
  tools.fresh((request) => (request.headers.authorization === "Bearer google-secret-token" ? { status: 401, body: {} } : undefined));
  const settings = {
    access_token: "google-secret-token",
    refresh_token: "refresh-secret-1",
    client_id: "client-1",
    client_secret: "client-secret-1",
  };
  const { words, context } = await deliver(sheets, [sheets.row("ada")], { settings });
  expect(words).toEqual(["delivered"]);
  const renewal = tools.requests.find(({ path }) => path.endsWith("/token"));
  expect(renewal?.text).toContain("grant_type=refresh_token");
  expect(renewal?.headers.authorization).toBeUndefined();
  expect(JSON.stringify(context.traces)).not.toMatch(/refresh-secret-1|client-secret-1|renewed-token/);
});

test("Mixpanel: asked to answer row by row, it does", async () => {
  tools.fresh(() => ({
    status: 400,
    body: {
      code: 400,
      num_records_imported: 2,
      status: "Bad Request",
      failed_records: [{ index: 1, insert_id: "x", field: "properties.time", message: "time is too old" }],
    },
  }));
  const subject: Subject = {
    slug: "mixpanel",
    action: "trackEvent",
    settings: { projectToken: "token-1-secret", apiSecret: "mixpanel-secret", apiRegion: "US 🇺🇸" },
    row: (name) => rowOf(name, { event: "Entered Audience", distinct_id: name, time: "2026-03-01T00:00:00Z", insert_id: name }),
  };
  const { outcomes } = await deliver(subject, ["ada", "bea", "cleo"].map(subject.row), { mode: "append" });
  expect(outcomes).toMatchObject([
    { outcome: "delivered" },
    { outcome: "failed", reason: expect.stringContaining("too old") as string },
    { outcome: "delivered" },
  ]);
});

test("verify asks each destination for its own check", async () => {
  for (const subject of [customerio, intercom, launchdarkly]) {
    await catalogue.destination(subject.slug).verify(contextOf({ action: subject.action, settings: subject.settings }));
  }
  await expect(
    catalogue.destination("customerio").verify(contextOf({ action: "trackEvent", settings: { siteId: "only" } })),
  ).rejects.toThrow(/apiKey/i);
});
