import { canonicalRow } from "../../warehouse/canonical-row.js";
import { type Sql, name, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { CopiedTable } from "./copied-table.js";

/** How many rows there are, and a number that any other rows have only by chance; in whatever order they are. */
export interface Checksum {
  readonly rows: number;
  readonly sum: bigint;
}

export async function checksumOf(connection: Connection, table: CopiedTable, condition: Sql): Promise<Checksum> {
  const { dialect } = connection;
  const found = await connection.first<{ n: number; total: string }>(
    sql`/* checksum of ${name(table.label)} */ SELECT count(*) AS n, ${dialect.hashSum(canonicalRow(dialect, table.compared(dialect)))} AS total
FROM ${nameOf(table.spec)} WHERE (${table.scope}) AND (${condition})`,
  );
  return { rows: found?.n ?? 0, sum: BigInt(found?.total ?? "0") };
}
