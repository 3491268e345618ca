import { expect, test } from "vitest";
import { CambiumError } from "../../src/base/errors.js";
import { defaultFiles, testProject } from "../support/project.js";

test("a small project gets its entities in order, its identity rules and a fingerprint", () => {
  const project = testProject();
  expect(project.entities.map(({ kind, title, plural, isGroup }) => [kind, title, plural, isGroup])).toEqual([
    ["user", "User", "Users", false],
    ["workspace", "Workspace", "Workspaces", true],
    ["account", "Account", "Accounts", true],
  ]);
  expect(project.identifiers.map((rule) => rule.type)).toEqual(["user_id", "email", "anonymous_id"]);
  expect(project.fingerprint).toMatch(/^[0-9a-f]{32}$/);
  expect(Object.isFrozen(project.entities[0])).toBe(true);
});

test("the fingerprint follows definitions, not the order of keys, comments or ports", () => {
  const before = testProject().fingerprint;
  const reordered = { "sources/web.yml": "write_keys: [test-key]\n# a comment\nname: web\n" };
  expect(testProject(reordered).fingerprint).toBe(before);
  expect(testProject({ "cambium.yml": `${defaultFiles["cambium.yml"] ?? ""}\ncollector: { port: 0 }\n` }).fingerprint).toBe(before);
  expect(testProject({ "sources/web.yml": "name: web\nwrite_keys: [other]\n" }).fingerprint).not.toBe(before);
});

test("what the loop computes from has a fingerprint of its own", () => {
  const files: Record<string, string> = {
    "traits/all.yml": `- { name: plan, entity: user, type: profile }
- { name: seats, entity: user, type: sql, value: integer, sql: "SELECT user_id AS id, seats AS value FROM {{ ref('seats') }}" }`,
    "audiences/vip.yml": "{ name: vip, entity: user, where: { trait: plan, is: pro }, include: [lists/vip.csv] }",
    "lists/vip.csv": "id\nu1\n",
    "models/seats.sql": "SELECT user_id, seats FROM {{ ref('bought') }}",
    "models/bought.sql": "SELECT user_id, 1 AS seats FROM {{ source('raw', 'events') }}",
    "models/report.sql": "SELECT 1 AS id",
    "destinations/app.yml": '{ name: app, type: webhook, settings: { url: "https://example.com/a" } }',
    "syncs/vip.yml": "{ name: vip, from: { audience: vip }, destination: app, mapping: { id: key } }",
  };
  const before = testProject(files);
  const changed = (file: string, from: string, to: string) => {
    const project = testProject({ ...files, [file]: (files[file] ?? defaultFiles[file] ?? "").replace(from, to) });
    expect(project.fingerprint).not.toBe(before.fingerprint);
    return project.loopFingerprint !== before.loopFingerprint;
  };
  expect(changed("destinations/app.yml", "example.com/a", "example.com/b")).toBe(false);
  expect(changed("syncs/vip.yml", "id: key", "id: key, plan: plan")).toBe(false);
  expect(changed("sources/web.yml", "test-key", "other-key")).toBe(false);
  expect(changed("models/report.sql", "1 AS id", "2 AS id")).toBe(false);
  expect(changed("models/seats.sql", "SELECT user_id", "SELECT anonymous_id AS user_id")).toBe(true);
  expect(changed("models/bought.sql", "1 AS seats", "2 AS seats")).toBe(true);
  expect(changed("traits/all.yml", "name: plan", "title: Plan, name: plan")).toBe(true);
  expect(changed("audiences/vip.yml", "is: pro", "is: team")).toBe(true);
  expect(changed("lists/vip.csv", "u1", "u2")).toBe(true);
  expect(changed("cambium.yml", "Europe/Berlin", "UTC")).toBe(true);
});

test("a broken project is one error with every problem, its place and the remedy", () => {
  const broken = { "audiences/a.yml": "name: a\nentity: user\nwhere: { trat: plan, is: free }\nholdot: 3\n" };
  expect(() => testProject(broken)).toThrow(CambiumError);
  expect(() => testProject(broken)).toThrow(
    `2 problems in the project's definitions:

  audiences/a.yml:3:10  where.trat
    \`trat\` is not a key that belongs here.
    Did you mean \`trait\`?

  audiences/a.yml:4:1  holdot
    \`holdot\` is not a key that belongs here.
    Did you mean \`holdout\`?`,
  );
});
