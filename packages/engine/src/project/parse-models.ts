import { modelsFolder } from "./definition-kinds.js";
import type { Model } from "./kinds/model.js";
import type { Files } from "./parse-definitions.js";
import type { Problem } from "./problem.js";

/** models/*.sql → models with the names they refer to. The SQL itself is rendered by `model/`. */

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

const refPattern = /\{\{[^}]*?\bref\(\s*(?:'([^']*)'|"([^"]*)")\s*\)/g;
const configPattern = /\{\{\s*config\(([^)]*)\)\s*\}\}/;

export function parseModels(files: Files): Models {
  const problems: Problem[] = [];
  const models = Object.keys(files)
    .filter((file) => file.startsWith(`${modelsFolder}/`) && file.endsWith(".sql"))
    .sort()
    .map((file) => parseModel(file, files[file] ?? "", problems));
  return { models, problems };
}

function parseModel(file: string, text: string, problems: Problem[]): PlacedModel {
  const name = (file.split("/").at(-1) ?? "").replace(/\.sql$/, "");
  const problem = (offset: number, message: string, remedy: string) =>
    problems.push({ file, ...positionAt(text, offset), path: "", message, remedy });
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) {
    problem(
      0,
      `The file name \`${name}\` cannot be a model's name.`,
      "Use lower-case letters, digits and underscores: it becomes a view's name.",
    );
  }
  if (text.trim() === "") problem(0, "This model is empty.", "Write a SELECT.");
  const refs = [...text.matchAll(refPattern)].map((match) => ({ name: match[1] ?? match[2] ?? "", ...positionAt(text, match.index) }));
  const config = configPattern.exec(text);
  const materialized = /materialized\s*=\s*['"](\w+)['"]/.exec(config?.[1] ?? "")?.[1] ?? "view";
  if (materialized !== "view" && materialized !== "table") {
    problem(config?.index ?? 0, `A model cannot be materialized as \`${materialized}\`.`, "Use `view` (the default) or `table`.");
  }
  const model: Model = {
    name,
    sql: text,
    materialized: materialized === "table" ? "table" : "view",
    refs: [...new Set(refs.map((ref) => ref.name))].sort(),
  };
  return { model, file, refs };
}

export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
