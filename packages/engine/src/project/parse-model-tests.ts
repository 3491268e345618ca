import { modelsFolder } from "./definition-kinds.js";
import { type Model, type ModelTest, type WrittenTest, modelSchemaFile } from "./kinds/model.js";
import { type Files, type Placed, checkShape, yamlFilesIn } from "./parse-definitions.js";
import { type Problem, pathText, suggestion } from "./problem.js";
import { parseYamlFile } from "./yaml-file.js";

type Described = Pick<Model, "description" | "columns" | "tests">;

/** What `schema.yml` files say about models, by model; references to models that do not exist become problems. */
export function parseModelTests(files: Files, names: readonly string[], problems: Problem[]): Map<string, Described> {
  const described = new Map<string, Described>();
  for (const file of yamlFilesIn(files, modelsFolder)) {
    const parsed = parseYamlFile(file, files[file] ?? "");
    problems.push(...parsed.problems);
    for (const definition of parsed.definitions) {
      const checked = checkShape(definition, modelSchemaFile, problems);
      checked?.definition.models.forEach((entry, index) => {
        if (!names.includes(entry.name)) missing(checked, ["models", index, "name"], entry.name, names, problems);
        if (described.has(entry.name)) {
          const path = ["models", index, "name"];
          const remedy = "Keep one entry for each model.";
          problems.push({
            ...checked.place(path),
            path: pathText(path),
            message: `The model \`${entry.name}\` is described twice.`,
            remedy,
          });
        }
        const tests = entry.columns.flatMap((column, position) =>
          [...(column.tests ?? []), ...(column.data_tests ?? [])].map((written): ModelTest => {
            const test = testOf(written, column.name);
            if (test.to !== undefined && !names.includes(test.to)) {
              missing(checked, ["models", index, "columns", position], test.to, names, problems);
            }
            return test;
          }),
        );
        const columns = entry.columns.map(({ name, description }) => ({ name, ...(description !== undefined && { description }) }));
        described.set(entry.name, { ...(entry.description !== undefined && { description: entry.description }), columns, tests });
      });
    }
  }
  return described;
}

function missing(at: Placed<unknown>, path: readonly PropertyKey[], name: string, names: readonly string[], problems: Problem[]): void {
  const message = `There is no model \`${name}\`.`;
  problems.push({ ...at.place(path), path: pathText(path), message, remedy: suggestion(name, names, "models") });
}

function testOf(written: WrittenTest, column: string): ModelTest {
  if (typeof written === "string") return { type: written, column, severity: "error" };
  if ("unique" in written) return { type: "unique", column, where: written.unique.where, severity: written.unique.severity ?? "error" };
  if ("not_null" in written)
    return { type: "not_null", column, where: written.not_null.where, severity: written.not_null.severity ?? "error" };
  if ("accepted_values" in written) {
    const given = written.accepted_values;
    const inner = "arguments" in given ? given.arguments : given;
    return {
      type: "accepted_values",
      column,
      values: inner.values,
      where: given.where ?? inner.where,
      severity: given.severity ?? inner.severity ?? "error",
    };
  }
  const given = written.relationships;
  const inner = "arguments" in given ? given.arguments : given;
  const to = /ref\(\s*['"]([^'"]+)['"]\s*\)/.exec(inner.to)?.[1] ?? inner.to;
  return {
    type: "relationships",
    column,
    to,
    field: inner.field,
    where: given.where ?? inner.where,
    severity: given.severity ?? inner.severity ?? "error",
  };
}
