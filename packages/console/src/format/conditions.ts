import type { Json } from "../../../engine/src/server/contract.js";
import { formatNumber } from "./numbers.js";

/**
 * A condition of the shared language in readable words: `plan is free`, `"Deployed" at least 3 times within 7 days`.
 * Definitions arrive as JSON; what this does not know is shown as it was written.
 */

export interface Words {
  /** One sentence, or the head of a list (`all of`). */
  readonly text: string;
  readonly children: readonly Words[];
  /** Audience that the sentence is about, to link to. */
  readonly audience?: string;
}

type Fields = { readonly [field: string]: Json };

export function wordsOf(condition: Json): Words {
  if (condition === null || typeof condition !== "object" || Array.isArray(condition)) return leaf(text(condition));
  if (Array.isArray(condition["all"])) return { text: "all of", children: condition["all"].map(wordsOf) };
  if (Array.isArray(condition["any"])) return { text: "any of", children: condition["any"].map(wordsOf) };
  const not = condition["not"];
  if (not !== undefined) {
    const inner = wordsOf(not);
    if (inner.children.length > 0)
      return {
        text: inner.text === "any of" ? "none of" : inner.text === "all of" ? "not all of" : `not ${inner.text}`,
        children: inner.children,
      };
    return { text: `not: ${inner.text}`, children: [], ...(inner.audience === undefined ? {} : { audience: inner.audience }) };
  }
  if (typeof condition["audience"] === "string") return { text: "is in audience", children: [], audience: condition["audience"] };
  if (condition["trait"] !== undefined) return leaf(`${spaced(text(condition["trait"]))} ${operatorWords(condition)}`);
  if (condition["score"] !== undefined) return leaf(scoreWords(condition));
  if (condition["event"] !== undefined) return leaf(eventWords(condition));
  if (Array.isArray(condition["sequence"])) return sequenceWords(condition["sequence"], condition["within"]);
  if (typeof condition["sql"] === "string") return leaf(`SQL: ${condition["sql"]}`);
  return leaf(text(condition));
}

function scoreWords(fields: Fields): string {
  const name = spaced(text(fields["score"] ?? null));
  const bucket = fields["bucket"];
  const { bucket: _bucket, ...rest } = fields;
  const compared = operatorWords(rest);
  return [`score ${name}`, bucket === undefined ? "" : `is in bucket ${text(bucket)}`, compared].filter((part) => part !== "").join(" ");
}

function sequenceWords(steps: readonly Json[], within: Json | undefined): Words {
  const children = steps.map((step, index) => {
    const words = step !== null && typeof step === "object" && !Array.isArray(step) ? eventWords(step) : text(step);
    return leaf(`${index === 0 ? "first" : "then"} ${words}`);
  });
  return { text: within === undefined ? "in this order" : `in this order within ${text(within)}`, children };
}

function eventWords(fields: Fields): string {
  const names = Array.isArray(fields["event"])
    ? fields["event"].map((name) => `“${text(name)}”`).join(" or ")
    : eventName(fields["event"] ?? null);
  const counts = fields["count"];
  const how =
    counts !== undefined && counts !== null && typeof counts === "object" && !Array.isArray(counts)
      ? ` ${countWords(counts)}`
      : " happened";
  const filters = Array.isArray(fields["where"]) ? fields["where"].map(propertyWords).join(" and ") : "";
  const within = fields["within"] === undefined ? "" : ` within ${text(fields["within"])}`;
  return `${names}${filters === "" ? "" : ` where ${filters}`}${how}${within}`;
}

function eventName(name: Json): string {
  return name === "*" ? "any event" : `“${text(name)}”`;
}

function countWords(counts: Fields): string {
  return Object.entries(counts)
    .map(([operator, value]) =>
      value === 0 && operator === "is"
        ? "never happened"
        : `${comparisons[operator] ?? operator} ${value === 1 ? "once" : `${text(value)} times`}`,
    )
    .join(" and ");
}

function propertyWords(filter: Json): string {
  if (filter === null || typeof filter !== "object" || Array.isArray(filter)) return text(filter);
  return `${text(filter["property"] ?? null)} ${operatorWords(filter)}`;
}

const comparisons: Readonly<Record<string, string>> = {
  is: "exactly",
  gt: "more than",
  gte: "at least",
  lt: "fewer than",
  lte: "at most",
};

const operators: Readonly<Record<string, (value: Json) => string>> = {
  is: (value) => (value === null ? "is not set" : `is ${text(value)}`),
  is_not: (value) => (value === null ? "is set" : `is not ${text(value)}`),
  in: (value) => `is one of ${text(value)}`,
  not_in: (value) => `is none of ${text(value)}`,
  gt: (value) => `is more than ${text(value)}`,
  gte: (value) => `is at least ${text(value)}`,
  lt: (value) => `is less than ${text(value)}`,
  lte: (value) => `is at most ${text(value)}`,
  between: (value) => (Array.isArray(value) ? `is between ${value.map(text).join(" and ")}` : `is between ${text(value)}`),
  contains: (value) => `contains ${text(value)}`,
  not_contains: (value) => `does not contain ${text(value)}`,
  starts_with: (value) => `starts with ${text(value)}`,
  ends_with: (value) => `ends with ${text(value)}`,
  matches: (value) => `matches ${text(value)}`,
  exists: (value) => (value === true ? "is set" : "is not set"),
  before: (value) => `is before ${text(value)}`,
  after: (value) => `is after ${text(value)}`,
  within_last: (value) => `is within the last ${text(value)}`,
  not_within_last: (value) => `is not within the last ${text(value)}`,
  within_next: (value) => `is within the next ${text(value)}`,
};

function operatorWords(fields: Fields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => {
      const words = operators[name];
      return words === undefined ? [] : [words(value)];
    })
    .join(" and ");
}

function text(value: Json): string {
  if (value === null) return "nothing";
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "string") return value;
  return Array.isArray(value) ? value.map(text).join(", ") : JSON.stringify(value);
}

/** `deployments_7d` reads as `deployments 7d`. */
export function spaced(name: string): string {
  return name.replaceAll("_", " ");
}

function leaf(sentence: string): Words {
  return { text: sentence, children: [] };
}
