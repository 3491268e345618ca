import { groupColumn } from "../warehouse/create-tables.js";
import { join, name, sql } from "../warehouse/sql.js";
import { groupKinds } from "../project/project.js";
import { type Scope, newEvents } from "./scope.js";

/** Leaves `identity_activity`: per identifier that owns new facts, the first and last time, and the last without a group. */
export async function readActivity(scope: Scope): Promise<void> {
  const { connection, dialect, project } = scope;
  const unnamed = join(
    groupKinds(project).map((entity) => sql`e.${name(groupColumn(entity.kind))} IS NULL`),
    " OR ",
  );
  const unnamedAt = unnamed.parts.length === 0 ? dialect.cast(sql`NULL`, "timestamp") : dialect.filtered(sql`max(e.timestamp)`, unnamed);
  await connection.run(
    sql`/* identify: when identifiers were seen */ ${dialect.tempTable(
      "identity_activity",
      sql`SELECT e.identifier_id, min(e.timestamp) AS first_seen, max(e.timestamp) AS last_seen, ${unnamedAt} AS unnamed_at
      FROM ${newEvents(scope)} AND e.identifier_id IS NOT NULL GROUP BY e.identifier_id`,
    )}`,
  );
}
