import type { ColumnType } from "../../warehouse/table.js";
import type { Condition, Operators, PropertyCondition } from "../kinds/condition.js";
import { operators as operatorSchema } from "../kinds/condition.js";
import type { Placed } from "../parse-definitions.js";
import { capital } from "../problem.js";
import type { Known } from "./known.js";
import { patternProblem } from "./pattern.js";

/** Operators that make no sense for the type of what they compare. `type` undefined: nothing is known (a property). */

const operatorNames = Object.keys(operatorSchema.shape) as (keyof Operators)[];

export function operatorsOf(condition: Condition | PropertyCondition): Operators {
  const given = condition as Operators;
  return Object.fromEntries(operatorNames.flatMap((operator) => (given[operator] === undefined ? [] : [[operator, given[operator]]])));
}

const numeric: readonly (ColumnType | undefined)[] = ["integer", "double", "decimal"];
const inTime: readonly (ColumnType | undefined)[] = ["timestamp", "date", "text"];

export function checkOperators(
  known: Known,
  at: Placed<unknown>,
  path: readonly PropertyKey[],
  operators: Operators,
  type: ColumnType | undefined,
  subject: string,
): void {
  const typeWords: Partial<Record<ColumnType, string>> = {
    boolean: "true or false",
    "text[]": "a list",
    timestamp: "a moment",
    date: "a date",
  };
  const what = type === undefined ? "" : numeric.includes(type) ? "a number" : (typeWords[type] ?? "text");
  const wrong = (operator: string, message: string, remedy: string) => known.report(at, [...path, operator], message, remedy);
  for (const [operator, argument] of Object.entries(operators)) {
    switch (operator) {
      case "gt":
      case "gte":
      case "lt":
      case "lte":
        ordered(operator, argument);
        break;
      case "between": {
        const [from, to] = argument as [number | string, number | string];
        ordered(operator, from);
        if (typeof from !== typeof to)
          wrong(operator, "The two ends of `between` are of different types.", "Write two numbers or two dates.");
        else if (from > to)
          wrong(operator, `\`between\` goes from ${from} down to ${to}: nothing lies there.`, "Write the smaller one first.");
        break;
      }
      case "contains":
      case "not_contains":
      case "starts_with":
      case "ends_with":
      case "matches": {
        const listed = type === "text[]" && (operator === "contains" || operator === "not_contains");
        if (type !== undefined && type !== "text" && !listed) {
          wrong(operator, `\`${operator}\` looks into text, and ${subject} is ${what}.`, "Compare it with `is`, `in`, `gt` … instead.");
        }
        if (operator === "matches") pattern(String(argument));
        break;
      }
      case "before":
      case "after":
        if (type !== undefined && !inTime.includes(type))
          wrong(operator, `\`${operator}\` is about time, and ${subject} is ${what}.`, "Use `gt` or `lt`.");
        else date(operator, String(argument));
        break;
      case "within_last":
      case "not_within_last":
      case "within_next":
        if (type !== undefined && !inTime.includes(type)) {
          wrong(operator, `\`${operator}\` is about time, and ${subject} is ${what}.`, "It needs a trait of type timestamp or date.");
        }
        break;
      case "is":
      case "is_not":
        equal(operator, argument);
        break;
      case "in":
      case "not_in":
        for (const item of argument as unknown[]) equal(operator, item);
        break;
      default:
        break;
    }
  }

  function ordered(operator: string, argument: unknown): void {
    if (type === "boolean" || type === "text[]")
      wrong(operator, `${capital(subject)} is ${what}: it has no order.`, "Use `is` or `contains`.");
    else if (typeof argument === "string" && numeric.includes(type)) {
      const isNumber = argument.trim() !== "" && !Number.isNaN(Number(argument));
      wrong(
        operator,
        `${capital(subject)} is a number, and \`${argument}\` is text.`,
        isNumber ? `Write ${argument} without quotes.` : "Write a number.",
      );
    } else if (typeof argument === "number" && (type === "timestamp" || type === "date")) {
      wrong(
        operator,
        `${capital(subject)} is ${what}, and ${argument} is a number.`,
        "Write an ISO date such as `2026-01-31`, or use `within_last`.",
      );
    } else if (typeof argument === "string") date(operator, argument);
  }

  function equal(operator: string, argument: unknown): void {
    if (argument === null) return;
    if (numeric.includes(type) && typeof argument !== "number") {
      const isNumber = typeof argument === "string" && argument.trim() !== "" && !Number.isNaN(Number(argument));
      wrong(
        operator,
        `${capital(subject)} is a number, and \`${String(argument)}\` is not.`,
        isNumber ? `Write ${String(argument)} without quotes.` : "Write a number.",
      );
    } else if (type === "boolean" && typeof argument !== "boolean") {
      wrong(
        operator,
        `${capital(subject)} is true or false, and \`${String(argument)}\` is neither.`,
        "Write `true` or `false` without quotes.",
      );
    }
  }

  function date(operator: string, argument: string): void {
    if (/^\d{4}-\d{2}-\d{2}/.test(argument) && !Number.isNaN(Date.parse(argument))) return;
    wrong(operator, `\`${argument}\` is neither a number nor an ISO date.`, "Write `2026-01-31` or `2026-01-31T12:00:00Z`.");
  }

  function pattern(text: string): void {
    const problem = patternProblem(text);
    if (problem !== undefined) wrong("matches", problem.message, problem.remedy);
  }
}
