import { type Sql, sql } from "../sql.js";

/**
 * The place of an event among events, with a value: text that sorts by (moment, received, message id, value), so that plain
 * `min` and `max` find the first and the last, also in tables whose rows the engine merges by itself. Two numbers of 16
 * hexadecimal digits, the id with its zero bytes escaped and ended by two of them, a mark, the value.
 */
export function position(timestamp: Sql, receivedAt: Sql, messageId: Sql, value: Sql): Sql {
  const id = sql`replaceAll(${messageId}, '\\0', '\\0\\x01')`;
  return sql`concat(${sortable(timestamp)}, ${sortable(receivedAt)}, ${id}, '\\0\\0', ifNull(concat('1', ${value}), '2'))`;
}

/** So much is added that years 1900 to 2299 are positive and have all sixteen digits. */
const offset = 2n ** 62n;

function sortable(timestamp: Sql): Sql {
  return sql`hex(toUInt64(toUnixTimestamp64Micro(${timestamp}) + ${offset}))`;
}

const receivedFrom = 17;
const idFrom = 33;

export function positionTimestamp(place: Sql): Sql {
  return instantIn(sql`left(${place}, 16)`);
}

export function positionReceivedAt(place: Sql): Sql {
  return instantIn(sql`substring(${place}, ${receivedFrom}, 16)`);
}

function instantIn(digits: Sql): Sql {
  return sql`fromUnixTimestamp64Micro(toInt64(reinterpretAsUInt64(reverse(unhex(${digits})))) - ${offset}, 'UTC')`;
}

export function positionMessageId(place: Sql): Sql {
  return sql`replaceAll(substring(${place}, ${idFrom}, position(${place}, '\\0\\0') - ${idFrom}), '\\0\\x01', '\\0')`;
}

/** The first two zero bytes end the id: within it none is followed by another. */
export function positionValue(place: Sql): Sql {
  const rest = sql`substring(${place}, position(${place}, '\\0\\0') + 2)`;
  return sql`if(startsWith(${rest}, '1'), substring(${rest}, 2), NULL)`;
}
