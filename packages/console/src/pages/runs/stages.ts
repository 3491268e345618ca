import type { Step } from "../../../../engine/src/server/contract.js";

/** Steps of a cycle by the stage they belong to; a stage may nest its own parts as `measure: deltas` or `measure.deltas`. */

const order = ["identify", "models", "measure", "measures", "traits", "scores", "audiences", "changes"] as const;

const colours = ["--series-3", "--series-6", "--series-1", "--series-1", "--series-2", "--series-5", "--series-4", "--line-strong"];

export function stageOf(step: string): string {
  return step.split(/[.:/ ]/)[0]?.toLowerCase() ?? step;
}

export function colourOf(stage: string): string {
  const known = order.findIndex((name) => name === stage);
  if (known >= 0) return `var(${colours[known] ?? "--series-1"})`;
  // A stage this page has not heard of gets a colour of its own that stays the same.
  const sum = [...stage].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return `var(--series-${(sum % 6) + 1})`;
}

export interface StageTime {
  readonly stage: string;
  readonly seconds: number;
}

/** Seconds of each stage in the order they ran; what no step accounts for comes last as `other`. */
export function stagesOf(steps: readonly Step[], seconds: number): StageTime[] {
  const sums = new Map<string, number>();
  for (const step of topSteps(steps)) sums.set(stageOf(step.name), (sums.get(stageOf(step.name)) ?? 0) + step.seconds);
  const known = [...sums.values()].reduce((total, each) => total + each, 0);
  const rest = seconds - known;
  return [...[...sums].map(([stage, time]) => ({ stage, seconds: time })), ...(rest > seconds * 0.02 ? [{ stage: "other", seconds: rest }] : [])];
}

/** Parts of a step that is itself listed would count twice. */
function topSteps(steps: readonly Step[]): Step[] {
  const names = new Set(steps.map((step) => step.name));
  return steps.filter((step) => {
    const stage = step.name.split(/[.:/ ]/)[0] ?? "";
    return stage === step.name || !names.has(stage);
  });
}
