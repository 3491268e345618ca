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
