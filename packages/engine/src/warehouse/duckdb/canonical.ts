import { type Sql, sql } from "../sql.js";

/** Values as text that every engine writes alike (`Dialect.canonicalText`): checksums of engines are compared by it. */

/** Number that stands for the days without end that this engine knows; minus it, for those without beginning. */
export const endOfDays = 2_147_483_647;
const endOfTime = "9223372036854775807";

export function dayNumber(day: Sql): Sql {
  return sql`(CASE WHEN isfinite(${day}) THEN CAST(date_diff('day', DATE '1970-01-01', ${day}) AS BIGINT)
  WHEN ${day} = DATE 'infinity' THEN ${endOfDays} WHEN ${day} = DATE '-infinity' THEN ${-endOfDays} END)`;
}

export function canonicalText(expression: Sql, type: string): Sql {
  switch (type) {
    case "text":
      return expression;
    case "double":
      // Seventeen digits tell all doubles apart; which not-a-number it is says nothing.
      return sql`(CASE WHEN isnan(${expression}) THEN 'nan' ELSE printf('%.16e', ${expression}) END)`;
    case "decimal":
      return withoutZeros(sql`CAST(${expression} AS VARCHAR)`);
    case "timestamp":
      return sql`(CASE WHEN isfinite(${expression}) THEN CAST(epoch_us(${expression}) AS VARCHAR)
  WHEN ${expression} = TIMESTAMP 'infinity' THEN ${endOfTime} WHEN ${expression} = TIMESTAMP '-infinity' THEN ${`-${endOfTime}`} END)`;
    case "date":
      return sql`CAST(${dayNumber(expression)} AS VARCHAR)`;
    case "text[]":
      return sql`array_to_string(list_transform(${expression}, lambda item: coalesce(strlen(item) || ':' || item, '-')), '')`;
    default:
      return sql`CAST(${expression} AS VARCHAR)`;
  }
}

function withoutZeros(number: Sql): Sql {
  return sql`(CASE WHEN contains(${number}, '.') THEN rtrim(rtrim(${number}, '0'), '.') ELSE ${number} END)`;
}
