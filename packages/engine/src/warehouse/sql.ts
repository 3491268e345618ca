/**
 * SQL text is built only here: values and identifiers enter a statement through the `sql` template, never by
 * concatenation. A `Sql` is plain data; the warehouse's dialect renders it, so quoting is the engine's own.
 */

export type SqlValue = string | number | bigint | boolean | null;

type Part = { text: string } | { name: string } | { value: SqlValue };

export interface Sql {
  readonly parts: readonly Part[];
}

/** What may stand in a `${…}` of the template: other SQL, or a value (which becomes a literal). */
type Fragment = Sql | SqlValue;

export function sql(strings: TemplateStringsArray, ...fragments: Fragment[]): Sql {
  const parts: Part[] = [];
  strings.forEach((text, index) => {
    if (text !== "") parts.push({ text });
    if (index >= fragments.length) return;
    const fragment = fragments[index] as Fragment;
    if (isSql(fragment)) parts.push(...fragment.parts);
    else parts.push({ value: fragment });
  });
  return { parts };
}

export function isSql(candidate: unknown): candidate is Sql {
  return typeof candidate === "object" && candidate !== null && "parts" in candidate;
}

/** A quoted identifier: `name("raw", "events")` is `"raw"."events"`. */
export function name(...path: string[]): Sql {
  return { parts: path.flatMap((part, index): Part[] => (index === 0 ? [{ name: part }] : [{ text: "." }, { name: part }])) };
}

/** SQL that a project's author wrote (models, SQL traits, `cambium query`). Never call it with data from events. */
export function trustedSql(text: string): Sql {
  return { parts: [{ text }] };
}

export function join(fragments: readonly Sql[], separator: string = ", "): Sql {
  return {
    parts: fragments.flatMap((fragment, index): Part[] => (index === 0 ? [...fragment.parts] : [{ text: separator }, ...fragment.parts])),
  };
}

export const empty: Sql = { parts: [] };

/** Renders with the engine's own quoting; called by `Connection` implementations and by whatever shows SQL to people. */
export function render(statement: Sql, quoting: { name(text: string): string; value(value: SqlValue): string }): string {
  return statement.parts
    .map((part) => ("text" in part ? part.text : "name" in part ? quoting.name(part.name) : quoting.value(part.value)))
    .join("");
}
