import { type Sql, join, sql } from "../warehouse/sql.js";
import { type Scope, countOf } from "./scope.js";

/**
 * Finds what must be replayed because an observation arrived late. Leaves `identity_component`: every identifier that a
 * late observation is connected to, through profiles and through refused links alike. It is empty in the common case,
 * when all new observations are younger than all known ones.
 *
 * Why the rest need not be looked at: an observation only reads and writes the profiles of its own identifiers. One that
 * is younger than everything known meets the profiles as they are; of the late ones, all they could meet is in here.
 */
export async function findComponent(scope: Scope): Promise<number> {
  const { connection, dialect, slots } = scope;
  const isLate = sql`received_at <= (SELECT max(received_at) FROM growth.observations)`;
  const late = slots.map((slot) => sql`SELECT ${slot.id} AS identifier_id FROM identity_new WHERE ${isLate} AND ${slot.id} IS NOT NULL`);
  await connection.run(
    sql`/* identify: known identifiers that a late observation names */ ${dialect.tempTable(
      "identity_component",
      sql`SELECT identifier_id FROM growth.identifiers WHERE identifier_id IN (${join(late, " UNION ALL ")})`,
    )}`,
  );
  let found = await countOf(scope, sql`identity_component`);
  if (found === 0) return 0;
  await connection.run(dialect.tempTable("identity_frontier", sql`SELECT identifier_id FROM identity_component`));
  let total = found;
  while (found > 0) {
    await connection.run(
      sql`/* identify: their profiles, and what was refused from or into them */ ${dialect.tempTable(
        "identity_reached",
        sql`SELECT DISTINCT identifier_id FROM (
          SELECT m.subject_id AS identifier_id FROM growth.user_subjects AS m
          WHERE m.entity_id IN (SELECT s.entity_id FROM growth.user_subjects AS s WHERE s.subject_id IN (SELECT identifier_id FROM identity_frontier))
          UNION ALL SELECT profile_id FROM growth.identity_refusals WHERE profile_id IS NOT NULL AND identifier_id IN (SELECT identifier_id FROM identity_frontier)
          UNION ALL SELECT identifier_id FROM growth.identity_refusals WHERE profile_id IN (SELECT identifier_id FROM identity_frontier)
          ${aliases()}
        ) AS reached WHERE identifier_id NOT IN (SELECT identifier_id FROM identity_component)`,
      )}`,
    );
    await connection.run(dialect.tempTable("identity_frontier", sql`SELECT identifier_id FROM identity_reached`));
    await connection.run(sql`INSERT INTO identity_component SELECT identifier_id FROM identity_frontier`);
    found = await countOf(scope, sql`identity_frontier`);
    total += found;
  }
  return total;
}

/** An alias reads whether its previousId is known: that connects them even where nothing was linked. */
function aliases(): Sql {
  const ends = [sql`owner_id`, sql`previous_user_id`, sql`previous_anonymous_id`];
  const any = join(
    ends.map((end) => sql`${end} IN (SELECT identifier_id FROM identity_frontier)`),
    " OR ",
  );
  return join(
    ends.map(
      (end) =>
        sql`UNION ALL SELECT ${end} FROM growth.observations WHERE (previous_user_id IS NOT NULL OR previous_anonymous_id IS NOT NULL) AND ${end} IS NOT NULL AND (${any})`,
    ),
    " ",
  );
}
