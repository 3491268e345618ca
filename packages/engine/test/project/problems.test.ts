import { describe, expect, test } from "vitest";
import { CambiumError } from "../../src/base/errors.js";
import type { Problem } from "../../src/project/problem.js";
import { defaultFiles, testProject } from "../support/project.js";

/**
 * Broken definitions and what is said about each: `place` is `file:line:column path`, then the sentence, then the remedy.
 * Every case is one problem unless `says` lists several: a slip must not be reported twice.
 */

const sound: Readonly<Record<string, string>> = {
  "traits/base.yml": `
- { name: plan, entity: workspace, type: profile }
- { name: seats, entity: workspace, type: profile, value: integer }
- { name: is_paid, entity: workspace, type: profile, value: boolean }
- { name: tags, entity: workspace, type: unique_list, event: Tagged, property: tag }
- { name: deploys, entity: [workspace, account], type: count, event: Deployed }
- { name: last_deploy, entity: workspace, type: last_seen, event: Deployed }
- { name: revenue, entity: account, type: sum, event: Invoice Paid, property: amount }
- { name: email, entity: user, type: profile }
- { name: is_admin, entity: user, type: profile, value: boolean }
`,
  "scores/base.yml": `
name: fit
entity: workspace
components: [{ name: all, weight: 100, linear: { trait: deploys, from: 0, to: 10 } }]
buckets: { cold: 0, warm: 50 }
`,
  "audiences/base.yml": `
- { name: busy, entity: workspace, where: { trait: deploys, gt: 10 } }
- { name: admins, entity: user, where: { trait: is_admin, is: true } }
`,
  "models/base.sql": "SELECT 1 AS id",
  "destinations/base.yml": "{ name: hook, type: webhook, settings: { url: 'https://example.com/in' } }",
};

interface Case {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly says: readonly (readonly [place: string, message: string, remedy: string])[];
}

const one = (title: string, file: string, text: string, place: string, message: string, remedy: string): Case => ({
  title,
  files: { [file]: text },
  says: [[place, message, remedy]],
});
const trait = (title: string, text: string, place: string, message: string, remedy: string) =>
  one(title, "traits/x.yml", text, `traits/x.yml:${place}`, message, remedy);
const score = (title: string, text: string, place: string, message: string, remedy: string) =>
  one(title, "scores/x.yml", text, `scores/x.yml:${place}`, message, remedy);
const audience = (title: string, where: string, place: string, message: string, remedy: string) =>
  one(title, "audiences/x.yml", `name: x\nentity: workspace\nwhere: ${where}\n`, `audiences/x.yml:${place}`, message, remedy);
const config = (title: string, text: string, place: string, message: string, remedy: string) =>
  one(title, "cambium.yml", text, `cambium.yml:${place}`, message, remedy);
const sync = (title: string, text: string, place: string, message: string, remedy: string) =>
  one(title, "syncs/x.yml", `name: x\n${text}\n`, `syncs/x.yml:${place}`, message, remedy);
const destination = (title: string, text: string, place: string, message: string, remedy: string) =>
  one(title, "destinations/x.yml", `name: x\n${text}\n`, `destinations/x.yml:${place}`, message, remedy);

const kinds = `entities: { user: {}, workspace: { parent: account }, account: {} }`;

const cases: Case[] = [
  one("no cambium.yml name", "cambium.yml", "timezone: UTC\n", "cambium.yml:1:1 name", "`name` is missing.", "Add `name:` (text)."),
  trait(
    "unknown key",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwithn: 7 days\n",
    "5:1 withn",
    "`withn` is not a key that belongs here.",
    "Did you mean `within`?",
  ),
  trait(
    "unknown type",
    "name: a\nentity: workspace\ntype: cuont\nevent: X\n",
    "3:7 type",
    "`type` cannot be `cuont`.",
    "Did you mean `count`? It is one of `count`, `sum`, `avg`, `min`, `max`, `first`, `last`, `most_frequent`, `unique_count`, `unique_list`, `days_active`, `days_since`, `first_seen`, `last_seen`, `profile`, `sql`, `formula`, `rollup`.",
  ),
  trait(
    "no type",
    "name: a\nentity: workspace\nevent: X\n",
    "1:1 type",
    "`type` is missing.",
    "Add `type:`, one of `count`, `sum`, `avg`, `min`, `max`, `first`, `last`, `most_frequent`, `unique_count`, `unique_list`, `days_active`, `days_since`, `first_seen`, `last_seen`, `profile`, `sql`, `formula`, `rollup`.",
  ),
  trait(
    "key of another type",
    "name: a\nentity: workspace\ntype: count\nevent: X\nproperty: amount\n",
    "5:1 property",
    "`property` does not go together with `name`, `entity`, `event`, `type`.",
    "Known keys here: `call`, `description`, `entity`, `event`, `exact`, `history`, `name`, `title`, `type`, `where`, `within`.",
  ),
  trait(
    "missing key",
    "name: a\nentity: workspace\ntype: sum\nevent: X\n",
    "1:1 property",
    "`property` is missing.",
    "Add `property:` (text).",
  ),
  trait(
    "bad name",
    "name: My Trait\nentity: workspace\ntype: count\nevent: X\n",
    "1:7 name",
    "`My Trait` does not fit `name`.",
    "A name starts with a letter and has only lower-case letters, digits and underscores (at most 63).",
  ),
  trait(
    "bad duration",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwithin: a week\n",
    "5:9 within",
    "`a week` does not fit `within`.",
    "A duration looks like `7 days`, `24 hours` or `30 minutes`.",
  ),
  trait(
    "text where a list belongs",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwhere: plan\n",
    "5:8 where",
    "`where` must be a list, not `plan`.",
    "Write `[first, second]`, or one item a line, each after `- `.",
  ),
  trait(
    "number instead of event",
    "name: a\nentity: workspace\ntype: count\nevent: 5\n",
    "4:8 event",
    "`event` must be text or a list, not `5`.",
    "Put it in quotes to make it text.",
  ),
  trait(
    "not an object",
    "just text\n",
    "1:1",
    "This definition must be an object (key: value), not `just text`.",
    "Write `key: value`, one a line and indented, or `{ key: value }`.",
  ),
  trait(
    "duplicate key",
    "name: a\nentity: workspace\ntype: count\nevent: X\nname: b\n",
    "5:1",
    "The key `name` stands here twice.",
    "Remove one of the two; YAML would silently keep the last.",
  ),
  trait("tab indent", "name: a\nentity:\n\t- workspace\n", "3:1", "This line is indented with a tab.", "Indent YAML with spaces."),
  trait(
    "broken yaml",
    "name: a\nentity: [workspace\ntype: count\n",
    "3:1",
    "A bracket that was opened above is not closed before this line.",
    "Close it, or indent this line.",
  ),
  trait(
    "bad operator in property",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwhere:\n  - { property: plan, si: free }\n",
    "6:23 where[0].si",
    "`si` is not a key that belongs here.",
    "Did you mean `is`?",
  ),
  trait(
    "property asks nothing",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwhere:\n  - { property: plan }\n",
    "6:5 where[0]",
    "This asks nothing of `plan`.",
    "Compare it (`is: pro`, `gt: 10`), or write `exists: true`.",
  ),
  trait(
    "unknown entity",
    "name: a\nentity: workspaces\ntype: count\nevent: X\n",
    "2:9 entity",
    "There is no entity kind `workspaces` in cambium.yml.",
    "Did you mean `workspace`?",
  ),
  trait(
    "unknown entity in list",
    "name: a\nentity: [workspace, acount]\ntype: count\nevent: X\n",
    "2:21 entity[1]",
    "There is no entity kind `acount` in cambium.yml.",
    "Did you mean `account`?",
  ),
  trait(
    "duplicate trait",
    "name: plan\nentity: workspace\ntype: count\nevent: X\n",
    "1:7 name",
    "There is already a trait `workspace.plan` (traits/base.yml:2).",
    "Rename one of them; names in traits/ are unique.",
  ),
  trait(
    "reserved",
    "name: entity_id\nentity: workspace\ntype: count\nevent: X\n",
    "1:7 name",
    "`entity_id` is a name that Cambium uses itself.",
    "Choose another name for this trait.",
  ),
  trait(
    "first_seen window",
    "name: a\nentity: workspace\ntype: first_seen\nevent: X\nwithin: 7 days\n",
    "5:1 within",
    "`first_seen` is the first time ever: a window makes no sense for it.",
    "Remove `within`, or use `type: count`.",
  ),
  trait(
    "unique by hours",
    "name: a\nentity: workspace\ntype: unique_count\nevent: X\nproperty: p\nwithin: 24 hours\n",
    "6:9 within",
    "`unique_count` is kept by day, and `24 hours` is not whole days.",
    "Give the window in days.",
  ),
  trait(
    "exact for unique",
    "name: a\nentity: workspace\ntype: unique_count\nevent: X\nproperty: p\nwithin: 2 days\nexact: true\n",
    "7:1 exact",
    "`exact` is not possible for `unique_count`.",
    "It works for count, sum, avg, min, max.",
  ),
  trait(
    "exact without within",
    "name: a\nentity: workspace\ntype: count\nevent: X\nexact: true\n",
    "5:1 exact",
    "`exact` says how a window is measured, and there is no `within`.",
    "Add `within:`, or remove `exact`.",
  ),
  trait(
    "minutes not exact",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwithin: 30 minutes\n",
    "5:9 within",
    "`30 minutes` is finer than the hourly buckets that windows are kept in.",
    "Add `exact: true`, or choose whole hours.",
  ),
  trait(
    "zero window",
    "name: a\nentity: workspace\ntype: count\nevent: X\nwithin: 0 days\n",
    "5:9 within",
    "A window of `0 days` holds nothing.",
    "Choose a length of at least one.",
  ),
  trait(
    "star and name",
    'name: a\nentity: workspace\ntype: count\nevent: ["*", X]\n',
    "4:8 event",
    '`"*"` already means every event.',
    'Write `event: "*"` alone, or name the events.',
  ),
  trait(
    "identify call named",
    "name: a\nentity: workspace\ntype: count\nevent: X\ncall: identify\n",
    "4:8 event",
    "An identify call has no event name.",
    'Write `event: "*"` with `call: identify`.',
  ),
  trait(
    "formula syntax",
    "name: a\nentity: workspace\ntype: formula\nformula: seats * (deploys\n",
    "4:10 formula",
    "This formula cannot be read: Unclosed ( at character 17.",
    "A formula looks like `deployments_28d / members`.",
  ),
  trait(
    "formula unknown trait",
    "name: a\nentity: workspace\ntype: formula\nformula: seatz * 2\n",
    "4:10 formula",
    "There is no trait `seatz` of workspace.",
    "Did you mean `seats`?",
  ),
  trait(
    "formula unknown function",
    "name: a\nentity: workspace\ntype: formula\nformula: colesce(seats, 0)\n",
    "4:10 formula",
    "There is no function `colesce` in formulas.",
    "Did you mean `coalesce`?",
  ),
  trait(
    "formula arity",
    "name: a\nentity: workspace\ntype: formula\nformula: if(seats, 0)\n",
    "4:10 formula",
    "`if` takes 3 arguments, not 2.",
    "",
  ),
  trait(
    "formula operator",
    "name: a\nentity: workspace\ntype: formula\nformula: seats === 2\n",
    "4:10 formula",
    "A formula has no operator `===`.",
    "Use `==`.",
  ),
  trait(
    "formula other kind",
    "name: a\nentity: workspace\ntype: formula\nformula: revenue / 2\n",
    "4:10 formula",
    "`revenue` is a trait of account, not of workspace.",
    "Define it for workspace too, or bring it over with a roll-up trait.",
  ),
  trait(
    "formula reads itself",
    "name: a\nentity: workspace\ntype: formula\nformula: a + 1\n",
    "1:1",
    "Trait workspace.a reads itself.",
    "Take one of these references out.",
  ),
  trait(
    "formula circle",
    "- { name: a, entity: workspace, type: formula, formula: b + 1 }\n- { name: b, entity: workspace, type: formula, formula: a + 1 }\n",
    "1:3",
    "These definitions read each other in a circle: trait workspace.a → trait workspace.b → trait workspace.a.",
    "Take one of these references out.",
  ),
  trait(
    "rollup wrong member",
    "name: a\nentity: workspace\ntype: rollup\nfrom: account\nroll: count\n",
    "4:7 from",
    "An account is no member of a workspace.",
    "Members of workspace are users.",
  ),
  trait(
    "rollup for user",
    "name: a\nentity: user\ntype: rollup\nfrom: workspace\nroll: count\n",
    "2:9 entity",
    "A user has no members to roll up.",
    "Roll-ups go from user to workspace to account.",
  ),
  trait(
    "rollup without trait",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\nroll: sum\n",
    "5:7 roll",
    "`sum` needs a trait of the members.",
    "Add `trait:`.",
  ),
  trait(
    "rollup text sum",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\ntrait: plan\nroll: sum\n",
    "5:8 trait",
    "`plan` is text: there is nothing to add up.",
    "Choose a number, or use `count_where`.",
  ),
  trait(
    "rollup any of number",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\ntrait: seats\nroll: any\n",
    "5:8 trait",
    "`any` needs a trait that is true or false; `seats` is integer.",
    "Use `where:` with a condition instead.",
  ),
  trait(
    "rollup count_where",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\nroll: count_where\n",
    "5:7 roll",
    "`count_where` needs a condition.",
    "Add `where:`, or use `count`.",
  ),
  trait(
    "rollup count with trait",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\ntrait: seats\nroll: count\n",
    "5:1 trait",
    "`count` counts members; it reads no trait.",
    "Remove `trait`, or use `sum`.",
  ),
  trait(
    "rollup unknown roll",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\ntrait: seats\nroll: average\n",
    "6:7 roll",
    "`roll` cannot be `average`.",
    "It is one of `sum`, `max`, `min`, `avg`, `any`, `all`, `count`, `count_where`.",
  ),
  trait(
    "rollup where looks at score",
    "name: a\nentity: account\ntype: rollup\nfrom: workspace\nroll: count_where\nwhere: { score: fit, gte: 3 }\n",
    "6:17 where.score",
    "A trait cannot look at a score.",
    "Traits are computed before scores. Put the condition into an audience instead.",
  ),
  trait(
    "sql no query",
    "name: a\nentity: user\ntype: sql\nvalue: integer\nsql: DELETE FROM raw.events\n",
    "5:6 sql",
    "This SQL is no query.",
    "It starts with SELECT or WITH.",
  ),
  trait(
    "sql without value",
    "name: a\nentity: user\ntype: sql\nvalue: integer\nsql: SELECT user_id AS id FROM raw.events\n",
    "5:6 sql",
    "The query has no column `value`.",
    "It returns `id` (the entity's own id) and, for a trait, `value`.",
  ),
  trait(
    "sql two statements",
    "name: a\nentity: user\ntype: sql\nvalue: integer\nsql: SELECT 1 AS id, 2 AS value; DROP TABLE x\n",
    "5:6 sql",
    "This is more than one SQL statement.",
    "Keep one SELECT.",
  ),
  trait(
    "sql value type missing",
    "name: a\nentity: user\ntype: sql\nsql: SELECT 1 AS id, 2 AS value\n",
    "1:1 value",
    "`value` is missing.",
    "Add `value:`, one of `text`, `integer`, `double`, `decimal`, `boolean`, `timestamp`, `date`, `text[]`.",
  ),
  trait(
    "event spelling",
    "name: a\nentity: user\ntype: count\nevent: invoice_paid\n",
    "4:8 event",
    "The event `invoice_paid` is written `Invoice Paid` in traits/base.yml:8.",
    "Event names are compared letter by letter: write it one way, or list both where both are sent.",
  ),
  score(
    "weights",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 50, linear: { trait: deploys, from: 0, to: 1 } }\n  - { name: b, weight: 40, linear: { trait: seats, from: 0, to: 1 } }\n",
    "4:3 components",
    "The weights sum to 90, not to 100: a 50, b 40.",
    "Add 10.",
  ),
  score(
    "no shape",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100 }\n",
    "4:5 components[0]",
    "The component `a` has no shape.",
    "Give it one of `milestone`, `linear`, `log`, `steps`, `percentile`.",
  ),
  score(
    "two shapes",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, linear: { trait: deploys, from: 0, to: 1 }, percentile: { trait: seats } }\n",
    "4:73 components[0].percentile",
    "The component `a` has `linear` and `percentile`: which one counts?",
    "Keep exactly one.",
  ),
  score(
    "unknown trait",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, linear: { trait: deploy, from: 0, to: 1 } }\n",
    "4:46 components[0].linear.trait",
    "There is no trait `deploy` of workspace.",
    "Did you mean `deploys`?",
  ),
  score(
    "text trait",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, linear: { trait: plan, from: 0, to: 1 } }\n",
    "4:46 components[0].linear.trait",
    "`linear` needs a number, and `plan` is text.",
    "Use `milestone:` with a condition on it instead.",
  ),
  score(
    "flat linear",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, linear: { trait: deploys, from: 1, to: 1 } }\n",
    "4:37 components[0].linear",
    "`linear` goes from 1 to 1: it has no slope.",
    "Choose two different values, or use `steps`.",
  ),
  score(
    "unsorted steps",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, steps: { trait: deploys, table: [[0, 0], [5, 50], [3, 100]] } }\n",
    "4:79 components[0].steps.table[2]",
    "The threshold 3 does not lie above the one before it.",
    "Sort the table by threshold.",
  ),
  score(
    "bucket bound",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, linear: { trait: deploys, from: 0, to: 1 } }\nbuckets: { warm: 30, hot: 60 }\n",
    "5:10 buckets",
    "Values below 30 are in no bucket.",
    "Let one bucket start at 0.",
  ),
  score(
    "group",
    "name: s\nentity: workspace\ngroups: { usage: {} }\ncomponents:\n  - { name: a, group: usge, weight: 50, linear: { trait: deploys, from: 0, to: 1 } }\n  - { name: b, group: usage, weight: 50, linear: { trait: deploys, from: 0, to: 1 } }\n",
    "5:23 components[0].group",
    "The score has no group `usge`.",
    "Did you mean `usage`?",
  ),
  score(
    "component twice",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 50, linear: { trait: deploys, from: 0, to: 1 } }\n  - { name: a, weight: 50, linear: { trait: deploys, from: 0, to: 1 } }\n",
    "5:13 components[1].name",
    "Two components are called `a`.",
    "Rename one.",
  ),
  score(
    "milestone audience",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, milestone: { audience: busy } }\n",
    "4:52 components[0].milestone.audience",
    "A score cannot look at an audience.",
    "A score is computed before audiences. Write the audience's own condition here.",
  ),
  score(
    "weight negative",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: -1, milestone: { event: X } }\n",
    "4:24 components[0].weight",
    "`weight` is -1: too small.",
    "It must be more than 0.",
  ),
  score(
    "component key slip",
    "name: s\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, mileston: { event: X } }\n",
    "4:29 components[0].mileston",
    "`mileston` is not a key that belongs here.",
    "Did you mean `milestone`?",
  ),
  score(
    "name of a trait",
    "name: plan\nentity: workspace\ncomponents:\n  - { name: a, weight: 100, milestone: { event: X } }\n",
    "1:7 name",
    "`plan` is also a trait of workspace (traits/base.yml:2): in a sync nobody could tell them apart.",
    "Rename one of the two.",
  ),
  audience(
    "unknown trait",
    "{ trait: plam, is: free }",
    "3:17 where.trait",
    "There is no trait `plam` of workspace.",
    "Did you mean `plan`?",
  ),
  audience(
    "trait of another kind",
    "{ trait: email, exists: true }",
    "3:17 where.trait",
    "`email` is a trait of user, not of workspace.",
    "Define it for workspace too, or bring it over with a roll-up trait.",
  ),
  audience(
    "misspelt key",
    "{ trat: plan, is: free }",
    "3:10 where.trat",
    "`trat` is not a key that belongs here.",
    "Did you mean `trait`?",
  ),
  audience(
    "misspelt operator",
    "{ trait: plan, iss: free }",
    "3:23 where.iss",
    "`iss` is not a key that belongs here.",
    "Did you mean `is`?",
  ),
  audience(
    "misspelt group",
    "{ al: [{ trait: plan, is: free }] }",
    "3:10 where.al",
    "`al` is not a key that belongs here.",
    "Did you mean `all`?",
  ),
  audience(
    "nested misspelling",
    "\n  all:\n    - any:\n        - { trait: plan, is: free }\n        - { evnt: Deployed }",
    "7:13 where.all[0].any[1].evnt",
    "`evnt` is not a key that belongs here.",
    "Did you mean `event`?",
  ),
  audience(
    "nothing fits",
    "{ foo: 1, bar: 2 }",
    "3:8 where",
    "None of the forms that can stand here fits: this has `foo`, `bar`.",
    "It needs one of `all`, `any`, `not`, `trait`, `score`, `event`, `audience`, `sequence`, `sql`.",
  ),
  audience(
    "empty condition",
    "{}",
    "3:8 where",
    "None of the forms that can stand here fits: this is empty.",
    "It needs one of `all`, `any`, `not`, `trait`, `score`, `event`, `audience`, `sequence`, `sql`.",
  ),
  audience(
    "a list",
    "[{ trait: plan, is: free }]",
    "3:8 where",
    "`where` must be an object (key: value), not a list.",
    "Write `key: value`, one a line and indented, or `{ key: value }`.",
  ),
  audience(
    "text",
    "plan = 'free'",
    "3:8 where",
    "`where` must be an object (key: value), not `plan = 'free'`.",
    "Write `key: value`, one a line and indented, or `{ key: value }`.",
  ),
  audience(
    "all is no list",
    "{ all: { trait: plan, is: free } }",
    "3:15 where.all",
    "`all` must be a list, not an object.",
    "Write `[first, second]`, or one item a line, each after `- `.",
  ),
  audience(
    "two forms at once",
    "{ trait: plan, is: free, event: X }",
    "3:33 where.event",
    "`event` does not go together with `is`, `trait`.",
    "A condition asks one thing: join several under `all:` or `any:`.",
  ),
  audience(
    "number as text",
    '{ trait: seats, gt: "5" }',
    "3:28 where.gt",
    "Trait `seats` is a number, and `5` is text.",
    "Write 5 without quotes.",
  ),
  audience(
    "text for number",
    "{ trait: seats, is: many }",
    "3:28 where.is",
    "Trait `seats` is a number, and `many` is not.",
    "Write a number.",
  ),
  audience(
    "boolean as text",
    '{ trait: is_paid, is: "yes" }',
    "3:30 where.is",
    "Trait `is_paid` is true or false, and `yes` is neither.",
    "Write `true` or `false` without quotes.",
  ),
  audience(
    "order of boolean",
    "{ trait: is_paid, gt: 1 }",
    "3:30 where.gt",
    "Trait `is_paid` is true or false: it has no order.",
    "Use `is` or `contains`.",
  ),
  audience(
    "contains on number",
    "{ trait: seats, contains: 5 }",
    "3:34 where.contains",
    "`contains` looks into text, and trait `seats` is a number.",
    "Compare it with `is`, `in`, `gt` … instead.",
  ),
  audience(
    "time on number",
    "{ trait: seats, within_last: 7 days }",
    "3:37 where.within_last",
    "`within_last` is about time, and trait `seats` is a number.",
    "It needs a trait of type timestamp or date.",
  ),
  audience(
    "number on time",
    "{ trait: last_deploy, gt: 5 }",
    "3:34 where.gt",
    "Trait `last_deploy` is a moment, and 5 is a number.",
    "Write an ISO date such as `2026-01-31`, or use `within_last`.",
  ),
  audience(
    "no date",
    "{ trait: last_deploy, after: yesterday }",
    "3:37 where.after",
    "`yesterday` is neither a number nor an ISO date.",
    "Write `2026-01-31` or `2026-01-31T12:00:00Z`.",
  ),
  audience(
    "between reversed",
    "{ trait: seats, between: [10, 5] }",
    "3:33 where.between",
    "`between` goes from 10 down to 5: nothing lies there.",
    "Write the smaller one first.",
  ),
  audience(
    "between short",
    "{ trait: seats, between: [10] }",
    "3:33 where.between",
    "`between` is too short.",
    "It must be at least 2 items.",
  ),
  audience(
    "bad pattern",
    '{ trait: plan, matches: "(free" }',
    "3:32 where.matches",
    "This pattern cannot be read: /(free/u: Unterminated group.",
    "Check brackets and backslashes.",
  ),
  audience(
    "look-around",
    '{ trait: plan, matches: "free(?!mium)" }',
    "3:32 where.matches",
    "This pattern uses look-around or a back-reference, which RE2 patterns do not have.",
    "Write it without them.",
  ),
  audience("unknown score", "{ score: fitt, gte: 50 }", "3:17 where.score", "There is no score `fitt`.", "Did you mean `fit`?"),
  audience(
    "score asks nothing",
    "{ score: fit }",
    "3:8 where",
    "This asks nothing of the score `fit`.",
    "Compare it: `gte: 70`, `between: [40, 70]` or `bucket: warm`.",
  ),
  audience(
    "score out of range",
    "{ score: fit, gte: 700 }",
    "3:27 where.gte",
    "A score lies between 0 and 100; it is never compared with 700.",
    "Choose a number from 0 to 100.",
  ),
  audience(
    "unknown bucket",
    "{ score: fit, bucket: wrm }",
    "3:30 where.bucket",
    "The score `fit` has no bucket `wrm`.",
    "Did you mean `warm`?",
  ),
  audience("unknown audience", "{ audience: bussy }", "3:20 where.audience", "There is no audience `bussy`.", "Did you mean `busy`?"),
  audience(
    "audience of another kind",
    "{ audience: admins }",
    "3:20 where.audience",
    "`admins` is an audience of user, not of workspace.",
    "Choose an audience of workspace.",
  ),
  audience("reads itself", "{ audience: x }", "1:1", "Audience x reads itself.", "Take one of these references out."),
  audience(
    "empty count",
    "{ event: Deployed, count: {} }",
    "3:34 where.count",
    "`count` compares with nothing.",
    "Write for example `count: { gte: 3 }`; without `count`, once is enough.",
  ),
  audience(
    "count key",
    "{ event: Deployed, count: { get: 3 } }",
    "3:36 where.count.get",
    "`get` is not a key that belongs here.",
    "Did you mean `gte`?",
  ),
  audience(
    "sequence of one",
    "{ sequence: [{ event: Deployed }] }",
    "3:20 where.sequence",
    "`sequence` is too short.",
    "It must be at least 2 items.",
  ),
  audience(
    "within on first step",
    "{ sequence: [{ event: Deployed, within: 1 day }, { event: Tagged }] }",
    "3:48 where.sequence[0].within",
    "The first step of a sequence has nothing before it that it could be within.",
    "Put `within` on a later step, or beside `sequence` for the whole of it.",
  ),
  audience(
    "sql without id",
    '{ sql: "SELECT key FROM growth.workspace_entities" }',
    "3:15 where.sql",
    "The query has no column `id`.",
    "It returns `id` (the entity's own id) and, for a trait, `value`.",
  ),
  one(
    "missing list",
    "audiences/x.yml",
    "name: x\nentity: workspace\nwhere: { trait: plan, is: free }\nexclude: [lists/no.csv]\n",
    "audiences/x.yml:4:11 exclude[0]",
    "There is no file `lists/no.csv` in the project.",
    "Create it: a CSV file with a column `id`, its path seen from the project's folder.",
  ),
  one(
    "holdout",
    "audiences/x.yml",
    "name: x\nentity: workspace\nwhere: { trait: plan, is: free }\nholdout: 80\n",
    "audiences/x.yml:4:10 holdout",
    "`holdout` is 80: too big.",
    "It must be at most 50.",
  ),
  one(
    "audience circle",
    "audiences/x.yml",
    "- { name: x, entity: workspace, where: { audience: y } }\n- { name: y, entity: workspace, where: { not: { audience: x } } }\n",
    "audiences/x.yml:1:3",
    "These definitions read each other in a circle: audience x → audience y → audience x.",
    "Take one of these references out.",
  ),
  one(
    "audience twice",
    "audiences/x.yml",
    "{ name: busy, entity: workspace, where: { trait: deploys, gt: 10 } }\n",
    "audiences/x.yml:1:9 name",
    "There is already an audience `busy` (audiences/base.yml:2).",
    "Rename one of them; names in audiences/ are unique.",
  ),
  sync(
    "unknown destination",
    "from: { audience: busy }\ndestination: hok\nmapping: { id: key }",
    "3:14 destination",
    "There is no destination `hok`.",
    "Did you mean `hook`?",
  ),
  sync(
    "unknown column",
    "from: { audience: busy }\ndestination: hook\nmapping: { id: key, plan: plann }",
    "4:27 mapping.plan",
    "There is no column `plann` of workspace: no trait, score or audience has this name.",
    "Did you mean `plan`?",
  ),
  sync(
    "unknown column object",
    "from: { audience: busy }\ndestination: hook\nmapping: { plan: { column: plann, transform: lower } }",
    "4:28 mapping.plan.column",
    "There is no column `plann` of workspace: no trait, score or audience has this name.",
    "Did you mean `plan`?",
  ),
  sync(
    "unknown transform",
    "from: { audience: busy }\ndestination: hook\nmapping: { plan: { column: plan, transform: lowr } }",
    "4:45 mapping.plan.transform",
    "`transform` cannot be `lowr`.",
    "Did you mean `lower`? It is one of `lower`, `upper`, `trim`, `round`, `integer`, `number`, `string`, `boolean`, `json`, `unix_seconds`, `date`, `sha256`.",
  ),
  sync(
    "unknown source form",
    "from: { audiance: busy }\ndestination: hook\nmapping: { plan: plan }",
    "2:9 from.audiance",
    "`audiance` is not a key that belongs here.",
    "Did you mean `audience`?",
  ),
  sync(
    "no source",
    "destination: hook\nmapping: { plan: plan }",
    "1:1 from",
    "`from` is missing.",
    "Add `from:` (an object (key: value)).",
  ),
  sync(
    "unknown audience",
    "from: { audience: buzy }\ndestination: hook\nmapping: { plan: plan }",
    "2:19 from.audience",
    "There is no audience `buzy`.",
    "Did you mean `busy`?",
  ),
  sync(
    "unknown model",
    "from: { model: bse }\ndestination: hook\nmapping: { plan: plan }",
    "2:16 from.model",
    "There is no model `bse`.",
    "Did you mean `base`?",
  ),
  sync(
    "log upserted",
    "from: { changes: busy }\ndestination: hook\nmapping: { id: key }",
    "1:1 mode",
    "Entries and exits of an audience are a log, and a log is appended, not `upsert`.",
    "Write `mode: append`.",
  ),
  sync(
    "append of entities",
    "from: { entity: workspace }\ndestination: hook\nmode: append\nmapping: { id: key }",
    "4:7 mode",
    "`append` sends each row once, and entities are rows that change.",
    "Use `from: { changes: <audience> }`, a model, or `mode: upsert`.",
  ),
  sync(
    "add_remove of entities",
    "from: { entity: workspace }\ndestination: hook\nmode: add_remove\nmapping: { id: key }",
    "4:7 mode",
    "`add_remove` keeps a list equal to an audience, and this sync reads no audience.",
    "Use `from: { audience: … }`.",
  ),
  sync(
    "unknown mode",
    "from: { audience: busy }\ndestination: hook\nmode: mirrored\nmapping: { id: key }",
    "4:7 mode",
    "`mode` cannot be `mirrored`.",
    "Did you mean `mirror`? It is one of `upsert`, `mirror`, `add_remove`, `append`.",
  ),
  sync(
    "empty mapping",
    "from: { audience: busy }\ndestination: hook\nmapping: {}",
    "4:10 mapping",
    "The mapping is empty: nothing would be sent.",
    "Map at least one field: `email: email`.",
  ),
  sync(
    "key column",
    "from: { audience: busy }\ndestination: hook\nkey: emial\nmapping: { id: key }",
    "4:6 key",
    "There is no column `emial` of workspace: no trait, score or audience has this name.",
    "Known columns: `account_key`, `busy`, `deploys`, `entity_id`, `first_seen`, `fit`, `fit_bucket`, `is_paid`, `key`, `last_deploy`, `last_seen`, `parent_key` and 4 more.",
  ),
  sync(
    "where of entity",
    "from: { entity: workspace, where: { trait: plam, is: free } }\ndestination: hook\nmapping: { id: key }",
    "2:44 from.where.trait",
    "There is no trait `plam` of workspace.",
    "Did you mean `plan`?",
  ),
  sync(
    "two sources",
    "from: { audience: busy, model: base }\ndestination: hook\nmapping: { id: key }",
    "2:25 from.model",
    "`model` does not go together with `audience`.",
    "Known keys here: `audience`, `model`.",
  ),
  destination("unknown type", "type: webhok", "2:7 type", "There is no destination type `webhok`.", "Did you mean `webhook`?"),
  destination(
    "catalogue without slug",
    'type: "catalogue:"',
    "2:7 type",
    "The catalogue's destination is not named.",
    "Write for example `type: catalogue:hubspot`.",
  ),
  destination(
    "secret in the open",
    "type: webhook\nsettings: { url: https://example.com, signing_secret: whsec_abc }",
    "3:55 settings.signing_secret",
    "`signing_secret` looks like a secret, and secrets are never written into definitions.",
    "Write `${X_SIGNING_SECRET}` and set that environment variable.",
  ),
  destination(
    "password in an address",
    'type: postgres\nsettings: { url: "postgres://me:pw@db.example.com/x" }',
    "3:18 settings.url",
    "`url` looks like a secret, and secrets are never written into definitions.",
    "Write `${X_URL}` and set that environment variable.",
  ),
  destination(
    "slack webhook",
    "type: slack\nsettings: { webhook: https://hooks.slack.com/services/T0/B0/x }",
    "3:22 settings.webhook",
    "`webhook` looks like a secret, and secrets are never written into definitions.",
    "Write `${X_WEBHOOK}` and set that environment variable.",
  ),
  destination(
    "odd reference",
    'type: webhook\nsettings: { url: https://example.com, token: "${my token}" }',
    "3:46 settings.token",
    "`${my token}` names no environment variable.",
    "A name has letters, digits and underscores: `${CRM_TOKEN}`.",
  ),
  destination("rate", "type: webhook\nrate: 0", "3:7 rate", "`rate` is 0: too small.", "It must be more than 0."),
  config(
    "zone",
    `name: t\ntimezone: Europe/Berln\n${kinds}\n`,
    "2:11 timezone",
    "There is no time zone `Europe/Berln`.",
    "Did you mean `Europe/Berlin`?",
  ),
  config(
    "unknown key",
    `name: t\ntimezon: UTC\n${kinds}\n`,
    "2:1 timezon",
    "`timezon` is not a key that belongs here.",
    "Did you mean `timezone`?",
  ),
  config(
    "entity key",
    "name: t\nentities: { user: {}, workspace: { parrent: account }, account: {} }\n",
    "2:36 entities.workspace.parrent",
    "`parrent` is not a key that belongs here.",
    "Did you mean `parent`?",
  ),
  config(
    "unknown parent",
    "name: t\nentities: { user: {}, workspace: { parent: acount }, account: {} }\n",
    "2:44 entities.workspace.parent",
    "There is no entity kind `acount` in cambium.yml.",
    "Did you mean `account`?",
  ),
  config(
    "circle",
    "name: t\nentities: { user: {}, workspace: { parent: account }, account: { parent: workspace } }\n",
    "2:74 entities.account.parent",
    "Entity kinds belong to each other in a circle: account → workspace → account.",
    "One of them has no parent.",
  ),
  config(
    "user with parent",
    "name: t\nentities: { user: { parent: workspace }, workspace: { parent: account }, account: {} }\n",
    "2:21 entities.user.parent",
    "`parent` is for group kinds: a user belongs to groups by membership.",
    "Remove it here.",
  ),
  config(
    "same group type",
    "name: t\nentities: { user: {}, workspace: { parent: account }, account: { group_type: workspace } }\n",
    "2:78 entities.account.group_type",
    "Group calls of type `workspace` already mean workspace.",
    "Give each kind a group type of its own.",
  ),
  config(
    "parent_id alone",
    "name: t\nentities: { user: {}, workspace: { parent: account }, account: { parent_id: [traits.x] } }\n",
    "2:66 entities.account.parent_id",
    "`parent_id` is given, but account has no `parent`.",
    "Add `parent:` or remove `parent_id`.",
  ),
  config(
    "blocked pattern",
    `name: t\n${kinds}\nidentity: { identifiers: [{ type: user_id, paths: [userId], priority: 1, blocked: ["/(/"] }] }\n`,
    "3:84 identity.identifiers[0].blocked[0]",
    "This pattern cannot be read: /(/u: Unterminated group.",
    "Check brackets and backslashes. Or write the exact value without slashes.",
  ),
  config(
    "blocked pattern that the warehouse cannot run",
    `name: t\n${kinds}\nidentity: { identifiers: [{ type: user_id, paths: [userId], priority: 1, blocked: ["/^(?!u)/"] }] }\n`,
    "3:84 identity.identifiers[0].blocked[0]",
    "This pattern uses look-around or a back-reference, which RE2 patterns do not have.",
    "Write it without them. Or write the exact value without slashes.",
  ),
  config(
    "port",
    `name: t\n${kinds}\ncollector: { port: 99999 }\n`,
    "3:20 collector.port",
    "`port` is 99999: too big.",
    "It must be at most 65535.",
  ),
  config(
    "name trait",
    "name: t\nentities: { user: {}, workspace: { parent: account, name_trait: titel }, account: {} }\n",
    "2:65 entities.workspace.name_trait",
    "There is no trait `titel` of workspace.",
    "Known traits of workspace: `deploys`, `is_paid`, `last_deploy`, `plan`, `seats`, `tags`.",
  ),
  config(
    "kind name",
    "name: t\nentities: { user: {}, workspace: { parent: account }, account: {}, Big Team: {} }\n",
    "2:68 entities.Big Team",
    "`Big Team` cannot be a key here.",
    "A name starts with a letter and has only lower-case letters, digits and underscores (at most 63).",
  ),
  config(
    "warehouse",
    `name: t\n${kinds}\nwarehouse: { type: duckdbb }\n`,
    "3:20 warehouse.type",
    "`type` cannot be `duckdbb`.",
    "Did you mean `duckdb`? It is one of `duckdb`, `clickhouse`.",
  ),
  one(
    "write key twice",
    "sources/x.yml",
    "{ name: x, write_keys: [test-key] }\n",
    "sources/x.yml:1:25 write_keys[0]",
    "The write key `test-key` already belongs to the source `web`.",
    "Give each source a key of its own.",
  ),
  one(
    "no write keys",
    "sources/x.yml",
    "{ name: x, write_keys: [] }\n",
    "sources/x.yml:1:24 write_keys",
    "`write_keys` is too short.",
    "It must be at least 1 item.",
  ),
  one(
    "write keys as text",
    "sources/x.yml",
    "{ name: x, write_keys: abc }\n",
    "sources/x.yml:1:24 write_keys",
    "`write_keys` must be a list, not `abc`.",
    "Write `[first, second]`, or one item a line, each after `- `.",
  ),
  one(
    "model ref",
    "models/x.sql",
    "SELECT *\nFROM {{ ref('bas') }}\n",
    "models/x.sql:2:9",
    "There is no model `bas`.",
    "Did you mean `base`?",
  ),
  one(
    "model materialized",
    "models/x.sql",
    "{{ config(materialized='incremental') }}\nSELECT 1 AS id\n",
    "models/x.sql:1:4",
    "A model cannot be materialized as `incremental`.",
    "Use `view` (the default) or `table`.",
  ),
  one(
    "model name",
    "models/My Model.sql",
    "SELECT 1 AS id\n",
    "models/My Model.sql:1:1",
    "The file name `My Model` cannot be a model's name.",
    "Use lower-case letters, digits and underscores: it becomes a view's name.",
  ),
  one("model empty", "models/x.sql", "\n", "models/x.sql:1:1", "This model is empty.", "Write a SELECT."),
  one(
    "model reads itself",
    "models/x.sql",
    "SELECT * FROM {{ ref('x') }}\n",
    "models/x.sql:1:1",
    "Model x reads itself.",
    "Take one of these references out.",
  ),
  one(
    "misspelt folder",
    "audience/x.yml",
    "{ name: x, entity: user, where: { event: X } }\n",
    "audience/x.yml:1:1",
    "The folder `audience` is none that Cambium reads.",
    "Did you mean `audiences`?",
  ),
  {
    title: "a list without ids",
    files: {
      "audiences/x.yml": "name: x\nentity: workspace\nwhere: { trait: plan, is: free }\nexclude: [lists/x.csv]\n",
      "lists/x.csv": "key,name\nw1,One\n",
    },
    says: [
      [
        "lists/x.csv:1:1",
        "This list has no column `id`.",
        "The first line names the columns, one of them `id`; each further line is one member.",
      ],
    ],
  },
  {
    title: "a list that is included and excluded",
    files: {
      "audiences/x.yml": "name: x\nentity: workspace\nwhere: { trait: plan, is: free }\ninclude: [lists/x.csv]\nexclude: [./lists/x.csv]\n",
      "lists/x.csv": "id\nw1\n",
    },
    says: [["audiences/x.yml:4:11 include[0]", "`lists/x.csv` is both included and excluded; exclusion wins.", "Keep one of the two."]],
  },
  {
    title: "what refers to a broken definition is not a second problem",
    files: {
      "traits/x.yml": "name: a\nentity: workspace\ntype: count\nevent: X\nwithn: 7 days\n",
      "audiences/x.yml": "name: x\nentity: workspace\nwhere: { trait: a, gt: 3 }\n",
      "syncs/x.yml": "name: x\nfrom: { audience: x }\ndestination: hook\nmapping: { id: key, a: a }\n",
    },
    says: [["traits/x.yml:5:1 withn", "`withn` is not a key that belongs here.", "Did you mean `within`?"]],
  },
  {
    title: "problems of several files, in their order",
    files: {
      "traits/x.yml": "name: a\nentity: workspace\ntype: count\n",
      "audiences/x.yml": "- { name: x, entity: workspace, where: { trait: plam } }\n- { name: z, entity: workspce, where: { event: X } }\n",
    },
    says: [
      ["audiences/x.yml:1:49 where.trait", "There is no trait `plam` of workspace.", "Did you mean `plan`?"],
      ["audiences/x.yml:2:22 entity", "There is no entity kind `workspce` in cambium.yml.", "Did you mean `workspace`?"],
      ["traits/x.yml:1:1 event", "`event` is missing.", "Add `event:` (text or a list)."],
    ],
  },
  {
    title: "a misspelt entity kind: once, at its own line, whoever uses the definition",
    files: {
      "scores/x.yml":
        "name: heat\nentity: workspce\ncomponents: [{ name: all, weight: 100, linear: { trait: deploys, from: 0, to: 10 } }]\n",
      "audiences/x.yml":
        "- { name: hot, entity: workspace, where: { score: heat, gte: 50 } }\n- { name: big, entity: acount, where: { trait: revenue, gt: 5 } }\n- { name: both, entity: account, where: { audience: big } }\n",
      "traits/x.yml":
        "- { name: size, entity: [acount], type: count, event: Seen }\n- { name: twice, entity: account, type: formula, formula: size * 2 }\n",
      "syncs/x.yml":
        "- { name: x, from: { entity: workspace }, destination: hook, mapping: { id: key, heat: heat, bucket: heat_bucket } }\n- { name: y, from: { audience: big }, destination: hook, mapping: { id: key, of: revenue } }\n",
    },
    says: [
      ["audiences/x.yml:2:24 entity", "There is no entity kind `acount` in cambium.yml.", "Did you mean `account`?"],
      ["scores/x.yml:2:9 entity", "There is no entity kind `workspce` in cambium.yml.", "Did you mean `workspace`?"],
      ["traits/x.yml:1:26 entity[0]", "There is no entity kind `acount` in cambium.yml.", "Did you mean `account`?"],
    ],
  },
  {
    title: "a broken template",
    files: { "models/x.sql": "SELECT 1\nFROM {{ ref('base' }}\n" },
    says: [
      [
        "models/x.sql:2:20",
        "This template cannot be read: expected comma after expression.",
        "Models know `ref`, `source` and `config`; check braces and quotes.",
      ],
    ],
  },
  {
    title: "an unknown schema in source",
    files: { "models/x.sql": "SELECT *\nFROM {{ source('rwa', 'events') }}\n" },
    says: [["models/x.sql:2:9", "There is no schema `rwa` to read `events` from.", "Did you mean `raw`?"]],
  },
  {
    title: "an unknown test of a model",
    files: { "models/schema.yml": "models:\n  - name: base\n    columns:\n      - { name: id, tests: [uniq] }\n" },
    says: [
      [
        "models/schema.yml:4:29 models[0].columns[0].tests[0]",
        "`tests[0]` cannot be `uniq`.",
        "Did you mean `unique`? It is one of `unique`, `not_null`.",
      ],
    ],
  },
  {
    title: "tests of a model that is not there",
    files: { "models/schema.yml": "models:\n  - name: bse\n" },
    says: [["models/schema.yml:2:11 models[0].name", "There is no model `bse`.", "Did you mean `base`?"]],
  },
  {
    title: "a relationship to a model that is not there",
    files: {
      "models/schema.yml":
        "models:\n  - name: base\n    columns:\n      - name: id\n        tests:\n          - relationships: { to: ref('bse'), field: id }\n",
    },
    says: [["models/schema.yml:4:9 models[0].columns[0]", "There is no model `bse`.", "Did you mean `base`?"]],
  },
  {
    title: "a trait over a model that is not there",
    files: { "traits/x.yml": "name: a\nentity: user\ntype: sql\nvalue: integer\nsql: SELECT id, value FROM {{ ref('bsae') }}\n" },
    says: [["traits/x.yml:5:6 sql", "There is no model `bsae`.", "Did you mean `base`?"]],
  },
  {
    title: "a circle through models, roll-ups and audiences",
    files: {
      "models/a.sql": "SELECT * FROM {{ ref('b') }}",
      "models/b.sql": "SELECT * FROM {{ ref('a') }}",
    },
    says: [
      [
        "models/a.sql:1:1",
        "These definitions read each other in a circle: model a → model b → model a.",
        "Take one of these references out.",
      ],
    ],
  },
];

function problemsOf(files: Readonly<Record<string, string>>): Problem[] {
  try {
    testProject({ ...sound, ...files });
  } catch (error) {
    if (error instanceof CambiumError && error.code === "PROJECT_INVALID") return error.details["problems"] as Problem[];
    throw error;
  }
  return [];
}

test("the project that the cases break is sound", () => {
  expect(problemsOf({})).toEqual([]);
  expect(Object.keys(defaultFiles).length).toBeGreaterThan(1);
});

describe("a broken definition names its place, what is wrong and the remedy", () => {
  test.each(cases.map((entry) => [entry.title, entry] as const))("%s", (_, { files, says }) => {
    const found = problemsOf(files).map(({ file, line, column, path, message, remedy }) => [
      `${file}:${line}:${column} ${path}`.trim(),
      message,
      remedy ?? "",
    ]);
    expect(found).toEqual(says);
  });
});
