import { type Sql, join, render, schemas, sql } from "../sql.js";
import type { TableSpec } from "../table.js";
import type { ClickhouseDialect } from "./dialect.js";
import type { Server } from "./server.js";
import { nameOfTable, stagedSchema } from "./stored-table.js";

/** Drops the databases that carry a prefix, whosever tables are in them; of those with tables to keep, only the others. */
export async function dropEverything(
  server: Server,
  dialect: ClickhouseDialect,
  prefix: string,
  kept: readonly TableSpec[] = [],
): Promise<void> {
  const drop = async (statement: Sql) => {
    for (const text of dialect.texts(statement)) await server.run(text);
  };
  for (const schema of [...schemas, stagedSchema]) {
    const stay = kept.filter((spec) => spec.schema === schema).map((spec) => sql`${spec.table}`);
    if (stay.length === 0) {
      await drop(sql`/* everything goes */ DROP DATABASE IF EXISTS ${{ parts: [{ schema }] }} SYNC`);
      continue;
    }
    const others = await server.read(
      render(
        sql`/* what is there */ SELECT name FROM system.tables WHERE database = ${prefix + schema} AND name NOT IN (${join(stay)})`,
        dialect.quoting,
      ),
    );
    for (const [table] of others)
      await drop(sql`/* everything goes */ DROP TABLE IF EXISTS ${nameOfTable({ schema, table: String(table) })} SYNC`);
  }
}
