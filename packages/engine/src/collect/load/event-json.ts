import type { Dialect } from "../../warehouse/dialect.js";
import { type Sql, empty, join, name, sql } from "../../warehouse/sql.js";

const jsonColumns = ["properties", "traits", "context"] as const;
type JsonColumn = (typeof jsonColumns)[number];

/**
 * Reading many paths of an event's JSON with one parse of each value. `dialect` is the engine's own, except that
 * `jsonText(e.properties, …)` becomes an item of a list that an inner query makes of all the paths anybody asked for:
 * the rules of identity and groups are written once, and the loader runs them at the price of one parse.
 */
export class EventJson {
  readonly dialect: Dialect;
  #engine: Dialect;
  #paths: Record<JsonColumn, (readonly string[])[]> = { properties: [], traits: [], context: [] };

  constructor(engine: Dialect) {
    this.#engine = engine;
    this.dialect = { ...engine, jsonText: (json, path) => this.#item(json, path) };
  }

  /** `, jsonTexts(l.properties, …) AS properties_texts, …` of the paths asked for so far. */
  lists(): Sql {
    const needed = jsonColumns.filter((column) => this.#paths[column].length > 0);
    if (needed.length === 0) return empty;
    return sql`, ${join(needed.map((column) => sql`${this.#engine.jsonTexts(sql`l.${name(column)}`, this.#paths[column])} AS ${name(listName(column))}`))}`;
  }

  #item(json: Sql, path: readonly string[]): Sql {
    const column = columnOf(json);
    if (column === undefined) return this.#engine.jsonText(json, path);
    const known = this.#paths[column];
    let index = known.findIndex((candidate) => JSON.stringify(candidate) === JSON.stringify(path));
    if (index === -1) index = known.push(path) - 1;
    return this.#engine.listItem(sql`e.${name(listName(column))}`, index);
  }
}

/** `e.properties`, `e.traits` or `e.context`, however it was put together. */
function columnOf(json: Sql): JsonColumn | undefined {
  const text = json.parts
    .map((part) => ("text" in part ? part.text : "name" in part ? part.name : "schema" in part ? part.schema : ""))
    .join("");
  return jsonColumns.find((column) => text === `e.${column}`);
}

function listName(column: JsonColumn): string {
  return `${column}_texts`;
}
