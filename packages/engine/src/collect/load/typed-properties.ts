import type { Instant } from "../../base/instant.js";
import { propertyColumn } from "../../warehouse/property-column.js";
import { name, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { properties } from "../../warehouse/tables/ops.js";
import { events } from "../../warehouse/tables/raw.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { TypedProperty } from "./event-rows.js";

/** Loads whose rows are filled in by one statement. */
const rowsAtOnce = 5_000_000;

/**
 * Gives each of these properties (paths within `properties` that definitions read) a column of its own, filled for the
 * history too. Columns are text, exactly as reading the JSON gives it, so a definition means the same with and without.
 * Safe to call at every start and after every change of definitions; returns what loads and measures need.
 */
export async function prepareProperties(connection: Connection, paths: readonly string[], now: Instant): Promise<TypedProperty[]> {
  const present = await filledColumns(connection);
  const typed = [...new Set(paths)].sort().map((path) => ({ path, column: propertyColumn(path) }));
  for (const property of typed) if (!present.has(property.column)) await typeProperty(connection, property, now);
  return typed;
}

/** One new column for a property, with the values that the stored events have. */
export async function typeProperty(connection: Connection, property: TypedProperty, now: Instant): Promise<void> {
  const { dialect } = connection;
  await connection.transaction(async () => {
    await connection.run(sql`/* a column for a property */ ${dialect.addColumn(events, property.column, "text")}`);
    const size = await connection.first<{ n: number; last: number | null }>(
      sql`SELECT count(*) AS n, max(load_id) AS last FROM raw.events`,
    );
    const last = size?.last ?? 0;
    const step = Math.max(1, Math.floor((rowsAtOnce * Math.max(1, last)) / Math.max(1, size?.n ?? 0)));
    for (let from = 0; size !== undefined && size.n > 0 && from <= last; from += step) {
      const text = dialect.jsonText(sql`properties`, property.path.split("."));
      const some = sql`load_id >= ${from} AND load_id < ${from + step} AND properties IS NOT NULL`;
      await connection.run(sql`/* back-fill a property */ ${dialect.updateWhere(events, { [property.column]: text }, some)}`);
    }
    const at = dialect.timestamp(now);
    await connection.run(sql`/* note the column */ INSERT INTO ${nameOf(properties)} (event, property, type, ${name("column")}, seen, first_seen, last_seen, example)
SELECT '*', ${property.path}, 'text', ${property.column}, 0, ${at}, ${at}, NULL`);
  });
}

/** Those whose column is filled: a load never fails for one that is not. */
export async function existingColumns(connection: Connection, typed: readonly TypedProperty[]): Promise<TypedProperty[]> {
  if (typed.length === 0) return [];
  const present = await filledColumns(connection);
  return typed.filter(({ column }) => present.has(column));
}

/** Columns that the history was filled into: the note comes last, so one that a crash left half filled is none of them. */
export async function filledColumns(connection: Connection): Promise<Set<string>> {
  const noted = await connection.read<{ column: string }>(
    sql`/* typed copies of properties */ SELECT DISTINCT ${name("column")} FROM ${nameOf(properties)} WHERE event = '*' AND ${name("column")} IS NOT NULL`,
  );
  return new Set(noted.map(({ column }) => column));
}
