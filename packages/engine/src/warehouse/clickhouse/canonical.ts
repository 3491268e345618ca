import { type Sql, sql } from "../sql.js";

/** Values as text that every engine writes alike (`Dialect.canonicalText`): checksums of engines are compared by it. */
export function canonicalText(expression: Sql, type: string): Sql {
  switch (type) {
    case "text":
    case "json":
      return expression;
    case "double":
      // Seventeen digits tell all doubles apart; which not-a-number it is says nothing.
      return sql`if(isNaN(${expression}), 'nan', printf('%.16e', ${expression}))`;
    case "decimal":
      return withoutZeros(sql`toString(${expression})`);
    case "boolean":
      return sql`if(${expression} IS NULL, NULL, if(${expression}, 'true', 'false'))`;
    case "timestamp":
      return sql`toString(toUnixTimestamp64Micro(${expression}))`;
    case "date":
      return sql`toString(toInt32(${expression}))`;
    case "text[]": {
      const list = sql`variantElement(${expression}, 'Array(String)')`;
      return sql`if(${expression} IS NULL, NULL, arrayStringConcat(arrayMap(item -> concat(toString(length(item)), ':', item), ${list})))`;
    }
    default:
      return sql`toString(${expression})`;
  }
}

function withoutZeros(number: Sql): Sql {
  return sql`if(position(${number}, '.') > 0, trimRight(trimRight(${number}, '0'), '.'), ${number})`;
}
