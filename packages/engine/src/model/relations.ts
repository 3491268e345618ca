import { type Sql, name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";

/** Views and tables that definitions ask for, in schemas of their own: created whole, replaced whole. */

export type RelationType = "view" | "table";

/** What stands in a schema now. */
export async function relationsIn(connection: Connection, schema: string): Promise<Map<string, RelationType>> {
  const rows = await connection.read<{ name: string; is_view: boolean }>(
    sql`/* views and tables of a schema */ SELECT name, is_view FROM ${connection.dialect.tablesOf(schema)} AS t`,
  );
  return new Map(rows.map((row) => [row.name, row.is_view ? "view" : "table"]));
}

/** Replaces what stands under a name, whichever of the two it was. */
export async function createRelation(
  connection: Connection,
  relation: { schema: string; name: string; type: RelationType; query: Sql; before: RelationType | undefined },
): Promise<void> {
  const { dialect } = connection;
  const path = name(relation.schema, relation.name);
  if (relation.before !== undefined && relation.before !== relation.type)
    await dropRelation(connection, relation.schema, relation.name, relation.before);
  await connection.run(relation.type === "view" ? dialect.createView(path, relation.query) : dialect.createTableAs(path, relation.query));
}

export async function dropRelation(connection: Connection, schema: string, relation: string, type: RelationType): Promise<void> {
  const path = name(schema, relation);
  await connection.run(
    type === "view"
      ? sql`/* no definition asks for this view */ DROP VIEW IF EXISTS ${path}`
      : sql`/* no definition asks for this table */ DROP TABLE IF EXISTS ${path}`,
  );
}
