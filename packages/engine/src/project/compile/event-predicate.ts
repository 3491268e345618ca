import type { Dialect } from "../../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { EventFilter, PropertyCondition } from "../kinds/condition.js";
import { type OperatorContext, operatorPredicate } from "./operator-predicate.js";

/** Which calls an event filter looks at, where its properties live, and its predicate over `raw.events AS e`. */

/** Typed copies of properties: path → column of `raw.events`. */
export type TypedProperties = ReadonlyMap<string, string>;

export interface EventScope extends OperatorContext {
  readonly typed: TypedProperties;
}

export function callOf(filter: EventFilter): "track" | "page" | "screen" | "identify" | "group" {
  return filter.call ?? "track";
}

/** Type and name alone: cheap, and what everything that touches JSON hides behind. */
export function namePredicate(filter: EventFilter): Sql {
  const names = (Array.isArray(filter.event) ? filter.event : [filter.event]).filter((eventName) => eventName !== "*");
  const ofCall = sql`e.type = ${callOf(filter)}`;
  if (names.length === 0) return ofCall;
  if (names.length === 1) return sql`(${ofCall} AND e.event = ${names[0] as string})`;
  return sql`(${ofCall} AND e.event IN (${join(names.map((eventName) => sql`${eventName}`))}))`;
}

/**
 * The whole filter. CASE, not AND: engines compute both sides of an AND in a projection for every row, and parsing JSON
 * of events that have the wrong name is most of the cost.
 */
export function eventPredicate(scope: EventScope, filter: EventFilter): Sql {
  if (filter.where === undefined || filter.where.length === 0) return namePredicate(filter);
  const conditions = join(
    filter.where.map((condition) => propertyPredicate(scope, callOf(filter), condition)),
    " AND ",
  );
  return sql`(CASE WHEN ${namePredicate(filter)} THEN ${conditions} ELSE FALSE END)`;
}

/** An expression that is only computed for events of the right name. */
export function onlyFor(filter: EventFilter, expression: Sql): Sql {
  return sql`(CASE WHEN ${namePredicate(filter)} THEN ${expression} END)`;
}

function propertyPredicate(scope: EventScope, call: string, condition: PropertyCondition): Sql {
  const { property, ...operators } = condition;
  return operatorPredicate(scope, { expression: propertyText(scope, call, property), type: "text" }, operators);
}

/** The property as text: scalars without quotes; NULL where missing or empty, in a typed column as in JSON. */
export function propertyText(scope: { dialect: Dialect; typed: TypedProperties }, call: string, path: string): Sql {
  const { column, steps } = propertyPlace(call, path);
  const typedColumn = column === "properties" ? scope.typed.get(steps.join(".")) : undefined;
  if (typedColumn !== undefined) return sql`e.${name(typedColumn)}`;
  return sql`nullif(${scope.dialect.jsonText(sql`e.${name(column)}`, steps)}, '')`;
}

/** `amount` of a track is in `properties`, of an identify in `traits`; `context.` and `traits.` say so themselves. */
export function propertyPlace(call: string, path: string): { column: "properties" | "traits" | "context"; steps: string[] } {
  const steps = path.split(".");
  const [head, ...rest] = steps;
  if (rest.length > 0 && (head === "context" || head === "traits" || head === "properties")) return { column: head, steps: rest };
  return { column: call === "identify" || call === "group" ? "traits" : "properties", steps };
}

/** The property as exact number; NULL where it is none. */
export function propertyNumber(scope: { dialect: Dialect; typed: TypedProperties }, call: string, path: string): Sql {
  return scope.dialect.tryCast(propertyText(scope, call, path), "decimal");
}
