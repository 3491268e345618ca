import type { Project } from "../../../src/project/project.js";
import { checkLedger } from "../../../src/observe/ledger.js";
import { type Sql, join, name, sql } from "../../../src/warehouse/sql.js";
import { type TableSpec, nameOf } from "../../../src/warehouse/table.js";
import { audienceChanges, changes, growthTables, growthTablesOf, score } from "../../../src/warehouse/tables/growth.js";
import { loads, syncRows, syncSending, syncState } from "../../../src/warehouse/tables/ops.js";
import { events, quarantine } from "../../../src/warehouse/tables/raw.js";
import { published } from "../../../src/warehouse/published.js";
import type { Connection } from "../../../src/warehouse/warehouse.js";
import { kinds } from "./scenario.js";

/**
 * Everything that must be the same whatever died on the way, as sorted lines of text by table. Numbers of cycles, runs and
 * changes are left out: a death after a commit makes the next turn another one.
 */
export async function contentsOf(connection: Connection, project: Project): Promise<Record<string, string[]>> {
  const contents: Record<string, string[]> = {};
  const tables: readonly TableSpec[] = [
    ...growthTables,
    ...kinds.flatMap(growthTablesOf),
    ...project.scores.map((each) => score(each.name)),
    ...project.syncs.map((each) => syncState(each.name)),
    events,
    quarantine,
    loads,
    syncRows,
    syncSending,
  ];
  for (const table of tables) contents[`${table.schema}.${table.table}`] = await linesOf(connection, table);
  contents["the ledger"] = (await checkLedger(connection)).filter((check) => !check.ok).map((check) => `${check.title}: ${check.sentence}`);
  return contents;
}

/** Of several events of one instant, whichever the engine came upon first is named as the cause. */
const causes = new Set<TableSpec>([changes, audienceChanges]);
const leftOut = new Set([
  "cycle_id",
  "change_id",
  "run_id",
  "first_run",
  "attempts",
  "seconds",
  "confirmed_at",
  "updated_at",
  "entered_at",
]);

async function linesOf(connection: Connection, table: TableSpec): Promise<string[]> {
  const columns = (await connection.describe(sql`SELECT * FROM ${nameOf(table)}`))
    .map((column) => column.name)
    .filter((column) => !leftOut.has(column) && !(column === "message_id" && causes.has(table)))
    .sort();
  const { dialect } = connection;
  const cells = columns.map((column): Sql => sql`${column} || ' ' || coalesce(${dialect.cast(name(column), "text")}, '-')`);
  const scope = table.schema === "raw" ? published() : sql`TRUE`;
  const rows = await connection.read<{ line: string }>(
    sql`SELECT ${join(cells, " || ' | ' || ")} AS line FROM ${nameOf(table)} WHERE ${scope}`,
  );
  return rows.map((row) => row.line).sort();
}
