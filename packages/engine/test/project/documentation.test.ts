import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { errorCodes } from "../../src/base/errors.js";
import { configSchema, definitionKindNames, definitionKinds } from "../../src/project/definition-kinds.js";
import { formulaFunctions } from "../../src/project/formula.js";
import { jsonSchemas } from "../../src/project/json-schemas.js";
import { projectFromFiles } from "../../src/project/load-project.js";
import { errorsPage } from "../../../../scripts/docs.mjs";

const root = path.resolve(import.meta.dirname, "../../../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

test("every example of the definitions guide is part of one project that loads", () => {
  const blocks = [...read("docs/guides/definitions.md").matchAll(/```(yaml|sql)\n(?:#|--) (\S+)\n([\s\S]*?)```/g)];
  const files = Object.fromEntries(blocks.map((match) => [match[2] ?? "", match[3] ?? ""]));
  const lists = { "lists/friends.csv": "id\nw1\n", "lists/do-not-contact.csv": "id,why\nw2,asked\n" };
  const project = projectFromFiles({ ...files, ...lists });
  expect(blocks.length).toBe((read("docs/guides/definitions.md").match(/```(yaml|sql)\n/g) ?? []).length);
  for (const kind of definitionKindNames) expect(project[`${kind}s` as "traits"].length, kind).toBeGreaterThan(0);
  expect(project.models.map((model) => model.tests?.length)).toEqual([2, 3]);
});

test("the guide shows every key, operator and type that a definition may have", () => {
  const guide = read("docs/guides/definitions.md");
  const keys = new Set<string>();
  const collect = (schema: unknown): void => {
    if (Array.isArray(schema)) return schema.forEach(collect);
    if (typeof schema !== "object" || schema === null) return;
    const { properties, enum: values, const: constant } = schema as { properties?: object; enum?: unknown[]; const?: unknown };
    for (const key of Object.keys(properties ?? {})) keys.add(key);
    for (const value of values ?? []) keys.add(String(value));
    if (constant !== undefined) keys.add(String(constant));
    Object.values(schema).forEach(collect);
  };
  for (const kind of definitionKindNames) collect(z.toJSONSchema(definitionKinds[kind].schema, { io: "input" }));
  collect(z.toJSONSchema(configSchema, { io: "input" }));
  for (const name of Object.keys(formulaFunctions)) keys.add(name);
  const missing = [...keys].filter((key) => !new RegExp(`(?<![\\w])${key.replace(/[[\]]/g, "\\$&")}(?![\\w])`).test(guide));
  expect(missing).toEqual([]);
});

test("docs/errors.md says what base/errors.ts says (npm run docs writes it)", () => {
  expect(read("docs/errors.md")).toBe(errorsPage(errorCodes));
});

test("every dependency has its line in docs/dependencies.md, and every line its dependency", () => {
  const manifests = ["package.json", "packages/engine/package.json", "packages/catalogue/package.json", "packages/console/package.json"];
  const used = new Set<string>();
  for (const file of manifests) {
    const manifest = JSON.parse(read(file)) as Record<string, Record<string, string> | undefined>;
    for (const field of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "overrides"]) {
      for (const name of Object.keys(manifest[field] ?? {})) if (!name.startsWith("@cambium/") && name !== "cambium") used.add(name);
    }
  }
  const listed = new Set([...read("docs/dependencies.md").matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? ""));
  expect([...used].filter((name) => !listed.has(name)).sort()).toEqual([]);
  expect([...listed].filter((name) => !used.has(name)).sort()).toEqual([]);
});

test("JSON Schemas accept what is right and refuse what is not, in any editor", () => {
  const schemas = jsonSchemas();
  expect(Object.keys(schemas).sort()).toEqual([
    "audience.json",
    "cambium.json",
    "destination.json",
    "score.json",
    "source.json",
    "sync.json",
    "trait.json",
  ]);
  const audience = schemas["audience.json"] as {
    definitions: Record<string, { properties?: Record<string, unknown>; additionalProperties?: unknown }>;
  };
  expect(Object.keys(audience.definitions["audience"]?.properties ?? {})).toContain("holdout");
  expect(audience.definitions["audience"]?.additionalProperties).toBe(false);
  const references = [...JSON.stringify(audience).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)].map((match) => match[1] ?? "");
  expect(references.length).toBeGreaterThan(1);
  expect(references.filter((name) => audience.definitions[name] === undefined)).toEqual([]);
});

test("the glossary has the words of the project's kinds, in order", () => {
  const words = [...read("docs/glossary.md").matchAll(/^\*\*([^*]+)\*\*/gm)].map((match) => (match[1] ?? "").toLowerCase());
  expect(words).toEqual([...words].sort((a, b) => a.localeCompare(b, "en")));
  for (const kind of definitionKindNames) expect(words).toContain(kind);
});
