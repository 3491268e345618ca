import { closest, distance } from "fastest-levenshtein";
import { CambiumError } from "../base/errors.js";

/** What is wrong with a definition, where it stands, and what to do about it. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Place within the definition: `where.all[0].trait`. Empty for the definition as a whole. */
  readonly path: string;
  /** One sentence: what is wrong. */
  readonly message: string;
  /** One sentence: what to do. */
  readonly remedy?: string | undefined;
}

/** The one error that a broken project gives: every problem, in the order of files and lines. */
export function projectInvalid(problems: readonly Problem[]): CambiumError {
  const sorted = [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column || (a.path < b.path ? -1 : 1),
  );
  const count = sorted.length === 1 ? "One problem" : `${sorted.length} problems`;
  const message = `${count} in the project's definitions:\n\n${sorted.map(textOf).join("\n\n")}`;
  return new CambiumError("PROJECT_INVALID", message, { details: { problems: sorted } });
}

/** `audiences/overage.yml:7:12  where.all[0].trait` and the sentences below it, indented. */
export function textOf(problem: Problem): string {
  const place = `  ${problem.file}:${problem.line}:${problem.column}${problem.path === "" ? "" : `  ${problem.path}`}`;
  return [place, problem.message, ...(problem.remedy === undefined ? [] : [problem.remedy])].join("\n    ");
}

/** `where.all[0].trait` from `["where", "all", 0, "trait"]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join("");
}

/** The nearest of the known names, if it is near enough to be a slip of the fingers. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const candidates = [...known].filter((candidate) => candidate !== word);
  if (candidates.length === 0) return undefined;
  const swapped = candidates.find((candidate) => lettersOf(candidate) === lettersOf(word));
  if (swapped !== undefined) return swapped;
  const best = closest(word.toLowerCase(), candidates);
  return distance(word.toLowerCase(), best.toLowerCase()) <= slipsMax(Math.max(word.length, best.length)) ? best : undefined;
}

/** Letters that may differ: one of three. */
function slipsMax(length: number): number {
  return Math.max(1, Math.floor(length / 3));
}

/** Equal for words that differ in the order of their letters only: `cuont` is `count`. */
function lettersOf(word: string): string {
  return [...word.toLowerCase()].sort().join("");
}

/** `a score`, `an audience`. */
export function withArticle(word: string): string {
  return `${/^[aeiou]/i.test(word) && !word.startsWith("user") ? "an" : "a"} ${word}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const listedMax = 12;

/** `Did you mean `plan`?`, or else the names there are. */
export function suggestion(word: string, known: Iterable<string>, what: string): string {
  const names = [...new Set(known)].sort();
  const near = nearest(word, names);
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  if (names.length === 0) return `There are no ${what} yet.`;
  const shown = names.slice(0, listedMax).map((candidate) => `\`${candidate}\``);
  const more = names.length > listedMax ? ` and ${names.length - listedMax} more` : "";
  return `Known ${what}: ${shown.join(", ")}${more}.`;
}
