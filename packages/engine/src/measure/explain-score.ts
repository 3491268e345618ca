import { CambiumError } from "../base/errors.js";
import type { Explanation } from "../base/explanation.js";
import type { Component, Score } from "../project/kinds/score.js";
import type { EntityKind } from "../project/project.js";
import { name, sql } from "../warehouse/sql.js";
import { explainCondition } from "./explain-condition.js";
import { numberText } from "./explain-events.js";
import { type ExplainContext, explainTrait } from "./explain-trait.js";
import { componentColumn } from "./score-sql.js";

/** Why a score has its value: every component with its weight and share, and the traits under it. */
export async function explainScore(context: ExplainContext, entity: EntityKind, entityId: string, scoreName: string): Promise<Explanation> {
  const score = context.project.scores.find((candidate) => candidate.name === scoreName && candidate.entity === entity.kind);
  if (score === undefined) throw new CambiumError("NOT_FOUND", `There is no score ${scoreName} of ${entity.kind}.`);
  const row = await context.connection.first<Record<string, number | string | null>>(
    sql`/* a score now */ SELECT s.* EXCLUDE (entity_id) FROM ${name("growth", `score_${score.name}`)} AS s WHERE s.entity_id = ${{ parts: [{ text: numberText(entityId) }] }}`,
  );
  const node: Explanation = {
    title: `score ${score.name}`,
    kind: "score",
    value: (row?.["value"] as number | undefined) ?? null,
    formula: "Σ weight × component ÷ Σ weight",
    detail: typeof row?.["bucket"] === "string" ? `bucket ${row["bucket"]}` : undefined,
    at: row?.["updated_at"] as string | undefined,
    version: row?.["version"] as number | undefined,
    children: [],
  };
  if (row === undefined) return { ...node, detail: `This ${entity.kind} has no score yet.` };
  const children: Explanation[] = [];
  for (const component of score.components) {
    children.push(
      await explainComponent(context, entity, entityId, score, component, (row[componentColumn(component)] as number | null) ?? null),
    );
  }
  return { ...node, children };
}

async function explainComponent(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  score: Score,
  component: Component,
  value: number | null,
): Promise<Explanation> {
  const total = score.components.reduce((sum, each) => sum + each.weight, 0);
  const share =
    value === null
      ? "left out (missing)"
      : `adds ${((component.weight * value) / total).toFixed(1)} of at most ${((component.weight * 100) / total).toFixed(1)} points`;
  const trait = component.linear?.trait ?? component.log?.trait ?? component.steps?.trait ?? component.percentile?.trait;
  const children =
    trait !== undefined
      ? [await explainTrait(context, entity, entityId, trait)]
      : component.milestone === undefined
        ? []
        : [await explainCondition(context, entity, entityId, component.milestone)];
  return {
    title: `component ${component.name}`,
    kind: "component",
    value,
    formula: componentWords(component),
    detail: `weight ${component.weight}: ${share}`,
    children,
  };
}

function componentWords(component: Component): string {
  if (component.linear !== undefined)
    return `100 · clamp((${component.linear.trait} − ${component.linear.from}) ÷ (${component.linear.to} − ${component.linear.from}))`;
  if (component.log !== undefined)
    return `100 · clamp((ln(1+${component.log.trait}) − ln(1+${component.log.from})) ÷ (ln(1+${component.log.to}) − ln(1+${component.log.from})))`;
  if (component.steps !== undefined)
    return `steps of ${component.steps.trait}: ${component.steps.table.map(([bound, value]) => `≥ ${bound} → ${value}`).join(", ")}`;
  if (component.percentile !== undefined) return `mid-rank of ${component.percentile.trait} among all`;
  return "100 once it happened, else 0";
}
