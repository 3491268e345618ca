import jsep from "jsep";

/**
 * The language of formula traits: arithmetic, comparisons and a few functions over other traits of the same entity, such
 * as `deployments_28d / members` or `if(plan == "free", 0, seats * 12)`. Here it is parsed and checked; `measure/`
 * compiles it.
 */

/** Functions and how many arguments each takes, at least and at most. */
export const formulaFunctions: Readonly<Record<string, readonly [number, number]>> = {
  coalesce: [1, 20],
  if: [3, 3],
  min: [2, 20],
  max: [2, 20],
  round: [1, 2],
  floor: [1, 1],
  ceil: [1, 1],
  abs: [1, 1],
  ln: [1, 1],
  sqrt: [1, 1],
  lower: [1, 1],
  upper: [1, 1],
  concat: [1, 20],
};

export const formulaOperators: readonly string[] = ["+", "-", "*", "/", "%", "==", "!=", ">", ">=", "<", "<=", "&&", "||", "!"];

export interface FormulaProblem {
  readonly message: string;
  /** A name that was not understood and what it might have been. */
  readonly unknown?: { readonly word: string; readonly known: readonly string[]; readonly what: string };
  readonly remedy?: string;
}

/** The traits that a formula reads, each once, in order of appearance; none where it cannot be parsed. */
export function formulaNames(formula: string): string[] {
  const names = new Set<string>();
  const tree = parse(formula);
  if ("type" in tree) visit(tree, (node) => node.type === "Identifier" && names.add(String(node["name"])));
  return [...names];
}

/** What is wrong with a formula by itself; whether its traits exist is the caller's question. */
export function formulaProblems(formula: string): FormulaProblem[] {
  const tree = parse(formula);
  if (!("type" in tree)) return [{ message: tree.message, remedy: "A formula looks like `deployments_28d / members`." }];
  const problems: FormulaProblem[] = [];
  visit(tree, (node) => problems.push(...nodeProblems(node)));
  return problems;
}

type Tree = jsep.Expression & Record<string, unknown>;

function parse(formula: string): Tree | { message: string } {
  try {
    return jsep(formula) as Tree;
  } catch (error) {
    const { description, index } = error as { description?: string; index?: number };
    const where = index === undefined ? "" : ` at character ${index + 1}`;
    return { message: `This formula cannot be read: ${(description ?? String(error)).replace(/\.$/, "")}${where}.` };
  }
}

function visit(node: Tree, found: (node: Tree) => void): void {
  found(node);
  for (const [field, child] of Object.entries(node)) {
    if (field === "callee") continue;
    for (const item of Array.isArray(child) ? child : [child]) {
      if (typeof item === "object" && item !== null && "type" in item) visit(item as Tree, found);
    }
  }
}

function nodeProblems(node: Tree): FormulaProblem[] {
  switch (node.type) {
    case "Identifier":
    case "ConditionalExpression":
      return [];
    case "Literal":
      return node["value"] instanceof RegExp ? [{ message: "A formula has no regular expressions." }] : [];
    case "UnaryExpression":
    case "BinaryExpression": {
      const operator = String(node["operator"]);
      if (formulaOperators.includes(operator)) return [];
      const remedy = operator === "===" ? "Use `==`." : operator === "!==" ? "Use `!=`." : `There are ${formulaOperators.join(" ")}`;
      return [{ message: `A formula has no operator \`${operator}\`.`, remedy }];
    }
    case "CallExpression": {
      const callee = node["callee"] as Tree;
      const called = callee.type === "Identifier" ? String(callee["name"]) : "";
      const limits = Object.hasOwn(formulaFunctions, called) ? formulaFunctions[called] : undefined;
      if (limits === undefined) {
        const unknown = { word: called, known: Object.keys(formulaFunctions), what: "functions" };
        return [{ message: `There is no function \`${called}\` in formulas.`, unknown }];
      }
      const given = (node["arguments"] as unknown[]).length;
      if (given >= limits[0] && given <= limits[1]) return [];
      const wanted = limits[0] === limits[1] ? String(limits[0]) : `${limits[0]} to ${limits[1]}`;
      return [{ message: `\`${called}\` takes ${wanted} ${wanted === "1" ? "argument" : "arguments"}, not ${given}.` }];
    }
    case "Compound":
      return [
        {
          message: "A formula is one expression; this one has several, or nothing between two names.",
          remedy: "Join them with an operator.",
        },
      ];
    default:
      return [{ message: "This part of the formula is not allowed: only traits, numbers, texts, operators and functions are." }];
  }
}
