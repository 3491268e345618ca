import { sql } from "./sql.js";
import type { TableSpec } from "./table.js";
import type { Connection } from "./warehouse.js";

/** Whether a table stands there by now: some are made by a definition, or by who first needs them. */
export async function hasTable(connection: Connection, { schema, table }: TableSpec): Promise<boolean> {
  const found = await connection.first(
    sql`/* is the table there */ SELECT name FROM ${connection.dialect.tablesOf(schema)} AS t WHERE name = ${table}`,
  );
  return found !== undefined;
}
