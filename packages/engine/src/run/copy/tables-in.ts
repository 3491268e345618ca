import { name, sql } from "../../warehouse/sql.js";
import { type TableSpec, nameOf } from "../../warehouse/table.js";
import { copyLog } from "../../warehouse/tables/copy.js";
import { cycles, modelRuns } from "../../warehouse/tables/ops.js";
import { tableNamed } from "../../warehouse/tables/table-named.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Which tables a warehouse has that a copy is about, and what is in them. */
export interface FoundTables {
  readonly tables: readonly TableSpec[];
  /** Names of tables that stay behind: what an engine keeps for itself, and what is made again from the rest. */
  readonly leftOut: readonly string[];
}

/** The tables of the loop in a warehouse. Those that no spec describes are left out: they are the engine's, or a person's. */
export async function tablesIn(connection: Connection, kinds: readonly string[]): Promise<FoundTables> {
  const tables: TableSpec[] = [];
  const leftOut: string[] = [];
  for (const schema of ["raw", "growth", "ops"]) {
    const found = await connection.read<{ name: string; is_view: boolean }>(
      sql`/* tables of a schema */ SELECT name, is_view FROM ${connection.dialect.tablesOf(schema)} AS t ORDER BY name`,
    );
    for (const { name: table, is_view: isView } of found) {
      const spec = isView ? undefined : tableNamed(schema, table, kinds);
      if (spec !== undefined && spec !== modelRuns) tables.push(spec);
      else if (table !== copyLog.table) leftOut.push(`${schema}.${table}`);
    }
  }
  return { tables, leftOut };
}

/** What is in a warehouse, for one who is about to replace it: its rows by table, and its newest cycle. */
export async function contentsOf(
  connection: Connection,
  kinds: readonly string[],
): Promise<{ rows: Map<string, number>; newestCycleAt: string | undefined }> {
  const { tables } = await tablesIn(connection, kinds);
  const rows = new Map<string, number>();
  for (const spec of tables) {
    const counted = await connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ${nameOf(spec)}`);
    if (counted !== undefined && counted.n > 0) rows.set(`${spec.schema}.${spec.table}`, counted.n);
  }
  if (!rows.has("ops.cycles")) return { rows, newestCycleAt: undefined };
  const newest = await connection.first<{ at: string | null }>(sql`SELECT max(${name("now")}) AS at FROM ${nameOf(cycles)}`);
  return { rows, newestCycleAt: newest?.at ?? undefined };
}
