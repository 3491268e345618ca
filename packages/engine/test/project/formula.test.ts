import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formulaSql } from "../../src/measure/formula.js";
import { formulaFunctions, formulaOperators, formulaProblems } from "../../src/project/formula.js";
import type { Trait } from "../../src/project/kinds/trait.js";
import { type Sql, join, name, sql } from "../../src/warehouse/sql.js";
import type { ColumnType } from "../../src/warehouse/table.js";
import { testProject } from "../support/project.js";
import { testWarehouse } from "../support/warehouse.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse();
});
afterAll(() => warehouse.close());

/** The value of a formula where a = 6, b = 3, n = 4, s = 'Ab', u = 'éö', yes = true and none is missing; what validation accepts must compile and run. */
async function value(formula: string): Promise<unknown> {
  const project = testProject({
    "traits/x.yml": `
- { name: a, entity: user, type: profile, value: double }
- { name: b, entity: user, type: profile, value: double }
- { name: s, entity: user, type: profile }
- { name: yes, entity: user, type: profile, value: boolean }
- { name: n, entity: user, type: count, event: Done }
- { name: none, entity: user, type: profile, value: integer }
- { name: u, entity: user, type: profile }
- { name: f, entity: user, type: formula, formula: ${JSON.stringify(formula)}, value: text }
`,
  });
  const trait = project.traits.find((candidate) => candidate.name === "f") as Trait & { type: "formula" };
  const { dialect } = warehouse.connection;
  const columns: [string, Sql, ColumnType][] = [
    ["a", sql`6`, "double"],
    ["b", sql`3`, "double"],
    ["n", sql`4`, "integer"],
    ["none", sql`NULL`, "integer"],
    ["s", sql`'Ab'`, "text"],
    ["u", sql`'éö'`, "text"],
    ["yes", sql`TRUE`, "boolean"],
  ];
  const expression = formulaSql({ dialect, now: 0, timezone: "UTC" }, project, "user", trait);
  const row = await warehouse.connection.first(
    sql`SELECT ${expression} AS v FROM (SELECT ${join(columns.map(([column, constant, type]) => sql`${dialect.cast(constant, type)} AS ${name(column)}`))}) AS b`,
  );
  return row?.["v"];
}

describe("every function and operator that validation accepts is computed", () => {
  test.each([
    ["coalesce(a, 0)", 6],
    ["if(a > b, 1, 2)", 1],
    ["min(a, b)", 3],
    ["max(a, b)", 6],
    ["round(a / 4, 1)", 1.5],
    ["round(a / 4)", 2],
    ["round(0 - a / 4)", -2],
    ["round(a / 4 + 1)", 3],
    ["round(6.25, 1)", 6.3],
    ["round(1250, -2)", 1300],
    ["-2 + a", 4],
    ["min(n, 2.5)", 2.5],
    ["max(n, b, 3.5)", 4],
    ["if(n > 3, n, 0.5)", 4],
    ["n % 3", 1],
    ["(a + 1.5) % 2", 1.5],
    ["n / 8", 0.5],
    ["coalesce(none, n, 0.5)", 4],
    ["min(none, n)", 4],
    ["floor(a / 4)", 1],
    ["ceil(a / 4)", 2],
    ["abs(b - a)", 3],
    ["ln(1)", 0],
    ["sqrt(a + b)", 3],
    ["lower(s)", "ab"],
    ["upper(s)", "AB"],
    ["upper(u)", "ÉÖ"],
    ['lower("ÄÖ")', "äö"],
    ['concat(s, "!")', "Ab!"],
    ['concat(s, n, none, "-", yes)', "Ab4-true"],
    ['if(yes, s, "")', "Ab"],
    ["a % 4", 2],
    ["a * b - 2", 16],
    ["a == 6 && !(b != 3) || a <= b", true],
    ["a >= b", true],
    ["a < b", false],
    ["yes ? 1 : 0", 1],
    ["a / 0", null],
  ])("%s = %s", async (formula, expected) => {
    expect(formulaProblems(formula)).toEqual([]);
    expect(await value(formula)).toEqual(expected);
  });

  test("none is left out here", () => {
    const shown = "coalesce if min max round floor ceil abs ln sqrt lower upper concat".split(" ");
    expect(Object.keys(formulaFunctions).sort()).toEqual(shown.sort());
    expect(formulaOperators).toEqual(expect.arrayContaining(["%", "==", "!=", "&&", "||", "!"]));
  });
});
