import { formulaNames } from "./formula.js";
import type { Audience } from "./kinds/audience.js";
import type { Condition } from "./kinds/condition.js";
import type { Model } from "./kinds/model.js";
import type { Component, Score } from "./kinds/score.js";
import type { Sync } from "./kinds/sync.js";
import type { Trait } from "./kinds/trait.js";
import type { Project } from "./project.js";

/**
 * The graph of definitions: what each one reads, and an order in which everything is computed after what it reads.
 * A trait defined for several kinds is a node for each.
 */
export type Node =
  | { readonly type: "trait"; readonly entity: string; readonly name: string }
  | { readonly type: "score" | "audience" | "model" | "sync" | "destination"; readonly name: string };

/** `trait workspace.plan`, `audience overage`: unique, and what people read in messages. */
export function nodeId(node: Node): string {
  return node.type === "trait" ? `trait ${node.entity}.${node.name}` : `${node.type} ${node.name}`;
}

export interface Edges {
  readonly node: Node;
  readonly reads: readonly Node[];
}

type Definitions = Pick<Project, "traits" | "scores" | "audiences" | "models" | "syncs" | "destinations">;

/** Every definition with what it reads. Names that do not exist appear too: whoever validates tells. */
export function edgesOf(definitions: Definitions): Edges[] {
  return [
    ...definitions.models.map((model) => edges({ type: "model", name: model.name }, modelReads(model))),
    ...definitions.traits.flatMap((trait) =>
      [trait.entity].flat().map((entity) => edges({ type: "trait", entity, name: trait.name }, traitReads(trait, entity))),
    ),
    ...definitions.scores.map((score) => edges({ type: "score", name: score.name }, scoreReads(score))),
    ...definitions.audiences.map((audience) => edges({ type: "audience", name: audience.name }, audienceReads(audience))),
    ...definitions.destinations.map((destination) => edges({ type: "destination", name: destination.name }, [])),
    ...definitions.syncs.map((sync) => edges({ type: "sync", name: sync.name }, syncReads(sync))),
  ];
}

function edges(node: Node, reads: readonly Node[]): Edges {
  return { node, reads: [...new Map(reads.map((read) => [nodeId(read), read])).values()] };
}

export function traitReads(trait: Trait, entity: string): Node[] {
  switch (trait.type) {
    case "formula":
      return formulaNames(trait.formula).map((name) => ({ type: "trait", entity, name }));
    case "rollup": {
      const inner: Node[] = trait.trait === undefined ? [] : [{ type: "trait", entity: trait.from, name: trait.trait }];
      return [...inner, ...(trait.where === undefined ? [] : conditionReads(trait.where, trait.from))];
    }
    case "sql":
      return sqlReads(trait.sql);
    default:
      return [];
  }
}

export function scoreReads(score: Score): Node[] {
  return score.components.flatMap((component) => {
    const name = componentTrait(component);
    const fromTrait: Node[] = name === undefined ? [] : [{ type: "trait", entity: score.entity, name }];
    return [...fromTrait, ...(component.milestone === undefined ? [] : conditionReads(component.milestone, score.entity))];
  });
}

/** The trait under a component with a shape over a value. */
export function componentTrait(component: Component): string | undefined {
  return (component.linear ?? component.log ?? component.steps ?? component.percentile)?.trait;
}

export function audienceReads(audience: Audience): Node[] {
  return conditionReads(audience.where, audience.entity);
}

export function modelReads(model: Model): Node[] {
  return model.refs.map((name) => ({ type: "model", name }));
}

export function syncReads(sync: Sync): Node[] {
  const { from } = sync;
  const source: Node[] =
    "entity" in from
      ? from.where === undefined
        ? []
        : conditionReads(from.where, from.entity)
      : "model" in from
        ? [{ type: "model", name: from.model }]
        : [{ type: "audience", name: "audience" in from ? from.audience : from.changes }];
  return [...source, { type: "destination", name: sync.destination }];
}

/** What a condition about entities of a kind reads. */
export function conditionReads(condition: Condition, entity: string): Node[] {
  if ("all" in condition) return condition.all.flatMap((part) => conditionReads(part, entity));
  if ("any" in condition) return condition.any.flatMap((part) => conditionReads(part, entity));
  if ("not" in condition) return conditionReads(condition.not, entity);
  if ("trait" in condition) return [{ type: "trait", entity, name: condition.trait }];
  if ("score" in condition) return [{ type: "score", name: condition.score }];
  if ("audience" in condition) return [{ type: "audience", name: condition.audience }];
  return "sql" in condition ? sqlReads(condition.sql) : [];
}

/** `{{ ref('name') }}`, or the view itself: `models.name`. */
const refPattern = /\{\{\s*ref\(\s*['"]([^'"]+)['"]\s*\)\s*\}\}|\bmodels\.(?:"([^"]+)"|([a-z_][a-z0-9_]*))/g;

function sqlReads(text: string): Node[] {
  return [...text.matchAll(refPattern)].map((match) => ({ type: "model", name: match[1] ?? match[2] ?? match[3] ?? "" }));
}

/** Every definition after all that it reads; ties in the order of `edgesOf`. A project that loaded has no cycles. */
export function topologicalOrder(project: Definitions): Node[] {
  const all = edgesOf(project);
  const { order, cycles } = sort(all);
  if (cycles.length > 0) throw new RangeError(`definitions read each other in a circle: ${cycles[0]?.map(nodeId).join(" → ") ?? ""}`);
  return order;
}

/** The circles among definitions, each once, as `a → b → a`. */
export function cyclesOf(definitions: Definitions): Node[][] {
  return sort(edgesOf(definitions)).cycles;
}

/** Traits of a kind, each after the traits that it reads. */
export function orderedTraits(project: Project, kind: string): Trait[] {
  return topologicalOrder(project).flatMap((node) =>
    node.type === "trait" && node.entity === kind
      ? project.traits.filter((trait) => trait.name === node.name && [trait.entity].flat().includes(kind))
      : [],
  );
}

/** Every trait of every kind, each after the traits that it reads: roll-ups come after what they roll up. */
export function orderedTraitsOfAllKinds(project: Project): { kind: string; trait: Trait }[] {
  return topologicalOrder(project).flatMap((node) =>
    node.type === "trait"
      ? project.traits
          .filter((trait) => trait.name === node.name && [trait.entity].flat().includes(node.entity))
          .map((trait) => ({ kind: node.entity, trait }))
      : [],
  );
}

/** Scores, each after the scores that its milestones ask for. */
export function orderedScores(project: Project): Score[] {
  return named(topologicalOrder(project), "score", project.scores);
}

/** Audiences, nested ones after those they name. */
export function orderedAudiences(project: Project): Audience[] {
  return named(topologicalOrder(project), "audience", project.audiences);
}

/** Audiences of a kind in layers: each after the layers that hold the audiences it names. */
export function audienceLayers(project: Project, kind: string): Audience[][] {
  const depths = new Map<string, number>();
  const layers: Audience[][] = [];
  for (const audience of orderedAudiences(project).filter((candidate) => candidate.entity === kind)) {
    const named = audienceReads(audience).flatMap((node) => (node.type === "audience" ? [depths.get(node.name) ?? 0] : []));
    const depth = named.length === 0 ? 0 : Math.max(...named) + 1;
    depths.set(audience.name, depth);
    (layers[depth] ??= []).push(audience);
  }
  return layers;
}

export function orderedModels(project: Project): Model[] {
  return named(topologicalOrder(project), "model", project.models);
}

function named<T extends { readonly name: string }>(order: readonly Node[], type: Node["type"], definitions: readonly T[]): T[] {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  return order.flatMap((node) => {
    const definition = node.type === type ? byName.get(node.name) : undefined;
    return definition === undefined ? [] : [definition];
  });
}

/** Depth-first, without recursion: a chain of thousands of definitions is no reason to overflow. */
function sort(all: readonly Edges[]): { order: Node[]; cycles: Node[][] } {
  const byId = new Map(all.map((entry) => [nodeId(entry.node), entry]));
  const state = new Map<string, "open" | "done">();
  const order: Node[] = [];
  const cycles: Node[][] = [];
  for (const start of byId.values()) {
    if (state.has(nodeId(start.node))) continue;
    const path: { entry: Edges; next: number }[] = [{ entry: start, next: 0 }];
    state.set(nodeId(start.node), "open");
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const read = top.entry.reads[top.next++];
      if (read === undefined) {
        state.set(nodeId(top.entry.node), "done");
        order.push(top.entry.node);
        path.pop();
        continue;
      }
      const id = nodeId(read);
      const entry = byId.get(id);
      if (entry === undefined || state.get(id) === "done") continue;
      if (state.get(id) === "open") {
        const from = path.findIndex((step) => nodeId(step.entry.node) === id);
        cycles.push([...path.slice(from).map((step) => step.entry.node), entry.node]);
        continue;
      }
      state.set(id, "open");
      path.push({ entry, next: 0 });
    }
  }
  return { order, cycles };
}
