import { expect, test } from "vitest";
import { destinationProblems } from "../../src/cli/destination-problems.js";
import { ownDestinationTypes } from "../../src/activate/destinations/index.js";
import { destinationTypes } from "../../src/project/kinds/destination.js";
import { placedProject } from "../../src/project/load-project.js";
import { defaultFiles } from "../support/project.js";

function problemsOf(files: Readonly<Record<string, string>>): string[] {
  const traits = { "traits/x.yml": "{ name: email, entity: user, type: profile }" };
  return destinationProblems(placedProject({ ...defaultFiles, ...traits, ...files })).map(
    ({ file, line, column, path, message, remedy }) => `${file}:${line}:${column} ${path} | ${message} | ${remedy ?? ""}`,
  );
}

const sync = (text: string) => ({ "syncs/x.yml": `name: x\nfrom: { entity: user }\ndestination: d\n${text}\n` });

test("the types that definitions may name are those there are", () => {
  expect([...destinationTypes].sort()).toEqual([...ownDestinationTypes].sort());
});

test("a slug, a setting, an action, a mode and a field that are not there are named with what was meant", () => {
  expect(problemsOf({ "destinations/d.yml": "{ name: d, type: 'catalogue:hubspt' }" })).toEqual([
    "destinations/d.yml:1:18 type | The catalogue has no destination `hubspt`. | Did you mean `catalogue:hubspot`?",
  ]);
  expect(problemsOf({ "destinations/d.yml": "name: d\ntype: webhook\nsettings: { ur: https://example.com }" })).toEqual([
    "destinations/d.yml:3:1 settings | Webhook needs the setting `url`. | Add `url:` (http(s) address that takes a POST).",
    "destinations/d.yml:3:13 settings.ur | Webhook has no setting `ur`. | Did you mean `url`?",
  ]);
  const hubspot = { "destinations/d.yml": "{ name: d, type: 'catalogue:hubspot', settings: { access_token: '${T}' } }" };
  expect(problemsOf({ ...hubspot, ...sync("action: upsertContct\nmapping: { email: email }") })).toEqual([
    "syncs/x.yml:4:9 action | HubSpot has no action `upsertContct`. | Did you mean `upsertContact`?",
  ]);
  expect(problemsOf({ ...hubspot, ...sync("action: upsertContact\nmapping: { emial: email }") })).toEqual([
    "syncs/x.yml:5:12 mapping.emial | The action `upsertContact` of HubSpot has no field `emial`. | Did you mean `email`?",
  ]);
  expect(problemsOf({ ...hubspot, ...sync("action: upsertContact\nmapping: { email: email }") })).toEqual([]);
});
