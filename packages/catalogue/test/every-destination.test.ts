import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeCatalogue, destinationSlugs } from "../scripts/describe.js";
import { cataloguePage } from "../scripts/page.js";
import { CatalogueChild } from "../src/catalogue-child.js";
import { childFiles } from "../src/child-files.js";
import type { RequestTrace, RowOutcome } from "../src/engine.js";
import type { CatalogueAction, CatalogueEntry } from "../src/entry.js";
import { defaultMapping, listCatalogue, openCatalogue, specOf } from "../src/index.js";
import { verifiedActions } from "../src/verified.js";
import { rowOf } from "./support/context.js";
import { sampleFields, sampleSettings } from "./support/sample.js";
import { type ToolServer, toolServer } from "./support/tools.js";

/** Everything that can be said of all destinations: they load, list their fields, and run without hanging. */

let tools: ToolServer;
let child: CatalogueChild;
beforeAll(async () => {
  tools = await toolServer();
  // One process for all of them: a pool would start 215.
  child = new CatalogueChild({
    files: await childFiles(),
    env: { CAMBIUM_ALLOW: `127.0.0.1:${tools.port}`, CAMBIUM_ALLOW_ONLY: "1", NODE_NO_WARNINGS: "1", NODE_ENV: "production", TZ: "UTC" },
    heapMegabytes: 512,
    startDeadlineMs: 30_000,
  });
});
afterAll(async () => {
  child.kill("done");
  await child.ended();
  await tools[Symbol.asyncDispose]();
});

test("the committed catalogue is what the installed packages say", () => {
  expect(listCatalogue()).toEqual(JSON.parse(JSON.stringify(describeCatalogue())));
});

test("the page of all destinations is what the catalogue says, and the guide names every verified action", () => {
  const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
  expect(page("catalogue.md")).toBe(cataloguePage(listCatalogue()));
  for (const [slug, actions] of Object.entries(verifiedActions)) {
    const line = page("guides/destinations.md")
      .split("\n")
      .find((candidate) => candidate.includes(`\`catalogue:${slug}\``));
    for (const action of actions) expect(line, `${slug} in docs/guides/destinations.md`).toContain(`\`${action}\``);
  }
});

test("215 destinations, each with settings, actions and fields", () => {
  const entries = listCatalogue();
  expect(entries.map((entry) => entry.slug)).toEqual(destinationSlugs());
  expect(entries).toHaveLength(215);
  expect(entries.reduce((sum, entry) => sum + entry.actions.length, 0)).toBe(602);
  const catalogue = openCatalogue({ environment: {} });
  for (const entry of entries) {
    const { spec } = catalogue.destination(entry.slug);
    expect(spec.type).toBe(`catalogue:${entry.slug}`);
    expect(spec.title).not.toBe("");
    expect(spec.actions.length).toBeGreaterThan(0);
    for (const action of spec.actions) {
      expect(action.batchRowsMax).toBeGreaterThan(0);
    }
    for (const action of entry.actions) {
      const id = `${entry.slug}.${action.name}`;
      expect(action.fields.length === 0, id).toBe(fieldless.has(id));
    }
  }
});

test("required is what a mapping must give; a hidden field is listed where only a mapping can fill it", () => {
  const fieldsOf = (slug: string, action: string) =>
    specOf(listCatalogue().find((entry) => entry.slug === slug) as CatalogueEntry).actions.find(({ name }) => name === action)?.fields ??
    [];
  const required = (slug: string, action: string) => fieldsOf(slug, action).flatMap((field) => (field.required ? [field.name] : []));
  expect(required("hubspot", "upsertContact")).toEqual(["email"]);
  expect(required("intercom", "identifyContact")).toEqual(["role"]);
  expect(required("launchdarkly-audiences", "syncAudience")).toEqual([]);
  expect(fieldsOf("launchdarkly-audiences", "syncAudience").map(({ name }) => name)).toEqual([
    "context_kind",
    "segment_user_id",
    "segment_anonymous_id",
    "user_email",
    "context_key",
    "enable_batching",
    "audience.key",
    "audience.external_id",
  ]);
  expect(required("google-sheets", "postSheet2")).toEqual(["spreadsheet_id", "fields"]);
});

test("who leaves is taken off a list by add_remove, and deleted only by a mirror", () => {
  const modesOf = (slug: string, action: string) =>
    specOf(listCatalogue().find((entry) => entry.slug === slug) as CatalogueEntry).actions.find(({ name }) => name === action)?.modes;
  expect(modesOf("customerio", "createUpdatePerson")).toEqual(["upsert", "mirror", "append"]);
  expect(modesOf("salesforce", "lead2")).toEqual(["upsert", "mirror", "append"]);
  expect(modesOf("launchdarkly-audiences", "syncAudience")).toEqual(["upsert", "mirror", "add_remove", "append"]);
  expect(modesOf("klaviyo", "addProfileToList")).toEqual(["upsert", "mirror", "add_remove", "append"]);
  expect(modesOf("facebook-custom-audiences", "sync")).toEqual(["upsert", "mirror", "add_remove", "append"]);
  expect(modesOf("hubspot", "upsertContact")).toEqual(["upsert", "append"]);
});

/** Published without fields: beginnings that their authors never finished. */
const fieldless = new Set([
  "bing-ads-audiences.syncAudiences",
  "blend-ai.sendData",
  "google-data-manager.ingest",
  "google-data-manager.remove",
  "playerzero-cloud.trackEvent",
  "playerzero-cloud.identifyUser",
]);

test("the verified actions exist, and a default mapping is offered where one makes sense", () => {
  for (const [slug, actions] of Object.entries(verifiedActions)) {
    for (const action of actions) expect(Object.keys(defaultMapping(slug, action)), `${slug}.${action}`).toBeInstanceOf(Array);
  }
  expect(defaultMapping("hubspot", "upsertContact")).toMatchObject({ email: { column: "email" }, firstname: { column: "first_name" } });
  expect(defaultMapping("customerio", "createUpdatePerson")).toMatchObject({ id: { column: "key" } });
});

test("secrets are marked", () => {
  const secretsOf = (slug: string) =>
    specOf(listCatalogue().find((entry) => entry.slug === slug) as CatalogueEntry)
      .settings.filter((setting) => setting.secret)
      .map(({ name }) => name);
  expect(secretsOf("customerio")).toEqual(["siteId", "apiKey"]);
  expect(secretsOf("hubspot")).toEqual(["access_token", "refresh_token", "client_secret"]);
});

/** Which kinds of outcome all actions together must at least reach; found by running them. */
const floors = { delivered: 480, "asked something": 480 };
const callDeadlineMs = 20_000;

test("every action runs to an outcome with made-up settings and fields: no hang, no missing module, no dead process", async () => {
  const counts = new Map<string, number>();
  const oddities: string[] = [];
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const jobs = listCatalogue().flatMap((entry) => entry.actions.map((action) => ({ entry, action })));
  const { pid } = child;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
        const { outcome, traces } = await run(job.entry, job.action);
        count(outcome.outcome);
        if (traces.length > 0) count("asked something");
        const reason = "reason" in outcome ? outcome.reason : "";
        if (/Cannot find module|ERR_|URI scheme|no answer within|not reached/.test(reason))
          oddities.push(`${job.entry.slug}.${job.action.name}: ${reason}`);
        if (job.entry.network === "own" && outcome.outcome === "delivered") oddities.push(`${job.entry.slug} delivered through the fence`);
      }
    }),
  );
  console.log(Object.fromEntries([...counts].sort()));
  expect(oddities).toEqual([]);
  expect(child.alive && child.pid === pid).toBe(true);
  for (const [what, floor] of Object.entries(floors)) expect(counts.get(what) ?? 0, what).toBeGreaterThanOrEqual(floor);
}, 120_000);

async function run(entry: CatalogueEntry, action: CatalogueAction): Promise<{ outcome: RowOutcome; traces: RequestTrace[] }> {
  const traces: RequestTrace[] = [];
  const call = {
    type: "deliver" as const,
    slug: entry.slug,
    settings: sampleSettings(entry),
    secrets: [],
    sync: "smoke",
    now: Date.UTC(2026, 2, 1, 12) * 1000,
    allow: [],
    paced: false,
    redirectTo: tools.url,
    requestTimeoutMs: 2_000,
    concurrency: 4,
    mode: "upsert" as const,
    action,
    rows: [rowOf("ada", { ...sampleFields(action), "audience.external_id": "12345" })],
    dryRun: false,
  };
  const outcomes: RowOutcome[] = [];
  const answer = await child.call(call, callDeadlineMs, {
    trace: (trace) => traces.push(trace),
    settled: (rows) => {
      for (const [index, outcome] of rows) outcomes[index] = outcome;
    },
  });
  const [outcome] = outcomes;
  if (answer.type !== "delivered" || outcome === undefined) throw new Error(`${entry.slug}.${action.name}: ${JSON.stringify(answer)}`);
  return { outcome, traces };
}
