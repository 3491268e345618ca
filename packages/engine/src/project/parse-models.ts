import { messageOf } from "../base/errors.js";
import { modelsFolder } from "./definition-kinds.js";
import { type Model, modelConfig } from "./kinds/model.js";
import { parseModelTests } from "./parse-model-tests.js";
import type { Files } from "./parse-definitions.js";
import { type Problem, suggestion } from "./problem.js";
import { renderSqlTemplate } from "./sql-template.js";

/** models/*.sql → models with the names they refer to, and the tests that `schema.yml` files ask of them. */

export interface PlacedModel {
  readonly model: Model;
  readonly file: string;
  /** Where each `ref` stands. */
  readonly refs: readonly { readonly name: string; readonly line: number; readonly column: number }[];
}

export interface Models {
  readonly models: readonly PlacedModel[];
  readonly problems: readonly Problem[];
}

/** Schemas that a model may read with `source`. */
const sourceSchemas = ["raw", "growth", "ops", "segment"];

export function parseModels(files: Files): Models {
  const problems: Problem[] = [];
  const models = Object.keys(files)
    .filter((file) => file.startsWith(`${modelsFolder}/`) && file.endsWith(".sql"))
    .sort()
    .map((file) => parseModel(file, files[file] ?? "", problems));
  const described = parseModelTests(
    files,
    models.map(({ model }) => model.name),
    problems,
  );
  return { models: models.map((placed) => ({ ...placed, model: { ...placed.model, ...described.get(placed.model.name) } })), problems };
}

function parseModel(file: string, text: string, problems: Problem[]): PlacedModel {
  const name = (file.split("/").at(-1) ?? "").replace(/\.sql$/, "");
  const problem = (offset: number, message: string, remedy: string) =>
    problems.push({ file, ...positionAt(text, Math.max(0, offset)), path: "", message, remedy });
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) {
    problem(
      0,
      `The file name \`${name}\` cannot be a model's name.`,
      "Use lower-case letters, digits and underscores: it becomes a view's name.",
    );
  }
  if (text.trim() === "") problem(0, "This model is empty.", "Write a SELECT.");
  const rendered = render(text, (message) => {
    const { line, column } = templatePlace(message);
    problems.push({
      file,
      line,
      column,
      path: "",
      message: `This template cannot be read: ${templateWords(message)}.`,
      remedy: "Models know `ref`, `source` and `config`; check braces and quotes.",
    });
  });
  for (const [schema, table] of rendered.sources) {
    if (sourceSchemas.includes(schema)) continue;
    const remedy = suggestion(schema, sourceSchemas, "schemas");
    problem(
      text.search(new RegExp(`source\\(\\s*['"]${escaped(schema)}['"]`)),
      `There is no schema \`${schema}\` to read \`${table}\` from.`,
      remedy,
    );
  }
  const config = modelConfig.safeParse(rendered.config);
  if (!config.success) {
    const at = text.indexOf("config(");
    if (
      rendered.config["materialized"] !== undefined &&
      !modelConfig.shape.materialized.safeParse(rendered.config["materialized"]).success
    ) {
      problem(
        at,
        `A model cannot be materialized as \`${String(rendered.config["materialized"])}\`.`,
        "Use `view` (the default) or `table`.",
      );
    } else {
      problem(at, "This `config` cannot be read.", "It takes `materialized='view'` or `'table'`, and `refresh='1 hour'` for tables.");
    }
  }
  const { materialized, refresh } = config.success ? config.data : { materialized: "view" as const, refresh: undefined };
  if (refresh !== undefined && materialized === "view") {
    problem(
      text.indexOf("config("),
      "A view is always fresh: `refresh` is for tables.",
      "Remove `refresh`, or add `materialized='table'`.",
    );
  }
  const model: Model = { name, sql: text, materialized, refs: rendered.refs, ...(refresh !== undefined && { refresh }) };
  return { model, file, refs: rendered.refs.map((ref) => ({ name: ref, ...positionAt(text, refOffset(text, ref)) })) };
}

function render(
  text: string,
  failed: (message: string) => void,
): Pick<ReturnType<typeof renderSqlTemplate>, "refs" | "sources" | "config"> {
  try {
    return renderSqlTemplate(text, { ref: (name) => name, source: (schema, table) => `${schema}.${table}` });
  } catch (error) {
    failed(messageOf(error));
    return { refs: [], sources: [], config: {} };
  }
}

function refOffset(text: string, ref: string): number {
  return Math.max(0, text.search(new RegExp(`\\bref\\([^)]*['"]${escaped(ref)}['"]`)));
}

/** `(unknown path) [Line 2, Column 7]\n  expected …` */
function templatePlace(message: string): { line: number; column: number } {
  const match = /\[Line (\d+), Column (\d+)\]/.exec(message);
  return { line: Number(match?.[1] ?? 1), column: Math.max(1, Number(match?.[2] ?? 1)) };
}

function templateWords(message: string): string {
  const words = message
    .replace(/\(unknown path\)\s*/g, "")
    .replace(/\[Line \d+, Column \d+\]\s*/g, "")
    .replace(/^\s*(Template render error:|Error:)\s*/g, "");
  return (
    words
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^\s*(Error:\s*)?(parse\w+:\s*)?/, "")
      .trim() ?? "unknown reason"
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
