import { componentTrait } from "../graph.js";
import type { Component, Score } from "../kinds/score.js";
import type { Placed } from "../parse-definitions.js";
import { suggestion } from "../problem.js";
import { checkCondition } from "./condition.js";
import { type Known, checkKind, checkTrait } from "./known.js";

const shapes = ["milestone", "linear", "log", "steps", "percentile"] as const;
/** Weights are written by hand with a few decimals: thirds may be 33.33. */
const weightTolerance = 0.011;

export function checkScore(known: Known, at: Placed<Score>): void {
  const score = at.definition;
  const hasKind = checkKind(known, at, ["entity"], score.entity);
  checkWeights(known, at);
  checkBuckets(known, at);
  const names = new Set<string>();
  score.components.forEach((component, index) => {
    const path = ["components", index];
    if (names.has(component.name)) known.report(at, [...path, "name"], `Two components are called \`${component.name}\`.`, "Rename one.");
    names.add(component.name);
    if (component.group !== undefined && score.groups !== undefined && !Object.hasOwn(score.groups, component.group)) {
      const remedy = suggestion(component.group, Object.keys(score.groups), "groups");
      known.report(at, [...path, "group"], `The score has no group \`${component.group}\`.`, remedy);
    }
    checkShape(known, at, component, path);
    if (hasKind) checkInputs(known, at, component, path);
  });
  for (const group of Object.keys(score.groups ?? {})) {
    if (!score.components.some((component) => component.group === group)) {
      known.report(
        at,
        ["groups", group],
        `No component is in the group \`${group}\`.`,
        "Remove the group, or put a component into it.",
        "key",
      );
    }
  }
}

function checkWeights(known: Known, at: Placed<Score>): void {
  const { components } = at.definition;
  const sum = components.reduce((total, component) => total + component.weight, 0);
  if (Math.abs(sum - 100) <= weightTolerance) return;
  const shown = Number(sum.toFixed(4));
  const listed = components.map((component) => `${component.name} ${component.weight}`).join(", ");
  known.report(
    at,
    ["components"],
    `The weights sum to ${shown}, not to 100: ${listed}.`,
    sum > 100 ? `Take ${round(sum - 100)} away.` : `Add ${round(100 - sum)}.`,
  );
}

function round(value: number): number {
  return Number(value.toFixed(4));
}

function checkBuckets(known: Known, at: Placed<Score>): void {
  const buckets = Object.entries(at.definition.buckets ?? {});
  if (buckets.length === 0) return;
  const seen = new Map<number, string>();
  for (const [bucket, from] of buckets) {
    const other = seen.get(from);
    if (other !== undefined)
      known.report(
        at,
        ["buckets", bucket],
        `The buckets \`${other}\` and \`${bucket}\` both start at ${from}.`,
        "Give each a bound of its own.",
      );
    seen.set(from, bucket);
  }
  const lowest = Math.min(...seen.keys());
  if (lowest > 0) known.report(at, ["buckets"], `Values below ${lowest} are in no bucket.`, "Let one bucket start at 0.");
}

function checkShape(known: Known, at: Placed<Score>, component: Component, path: readonly PropertyKey[]): void {
  const given = shapes.filter((shape) => component[shape] !== undefined);
  const listed = shapes.map((shape) => `\`${shape}\``).join(", ");
  if (given.length === 0) known.report(at, path, `The component \`${component.name}\` has no shape.`, `Give it one of ${listed}.`);
  const second = given[1];
  if (second !== undefined) {
    const both = given.map((shape) => `\`${shape}\``).join(" and ");
    known.report(at, [...path, second], `The component \`${component.name}\` has ${both}: which one counts?`, "Keep exactly one.", "key");
  }
  for (const shape of ["linear", "log"] as const) {
    const range = component[shape];
    if (range !== undefined && range.from === range.to) {
      known.report(
        at,
        [...path, shape],
        `\`${shape}\` goes from ${range.from} to ${range.to}: it has no slope.`,
        "Choose two different values, or use `steps`.",
      );
    }
  }
  const thresholds = component.steps?.table.map(([threshold]) => threshold) ?? [];
  const unsorted = thresholds.findIndex((threshold, index) => index > 0 && threshold <= (thresholds[index - 1] ?? 0));
  if (unsorted > 0) {
    known.report(
      at,
      [...path, "steps", "table", unsorted],
      `The threshold ${thresholds[unsorted] ?? 0} does not lie above the one before it.`,
      "Sort the table by threshold.",
    );
  }
}

function checkInputs(known: Known, at: Placed<Score>, component: Component, path: readonly PropertyKey[]): void {
  const { entity } = at.definition;
  if (component.milestone !== undefined) {
    checkCondition(known, { at, entity, within: "score" }, [...path, "milestone"], component.milestone);
  }
  const name = componentTrait(component);
  const shape = shapes.find((candidate) => candidate !== "milestone" && component[candidate] !== undefined);
  if (name === undefined || shape === undefined) return;
  const trait = checkTrait(known, at, [...path, shape, "trait"], entity, name);
  if (trait === undefined) return;
  const type = known.typeOf(trait);
  if (!["integer", "double", "decimal"].includes(type)) {
    known.report(
      at,
      [...path, shape, "trait"],
      `\`${shape}\` needs a number, and \`${name}\` is ${type}.`,
      "Use `milestone:` with a condition on it instead.",
    );
  }
}
