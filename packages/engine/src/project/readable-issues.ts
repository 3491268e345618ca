import { distance } from "fastest-levenshtein";
import type { z } from "zod";
import { nearest } from "./problem.js";

/**
 * Turns zod's issues into sentences for people. A union's issues (one list per branch) are reduced to the branch that
 * fits the value best, so that `{ trait: plan, iz: free }` is a trait condition with one misspelt key, and not nine
 * reasons why it is no condition at all.
 */

type Issue = z.core.$ZodIssue;

export interface ReadableIssue {
  readonly path: readonly PropertyKey[];
  /** Point at the key rather than its value. */
  readonly of: "key" | "value";
  readonly message: string;
  readonly remedy?: string | undefined;
}

export function readableIssues(issues: readonly Issue[], value: unknown): ReadableIssue[] {
  return dropEchoes(issues.flatMap((issue) => sentences(issue, value)));
}

function sentences(issue: Issue, root: unknown): ReadableIssue[] {
  const value = valueAt(root, issue.path);
  const key = pathEnd(issue.path);
  const here = { path: issue.path, of: "value" as const };
  switch (issue.code) {
    case "invalid_type":
      if (value === undefined) {
        return [{ ...here, of: "key", message: `\`${key}\` is missing.`, remedy: `Add \`${key}:\` (${typeName(issue.expected)}).` }];
      }
      return [wrongType(issue.path, [typeName(issue.expected)], value)];
    case "unrecognized_keys":
      return issue.keys.map((unknown) => ({
        path: [...issue.path, unknown],
        of: "key",
        message: `\`${unknown}\` is not a key that belongs here.`,
      }));
    case "invalid_union":
      return unionSentences(issue, root, value);
    case "invalid_value": {
      const options = issue.values.map(String);
      if (value === undefined) {
        return [{ ...here, of: "key", message: `\`${key}\` is missing.`, remedy: `Add \`${key}:\`, one of ${listed(options)}.` }];
      }
      const near = typeof value === "string" ? nearest(value, options) : undefined;
      const remedy = near === undefined ? `It is one of ${listed(options)}.` : `Did you mean \`${near}\`? It is one of ${listed(options)}.`;
      return [{ ...here, message: `${subject(key)} cannot be ${shown(value)}.`, remedy }];
    }
    case "invalid_format":
      return [{ ...here, message: `${shown(value)} does not fit ${subject(key, true)}.`, remedy: sentence(issue.message) }];
    case "too_small": {
      const limit = bound(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum);
      return [{ ...here, message: `${subject(key)} is ${size(value, "too small", "too short")}.`, remedy: `It must be ${limit}.` }];
    }
    case "too_big": {
      const limit = bound(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum);
      return [{ ...here, message: `${subject(key)} is ${size(value, "too big", "too long")}.`, remedy: `It must be ${limit}.` }];
    }
    case "invalid_key":
      return [
        {
          ...here,
          of: "key",
          message: `\`${key}\` cannot be a key here.`,
          remedy: issue.issues[0] === undefined ? undefined : sentence(issue.issues[0].message),
        },
      ];
    case "invalid_element":
      return issue.issues.flatMap((inner) => sentences({ ...inner, path: [...issue.path, ...inner.path] } as Issue, root));
    default:
      return [{ ...here, message: sentence(issue.message) }];
  }
}

type UnionIssue = Extract<Issue, { code: "invalid_union" }>;

function unionSentences(issue: UnionIssue, root: unknown, value: unknown): ReadableIssue[] {
  const branches = issue.errors.map((errors) => errors.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }) as Issue));
  const here = { path: issue.path, of: "value" as const };
  const key = pathEnd(issue.path);
  if (branches.length === 0) return discriminatorSentence(issue, root);
  const wanted = [...new Set(branches.flatMap((branch) => branch.map(expectedOf)).filter((text) => text !== ""))];
  if (value === undefined) {
    return [{ ...here, of: "key", message: `\`${key}\` is missing.`, remedy: `Add \`${key}:\` (${wanted.join(" or ")}).` }];
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) {
    const fitting = branches.find((branch) => !branch.some((inner) => isRootMismatch(inner, issue.path)));
    if (fitting !== undefined) return fitting.flatMap((inner) => sentences(inner, root));
    // A word that is none of the words: which one was meant says more than what else could stand here.
    const words = branches.flat().find((inner) => inner.code === "invalid_value" && inner.path.length === issue.path.length);
    return typeof value === "string" && words !== undefined ? sentences(words, root) : [wrongType(issue.path, wanted, value)];
  }
  const ranked = branches.map((branch) => ({ branch, cost: costOf(branch, issue.path, root) })).sort((a, b) => a.cost - b.cost);
  const best = ranked[0];
  if (best === undefined || best.cost >= hopeless) {
    const forms = [...new Set(branches.flatMap((branch) => missingKeys(branch, issue.path, root)))];
    const keys = Object.keys(value).map((name) => `\`${name}\``);
    const message = `None of the forms that can stand here fits: this ${keys.length === 0 ? "is empty" : `has ${keys.join(", ")}`}.`;
    return [{ ...here, message, remedy: forms.length === 0 ? undefined : `It needs one of ${listed(forms)}.` }];
  }
  return best.branch.flatMap((inner) => sentences(inner, root));
}

function discriminatorSentence(issue: UnionIssue, root: unknown): ReadableIssue[] {
  const discriminator = "discriminator" in issue && typeof issue.discriminator === "string" ? issue.discriminator : "type";
  const path = pathEnd(issue.path) === discriminator ? issue.path : [...issue.path, discriminator];
  const value = valueAt(root, path);
  const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  if (value === undefined) {
    const remedy = options.length === 0 ? `Add \`${discriminator}:\`.` : `Add \`${discriminator}:\`, one of ${listed(options)}.`;
    return [{ path, of: "key", message: `\`${discriminator}\` is missing.`, remedy }];
  }
  const near = nearest(String(value), options);
  const known = options.length === 0 ? "" : `It is one of ${listed(options)}.`;
  const remedy = near === undefined ? known : `Did you mean \`${near}\`? ${known}`;
  return [{ path, of: "value", message: `\`${discriminator}\` cannot be ${shown(value)}.`, remedy: remedy === "" ? undefined : remedy }];
}

const hopeless = 1000;

/** How far the value is from a branch: wrong kind of thing, then missing and unknown keys (less if one looks like the other). */
function costOf(branch: readonly Issue[], path: readonly PropertyKey[], root: unknown): number {
  const value = valueAt(root, path);
  const missing = missingKeys(branch, path, root);
  const present = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const unknown = branch.flatMap((issue) => (issue.code === "unrecognized_keys" && issue.path.length === path.length ? issue.keys : []));
  let cost = 0;
  for (const issue of branch) {
    if (isRootMismatch(issue, path)) cost += hopeless;
    else if (issue.path.length > path.length && !missing.includes(String(issue.path[path.length]))) cost += 3;
  }
  cost += unknown.length * 10;
  for (const key of missing) {
    const near = unknown.find((candidate) => nearest(candidate, [key]) !== undefined);
    cost += near === undefined ? 40 : distance(near, key);
  }
  // Every key that the branch asks for is absent, and nothing looks like one: this branch was not meant.
  const hopeful =
    missing.length === 0 ||
    present.some((key) => !unknown.includes(key)) ||
    missing.some((key) => unknown.some((candidate) => nearest(candidate, [key]) !== undefined));
  return hopeful ? cost : cost + hopeless;
}

function missingKeys(branch: readonly Issue[], path: readonly PropertyKey[], root: unknown): string[] {
  return branch
    .filter((issue) => issue.path.length === path.length + 1 && valueAt(root, issue.path) === undefined)
    .map((issue) => String(issue.path.at(-1)));
}

/** The branch asks for another type of thing altogether, or for one of other words. */
function isRootMismatch(issue: Issue, path: readonly PropertyKey[]): boolean {
  return (issue.code === "invalid_type" || issue.code === "invalid_value") && issue.path.length === path.length;
}

function wrongType(path: readonly PropertyKey[], wanted: readonly string[], value: unknown): ReadableIssue {
  const remedy =
    wanted.includes("a list") && wanted.length === 1
      ? "Write `[first, second]`, or one item a line, each after `- `."
      : remedies[wanted[0] ?? ""];
  return { path, of: "value", message: `${subject(pathEnd(path))} must be ${wanted.join(" or ")}, not ${shown(value)}.`, remedy };
}

const remedies: Readonly<Record<string, string>> = {
  text: "Put it in quotes to make it text.",
  "a number": "Write a number without quotes.",
  "a whole number": "Write a whole number without quotes.",
  "true or false": "Write `true` or `false` without quotes.",
  "an object (key: value)": "Write `key: value`, one a line and indented, or `{ key: value }`.",
};

/** `\`trat\` is unknown` and `\`trait\` is missing` are one slip: keep the first, with the remedy. */
function dropEchoes(issues: readonly ReadableIssue[]): ReadableIssue[] {
  const missing = issues.filter((issue) => issue.message.endsWith("is missing."));
  const echoed = new Set<ReadableIssue>();
  const result = issues.map((issue): ReadableIssue => {
    if (!issue.message.endsWith("belongs here.")) return issue;
    const unknown = pathEnd(issue.path);
    const parent = JSON.stringify(issue.path.slice(0, -1));
    const slip = missing.find(
      (other) => JSON.stringify(other.path.slice(0, -1)) === parent && nearest(unknown, [pathEnd(other.path)]) !== undefined,
    );
    if (slip === undefined) return issue;
    echoed.add(slip);
    return { ...issue, remedy: `Did you mean \`${pathEnd(slip.path)}\`?` };
  });
  return result.filter((_, index) => !echoed.has(issues[index] as ReadableIssue));
}

export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined),
    root,
  );
}

function pathEnd(path: readonly PropertyKey[]): string {
  const names = path.filter((part) => typeof part !== "number");
  const last = path.at(-1);
  return typeof last === "number" ? `${String(names.at(-1) ?? "")}[${last}]` : String(last ?? "");
}

function subject(key: string, lower: boolean = false): string {
  return key === "" ? (lower ? "this definition" : "This definition") : `\`${key}\``;
}

function expectedOf(issue: Issue): string {
  if (issue.code === "invalid_type") return typeName(issue.expected);
  if (issue.code === "invalid_value") return listed(issue.values.map(String));
  return "";
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    tuple: "a list",
    object: "an object (key: value)",
    record: "an object (key: value)",
    null: "null",
  };
  return names[expected] ?? expected;
}

function size(value: unknown, number: string, length: string): string {
  return typeof value === "number" ? `${value}: ${number}` : Array.isArray(value) || typeof value === "string" ? length : number;
}

function bound(origin: string, direction: string, limit: number | bigint): string {
  if (origin === "string") return `${direction} ${limit} characters`;
  if (origin === "array" || origin === "set") return `${direction} ${limit} ${limit === 1 ? "item" : "items"}`;
  return `${direction} ${limit}`;
}

export function shown(value: unknown): string {
  if (typeof value === "string") return `\`${value.length > 60 ? `${value.slice(0, 57)}…` : value}\``;
  if (Array.isArray(value)) return "a list";
  if (value === null) return "empty (null)";
  if (typeof value === "object") return "an object";
  return `\`${String(value)}\``;
}

function listed(options: readonly string[]): string {
  return options.map((option) => `\`${option}\``).join(", ");
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}
