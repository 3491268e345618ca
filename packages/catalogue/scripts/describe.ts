/**
 * Reads the definitions of the installed action destinations into plain data. Loads all their code, so it runs only in
 * `npm run generate` and in the test that compares its answer with the committed file.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { CatalogueAction, CatalogueEntry, CatalogueField, CataloguePreset } from "../src/entry.js";
import { batchRowsMaxOf } from "../src/batch-limits.js";
import { verifiedActions } from "../src/verified.js";

type Data = Record<string, unknown>;

const require = createRequire(import.meta.url);
const folder = join(dirname(require.resolve("@segment/action-destinations/package.json")), "dist", "destinations");

/** A template of the package's authors and one that was never filled in. */
const notDestinations = new Set(["example", "criteo"]);

export function describeCatalogue(): CatalogueEntry[] {
  return destinationSlugs().map((slug) => {
    const module = require(`@segment/action-destinations/dist/destinations/${slug}`) as { default?: Data } & Data;
    return describe(slug, module.default ?? module);
  });
}

export function destinationSlugs(): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((item) => item.isDirectory() && !notDestinations.has(item.name))
    .map((item) => item.name)
    .sort();
}

function describe(slug: string, definition: Data): CatalogueEntry {
  const authentication = (definition["authentication"] ?? {}) as Data;
  const audience = definition["audienceConfig"] as Data | undefined;
  const code = sourceOf(join(folder, slug));
  return {
    slug,
    name: plainName(String(definition["name"])),
    ...text("description", definition["description"]),
    authScheme: String(authentication["scheme"] ?? "none"),
    settings: fieldsOf(authentication["fields"]).map((field) => ({ ...field, secret: isSecret(field) })),
    actions: Object.entries(definition["actions"] as Record<string, Data>).map(([name, action], _, all) =>
      describeAction(
        slug,
        name,
        action,
        all.map(([other]) => other),
      ),
    ),
    presets: ((definition["presets"] ?? []) as Data[]).map(describePreset),
    createsAudiences: typeof audience?.["createAudience"] === "function",
    audienceSettings: fieldsOf(definition["audienceFields"]),
    environment: environmentOf(code),
    network: /require\("(@aws-sdk\/|kafkajs|ssh2)/.test(code) ? "own" : "http",
    verified: slug in verifiedActions,
  };
}

function describeAction(slug: string, name: string, action: Data, all: readonly string[]): CatalogueAction {
  const fields = fieldsOf(action["fields"]);
  const syncMode = action["syncMode"] as { default?: string; choices: { value: string }[] } | undefined;
  const code = sourceOf(join(folder, slug));
  const byName = (field: string) => fields.find((candidate) => candidate.name === field);
  const batchBytes = byName("batch_bytes")?.default;
  return {
    name,
    title: String(action["title"]),
    ...text("description", action["description"]),
    fields,
    batch: typeof action["performBatch"] === "function",
    batchRowsMax: batchRowsMaxOf(slug, name, byName("batch_size")),
    ...(typeof batchBytes === "number" && batchBytes > 0 ? { batchBytesMax: batchBytes } : {}),
    batchKeys: batchKeysOf(byName("batch_keys")?.default, code, fields),
    ...(syncMode === undefined
      ? {}
      : {
          syncModes: {
            ...(syncMode.default === undefined ? {} : { default: syncMode.default }),
            choices: syncMode.choices.map((choice) => choice.value),
          },
        }),
    membership: membershipByHand[`${slug}.${name}`] ?? readsMembership(name, fields, code),
    ...text("removeAction", removeActionOf(name, all)),
    readsRawRows: code.includes("rawData"),
    hooks: Object.keys((action["hooks"] ?? {}) as Data),
    ...(action["hidden"] === true ? { hidden: true } : {}),
  };
}

function fieldsOf(fields: unknown): CatalogueField[] {
  return Object.entries((fields ?? {}) as Record<string, Data>).map(([name, field]) => ({
    name,
    label: String(field["label"] ?? name),
    ...text("description", field["description"]),
    type: String(field["type"]),
    required: (field["required"] ?? false) as CatalogueField["required"],
    ...(field["default"] === undefined ? {} : { default: field["default"] }),
    ...(Array.isArray(field["choices"]) ? { choices: field["choices"].map(choiceOf) } : {}),
    ...(field["multiple"] === true ? { multiple: true } : {}),
    ...(field["dynamic"] === undefined || field["dynamic"] === false ? {} : { dynamic: true }),
    ...text("format", field["format"]),
    ...number("minimum", field["minimum"]),
    ...number("maximum", field["maximum"]),
    ...(field["properties"] === undefined ? {} : { properties: fieldsOf(field["properties"]) }),
    ...(typeof field["additionalProperties"] === "boolean" ? { additionalProperties: field["additionalProperties"] } : {}),
    ...(field["depends_on"] === undefined ? {} : { dependsOn: field["depends_on"] }),
    ...text("placeholder", field["placeholder"]),
    ...(field["unsafe_hidden"] === true ? { hidden: true } : {}),
    ...(field["allowNull"] === true ? { nullable: true } : {}),
  }));
}

const choiceOf = (choice: unknown) =>
  typeof choice === "object" && choice !== null
    ? { label: String((choice as Data)["label"]), value: (choice as Data)["value"] as string | number | boolean }
    : { label: String(choice), value: choice as string | number | boolean };

const describePreset = (preset: Data): CataloguePreset => ({
  name: String(preset["name"]),
  action: String(preset["partnerAction"]),
  type: String(preset["type"]),
  ...text("subscribe", preset["subscribe"]),
  ...text("eventSlug", preset["eventSlug"]),
  mapping: (preset["mapping"] ?? {}) as Data,
});

/** Passwords, and whatever is named like one: upstream marks only some of its keys. */
const isSecret = (field: CatalogueField) =>
  field.type === "password" ||
  (field.type === "string" && /(secret|token|passw|api_?key|(^|_)key$|private|credential|signature)/i.test(snake(field.name)));

const snake = (name: string) => name.replace(/([a-z0-9])([A-Z])/g, "$1_$2");

const plainName = (name: string) =>
  name
    .replace(/ ?(Cloud Mode ?)?\((Actions?|Cloud|Actions Cloud|Cloud Destination)\)$/i, "")
    .replace(/^Actions | Actions$/, "")
    .replace(/^Customerio$/, "Customer.io");

const environmentOf = (code: string) =>
  [...new Set([...code.matchAll(/process\.env\.([A-Z][A-Z0-9_]+)/g)].map((match) => match[1] ?? ""))]
    .filter((name) => name !== "NODE_ENV")
    .sort();

/**
 * What upstream declares, and every field that its batch code takes from the first row for all of them: a batch may hold
 * only rows that agree on these.
 */
function batchKeysOf(declared: unknown, code: string, fields: readonly CatalogueField[]): string[] {
  const names = new Set(fields.map((field) => field.name));
  const read = [...code.matchAll(/(?:payloads?|validPayloads|events)\[0\]\??\.(\w+)/g)].map((match) => match[1] ?? "");
  for (const [, list = ""] of code.matchAll(/(?:const|let) \{([^}]*)\} = (?:payloads?|events)\[0\]/g))
    read.push(...list.split(",").map((name) => name.split(":")[0]?.trim() ?? ""));
  for (const [, first = ""] of code.matchAll(/(?:const|let) (\w+) = (?:payloads?|events)\[0\];/g)) {
    read.push(...[...code.matchAll(new RegExp(`\\b${first}\\??\\.(\\w+)`, "g"))].map((match) => match[1] ?? ""));
  }
  const all = [...(Array.isArray(declared) ? (declared as string[]) : []), ...read];
  return [...new Set(all)].filter((name) => names.has(name) && !perRowFields.has(name)).sort();
}

/** Read from the first row only to see whether they are there (or, for `fields`, made equal in child/adjust.ts). */
const perRowFields = new Set(
  "enable_batching batch_size fields object_details customFields bulkUpdateRecordId bulkUpsertExternalId last_name name close_date stage_name timestamp identifiers".split(
    " ",
  ),
);

/** Where the rule of `readsMembership` errs. */
const membershipByHand: Readonly<Record<string, boolean>> = {
  "hubspot.upsertObject": false, // only with a list, which takes a hook's answer
  "linkedin-audiences.updateAudience": true,
  "rokt-capi.send": false,
  "the-trade-desk-crm.syncAudience": false, // replaces a whole list
};

/** Pairs of actions that undo each other: a row that leaves goes to the second. */
function removeActionOf(name: string, actions: readonly string[]): string | undefined {
  const pairs = [
    name.replace(/^addTo/, "removeFrom"),
    name.replace(/^add(.+)To/, "remove$1From"),
    name.replace(/^addUser$/, "removeUser"),
    name.replace(/^createUpdate/, "delete"),
  ];
  const found = pairs.find((pair) => pair !== name && actions.includes(pair) && !pair.endsWith("Cart"));
  return name === "ingest" && actions.includes("remove") ? "remove" : found;
}

/** One action for both directions: it reads the row's membership, not only the audience's name. */
function readsMembership(name: string, fields: readonly CatalogueField[], code: string): boolean {
  if (/^(add|remove|create|engage|upsertProfile|track|order|send(Email|Sms|WhatsApp|MobilePush))/.test(name)) return false;
  const defaults = fields.map((field) => JSON.stringify(field.default ?? null));
  const has = (text: string) => defaults.some((value) => value.includes(text));
  const wholeRow = has('"$.properties"') || has('"$.traits"');
  if (wholeRow && has("$.context.personas.computation_")) return true;
  return has("$.context.personas.external_audience_id") && (has('"$.event"') || code.includes("audienceMembership"));
}

function sourceOf(path: string): string {
  const cached = sources.get(path);
  if (cached !== undefined) return cached;
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile() && item.name.endsWith(".js") && !item.parentPath.includes("__tests__"))
    .map((item) => readFileSync(join(item.parentPath, item.name), "utf8"));
  const joined = files.join("\n");
  sources.set(path, joined);
  return joined;
}
const sources = new Map<string, string>();

const text = <Name extends string>(name: Name, value: unknown) =>
  (typeof value === "string" && value.trim() !== "" ? { [name]: value.trim() } : {}) as { [key in Name]?: string };
const number = <Name extends string>(name: Name, value: unknown) =>
  (typeof value === "number" ? { [name]: value } : {}) as { [key in Name]?: number };
