import { sql } from "../../src/warehouse/sql.js";
import { type TableSpec, columnNames, nameOf } from "../../src/warehouse/table.js";
import {
  entities,
  groupParents,
  identifiers,
  identityRules,
  membershipFacts,
  memberships,
  merges,
  observations,
  refusals,
  subjects,
} from "../../src/warehouse/tables/growth.js";
import { events } from "../../src/warehouse/tables/raw.js";
import { nobody, touched } from "../../src/warehouse/tables/working.js";
import { join, name } from "../../src/warehouse/sql.js";
import type { Connection } from "../../src/warehouse/warehouse.js";

/** A team belongs to a workspace, a workspace to an account. */
export const kinds = ["user", "team", "workspace", "account"];

/** Everything the identity stage owns, for comparing one way of getting there with another. */
const identityTables: readonly TableSpec[] = [
  identifiers,
  observations,
  merges,
  refusals,
  membershipFacts,
  memberships,
  groupParents,
  ...kinds.map(subjects),
  ...kinds.map(entities),
];

/** Rows of those tables as sorted text, by table. */
export async function dumpIdentity(connection: Connection): Promise<Record<string, string[]>> {
  const dump: Record<string, string[]> = {};
  for (const table of identityTables) {
    const cells = join(
      columnNames(table).map((column) => sql`coalesce(${connection.dialect.cast(name(column), "text")}, '-')`),
      ", ' | ', ",
    );
    const rows = await connection.read<{ line: string }>(sql`SELECT concat(${cells}) AS line FROM ${nameOf(table)} ORDER BY 1`);
    dump[table.table] = rows.map((row) => row.line);
  }
  return dump;
}

/** Empties the tables and the events, so that one warehouse serves many runs. */
export async function emptyIdentity(connection: Connection): Promise<void> {
  for (const table of [...identityTables, identityRules, events]) await connection.run(connection.dialect.deleteWhere(table, sql`TRUE`));
  await connection.run(connection.dialect.tempTable(touched, nobody(connection.dialect)));
}
