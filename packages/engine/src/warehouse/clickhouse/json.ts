import type { NdjsonShape } from "../dialect.js";
import { type Sql, join, sql, trustedSql } from "../sql.js";
import { nullable } from "./types.js";

/**
 * JSON kept as text. Known difference to the embedded engine: a number loses how it was written (`1.0` reads as `1`, an
 * integer beyond 64 bits as a double).
 */

/** A step that is a number may be a place in a list (counted from 0) or a key of that name. */
function ways(path: readonly string[]): Sql[] {
  const steps = path.map((step) => (/^\d{1,9}$/.test(step) ? [sql`${step}`, trustedSql(String(Number(step) + 1))] : [sql`${step}`]));
  return steps.reduce<Sql[]>((all, step) => all.flatMap((way) => step.map((one) => sql`${way}, ${one}`)), [sql``]);
}

function firstOf(found: readonly Sql[]): Sql {
  return found.length === 1 ? (found[0] as Sql) : sql`coalesce(${join(found)})`;
}

export function jsonText(json: Sql, path: readonly string[]): Sql {
  return firstOf(ways(path).map((way) => sql`JSONExtract(${json}${way}, 'Nullable(String)')`));
}

export function jsonAt(json: Sql, path: readonly string[]): Sql {
  return firstOf(ways(path).map((way) => sql`nullIf(JSONExtractRaw(${json}${way}), '')`));
}

export function jsonTexts(json: Sql, paths: readonly (readonly string[])[]): Sql {
  return sql`[${join(paths.map((path) => jsonText(json, path)))}]`;
}

export function jsonObject(fields: readonly (readonly [string, Sql])[]): Sql {
  const entries = fields.map(([field, value], index) => sql`${`${index === 0 ? "{" : ","}${JSON.stringify(field)}:`}, ${jsonOf(value)}`);
  return entries.length === 0 ? sql`'{}'` : sql`concat(${join(entries)}, '}')`;
}

export function jsonArray(items: readonly Sql[]): Sql {
  const entries = items.map((item, index) => sql`${index === 0 ? "[" : ","}, ${jsonOf(item)}`);
  return entries.length === 0 ? sql`'[]'` : sql`concat(${join(entries)}, ']')`;
}

function jsonOf(value: Sql): Sql {
  return sql`ifNull(${toJson(value)}, 'null')`;
}

/** Whole numbers and decimals stand as numbers; the session has them quoted in results (`settings.ts`). */
export function toJson(value: Sql): Sql {
  return sql`if(match(toTypeName(${value}), '^(Nullable\\()?(U?Int|Decimal)'), toString(${value}), toJSONString(${value}))`;
}

const kinds = sql`['String', 'Object', 'Array', 'Bool', 'Null'], ['text', 'object', 'list', 'boolean', 'null']`;

export function jsonKind(json: Sql): Sql {
  return sql`transform(toString(JSONType(ifNull(${json}, '0'))), ${kinds}, 'number')`;
}

/** The rows of uploaded lines (`file`, `line`) in FROM, each parsed once, JSON fields as their own text. */
export function linesAs(table: Sql, shape: NdjsonShape): Sql {
  const fields = Object.entries(shape);
  const scalars = fields.filter(([, type]) => typeof type === "string");
  const records = fields.filter(([, type]) => typeof type !== "string");
  const columns = [
    ...scalars.map(([column, type]) => sql`${field(sql`p`, [column], type as string)} AS ${quoted(column)}`),
    ...records.map(([column, type]) => {
      const inner = Object.entries(type as Record<string, string>);
      const values = inner.map(([key, keyType]) => field(sql`p`, [column, key], keyType));
      const shapeText = inner.map(([key, keyType]) => `${backquoted(key)} ${nullable(keyType as "text")}`).join(", ");
      return sql`CAST(tuple(${join(values)}) AS Tuple(${trustedSql(shapeText)})) AS ${quoted(column)}`;
    }),
  ];
  const parsed = sql`JSONExtract(l.line, ${`Tuple(${tupleText(shape)})`})`;
  return sql`(SELECT l.file AS file, ${join(columns)} FROM (SELECT l.file, l.line, ${parsed} AS p FROM (${readable(table)}) AS l) AS l)`;
}

/** What is no JSON to the quick parser may be so only for a number beyond 64 bits: then that becomes a double. */
function readable(table: Sql): Sql {
  const shorter = sql`replaceRegexpAll(line, '([:\\\\[,]\\\\s*-?\\\\d{19,})(\\\\s*[,}\\\\]])', '\\\\1.0\\\\2')`;
  return sql`SELECT file, if(isValidJSON(line), line, ${shorter}) AS line FROM ${table}`;
}

function field(parsed: Sql, path: readonly [string] | readonly [string, string], type: string): Sql {
  if (type === "json") {
    const raw = sql`JSONExtractRaw(l.line, ${join(path.map((step) => sql`${step}`))})`;
    return sql`if(${raw} IN ('', 'null'), NULL, ${raw})`;
  }
  return path.reduce<Sql>((inside, step) => sql`tupleElement(${inside}, ${step})`, parsed);
}

function tupleText(shape: NdjsonShape): string {
  return Object.entries(shape)
    .flatMap(([column, type]) => {
      if (type === "json") return [];
      return [`${backquoted(column)} ${typeof type === "string" ? nullable(type) : `Tuple(${tupleText(type)})`}`];
    })
    .join(", ");
}

function backquoted(text: string): string {
  return `\`${text.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

function quoted(text: string): Sql {
  return { parts: [{ name: text }] };
}
