import { type Sql, sql } from "./sql.js";
import { growthTables, growthTablesOf } from "./tables/growth.js";
import { loads, opsTables } from "./tables/ops.js";
import { events, rawTables } from "./tables/raw.js";
import { shippingTables } from "./tables/shipping.js";
import type { Connection } from "./warehouse.js";

/** Creates what is missing; safe to run at every start. `kinds` are the project's entity kinds, `groupKinds` those besides user. */
export async function createTables(connection: Connection, kinds: readonly string[], groupKinds: readonly string[]): Promise<void> {
  const specs = [...rawTables, ...shippingTables, ...opsTables, ...growthTables, ...kinds.flatMap(growthTablesOf)];
  const statements: Sql[] = [
    ...specs.flatMap((spec) => connection.dialect.createTable(spec)),
    ...groupKinds.map((kind) => connection.dialect.addColumn(events, groupColumn(kind), "integer")),
  ];
  for (const statement of statements) await connection.run(sql`/* create what is missing */ ${statement}`);
}

/** What a collector writes to, which may be the first to come. */
export async function createShippingTables(connection: Connection): Promise<void> {
  for (const statement of [...shippingTables, loads].flatMap((spec) => connection.dialect.createTable(spec)))
    await connection.run(sql`/* create what is missing */ ${statement}`);
}

/** The tables that the loop derives, for a shadow warehouse whose raw tables are views. */
export async function createDerivedTables(connection: Connection, kinds: readonly string[]): Promise<void> {
  for (const spec of [...opsTables, ...growthTables, ...kinds.flatMap(growthTablesOf)]) {
    for (const statement of connection.dialect.createTable(spec)) await connection.run(sql`/* create what is missing */ ${statement}`);
  }
}

/** The column of `raw.events` with the id of the group of this kind that the event itself names. */
export function groupColumn(kind: string): string {
  return `${kind}_id`;
}
