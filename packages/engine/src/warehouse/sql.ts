/**
 * SQL text is built only here: values and identifiers enter a statement through the `sql` template, never by
 * concatenation. A `Sql` is plain data; the warehouse's dialect renders it, so quoting is the engine's own.
 */

export type SqlValue = string | number | bigint | boolean | null;

type Part = { text: string } | { name: string } | { schema: string } | { value: SqlValue };

export interface Sql {
  readonly parts: readonly Part[];
}

/** How an engine writes names and values. A schema may be called otherwise there: a prefix, a shadow beside the real one. */
export interface Quoting {
  name(text: string): string;
  schema(text: string): string;
  value(value: SqlValue): string;
}

/** The schemas of a warehouse. `models` and `segment` hold what a project's models and Segment's layout are built into. */
export const schemas: readonly string[] = ["raw", "growth", "ops", "models", "segment"];

/** What may stand in a `${…}` of the template: other SQL, or a value (which becomes a literal). */
type Fragment = Sql | SqlValue;

export function sql(strings: TemplateStringsArray, ...fragments: Fragment[]): Sql {
  const parts: Part[] = [];
  const texts = partsOf(strings);
  texts.forEach((text, index) => {
    parts.push(...text);
    if (index >= fragments.length) return;
    const fragment = fragments[index] as Fragment;
    // One by one: a list of a hundred thousand ids is more than a call takes arguments.
    if (isSql(fragment)) for (const part of fragment.parts) parts.push(part);
    else parts.push({ value: fragment });
  });
  return { parts };
}

/** A template's texts never change, so its schemas (`raw.events`, `growth.${…}`) are looked for once. */
const known = new WeakMap<TemplateStringsArray, readonly (readonly Part[])[]>();
const schemaInText = /(?<![\w."'])(raw|growth|ops|models|segment)\.(?=[a-z_"]|$)/g;

function partsOf(strings: TemplateStringsArray): readonly (readonly Part[])[] {
  const before = known.get(strings);
  if (before !== undefined) return before;
  const texts = strings.map((text) => split(text, schemaInText));
  known.set(strings, texts);
  return texts;
}

/** The text as parts, each match's last group (`raw` in `FROM raw.events`) as a schema. */
function split(text: string, pattern: RegExp): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const schema = match.at(-1) ?? "";
    const start = match.index + match[0].lastIndexOf(schema);
    if (start > done) parts.push({ text: text.slice(done, start) });
    parts.push({ schema });
    done = start + schema.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

export function isSql(candidate: unknown): candidate is Sql {
  return typeof candidate === "object" && candidate !== null && "parts" in candidate;
}

/** A quoted identifier: `name("raw", "events")` is `"raw"."events"`. */
export function name(...path: string[]): Sql {
  const qualified = path.length > 1 && schemas.includes(path[0] as string);
  return {
    parts: path.flatMap((part, index): Part[] =>
      index === 0 ? [qualified ? { schema: part } : { name: part }] : [{ text: "." }, { name: part }],
    ),
  };
}

const schemaOfAuthors = /\b(?:from|join|describe(?:\s+table)?)\s+(raw|growth|ops|models|segment)(?=\s*\.)/gi;

/** SQL that a project's author wrote (models, SQL traits, `cambium query`). Never call it with data from events. */
export function trustedSql(text: string): Sql {
  return { parts: split(text, schemaOfAuthors) };
}

export function join(fragments: readonly Sql[], separator: string = ", "): Sql {
  return {
    parts: fragments.flatMap((fragment, index): Part[] => (index === 0 ? [...fragment.parts] : [{ text: separator }, ...fragment.parts])),
  };
}

export const empty: Sql = { parts: [] };

/** Renders with the engine's own quoting; called by `Connection` implementations and by whatever shows SQL to people. */
export function render(statement: Sql, quoting: Quoting): string {
  return statement.parts
    .map((part) => {
      if ("text" in part) return part.text;
      if ("name" in part) return quoting.name(part.name);
      return "schema" in part ? quoting.schema(part.schema) : quoting.value(part.value);
    })
    .join("");
}
