import jsep from "jsep";
import { CambiumError } from "../base/errors.js";
import type { OperatorContext } from "../project/compile/operator-predicate.js";
import { traitNamed, traitType } from "../project/compile/trait-type.js";
import type { Trait } from "../project/kinds/trait.js";
import type { Project } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import type { ColumnType } from "../warehouse/table.js";

/**
 * Formula traits: arithmetic, comparisons and a few functions over other traits of the same kind, such as
 * `deployments_28d / members` or `if(plan == "free", 0, seats * 12)`. Missing inputs make the result missing; dividing
 * by zero does too. `coalesce(x, 0)` says otherwise.
 */
export function formulaSql(context: OperatorContext, project: Project, kind: string, trait: Trait & { type: "formula" }): Sql {
  let tree: jsep.Expression;
  try {
    tree = jsep(trait.formula);
  } catch (thrown) {
    throw new CambiumError("PROJECT_INVALID", `formula of ${trait.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      cause: thrown,
    });
  }
  return compile(tree, { project, kind, trait, context }, trait.value === "text");
}

/** Names of the traits that a formula reads. */
export function formulaInputs(formula: string): string[] {
  const names = new Set<string>();
  const walk = (node: jsep.Expression): void => {
    if (node.type === "Identifier") names.add((node as jsep.Identifier).name);
    for (const [field, child] of Object.entries(node)) {
      if (field === "callee") continue;
      if (Array.isArray(child)) for (const item of child) walk(item as jsep.Expression);
      else if (typeof child === "object" && child !== null && "type" in child) walk(child as jsep.Expression);
    }
  };
  walk(jsep(formula));
  return [...names];
}

interface Scope {
  readonly project: Project;
  readonly kind: string;
  readonly trait: Trait & { type: "formula" };
  readonly context: OperatorContext;
}

const binary: Record<string, (a: Sql, b: Sql) => Sql> = {
  "+": (a, b) => sql`(${a} + ${b})`,
  "-": (a, b) => sql`(${a} - ${b})`,
  "*": (a, b) => sql`(${a} * ${b})`,
  "/": (a, b) => sql`(${a} / nullif(${b}, 0))`,
  "%": (a, b) => sql`(${a} % nullif(${b}, 0))`,
  "==": (a, b) => sql`(${a} = ${b})`,
  "!=": (a, b) => sql`(${a} <> ${b})`,
  ">": (a, b) => sql`(${a} > ${b})`,
  ">=": (a, b) => sql`(${a} >= ${b})`,
  "<": (a, b) => sql`(${a} < ${b})`,
  "<=": (a, b) => sql`(${a} <= ${b})`,
  "&&": (a, b) => sql`(${a} AND ${b})`,
  "||": (a, b) => sql`(${a} OR ${b})`,
};

interface FormulaFunction {
  readonly arguments: readonly [number, number];
  /** Its arguments are read as texts. */
  readonly ofTexts?: boolean;
  sql(parts: Sql[], dialect: Dialect): Sql;
}

const functions: Record<string, FormulaFunction> = {
  coalesce: { arguments: [1, 20], sql: (parts) => sql`coalesce(${join(parts)})` },
  if: { arguments: [3, 3], sql: ([test, yes, no]) => sql`(CASE WHEN ${test as Sql} THEN ${yes as Sql} ELSE ${no as Sql} END)` },
  min: { arguments: [2, 20], sql: (parts) => sql`least(${join(parts)})` },
  max: { arguments: [2, 20], sql: (parts) => sql`greatest(${join(parts)})` },
  round: { arguments: [1, 2], sql: ([x, places = sql`0`], dialect) => dialect.round(x as Sql, places) },
  floor: { arguments: [1, 1], sql: (parts) => sql`floor(${join(parts)})` },
  ceil: { arguments: [1, 1], sql: (parts) => sql`ceil(${join(parts)})` },
  abs: { arguments: [1, 1], sql: (parts) => sql`abs(${join(parts)})` },
  ln: { arguments: [1, 1], sql: ([x]) => sql`ln(nullif(greatest(${x as Sql}, 0), 0))` },
  sqrt: { arguments: [1, 1], sql: ([x]) => sql`sqrt(greatest(${x as Sql}, 0))` },
  lower: { arguments: [1, 1], ofTexts: true, sql: ([x], dialect) => dialect.lower(x as Sql) },
  upper: { arguments: [1, 1], ofTexts: true, sql: ([x], dialect) => dialect.upper(x as Sql) },
  // What is missing adds nothing.
  concat: {
    arguments: [1, 20],
    ofTexts: true,
    sql: (parts, dialect) => sql`concat(${join(parts.map((part) => sql`coalesce(${dialect.cast(part, "text")}, '')`))})`,
  },
};

const numbers: readonly ColumnType[] = ["integer", "decimal", "double"];

/** Numbers are doubles, whatever their traits keep: engines agree on these alone. As texts they stay what they are. */
function compile(node: jsep.Expression, scope: Scope, asText = false): Sql {
  const wrong = (message: string): never => {
    throw new CambiumError("PROJECT_INVALID", `formula of ${scope.trait.name}: ${message}`);
  };
  switch (node.type) {
    case "Literal": {
      const { value } = node as jsep.Literal;
      return typeof value === "number" || typeof value === "string" || typeof value === "boolean" || value === null
        ? sql`${value}`
        : wrong("only numbers, texts, true, false and null are allowed as constants");
    }
    case "Identifier": {
      const identifier = (node as jsep.Identifier).name;
      const trait = traitNamed(scope.project, scope.kind, identifier);
      if (trait === undefined) return wrong(`there is no trait ${identifier} of ${scope.kind}`);
      const isNumber = !asText && numbers.includes(traitType(scope.project, trait));
      return isNumber ? scope.context.dialect.cast(sql`b.${name(identifier)}`, "double") : sql`b.${name(identifier)}`;
    }
    case "UnaryExpression": {
      const { operator, argument } = node as jsep.UnaryExpression;
      const inner = compile(argument, scope);
      if (operator === "-") return sql`(-(${inner}))`;
      return operator === "!" ? sql`(NOT ${inner})` : wrong(`unknown operator ${operator}`);
    }
    case "BinaryExpression": {
      const { operator, left, right } = node as jsep.BinaryExpression;
      const build = binary[operator];
      return build === undefined ? wrong(`unknown operator ${operator}`) : build(compile(left, scope), compile(right, scope));
    }
    case "ConditionalExpression": {
      const { test, consequent, alternate } = node as jsep.ConditionalExpression;
      return sql`(CASE WHEN ${compile(test, scope)} THEN ${compile(consequent, scope)} ELSE ${compile(alternate, scope)} END)`;
    }
    case "CallExpression": {
      const { callee, arguments: given } = node as jsep.CallExpression;
      const called = callee.type === "Identifier" ? (callee as jsep.Identifier).name : "";
      const known = Object.hasOwn(functions, called) ? functions[called] : undefined;
      if (known === undefined) return wrong(`unknown function ${called}; there are ${Object.keys(functions).join(", ")}`);
      if (given.length < known.arguments[0] || given.length > known.arguments[1])
        return wrong(`${called} takes ${known.arguments.join(" to ")} arguments`);
      return known.sql(
        given.map((each) => compile(each, scope, known.ofTexts)),
        scope.context.dialect,
      );
    }
    default:
      return wrong(`${node.type} is not allowed`);
  }
}
