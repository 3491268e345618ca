import { type EventScope, callOf, eventPredicate, onlyFor, propertyNumber, propertyText } from "../project/compile/event-predicate.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, sql } from "../warehouse/sql.js";
import type { ScalarMeasure } from "./measures.js";

/** Over events (`raw.events AS e`): the aggregate of one measure, NULL where no event passes. */
export function overEvents(scope: EventScope, { filter, aggregate }: ScalarMeasure): Sql {
  const { dialect } = scope;
  const passes = eventPredicate(scope, filter);
  const call = callOf(filter);
  switch (aggregate.type) {
    case "count":
      return sql`nullif(${dialect.filtered(sql`count(*)`, passes)}, 0)`;
    case "count_numeric": {
      const number = onlyFor(filter, propertyNumber(scope, call, aggregate.property));
      return sql`nullif(${dialect.filtered(sql`count(${number})`, passes)}, 0)`;
    }
    case "sum":
    case "min":
    case "max": {
      const number = onlyFor(filter, propertyNumber(scope, call, aggregate.property));
      const over: Record<typeof aggregate.type, Sql> = { sum: sql`sum(${number})`, min: sql`min(${number})`, max: sql`max(${number})` };
      return dialect.tryCast(dialect.filtered(over[aggregate.type], passes), "decimal");
    }
    case "first":
    case "last": {
      const text = onlyFor(filter, propertyText(scope, call, aggregate.property));
      const place = dialect.position(sql`e.timestamp`, sql`e.received_at`, sql`e.message_id`, text);
      const some = sql`${passes} AND ${text} IS NOT NULL`;
      return dialect.filtered(aggregate.type === "first" ? sql`min(${place})` : sql`max(${place})`, some);
    }
    case "first_at":
      return dialect.filtered(sql`min(e.timestamp)`, passes);
    case "last_at":
      return dialect.filtered(sql`max(e.timestamp)`, passes);
    default:
      return aggregate satisfies never;
  }
}

/** Over rows of the facts table: the same aggregate of partial results in `column`, where `condition` holds (always, without one). */
export function overFacts(dialect: Dialect, type: ScalarMeasure["aggregate"]["type"], column: Sql, condition: Sql | undefined): Sql {
  const over = (aggregate: Sql) => (condition === undefined ? aggregate : dialect.filtered(aggregate, condition));
  switch (type) {
    case "count":
    case "count_numeric":
      return dialect.cast(sql`coalesce(${over(sql`sum(${column})`)}, 0)`, "integer");
    case "sum":
      return dialect.tryCast(over(sql`sum(${column})`), "decimal");
    case "min":
    case "first":
    case "first_at":
      return over(sql`min(${column})`);
    case "max":
    case "last":
    case "last_at":
      return over(sql`max(${column})`);
    default:
      return type satisfies never;
  }
}
