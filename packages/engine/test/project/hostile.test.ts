import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { expect, test } from "vitest";
import { CambiumError } from "../../src/base/errors.js";
import { projectFromFiles } from "../../src/project/load-project.js";
import type { Problem } from "../../src/project/problem.js";
import { defaultFiles } from "../support/project.js";

/** Whatever stands in the files: a project, or one PROJECT_INVALID whose every problem has a place and plain words. */
function check(files: Readonly<Record<string, string>>): Problem[] {
  try {
    projectFromFiles(files);
    return [];
  } catch (error) {
    if (!(error instanceof CambiumError) || error.code !== "PROJECT_INVALID") throw error;
    const problems = error.details["problems"] as Problem[];
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) {
      expect(problem.line).toBeGreaterThanOrEqual(1);
      expect(problem.column).toBeGreaterThanOrEqual(1);
      expect(problem.message).toMatch(/^[\s\S]+[.?!:]$/);
      expect(`${problem.message} ${problem.remedy ?? ""}`).not.toMatch(/undefined|\[object |invalid input|received/i);
    }
    return problems;
  }
}

const guide = readFileSync(path.resolve(import.meta.dirname, "../../../../docs/guides/definitions.md"), "utf8");
const sound = Object.fromEntries(
  [...guide.matchAll(/```(?:yaml|sql)\n(?:#|--) (\S+)\n([\s\S]*?)```/g)].map((match) => [match[1] ?? "", match[2] ?? ""]),
);
const lists = { "lists/friends.csv": "id\nw1\n", "lists/do-not-contact.csv": "id\nw2\n" };

type Plain = null | string | number | boolean | Plain[] | { [key: string]: Plain };

/** Every place within a value. */
function places(value: Plain, at: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [[...at]];
  const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [[...at], ...inner.flatMap(([key, item]) => places(item, [...at, key]))];
}

/** The value with another thing at a place, or without it. */
function changed(value: Plain, at: readonly (string | number)[], change: Plain | undefined): Plain | undefined {
  const [key, ...rest] = at;
  if (key === undefined) return change;
  if (Array.isArray(value)) return value.flatMap((item, index) => (index === key ? (changed(item, rest, change) ?? []) : [item]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => {
      const next = name === key ? changed(item, rest, change) : item;
      return next === undefined ? [] : [[name, next]];
    }),
  );
}

const anything: fc.Arbitrary<Plain | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom<Plain>(
    null,
    true,
    0,
    -1,
    1e21,
    "",
    "x",
    "*",
    "${x}",
    "7 days",
    "0 days",
    [],
    {},
    [[]],
    { a: 1 },
    [null],
    { all: [] },
    { trait: "plan" },
    "a".repeat(5000),
  ),
  fc.string({ maxLength: 20 }),
);

test("a definition with any part changed or gone is still understood or plainly refused", () => {
  const yamlFiles = Object.keys(sound).filter((file) => file.endsWith(".yml"));
  fc.assert(
    fc.property(fc.constantFrom(...yamlFiles), fc.nat(), anything, (file, spot, change) => {
      const value = parse(sound[file] ?? "") as Plain;
      const all = places(value);
      const next = changed(value, all[spot % all.length] ?? [], change);
      check({ ...sound, ...lists, [file]: stringify(next ?? null) });
    }),
    { numRuns: 80, seed: 7 },
  );
});

test("any text at all in a file is understood or plainly refused", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("cambium.yml", "traits/x.yml", "models/x.sql", "models/schema.yml", "syncs/x.yml", "lists/friends.csv"),
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc
          .array(
            fc.constantFrom(
              "- ",
              "a: ",
              "{",
              "}",
              "[",
              "]",
              "\n",
              "  ",
              "'",
              '"',
              "&x ",
              "*x",
              "{{",
              "}}",
              "{%",
              "? ",
              "!!",
              "|",
              ">",
              "#",
              "\t",
              "name: a\n",
              "---\n",
            ),
            { maxLength: 25 },
          )
          .map((parts) => parts.join("")),
      ),
      (file, text) => void check({ ...sound, ...lists, [file]: text }),
    ),
    { numRuns: 100, seed: 8 },
  );
});

test("names of JavaScript's own are names like others", () => {
  const wrong = check({
    ...defaultFiles,
    "traits/x.yml": '{ name: a, entity: user, type: count, event: X, "__proto__": { polluted: true }, constructor: 1 }',
  });
  expect(wrong.map((problem) => problem.path)).toEqual(expect.arrayContaining(["constructor"]));
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  const formula = check({
    ...defaultFiles,
    "traits/x.yml": "{ name: a, entity: user, type: formula, formula: 'constructor(1) + toString(2)' }",
  });
  expect(formula.map((problem) => problem.message)).toEqual([
    "There is no function `constructor` in formulas.",
    "There is no function `toString` in formulas.",
  ]);
  check({ ...defaultFiles, "audiences/x.yml": "{ name: a, entity: user, where: { trait: hasOwnProperty, is: 1 } }" });
});

test("aliases that would blow up are refused, and deep nesting ends in words", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n`;
  expect(check({ ...defaultFiles, "traits/x.yml": bomb })[0]?.message).toContain("cannot be read");
  const deep = (levels: number) => `name: a\nentity: user\nwhere: ${"{ not: ".repeat(levels)}{ event: X }${" }".repeat(levels)}\n`;
  check({ ...defaultFiles, "audiences/x.yml": deep(60) });
  expect(check({ ...defaultFiles, "audiences/x.yml": deep(200) })[0]?.message).toContain("deeper than 100 levels");
  check({ ...defaultFiles, "audiences/x.yml": deep(3000) });
});
