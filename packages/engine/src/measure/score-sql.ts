import { CambiumError } from "../base/errors.js";
import { conditionPredicate } from "../project/compile/condition-predicate.js";
import type { OperatorContext } from "../project/compile/operator-predicate.js";
import type { Component, Score } from "../project/kinds/score.js";
import type { Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";

/**
 * A score as SQL over `growth.<kind>_traits AS t`: each component 0–100, the score `Σ wᵢvᵢ / Σ wᵢ`, unrounded.
 * Example: weights 60 and 40, values 50 and null with `ignore` → (60·50) / 60 = 50; with `zero` → (60·50 + 40·0) / 100 = 30.
 */
export function scoreQuery(context: OperatorContext, project: Project, score: Score, from: Sql): Sql {
  const components = score.components.map((component) => ({ component, value: componentValue(context, project, score, component) }));
  const inner = sql`SELECT t.entity_id, ${join(
    components.map(({ component, value }) => sql`${value} AS ${name(componentColumn(component))}`),
    ",\n  ",
  )} FROM ${from}`;
  const weighted = join(
    components.map(({ component }) => sql`${component.weight} * coalesce(c.${name(componentColumn(component))}, 0.0)`),
    " + ",
  );
  const weights = join(
    components.map(({ component }) =>
      component.null === "ignore"
        ? sql`CASE WHEN c.${name(componentColumn(component))} IS NULL THEN 0.0 ELSE ${component.weight} END`
        : sql`${component.weight}`,
    ),
    " + ",
  );
  const total = sql`SELECT c.*, ${context.dialect.cast(sql`(${weighted}) / nullif(${context.dialect.cast(sql`${weights}`, "double")}, 0)`, "double")} AS value FROM (${inner}) AS c`;
  return sql`SELECT v.*, ${bucketOf(context, score)} AS bucket FROM (${total}) AS v`;
}

export function componentColumn(component: Component): string {
  return `c_${component.name}`;
}

/** The component before its null policy: NULL where the trait is missing. */
function componentValue(context: OperatorContext, project: Project, score: Score, component: Component): Sql {
  const { dialect } = context;
  const bare = shape(context, project, score, component);
  const value = dialect.cast(bare, "double");
  if (component.null === "ignore") return value;
  return sql`coalesce(${value}, ${dialect.cast(sql`${typeof component.null === "number" ? component.null : 0}`, "double")})`;
}

function shape(context: OperatorContext, project: Project, score: Score, component: Component): Sql {
  const { dialect } = context;
  const trait = (traitName: string) => dialect.cast(sql`t.${name(traitName)}`, "double");
  const clamp = (fraction: Sql) => sql`100.0 * least(greatest(${fraction}, 0.0), 1.0)`;
  const unlessNull = (x: Sql, value: Sql) => sql`CASE WHEN ${x} IS NULL THEN NULL ELSE ${value} END`;
  if (component.milestone !== undefined)
    return sql`CASE WHEN ${conditionPredicate(context, project, score.entity, component.milestone)} THEN 100.0 ELSE 0.0 END`;
  if (component.linear !== undefined) {
    const { from, to } = component.linear;
    const x = trait(component.linear.trait);
    return unlessNull(x, clamp(sql`(${x} - ${from}) / ${dialect.cast(sql`${to - from}`, "double")}`));
  }
  if (component.log !== undefined) {
    const { from, to } = component.log;
    const x = trait(component.log.trait);
    // Values below zero count as zero: the logarithm has nothing below.
    return unlessNull(x, clamp(sql`(ln(1.0 + greatest(${x}, 0.0)) - ln(1.0 + ${from})) / (ln(1.0 + ${to}) - ln(1.0 + ${from}))`));
  }
  if (component.steps !== undefined) {
    const x = trait(component.steps.trait);
    const falling = [...component.steps.table].sort((a, b) => b[0] - a[0]);
    const cases = join(
      falling.map(([threshold, value]) => sql`WHEN ${x} >= ${threshold} THEN ${value}`),
      " ",
    );
    return unlessNull(x, sql`CASE ${cases} ELSE 0 END`);
  }
  if (component.percentile !== undefined) {
    const x = trait(component.percentile.trait);
    const below = sql`rank() OVER (PARTITION BY ${x} IS NULL ORDER BY ${x}) - 1`;
    const same = sql`count(*) OVER (PARTITION BY ${x})`;
    const all = sql`count(${x}) OVER ()`;
    return unlessNull(x, sql`100.0 * (${below} + 0.5 * ${same}) / ${all}`);
  }
  throw new CambiumError("PROJECT_INVALID", `component ${component.name} of ${score.name} has no shape`);
}

/** Percentiles depend on everybody, so such a score is computed for everybody. */
export function needsEverybody(score: Score): boolean {
  return score.components.some((component) => component.percentile !== undefined);
}

function bucketOf(context: OperatorContext, score: Score): Sql {
  const falling = Object.entries(score.buckets ?? {}).sort((a, b) => b[1] - a[1]);
  if (falling.length === 0) return context.dialect.cast(sql`NULL`, "text");
  return sql`CASE ${join(
    falling.map(([bucket, bound]) => sql`WHEN v.value >= ${bound} THEN ${bucket}`),
    " ",
  )} END`;
}
