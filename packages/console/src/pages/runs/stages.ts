import type { Step } from "../../../../engine/src/server/contract.js";

/** Steps of a cycle by the stage they are a part of: `workspace traits` is of `traits`. */

const colours: Readonly<Record<string, string>> = {
  identify: "var(--series-3)",
  models: "var(--series-6)",
  measure: "var(--series-1)",
  traits: "var(--series-2)",
  scores: "var(--series-5)",
  audiences: "var(--series-4)",
  "roll-ups": "var(--series-6)",
};

export function stageOf(step: string): string {
  const words = step.toLowerCase().split(" ");
  return words.find((word) => word in colours) ?? words.at(-1) ?? step;
}

export function colourOf(stage: string): string {
  return colours[stage] ?? "var(--line-strong)";
}

export interface PlacedStep extends Step {
  readonly stage: string;
  /** Seconds after the cycle's start. */
  readonly from: number;
}

/** Each step where it ran; one that does not say when follows the one before it. */
export function place(steps: readonly Step[]): PlacedStep[] {
  let end = 0;
  return steps.map((step) => {
    const from = step.startedAfter ?? end;
    end = from + step.seconds;
    return { ...step, stage: stageOf(step.name), from };
  });
}

export function secondsByStage(steps: readonly Step[]): { stage: string; seconds: number }[] {
  const sums = new Map<string, number>();
  for (const step of steps) sums.set(stageOf(step.name), (sums.get(stageOf(step.name)) ?? 0) + step.seconds);
  return [...sums].map(([stage, seconds]) => ({ stage, seconds }));
}
