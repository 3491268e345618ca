import type { Condition, EventFilter, SequenceCondition } from "../kinds/condition.js";
import type { Placed } from "../parse-definitions.js";
import { capital, suggestion, withArticle } from "../problem.js";
import { type Known, checkName, checkTrait } from "./known.js";
import { operatorsOf, checkOperators } from "./operators.js";
import { checkSql } from "./sql.js";
import { checkWindow } from "./window.js";

/** What a condition may look at where it stands: what is computed later cannot be asked earlier. */
export interface ConditionPlace {
  readonly at: Placed<unknown>;
  /** The kind of entity that the condition is about. */
  readonly entity: string;
  /** What is defined here. */
  readonly within: "trait" | "score" | "audience" | "sync";
}

export function checkCondition(known: Known, place: ConditionPlace, path: readonly PropertyKey[], condition: Condition): void {
  const { at, entity } = place;
  if ("all" in condition) condition.all.forEach((part, index) => checkCondition(known, place, [...path, "all", index], part));
  else if ("any" in condition) condition.any.forEach((part, index) => checkCondition(known, place, [...path, "any", index], part));
  else if ("not" in condition) checkCondition(known, place, [...path, "not"], condition.not);
  else if ("trait" in condition) {
    const trait = checkTrait(known, at, [...path, "trait"], entity, condition.trait);
    checkOperators(
      known,
      at,
      path,
      operatorsOf(condition),
      trait === undefined ? undefined : known.typeOf(trait),
      `trait \`${condition.trait}\``,
    );
  } else if ("score" in condition) checkScore(known, place, path, condition);
  else if ("audience" in condition) checkAudience(known, place, path, condition.audience);
  else if ("event" in condition) {
    checkEvent(known, at, path, condition);
    checkWindow(known, at, path, condition);
    if (condition.count !== undefined && Object.values(condition.count).every((limit) => limit === undefined)) {
      known.report(
        at,
        [...path, "count"],
        "`count` compares with nothing.",
        "Write for example `count: { gte: 3 }`; without `count`, once is enough.",
      );
    }
  } else if ("sequence" in condition) checkSequence(known, at, path, condition);
  else checkSql(known, at, [...path, "sql"], condition.sql, ["id"]);
}

function checkScore(known: Known, place: ConditionPlace, path: readonly PropertyKey[], condition: Condition & { score: string }): void {
  const { at, entity, within } = place;
  if (within === "trait") {
    const remedy = "Traits are computed before scores. Put the condition into an audience instead.";
    known.report(at, [...path, "score"], "A trait cannot look at a score.", remedy);
    return;
  }
  if (!checkName(known, at, [...path, "score"], "score", condition.score)) return;
  const score = known.scores.get(condition.score);
  if (score === undefined || known.isBroken("score", score.name)) return;
  if (score.entity !== entity) {
    known.report(
      at,
      [...path, "score"],
      `\`${score.name}\` is a score of ${score.entity}, not of ${entity}.`,
      `Choose a score of ${entity}.`,
    );
    return;
  }
  const operators = operatorsOf(condition);
  const { bucket } = condition as { bucket?: string };
  if (bucket === undefined && Object.keys(operators).length === 0) {
    known.report(
      at,
      path,
      `This asks nothing of the score \`${score.name}\`.`,
      "Compare it: `gte: 70`, `between: [40, 70]` or `bucket: warm`.",
    );
    return;
  }
  if (bucket !== undefined && score.buckets?.[bucket] === undefined) {
    const buckets = Object.keys(score.buckets ?? {});
    known.report(
      at,
      [...path, "bucket"],
      `The score \`${score.name}\` has no bucket \`${bucket}\`.`,
      suggestion(bucket, buckets, "buckets"),
    );
  }
  for (const operator of ["gt", "gte", "lt", "lte", "is"] as const) {
    const limit = operators[operator];
    if (typeof limit === "number" && (limit < 0 || limit > 100)) {
      known.report(
        at,
        [...path, operator],
        `A score lies between 0 and 100; it is never compared with ${limit}.`,
        "Choose a number from 0 to 100.",
      );
    }
  }
  checkOperators(known, at, path, operators, "double", `score \`${score.name}\``);
}

function checkAudience(known: Known, place: ConditionPlace, path: readonly PropertyKey[], name: string): void {
  const { at, entity, within } = place;
  if (within === "trait" || within === "score") {
    const remedy = `A ${within} is computed before audiences. Write the audience's own condition here.`;
    known.report(at, [...path, "audience"], `A ${within} cannot look at an audience.`, remedy);
    return;
  }
  if (!checkName(known, at, [...path, "audience"], "audience", name)) return;
  const audience = known.audiences.get(name);
  if (audience !== undefined && audience.entity !== entity && !known.isBroken("audience", name)) {
    known.report(
      at,
      [...path, "audience"],
      `\`${name}\` is an audience of ${audience.entity}, not of ${entity}.`,
      `Choose an audience of ${entity}.`,
    );
  }
}

function checkSequence(known: Known, at: Placed<unknown>, path: readonly PropertyKey[], condition: SequenceCondition): void {
  condition.sequence.forEach((step, index) => {
    checkEvent(known, at, [...path, "sequence", index], step);
    if (index === 0 && step.within !== undefined) {
      known.report(
        at,
        [...path, "sequence", 0, "within"],
        "The first step of a sequence has nothing before it that it could be within.",
        "Put `within` on a later step, or beside `sequence` for the whole of it.",
      );
    }
  });
}

export function checkEvent(known: Known, at: Placed<unknown>, path: readonly PropertyKey[], filter: EventFilter): void {
  const names = [filter.event].flat();
  if (names.length > 1 && names.includes("*")) {
    known.report(at, [...path, "event"], '`"*"` already means every event.', 'Write `event: "*"` alone, or name the events.');
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) known.report(at, [...path, "event"], `The event \`${twice}\` is named twice.`, "Remove one.");
  if (filter.call !== undefined && !["track", "page", "screen"].includes(filter.call) && !names.includes("*")) {
    known.report(
      at,
      [...path, "event"],
      `${capital(withArticle(filter.call))} call has no event name.`,
      `Write \`event: "*"\` with \`call: ${filter.call}\`.`,
    );
  }
  filter.where?.forEach((condition, index) => {
    const operators = operatorsOf(condition);
    const here = [...path, "where", index];
    if (Object.keys(operators).length === 0) {
      known.report(
        at,
        here,
        `This asks nothing of \`${condition.property}\`.`,
        "Compare it (`is: pro`, `gt: 10`), or write `exists: true`.",
      );
      return;
    }
    checkOperators(known, at, here, operators, undefined, `property \`${condition.property}\``);
  });
}
