import { type Sql, name, sql } from "../sql.js";
import { type TableSpec, nameOf } from "../table.js";
import { rawTables } from "../tables/raw.js";
import type { Connection } from "../warehouse.js";
import { ClickhouseSession } from "./connection.js";
import { clickhouseDialect } from "./dialect.js";
import { scratchName } from "./scratch.js";
import type { Server } from "./server.js";
import { numbersOfTerm } from "./statement-number.js";

/** A second set of databases under a prefix of its own, with views on the main ones' raw tables. */
export async function openShadow(
  server: Server,
  prefix: string,
): Promise<{ connection: Connection; mainTable(spec: TableSpec): Sql; close(): Promise<void> }> {
  const shadow = `${scratchName(prefix, "shadow")}_`;
  const dialect = clickhouseDialect(shadow);
  // Nobody else sees these tables, and all of them go: statements need numbers of their own and no commit.
  const session = new ClickhouseSession(server, dialect, scratchName(prefix, "session"), { numbers: numbersOfTerm(0n) });
  const mainTable = (spec: TableSpec): Sql => name(`${prefix}${spec.schema}`, spec.table);
  const schemas = ["raw", "growth", "ops"];
  await session.open();
  for (const schema of schemas) await session.run(dialect.createSchema(schema));
  for (const spec of rawTables) await session.run(dialect.createView(nameOf(spec), sql`SELECT * FROM ${mainTable(spec)}`));
  return {
    connection: session,
    mainTable,
    async close() {
      for (const schema of schemas) await session.run(sql`DROP DATABASE IF EXISTS ${{ parts: [{ schema }] }} SYNC`);
      await session.close();
    },
  };
}
