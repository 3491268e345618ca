import type { Condition, EventCondition, EventFilter, Operators, PropertyCondition, SequenceCondition } from "./kinds/condition.js";
import type { Trait } from "./kinds/trait.js";

/**
 * Definitions as a person would say them: `plan is team or pro`, `“Deployed” at least 5 times within 7 days where env =
 * production`. What the server and the command line show of a condition or a trait comes from here.
 */

/** One line: the parts of `all`, `any` and `not` within it. */
export function conditionWords(condition: Condition): string {
  if ("all" in condition) return condition.all.map(nestedWords).join(" and ");
  if ("any" in condition) return condition.any.map(nestedWords).join(" or ");
  if ("not" in condition) return `not ${nestedWords(condition.not)}`;
  if ("trait" in condition) {
    const { trait, ...operators } = condition;
    return `${trait} ${operatorWords(operators)}`;
  }
  if ("score" in condition) {
    const { score, bucket, ...operators } = condition;
    return [`score ${score}`, bucket === undefined ? "" : `is in bucket ${bucket}`, operatorWords(operators)]
      .filter((part) => part !== "")
      .join(" ");
  }
  if ("event" in condition) return eventWords(condition);
  if ("audience" in condition) return `in audience ${condition.audience}`;
  if ("sequence" in condition) return sequenceWords(condition);
  return `SQL: ${condition.sql.trim()}`;
}

/** A trait's definition in one line. */
export function traitWords(trait: Trait): string {
  switch (trait.type) {
    case "formula":
      return trait.formula;
    case "sql":
      return trait.sql.trim();
    case "profile":
      return `last ${trait.path ?? trait.name} that a call set`;
    case "rollup":
      return rollupWords(trait);
    default: {
      const what = "property" in trait ? `${spaced(trait.type)} of ${trait.property} over` : `${spaced(trait.type)} of`;
      return `${what} ${namesOf(trait)}${withinWords(trait.within)}${whereWords(trait)}`;
    }
  }
}

/** What a value that does not pass would have to be: `at least 5`, `team or pro`. */
export function neededWords(operators: Operators & { readonly bucket?: string | undefined }): string {
  const { bucket, ...rest } = operators;
  const needs = entriesOf(rest).map(([operator, argument]) => needed[operator](argument));
  return [...(bucket === undefined ? [] : [`bucket ${bucket}`]), ...needs].join(" and ");
}

/** A value as text, without quotes or brackets. */
export function valueWords(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.map(valueWords).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function nestedWords(condition: Condition): string {
  const several = ("all" in condition && condition.all.length > 1) || ("any" in condition && condition.any.length > 1);
  return several ? `(${conditionWords(condition)})` : conditionWords(condition);
}

function rollupWords(trait: Trait & { type: "rollup" }): string {
  const members = `${trait.from}s`;
  const where = trait.where === undefined ? "" : ` where ${conditionWords(trait.where)}`;
  if (trait.roll === "count" || trait.roll === "count_where") return `number of ${members}${where}`;
  return `${trait.roll} of ${trait.trait ?? "members"} over ${members}${where}`;
}

function eventWords(condition: EventCondition): string {
  return `${namesOf(condition)} ${countWords(condition.count)}${withinWords(condition.within)}${whereWords(condition)}`;
}

function sequenceWords({ sequence, within }: SequenceCondition): string {
  const steps = sequence.map(
    (step, index) => `${index === 0 ? "" : "then "}${namesOf(step)}${withinWords(step.within)}${whereWords(step)}`,
  );
  return `${steps.join(", ")}${within === undefined ? "" : `, all within ${within}`}`;
}

function namesOf(filter: EventFilter): string {
  const calls = filter.call === undefined || filter.call === "track" ? "event" : `${filter.call} call`;
  const names = [filter.event].flat();
  return names.includes("*") ? `any ${calls}` : names.map((name) => `“${name}”`).join(" or ");
}

const countNames = { is: "exactly", gt: "more than", gte: "at least", lt: "fewer than", lte: "at most" } as const;

function countWords(count: EventCondition["count"]): string {
  const bounds = Object.entries(count ?? { gte: 1 }).filter(([, times]) => times !== undefined);
  return bounds
    .map(([operator, times]) =>
      operator === "is" && times === 0
        ? "never"
        : `${countNames[operator as keyof typeof countNames]} ${times === 1 ? "once" : `${times} times`}`,
    )
    .join(" and ");
}

const withinWords = (within: string | undefined) => (within === undefined ? "" : ` within ${within}`);

function whereWords({ where }: { readonly where?: readonly PropertyCondition[] | undefined }): string {
  if (where === undefined || where.length === 0) return "";
  return ` where ${where.map(({ property, ...operators }) => `${property} ${operatorWords(operators, "=")}`).join(" and ")}`;
}

function operatorWords(operators: Operators, equals = "is"): string {
  return entriesOf(operators)
    .map(([operator, argument]) =>
      operator === "is" && argument !== null ? `${equals} ${valueWords(argument)}` : said[operator](argument),
    )
    .join(" and ");
}

type Operator = keyof Operators;

function entriesOf(operators: Operators): [Operator, unknown][] {
  return (Object.entries(operators) as [Operator, unknown][]).filter(([, argument]) => argument !== undefined);
}

const oneOf = (list: unknown) => (Array.isArray(list) ? list.map(valueWords).join(" or ") : valueWords(list));
const bounds = (pair: unknown) => (Array.isArray(pair) ? pair.map(valueWords).join(" and ") : valueWords(pair));

const said: Readonly<Record<Operator, (argument: unknown) => string>> = {
  is: (value) => (value === null ? "is missing" : `is ${valueWords(value)}`),
  is_not: (value) => (value === null ? "is set" : `is not ${valueWords(value)}`),
  in: (list) => `is ${oneOf(list)}`,
  not_in: (list) => `is not ${oneOf(list)}`,
  gt: (value) => `is more than ${valueWords(value)}`,
  gte: (value) => `is at least ${valueWords(value)}`,
  lt: (value) => `is less than ${valueWords(value)}`,
  lte: (value) => `is at most ${valueWords(value)}`,
  between: (pair) => `is between ${bounds(pair)}`,
  contains: (value) => `contains ${valueWords(value)}`,
  not_contains: (value) => `does not contain ${valueWords(value)}`,
  starts_with: (value) => `starts with ${valueWords(value)}`,
  ends_with: (value) => `ends with ${valueWords(value)}`,
  matches: (value) => `matches ${valueWords(value)}`,
  exists: (value) => (value === true ? "is set" : "is missing"),
  before: (value) => `is before ${valueWords(value)}`,
  after: (value) => `is after ${valueWords(value)}`,
  within_last: (value) => `is within the last ${valueWords(value)}`,
  not_within_last: (value) => `is not within the last ${valueWords(value)}`,
  within_next: (value) => `is within the next ${valueWords(value)}`,
};

const needed: Readonly<Record<Operator, (argument: unknown) => string>> = {
  is: valueWords,
  is_not: (value) => (value === null ? "a value" : `anything but ${valueWords(value)}`),
  in: oneOf,
  not_in: (list) => `anything but ${oneOf(list)}`,
  gt: (value) => `more than ${valueWords(value)}`,
  gte: (value) => `at least ${valueWords(value)}`,
  lt: (value) => `less than ${valueWords(value)}`,
  lte: (value) => `at most ${valueWords(value)}`,
  between: (pair) => `between ${bounds(pair)}`,
  contains: (value) => `one that contains ${valueWords(value)}`,
  not_contains: (value) => `one that does not contain ${valueWords(value)}`,
  starts_with: (value) => `one that starts with ${valueWords(value)}`,
  ends_with: (value) => `one that ends with ${valueWords(value)}`,
  matches: (value) => `one that matches ${valueWords(value)}`,
  exists: (value) => (value === true ? "a value" : "nothing"),
  before: (value) => `a time before ${valueWords(value)}`,
  after: (value) => `a time after ${valueWords(value)}`,
  within_last: (value) => `a time within the last ${valueWords(value)}`,
  not_within_last: (value) => `no time within the last ${valueWords(value)}`,
  within_next: (value) => `a time within the next ${valueWords(value)}`,
};

const spaced = (name: string) => name.replaceAll("_", " ");
