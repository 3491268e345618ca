import { type Instant, microsPerSecond } from "../../base/instant.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { properties } from "../../warehouse/tables/ops.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { type SeenProperty, observedProperties, propertyKey, withMore } from "./observe-properties.js";

/** Names made up by a broken or hostile client must not fill the table: from here on only known properties are counted. */
const propertiesMax = 50_000;
/** Counts of known properties are written this often; a crash loses those of less than that, and they are estimates. */
const writeEveryMicros = 60 * microsPerSecond;
const rowsAtOnce = 500;

/**
 * Which properties (of identify and group calls: traits) events have, with the kinds of their values. A property never seen
 * before is in `ops.properties` when the load that brought it is; counts and times of known ones are collected here and
 * written now and then, since most loads bring nothing new and the table is far from what a small load should pay for.
 */
export class SeenProperties {
  #known: Set<string> | undefined;
  #waiting = new Map<string, SeenProperty>();
  #writtenAt: Instant | undefined;

  /**
   * Looks at the events that this load stored, so many; within its transaction. What it returns is called when that is
   * committed: of a load that fails nothing is counted.
   */
  async observe(connection: Connection, loadId: number, events: number, now: Instant): Promise<() => void> {
    if (events === 0) return () => undefined;
    const known = (this.#known ??= await knownProperties(connection));
    const waiting = new Map(this.#waiting);
    const found: string[] = [];
    for (const property of await observedProperties(connection, loadId, events)) {
      const key = propertyKey(property);
      const isNew = !known.has(key);
      if (isNew && known.size + found.length >= propertiesMax) continue;
      if (isNew) found.push(key);
      waiting.set(key, withMore(waiting.get(key), property));
    }
    const isDue = this.#writtenAt === undefined || Math.abs(now - this.#writtenAt) >= writeEveryMicros;
    const writes = found.length > 0 || isDue;
    if (writes) await upsert(connection, [...waiting.values()]);
    return () => {
      for (const key of found) known.add(key);
      this.#waiting = writes ? new Map() : waiting;
      if (writes) this.#writtenAt = now;
    };
  }

  /** Writes the counts that wait. */
  async write(connection: Connection): Promise<void> {
    await upsert(connection, [...this.#waiting.values()]);
    this.#waiting = new Map();
  }

  forget(): void {
    this.#known = undefined;
  }
}

async function knownProperties(connection: Connection): Promise<Set<string>> {
  const rows = await connection.read<Pick<SeenProperty, "event" | "property" | "type">>(
    sql`/* load: known properties */ SELECT event, property, type FROM ops.properties`,
  );
  return new Set(rows.map(propertyKey));
}

async function upsert(connection: Connection, rows: readonly SeenProperty[]): Promise<void> {
  const { dialect } = connection;
  const instant = (text: string): Sql => dialect.cast(sql`${text}`, "timestamp");
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const values = rows
      .slice(from, from + rowsAtOnce)
      .map(
        (row) =>
          sql`(${row.event}, ${row.property}, ${row.type}, ${row.seen}, ${instant(row.first_seen)}, ${instant(row.last_seen)}, ${row.example})`,
      );
    const source = sql`/* load: properties seen */
SELECT v.event, v.property, v.type, p.${name("column")}, v.seen + coalesce(p.seen, 0) AS seen,
  least(v.first_seen, coalesce(p.first_seen, v.first_seen)) AS first_seen,
  greatest(v.last_seen, coalesce(p.last_seen, v.last_seen)) AS last_seen, v.example
FROM (VALUES ${join(values)}) AS v(event, property, type, seen, first_seen, last_seen, example)
LEFT JOIN ops.properties AS p ON p.event = v.event AND p.property = v.property AND p.type = v.type`;
    for (const statement of dialect.upsert(properties, source)) await connection.run(statement);
  }
}
