import { type DefinitionKind, definitionKindNames, definitionKinds } from "../definition-kinds.js";
import type { PlacedDefinitions } from "../parse-definitions.js";
import type { PlacedModel } from "../parse-models.js";
import { type Problem, withArticle } from "../problem.js";
import type { Known } from "./known.js";

/** Names that are taken twice: they become columns, tables and rows, so each stands for one thing. */
export function checkNames(known: Known, placed: PlacedDefinitions): void {
  for (const kind of definitionKindNames) {
    if (kind === "trait") continue;
    const seen = new Map<string, string>();
    for (const at of placed[kind]) {
      const { name } = at.definition;
      const other = seen.get(name);
      if (other !== undefined) duplicate(known, at, kind, name, other);
      else seen.set(name, whereabouts(at.place(["name"])));
    }
  }
  checkTraitNames(known, placed);
  checkWriteKeys(known, placed);
}

export function checkModelNames(models: readonly PlacedModel[], problems: Problem[]): void {
  const seen = new Map<string, string>();
  for (const { model, file } of models) {
    const other = seen.get(model.name);
    if (other !== undefined) {
      const message = `The model \`${model.name}\` is already in ${other}.`;
      problems.push({ file, line: 1, column: 1, path: "", message, remedy: "Rename one of the files." });
    }
    seen.set(model.name, file);
  }
}

/** A trait is one column of its kind, and a score, its bucket and an audience are read by the same names in syncs. */
function checkTraitNames(known: Known, placed: PlacedDefinitions): void {
  const seen = new Map<string, string>();
  for (const at of placed.trait) {
    for (const kind of [at.definition.entity].flat()) {
      const id = `${kind}.${at.definition.name}`;
      const other = seen.get(id);
      if (other !== undefined) duplicate(known, at, "trait", id, other);
      else seen.set(id, whereabouts(at.place(["name"])));
    }
  }
  for (const at of [...placed.score, ...placed.audience]) {
    const { name, entity } = at.definition;
    const other = seen.get(`${entity}.${name}`);
    if (other === undefined) continue;
    known.report(
      at,
      ["name"],
      `\`${name}\` is also a trait of ${entity} (${other}): in a sync nobody could tell them apart.`,
      "Rename one of the two.",
    );
  }
}

function checkWriteKeys(known: Known, placed: PlacedDefinitions): void {
  const seen = new Map<string, string>();
  for (const at of placed.source) {
    at.definition.write_keys.forEach((key, index) => {
      const other = seen.get(key);
      if (other !== undefined) {
        known.report(
          at,
          ["write_keys", index],
          `The write key \`${key}\` already belongs to the source \`${other}\`.`,
          "Give each source a key of its own.",
        );
      }
      seen.set(key, at.definition.name);
    });
  }
}

function duplicate(known: Known, at: Parameters<Known["report"]>[0], kind: DefinitionKind, name: string, other: string): void {
  known.report(
    at,
    ["name"],
    `There is already ${withArticle(kind)} \`${name}\` (${other}).`,
    `Rename one of them; names in ${definitionKinds[kind].folder}/ are unique.`,
  );
}

function whereabouts(place: { file: string; line: number }): string {
  return `${place.file}:${place.line}`;
}
