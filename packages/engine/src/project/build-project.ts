import { md5Hex } from "../base/hash.js";
import { canonicalJson } from "./canonical-json.js";
import { identifierRules } from "./identity-defaults.js";
import type { Audience } from "./kinds/audience.js";
import type { Config, EntityRule } from "./kinds/config.js";
import type { Model } from "./kinds/model.js";
import type { Trait } from "./kinds/trait.js";
import { normalPath, readList } from "./manual-list.js";
import type { Files, Placed, PlacedDefinitions } from "./parse-definitions.js";
import type { PlacedModel } from "./parse-models.js";
import type { EntityKind, Project } from "./project.js";
import { withModelNames } from "./sql-template.js";

/** Puts a checked project together: the only place where what definitions leave out is filled in. */
export function buildProject(
  dir: string,
  files: Files,
  config: Config,
  placed: PlacedDefinitions,
  models: readonly PlacedModel[],
): Project {
  const traits = plain(placed.trait).map(withReferences);
  const audiences = plain(placed.audience).map(withReferences);
  const computed = {
    timezone: config.timezone,
    entities: entityKinds(config.entities, traits),
    identifiers: identifierRules(config.identity.identifiers ?? []),
    traits,
    scores: plain(placed.score).map(withReferences),
    audiences,
  };
  const definitions = {
    ...computed,
    models: models.map(({ model }) => model),
    sources: plain(placed.source),
    destinations: plain(placed.destination),
    syncs: plain(placed.sync).map(withReferences),
  };
  const lists = manualLists(files, audiences);
  const listed = { lists: Object.fromEntries(lists) };
  return Object.freeze({
    dir,
    config: deepFreeze(config),
    ...deepFreeze(definitions),
    lists,
    fingerprint: md5Hex(canonicalJson({ name: config.name, ...definitions, ...listed })),
    loopFingerprint: md5Hex(
      canonicalJson({ kept: loopKeeps, ...computed, ...listed, models: modelsNamed(definitions.models, JSON.stringify(computed)) }),
    ),
  });
}

/** Counts up when the loop keeps other tables or columns for the same definitions: a warehouse of before is then brought into their shape. */
const loopKeeps = 2;

/** Models that a text may read, with those behind them: by name, so rather one too many than one too few. */
function modelsNamed(models: readonly Model[], text: string): Model[] {
  const named = models.filter((model) => text.includes(model.name));
  if (named.length === 0) return [];
  const rest = models.filter((model) => !named.includes(model));
  return [...named, ...modelsNamed(rest, named.map((model) => model.sql).join("\n"))].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `user` first, then group kinds from the leaves to the roots, so that each kind stands before the one it belongs to. */
export function entityKinds(declared: Config["entities"], traits: readonly Trait[]): EntityKind[] {
  const rules: Record<string, EntityRule> = { user: {}, ...declared };
  const groups = leavesFirst(
    Object.keys(rules).filter((kind) => kind !== "user"),
    (kind) => rules[kind]?.parent,
  );
  return ["user", ...groups].map((kind) => entityKind(kind, rules[kind] ?? {}, kind === groups[0], traits));
}

function entityKind(kind: string, rule: EntityRule, isFirstGroup: boolean, traits: readonly Trait[]): EntityKind {
  const isGroup = kind !== "user";
  const title = rule.title ?? capital(kind.replaceAll("_", " "));
  const hasTrait = (name: string) => traits.some((trait) => trait.name === name && [trait.entity].flat().includes(kind));
  const nameTrait = rule.name_trait ?? ["name", "email"].find(hasTrait);
  return {
    ...rule,
    kind,
    title,
    plural: rule.plural ?? pluralOf(title),
    isGroup,
    ...(nameTrait === undefined ? {} : { name_trait: nameTrait }),
    ...(isGroup && {
      id: rule.id ?? [`properties.${kind}_id`, ...(isFirstGroup ? ["context.groupId"] : [])],
      group_type: rule.group_type ?? kind,
      leave_events: rule.leave_events ?? [],
      ...(rule.parent !== undefined && { parent_id: rule.parent_id ?? [`traits.${rule.parent}_id`] }),
    }),
  };
}

/** Declared order, except that a kind waits until all kinds that belong to it are placed. */
function leavesFirst(kinds: readonly string[], parentOf: (kind: string) => string | undefined): string[] {
  const placed: string[] = [];
  const waiting = new Set(kinds);
  while (waiting.size > 0) {
    const next = [...waiting].find((kind) => ![...waiting].some((other) => other !== kind && parentOf(other) === kind));
    if (next === undefined) throw new RangeError(`entity kinds form a circle: ${[...waiting].join(", ")}`);
    waiting.delete(next);
    placed.push(next);
  }
  return placed;
}

function manualLists(files: Files, audiences: readonly Audience[]): Map<string, readonly string[]> {
  const paths = new Set(audiences.flatMap((audience) => [...(audience.include ?? []), ...(audience.exclude ?? [])]));
  return new Map([...paths].sort().map((path) => [path, Object.freeze(readList(files[normalPath(path)] ?? "").ids)]));
}

/** Fills `{{ ref('model') }}` in wherever a definition has SQL; what has none comes back as it is. */
function withReferences<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withReferences) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    key === "sql" && typeof inner === "string" && inner.includes("{{") ? withModelNames(inner).sql : withReferences(inner),
  ]);
  return Object.fromEntries(entries) as T;
}

function plain<T>(placed: readonly Placed<T>[]): T[] {
  return placed.map(({ definition }) => definition);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function pluralOf(title: string): string {
  if (/[^aeiou]y$/.test(title)) return `${title.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/.test(title) ? `${title}es` : `${title}s`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
