import { CambiumError } from "../../base/errors.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { Condition } from "../kinds/condition.js";
import type { Project } from "../project.js";
import { hiddenColumn } from "./hidden.js";
import { type OperatorContext, operatorPredicate } from "./operator-predicate.js";
import { traitNamed, traitType } from "./trait-type.js";

/**
 * A condition as a predicate over one entity's row: `t` is `growth.<kind>_traits`, each score that the condition names is
 * joined as `s_<score>` (`scoresNamed` lists them), audiences are looked up in `growth.audience_members`.
 */
export function conditionPredicate(context: OperatorContext, project: Project, kind: string, condition: Condition): Sql {
  const again = (inner: Condition) => conditionPredicate(context, project, kind, inner);
  if ("all" in condition) return sql`(${join(condition.all.map(again), " AND ")})`;
  if ("any" in condition) return sql`(${join(condition.any.map(again), " OR ")})`;
  if ("not" in condition) return sql`(NOT ${again(condition.not)})`;
  if ("trait" in condition) {
    const { trait, ...operators } = condition;
    const definition = traitNamed(project, kind, trait);
    if (definition === undefined) throw new CambiumError("PROJECT_INVALID", `no trait ${trait} of ${kind}`);
    return operatorPredicate(context, { expression: sql`t.${name(trait)}`, type: traitType(project, definition) }, operators);
  }
  if ("score" in condition) {
    const { score, bucket, ...operators } = condition;
    const table = `s_${score}`;
    const inBucket = bucket === undefined ? [] : [sql`coalesce(${name(table)}.bucket = ${bucket}, FALSE)`];
    const compared = Object.values(operators).some((argument) => argument !== undefined);
    const onValue = compared ? [operatorPredicate(context, { expression: sql`${name(table)}.value`, type: "double" }, operators)] : [];
    return sql`(${join([...inBucket, ...onValue], " AND ")})`;
  }
  if ("event" in condition) {
    const count = sql`coalesce(t.${name(hiddenColumn(condition))}, 0)`;
    const limits = Object.entries(condition.count ?? { gte: 1 });
    return operatorPredicate(context, { expression: count, type: "integer" }, Object.fromEntries(limits));
  }
  if ("audience" in condition) {
    return sql`(t.entity_id IN (SELECT m.entity_id FROM growth.audience_members AS m WHERE m.audience = ${condition.audience}))`;
  }
  return sql`coalesce(t.${name(hiddenColumn(condition))}, FALSE)`;
}

/** Names of the scores that a condition reads. */
export function scoresNamed(condition: Condition): string[] {
  if ("all" in condition) return [...new Set(condition.all.flatMap(scoresNamed))];
  if ("any" in condition) return [...new Set(condition.any.flatMap(scoresNamed))];
  if ("not" in condition) return scoresNamed(condition.not);
  return "score" in condition ? [condition.score] : [];
}

/** `LEFT JOIN growth.score_x AS s_x ON …` for each named score. */
export function scoreJoins(scores: readonly string[]): Sql {
  return join(
    scores.map(
      (score) =>
        sql`LEFT JOIN ${name("growth", `score_${score}`)} AS ${name(`s_${score}`)} ON ${name(`s_${score}`)}.entity_id = t.entity_id`,
    ),
    "\n",
  );
}
