import nunjucks from "nunjucks";

/**
 * SQL models are Jinja templates with dbt's words: `ref`, `source`, `config`, and `is_incremental` (never true here).
 * Rendering is pure; whoever renders says what a reference becomes.
 */

export interface TemplateWords {
  ref(name: string): string;
  source(schema: string, table: string): string;
}

export interface RenderedTemplate {
  readonly sql: string;
  readonly refs: readonly string[];
  readonly sources: readonly (readonly [schema: string, table: string])[];
  /** What `config(…)` said. */
  readonly config: Readonly<Record<string, unknown>>;
}

const environment = new nunjucks.Environment(null, { autoescape: false, throwOnUndefined: true });

/** Throws nunjucks' own error, with the line in its message, where the template cannot be read. */
export function renderSqlTemplate(text: string, words: TemplateWords): RenderedTemplate {
  const refs = new Set<string>();
  const sources: [string, string][] = [];
  let config: Record<string, unknown> = {};
  const sql = environment.renderString(text, {
    ref(...path: unknown[]) {
      // dbt allows the package's name before the model's.
      const name = String(path.filter((part) => typeof part === "string").at(-1) ?? "");
      refs.add(name);
      return words.ref(name);
    },
    source(schema: unknown, table: unknown) {
      sources.push([String(schema), String(table)]);
      return words.source(String(schema), String(table));
    },
    config(given: unknown) {
      if (typeof given === "object" && given !== null) config = { ...config, ...plain(given as Record<string, unknown>) };
      return "";
    },
    is_incremental: () => false,
  });
  return { sql: sql.trim(), refs: [...refs].sort(), sources, config };
}

/** SQL of traits and conditions: references become the names of the views themselves. */
export function withModelNames(text: string): RenderedTemplate {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return renderSqlTemplate(text, {
    ref: (name) => `models.${quoted(name)}`,
    source: (schema, table) => `${quoted(schema)}.${quoted(table)}`,
  });
}

/** Keyword arguments come with a mark of nunjucks' own. */
function plain(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([key]) => key !== "__keywords"));
}
