import { messageOf } from "../../base/errors.js";
import type { Placed } from "../parse-definitions.js";
import { suggestion } from "../problem.js";
import { withModelNames } from "../sql-template.js";
import type { Known } from "./known.js";

/** The little that can be said of SQL without running it: it is one SELECT, and it names the columns that are read. */
export function checkSql(known: Known, at: Placed<unknown>, path: readonly PropertyKey[], text: string, columns: readonly string[]): void {
  let rendered: ReturnType<typeof withModelNames>;
  try {
    rendered = withModelNames(text);
  } catch (error) {
    const reason = messageOf(error).trim().split("\n").at(-1) ?? "";
    known.report(
      at,
      path,
      `The template in this SQL cannot be read: ${reason.trim()}.`,
      "It may say `{{ ref('model') }}` and `{{ source('raw', 'events') }}`.",
    );
    return;
  }
  for (const model of rendered.refs) {
    if (!known.models.includes(model)) known.report(at, path, `There is no model \`${model}\`.`, suggestion(model, known.models, "models"));
  }
  const code = withoutLiterals(rendered.sql);
  if (!/^\s*(select|with|from)\b/i.test(code)) {
    known.report(at, path, "This SQL is no query.", "It starts with SELECT or WITH.");
    return;
  }
  if (/;\s*\S/.test(code)) known.report(at, path, "This is more than one SQL statement.", "Keep one SELECT.");
  const missing = columns.filter((column) => !new RegExp(`\\b${column}\\b|\\*`, "i").test(code));
  if (missing.length > 0) {
    const listed = missing.map((column) => `\`${column}\``).join(" and ");
    known.report(at, path, `The query has no column ${listed}.`, "It returns `id` (the entity's own id) and, for a trait, `value`.");
  }
}

/** Comments and texts out: what they hold is no SQL. Quoted names stay. */
export function withoutLiterals(text: string): string {
  return text.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, " ");
}
