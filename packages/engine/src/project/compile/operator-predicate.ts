import { CambiumError } from "../../base/errors.js";
import { type Instant, instantOf } from "../../base/instant.js";
import type { Dialect } from "../../warehouse/dialect.js";
import { type Sql, join, sql } from "../../warehouse/sql.js";
import type { ColumnType } from "../../warehouse/table.js";
import type { Operators } from "../kinds/condition.js";
import { durationOf } from "../kinds/words.js";

/**
 * The operators of the condition language over one value. A missing value satisfies only `exists: false`, `is: null`
 * and the negative operators (`is_not`, `not_in`, `not_contains`, `not_within_last`): "not free" includes "unknown", as
 * in Segment and PostHog. Predicates are never NULL.
 */

export interface OperatorContext {
  readonly dialect: Dialect;
  readonly now: Instant;
  readonly timezone: string;
}

export interface Operand {
  readonly expression: Sql;
  readonly type: ColumnType;
}

type Scalar = string | number | boolean;

export function operatorPredicate(context: OperatorContext, operand: Operand, operators: Operators): Sql {
  const parts = Object.entries(operators)
    .filter(([, argument]) => argument !== undefined)
    .map(([operator, argument]) => one(context, operand, operator as keyof Operators, argument));
  if (parts.length === 0) return sql`coalesce(${truth(context, operand)}, FALSE)`;
  return parts.length === 1 ? (parts[0] as Sql) : sql`(${join(parts, " AND ")})`;
}

/** `{ trait: x }` without operator: true for a boolean, otherwise present. */
function truth(context: OperatorContext, { expression, type }: Operand): Sql {
  return type === "boolean" ? expression : present(context, { expression, type });
}

function present({ dialect }: OperatorContext, { expression, type }: Operand): Sql {
  return type === "text[]" ? sql`(${expression} IS NOT NULL AND ${dialect.listLength(expression)} > 0)` : sql`(${expression} IS NOT NULL)`;
}

function one(context: OperatorContext, operand: Operand, operator: keyof Operators, argument: unknown): Sql {
  const { dialect } = context;
  const { expression } = operand;
  const isTrue = (predicate: Sql) => sql`coalesce(${predicate}, FALSE)`;
  const notTrue = (predicate: Sql) => sql`(NOT coalesce(${predicate}, FALSE))`;
  const text = dialect.cast(expression, "text");
  switch (operator) {
    case "is":
      return argument === null ? sql`(${expression} IS NULL)` : isTrue(equals(context, operand, argument as Scalar));
    case "is_not":
      return argument === null ? sql`(${expression} IS NOT NULL)` : notTrue(equals(context, operand, argument as Scalar));
    case "in":
      return isTrue(
        sql`(${join(
          (argument as Scalar[]).map((item) => equals(context, operand, item)),
          " OR ",
        )})`,
      );
    case "not_in":
      return notTrue(
        sql`(${join(
          (argument as Scalar[]).map((item) => equals(context, operand, item)),
          " OR ",
        )})`,
      );
    case "gt":
      return isTrue(compare(context, operand, ">", argument as Scalar));
    case "gte":
      return isTrue(compare(context, operand, ">=", argument as Scalar));
    case "lt":
      return isTrue(compare(context, operand, "<", argument as Scalar));
    case "lte":
      return isTrue(compare(context, operand, "<=", argument as Scalar));
    case "between": {
      const [from, to] = argument as [Scalar, Scalar];
      return isTrue(sql`(${compare(context, operand, ">=", from)} AND ${compare(context, operand, "<=", to)})`);
    }
    case "contains":
      return isTrue(contains(context, operand, argument as Scalar));
    case "not_contains":
      return notTrue(contains(context, operand, argument as Scalar));
    case "starts_with":
      return isTrue(dialect.startsWith(text, sql`${argument as string}`));
    case "ends_with":
      return isTrue(dialect.endsWith(text, sql`${argument as string}`));
    case "matches":
      return isTrue(dialect.matches(text, argument as string));
    case "exists":
      return argument === true ? present(context, operand) : sql`(NOT ${present(context, operand)})`;
    case "before":
      return isTrue(sql`${asTimestamp(context, operand)} < ${instantLiteral(context, argument as string)}`);
    case "after":
      return isTrue(sql`${asTimestamp(context, operand)} > ${instantLiteral(context, argument as string)}`);
    case "within_last":
      return isTrue(withinDays(context, operand, argument as string, -1));
    case "not_within_last":
      return notTrue(withinDays(context, operand, argument as string, -1));
    case "within_next":
      return isTrue(withinDays(context, operand, argument as string, 1));
    default:
      return unknownOperator(operator);
  }
}

function unknownOperator(operator: never): never {
  throw new CambiumError("PROJECT_INVALID", `unknown operator ${String(operator)}`);
}

function isNumeric(type: ColumnType): boolean {
  return type === "integer" || type === "double" || type === "decimal";
}

/** Numbers compare as numbers even where the property came as text; booleans by their word. */
function equals({ dialect }: OperatorContext, { expression, type }: Operand, argument: Scalar): Sql {
  if (type === "text[]") return dialect.listContains(expression, sql`${String(argument)}`);
  if (typeof argument === "number") return sql`${isNumeric(type) ? expression : dialect.tryCast(expression, "double")} = ${argument}`;
  if (typeof argument === "boolean") {
    return type === "boolean"
      ? sql`${expression} = ${argument}`
      : sql`${dialect.lower(dialect.cast(expression, "text"))} = ${String(argument)}`;
  }
  return sql`${type === "text" ? expression : dialect.cast(expression, "text")} = ${argument}`;
}

function compare(context: OperatorContext, operand: Operand, operator: ">" | ">=" | "<" | "<=", argument: Scalar): Sql {
  const { dialect } = context;
  const sign: Sql = { parts: [{ text: ` ${operator} ` }] };
  if (typeof argument === "number") {
    return sql`${isNumeric(operand.type) ? operand.expression : dialect.tryCast(operand.expression, "double")}${sign}${argument}`;
  }
  return sql`${asTimestamp(context, operand)}${sign}${instantLiteral(context, String(argument))}`;
}

function contains({ dialect }: OperatorContext, { expression, type }: Operand, argument: Scalar): Sql {
  if (type === "text[]") return dialect.listContains(expression, sql`${String(argument)}`);
  return dialect.contains(dialect.cast(expression, "text"), sql`${String(argument)}`);
}

function asTimestamp({ dialect }: OperatorContext, { expression, type }: Operand): Sql {
  if (type === "timestamp") return expression;
  if (type === "date") return dialect.cast(expression, "timestamp");
  return dialect.tryCast(dialect.cast(expression, "text"), "timestamp");
}

/** A date without time means its start in the project's zone. */
function instantLiteral({ dialect, timezone }: OperatorContext, text: string): Sql {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return dialect.dayStart(dialect.date(text), timezone);
  try {
    return dialect.timestamp(instantOf(text));
  } catch (thrown) {
    throw new CambiumError("PROJECT_INVALID", `"${text}" is neither a number nor an ISO date`, { cause: thrown });
  }
}

/** Whole project days, today included: `within_last: 7 days` is today and the six days before it. */
function withinDays(context: OperatorContext, operand: Operand, span: string, direction: 1 | -1): Sql {
  const { dialect, now, timezone } = context;
  const at = asTimestamp(context, operand);
  const { grain, length, micros } = durationOf(span);
  const moment = dialect.timestamp(now);
  if (grain === "hour") {
    return direction === -1
      ? sql`(${at} > ${dialect.addMicros(moment, -micros)} AND ${at} <= ${moment})`
      : sql`(${at} > ${moment} AND ${at} <= ${dialect.addMicros(moment, micros)})`;
  }
  const today = dialect.day(moment, timezone);
  const day = dialect.day(at, timezone);
  return direction === -1
    ? sql`(${day} > ${dialect.addDays(today, -length)} AND ${at} <= ${moment})`
    : sql`(${day} < ${dialect.addDays(today, length)} AND ${at} > ${moment})`;
}
