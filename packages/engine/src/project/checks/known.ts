import { traitType } from "../compile/trait-type.js";
import type { ColumnType } from "../../warehouse/table.js";
import type { Audience } from "../kinds/audience.js";
import type { Config } from "../kinds/config.js";
import type { Score } from "../kinds/score.js";
import type { Trait } from "../kinds/trait.js";
import { type DefinitionKind, definitionKinds } from "../definition-kinds.js";
import type { Definitions, Placed } from "../parse-definitions.js";
import { type Problem, pathText, suggestion } from "../problem.js";

/** What the checks of a project share: everything that is known by name, and a way to report. */
export interface Known {
  readonly config: Config | undefined;
  /** Entity kinds; `user` is always one. */
  readonly kinds: readonly string[];
  readonly models: readonly string[];
  readonly traits: readonly Trait[];
  readonly scores: ReadonlyMap<string, Score>;
  readonly audiences: ReadonlyMap<string, Audience>;
  traitNames(kind: string): string[];
  trait(kind: string, name: string): Trait | undefined;
  typeOf(trait: Trait): ColumnType;
  names(kind: DefinitionKind): string[];
  /** Exists, whole or broken. */
  exists(kind: DefinitionKind, name: string): boolean;
  /** A definition of this name could not be read, or is of a kind that does not exist: what refers to it is not judged. */
  isBroken(kind: DefinitionKind, name: string): boolean;
  report(at: Placed<unknown>, path: readonly PropertyKey[], message: string, remedy?: string, of?: "key" | "value"): void;
}

export function knownOf(definitions: Definitions, models: readonly string[], problems: Problem[]): Known {
  const { placed, broken } = definitions;
  const config = definitions.config?.definition;
  const traits = placed.trait.map(({ definition }) => definition);
  const namesOf = (kind: DefinitionKind) => placed[kind].map(({ definition }) => definition.name);
  const isOf = (trait: Trait, kind: string) => [trait.entity].flat().includes(kind);
  const kinds = [...new Set(["user", ...Object.keys(config?.entities ?? {})])];
  const strays = new Set(config === undefined ? [] : straysOf(placed, kinds));
  const isBroken = (kind: DefinitionKind, name: string) => broken.get(kind)?.has(name) === true || strays.has(`${kind} ${name}`);
  return {
    config,
    kinds,
    models,
    traits,
    scores: new Map(placed.score.map(({ definition }) => [definition.name, definition])),
    audiences: new Map(placed.audience.map(({ definition }) => [definition.name, definition])),
    traitNames: (kind) => traits.filter((trait) => isOf(trait, kind)).map((trait) => trait.name),
    trait: (kind, name) => traits.find((trait) => trait.name === name && isOf(trait, kind)),
    typeOf: (trait) => traitType({ traits }, trait),
    names: namesOf,
    exists: (kind, name) => namesOf(kind).includes(name) || isBroken(kind, name),
    isBroken,
    report(at, path, message, remedy, of = "value") {
      problems.push({ ...at.place(path, of), path: pathText(path), message, remedy });
    },
  };
}

/** Definitions of an entity kind that does not exist: reported there, and not once more at each of their users. */
function straysOf(placed: Definitions["placed"], kinds: readonly string[]): string[] {
  return (["trait", "score", "audience"] as const).flatMap((of) =>
    placed[of].flatMap(({ definition }) =>
      [definition.entity].flat().every((kind) => kinds.includes(kind)) ? [] : [`${of} ${definition.name}`],
    ),
  );
}

/** Is there such an entity kind? Where cambium.yml itself is broken nobody can say, and nothing is reported. */
export function checkKind(known: Known, at: Placed<unknown>, path: readonly PropertyKey[], kind: string): boolean {
  if (known.config === undefined) return false;
  if (known.kinds.includes(kind)) return true;
  const remedy = suggestion(kind, known.kinds, "entity kinds");
  known.report(at, path, `There is no entity kind \`${kind}\` in cambium.yml.`, remedy);
  return false;
}

/** Is there such a trait of this kind? Says whose trait it is if it is another kind's. */
export function checkTrait(known: Known, at: Placed<unknown>, path: readonly PropertyKey[], kind: string, name: string): Trait | undefined {
  const trait = known.trait(kind, name);
  if (trait !== undefined || known.isBroken("trait", name) || !known.kinds.includes(kind)) return trait;
  const elsewhere = known.traits.find((candidate) => candidate.name === name);
  if (elsewhere !== undefined) {
    const owners = [elsewhere.entity].flat().join(" and ");
    known.report(
      at,
      path,
      `\`${name}\` is a trait of ${owners}, not of ${kind}.`,
      `Define it for ${kind} too, or bring it over with a roll-up trait.`,
    );
    return undefined;
  }
  known.report(at, path, `There is no trait \`${name}\` of ${kind}.`, suggestion(name, known.traitNames(kind), `traits of ${kind}`));
  return undefined;
}

/** Is there a definition of this kind and name? */
export function checkName(known: Known, at: Placed<unknown>, path: readonly PropertyKey[], kind: DefinitionKind, name: string): boolean {
  if (known.exists(kind, name)) return true;
  known.report(at, path, `There is no ${kind} \`${name}\`.`, suggestion(name, known.names(kind), definitionKinds[kind].folder));
  return false;
}
