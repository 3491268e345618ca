import { CambiumError } from "../base/errors.js";
import type { ExplainedValue, Explanation } from "../base/explanation.js";
import { conditionPredicate, scoreJoins, scoresNamed } from "../project/compile/condition-predicate.js";
import { hiddenColumn } from "../project/compile/hidden.js";
import { conditionWords, neededWords, valueWords } from "../project/definition-words.js";
import type { Condition, Operators } from "../project/kinds/condition.js";
import type { Component } from "../project/kinds/score.js";
import type { EntityKind } from "../project/project.js";
import { name, sql } from "../warehouse/sql.js";
import { type ExplainContext, idSql, once, traitsRow } from "./explain-context.js";
import { eventsBehind } from "./explain-events.js";
import { explainTrait } from "./explain-trait.js";
import { componentColumn } from "./score-sql.js";

/** A condition for one entity, part by part: does it hold, on what value, and by how much does it miss. */
export async function explainCondition(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  condition: Condition,
): Promise<Explanation> {
  const holds = await evaluate(context, entity, entityId, condition);
  const part = (title: string, value: ExplainedValue, more: Partial<Explanation> = {}): Explanation => ({
    title,
    kind: "condition",
    value,
    holds,
    children: [],
    ...more,
  });
  const parts = async (list: readonly Condition[]) => {
    const explained: Explanation[] = [];
    for (const each of list) explained.push(await explainCondition(context, entity, entityId, each));
    return explained;
  };
  if ("all" in condition) return part("all of", holds, { children: await parts(condition.all) });
  if ("any" in condition) return part("any of", holds, { children: await parts(condition.any) });
  if ("not" in condition) return part("not", holds, { children: await parts([condition.not]) });
  if ("trait" in condition) {
    const { trait, ...operators } = condition;
    const child = await explainTrait(context, entity, entityId, trait);
    return part(conditionWords(condition), child.value, { detail: missedBy(child.value, operators, holds), children: [child] });
  }
  if ("score" in condition) {
    const { score, ...operators } = condition;
    const child = await explainScore(context, entity, entityId, score);
    return part(conditionWords(condition), child.value, { detail: missedBy(child.value, operators, holds), children: [child] });
  }
  if ("event" in condition) {
    const behind = await eventsBehind(context, entity, entityId, condition);
    return part(conditionWords(condition), behind.total, {
      detail: missedBy(behind.total, condition.count ?? { gte: 1 }, holds),
      events: behind.events,
      eventsTotal: behind.total,
    });
  }
  if ("audience" in condition) return part(conditionWords(condition), holds);
  const row = await traitsRow(context, entity, entityId);
  return part(conditionWords(condition), row?.[hiddenColumn(condition)] ?? false);
}

async function evaluate(context: ExplainContext, entity: EntityKind, entityId: string, condition: Condition): Promise<boolean> {
  const row = await context.connection.first<{ holds: boolean }>(
    sql`/* does a condition hold for one entity */ SELECT ${conditionPredicate(context.scope, context.project, entity.kind, condition)} AS holds
FROM ${name("growth", `${entity.kind}_traits`)} AS t ${scoreJoins(scoresNamed(condition))} WHERE t.entity_id = ${idSql(entityId)}`,
  );
  return row?.holds ?? false;
}

/** `is 3, needs at least 5: 2 short`. */
function missedBy(value: ExplainedValue, operators: Operators & { bucket?: string | undefined }, holds: boolean): string | undefined {
  if (holds) return undefined;
  const limits = [operators.gte, operators.gt, operators.lte, operators.lt].filter((limit) => typeof limit === "number");
  const gaps = limits.flatMap((limit) => {
    if (typeof value !== "number" || value === limit) return [];
    return `${Number(Math.abs(limit - value).toFixed(4))} ${value < limit ? "short" : "too much"}`;
  });
  const gap = limits.length === 1 && gaps.length === 1 ? `: ${gaps[0]}` : "";
  return `is ${value === null ? "missing" : valueWords(value)}, needs ${neededWords(operators)}${gap}`;
}

/** Why a score has its value: every component with its weight and share, and the traits under it. */
export function explainScore(context: ExplainContext, entity: EntityKind, entityId: string, scoreName: string): Promise<Explanation> {
  return once(context, `score ${entity.kind} ${entityId} ${scoreName}`, () => readScore(context, entity, entityId, scoreName));
}

async function readScore(context: ExplainContext, entity: EntityKind, entityId: string, scoreName: string): Promise<Explanation> {
  const score = context.project.scores.find((candidate) => candidate.name === scoreName && candidate.entity === entity.kind);
  if (score === undefined) throw new CambiumError("NOT_FOUND", `There is no score ${scoreName} of ${entity.kind}.`);
  const row = await context.connection.first<Record<string, number | string | null>>(
    sql`/* a score now */ SELECT s.* FROM ${name("growth", `score_${score.name}`)} AS s WHERE s.entity_id = ${idSql(entityId)}`,
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
  // A missing value under `null: ignore` shares its weight among the others.
  const counted = score.components.filter((component) => component.null !== "ignore" || row[componentColumn(component)] !== null);
  const total = counted.reduce((sum, component) => sum + component.weight, 0);
  for (const component of score.components) {
    children.push(
      await explainComponent(context, entity, entityId, total, component, (row[componentColumn(component)] as number | null) ?? null),
    );
  }
  return { ...node, children };
}

async function explainComponent(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  total: number,
  component: Component,
  value: number | null,
): Promise<Explanation> {
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
