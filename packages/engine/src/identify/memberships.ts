import { isGroupCallOf } from "../project/group-call.js";
import { type EntityKind, groupKinds } from "../project/project.js";
import { groupColumn } from "../warehouse/create-tables.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { membershipFacts, memberships } from "../warehouse/tables/growth.js";
import { ancestors } from "./group-parents.js";
import { type Scope, countOf, newEvents } from "./scope.js";
import { touch } from "./touch.js";

/**
 * Who is a member of which group, from when to when. Facts ("this identifier joined, left") stay with the raw identifier;
 * intervals are derived per profile from the facts of all its identifiers in order of (timestamp, received_at,
 * message_id): a membership opens with the first word that says so and closes with the next that ends it.
 *
 * A group call makes its sender a member. Other events that name a group do so only where the kind says
 * `membership: events`. Where a kind has no `leave_events`, only the first word per identifier and group is kept: later
 * ones could change nothing.
 */
export async function updateMemberships(scope: Scope, moved: number): Promise<number> {
  const { connection, dialect, project } = scope;
  const kinds = groupKinds(project);
  if (kinds.length === 0) return 0;
  const words = kinds.flatMap((entity) => wordsOf(scope, entity));
  await connection.run(
    sql`/* identify: who joins or leaves by new events */ ${dialect.tempTable("identity_words", sql`${join(words, " UNION ALL ")}`)}`,
  );
  const kept = (await countOf(scope, sql`identity_words`)) === 0 ? 0 : await keepWords(scope);
  const affected = [
    ...(kept === 0
      ? []
      : [
          sql`SELECT s.entity_id AS user_id FROM growth.user_subjects AS s WHERE s.subject_id IN (SELECT identifier_id FROM identity_kept_words)`,
        ]),
    ...(moved === 0
      ? []
      : [
          sql`SELECT old_id AS user_id FROM identity_changes WHERE old_id IS NOT NULL`,
          sql`SELECT new_id FROM identity_changes WHERE new_id IS NOT NULL AND old_id IS NOT NULL`,
        ]),
  ];
  if (affected.length === 0) return 0;
  await connection.run(
    sql`/* identify: people whose memberships may differ */ ${dialect.tempTable("identity_people", join(affected, " UNION "))}`,
  );
  return writeMemberships(scope);
}

/** `once`: only the first per identifier and group counts. */
function wordsOf(scope: Scope, entity: EntityKind): Sql[] {
  const { dialect, project } = scope;
  const leaves = entity.leave_events ?? [];
  const column = sql`e.${name(groupColumn(entity.kind))}`;
  const words = (change: "joined" | "seen" | "left", once: boolean, condition: Sql) =>
    sql`SELECT e.identifier_id, ${entity.kind} AS kind, ${column} AS group_id, ${change} AS change, ${once} AS once, e.timestamp AS happened_at, e.received_at, e.message_id
      FROM ${newEvents(scope)} AND e.identifier_id IS NOT NULL AND ${column} IS NOT NULL AND ${condition}`;
  const isCall = sql`e.type = 'group' AND ${isGroupCallOf(dialect, project, entity)}`;
  const isLeave = leaves.length === 0 ? sql`FALSE` : sql`(e.type = 'track' AND e.event IN (${join(leaves.map((event) => sql`${event}`))}))`;
  const byEvents = entity.membership === "events";
  if (leaves.length === 0) return [words("joined", true, byEvents ? sql`TRUE` : isCall)];
  return [
    words("joined", false, isCall),
    words("left", false, isLeave),
    ...(byEvents ? [words("seen", true, sql`NOT (${isCall}) AND NOT ${isLeave}`)] : []),
  ];
}

/** Leaves `identity_kept_words`: those that add something to what is known. */
async function keepWords(scope: Scope): Promise<number> {
  const { connection, dialect } = scope;
  const order = dialect.position(sql`w.happened_at`, sql`w.received_at`, sql`w.message_id`, dialect.cast(sql`NULL`, "text"));
  const first = sql`SELECT w.identifier_id, w.kind, w.group_id, w.change, min(${order}) AS first, ${dialect.argMin(sql`w.received_at`, order)} AS received_at
    FROM identity_words AS w WHERE w.once GROUP BY w.identifier_id, w.kind, w.group_id, w.change`;
  const stored = dialect.position(sql`f.happened_at`, sql`f.received_at`, sql`f.message_id`, dialect.cast(sql`NULL`, "text"));
  await connection.run(
    sql`/* identify: first words that are new, or earlier than the one kept */ ${dialect.tempTable(
      "identity_first_words",
      sql`SELECT w.identifier_id, w.kind, w.group_id, w.change, ${dialect.positionTimestamp(sql`w.first`)} AS happened_at, w.received_at, ${dialect.positionMessageId(sql`w.first`)} AS message_id, f.message_id AS old_message_id
      FROM (${first}) AS w LEFT JOIN growth.membership_facts AS f ON f.identifier_id = w.identifier_id AND f.kind = w.kind AND f.group_id = w.group_id AND f.change = w.change
      WHERE f.message_id IS NULL OR w.first < ${stored}`,
    )}`,
  );
  if ((await countOf(scope, sql`identity_first_words WHERE old_message_id IS NOT NULL`)) > 0) {
    await connection.run(
      sql`/* identify: words that are not the first after all */ ${dialect.deleteWhere(
        membershipFacts,
        sql`(identifier_id, kind, group_id, message_id) IN
        (SELECT (identifier_id, kind, group_id, old_message_id) FROM identity_first_words WHERE old_message_id IS NOT NULL)`,
      )}`,
    );
  }
  const columns = sql`identifier_id, kind, group_id, change, happened_at, received_at, message_id`;
  await connection.run(
    sql`/* identify: words to keep */ ${dialect.tempTable(
      "identity_kept_words",
      sql`SELECT ${columns} FROM identity_first_words UNION ALL SELECT ${columns} FROM identity_words WHERE NOT once`,
    )}`,
  );
  const kept = await countOf(scope, sql`identity_kept_words`);
  if (kept > 0) {
    await connection.run(
      sql`/* identify: keep who joined or left */ INSERT INTO growth.membership_facts (${columns}) SELECT ${columns} FROM identity_kept_words`,
    );
  }
  return kept;
}

async function writeMemberships(scope: Scope): Promise<number> {
  const { connection, dialect } = scope;
  await connection.run(sql`/* identify: memberships as the facts say */ ${dialect.tempTable("identity_intervals", intervals(scope))}`);
  await connection.run(
    sql`/* identify: memberships that differ from the stored ones */ ${dialect.tempTable(
      "identity_membership_changes",
      sql`SELECT coalesce(n.user_id, o.user_id) AS user_id, coalesce(n.kind, o.kind) AS kind, coalesce(n.group_id, o.group_id) AS group_id,
        coalesce(n.valid_from, o.valid_from) AS valid_from, n.valid_to, n.user_id IS NOT NULL AS is_there, o.user_id IS NOT NULL AS was_there
      FROM identity_intervals AS n
      FULL JOIN (SELECT * FROM growth.memberships WHERE user_id IN (SELECT user_id FROM identity_people)) AS o
        ON o.user_id = n.user_id AND o.kind = n.kind AND o.group_id = n.group_id AND o.valid_from = n.valid_from
      WHERE n.user_id IS NULL OR o.user_id IS NULL OR ${dialect.differs(sql`n.valid_to`, sql`o.valid_to`)}`,
    )}`,
  );
  const changes = await countOf(scope, sql`identity_membership_changes`);
  if (changes === 0) return 0;
  if ((await countOf(scope, sql`identity_membership_changes WHERE was_there`)) > 0) {
    await connection.run(
      sql`/* identify: memberships that are no more */ ${dialect.deleteWhere(
        memberships,
        sql`(user_id, kind, group_id, valid_from) IN (SELECT (user_id, kind, group_id, valid_from) FROM identity_membership_changes WHERE was_there)`,
      )}`,
    );
  }
  await connection.run(sql`/* identify: memberships that are new */ INSERT INTO growth.memberships (user_id, kind, group_id, valid_from, valid_to)
    SELECT user_id, kind, group_id, valid_from, valid_to FROM identity_membership_changes WHERE is_there`);
  await touchMembers(scope);
  return changes;
}

/** A word counts where it changes the state that the one before left behind; a membership lasts to the next that does. */
function intervals({ dialect }: Scope): Sql {
  const inOrder = sql`PARTITION BY user_id, kind, group_id ORDER BY happened_at, received_at, message_id`;
  return sql`WITH words AS (
      SELECT s.entity_id AS user_id, f.kind, f.group_id, f.change <> 'left' AS is_in, f.happened_at, f.received_at, f.message_id
      FROM growth.membership_facts AS f JOIN growth.user_subjects AS s ON s.subject_id = f.identifier_id
      WHERE s.entity_id IN (SELECT user_id FROM identity_people)
    ), stated AS (
      SELECT *, coalesce(${dialect.previousOf(sql`is_in`, inOrder)}, FALSE) AS was_in FROM words
    ), turns AS (
      SELECT user_id, kind, group_id, is_in, happened_at AS valid_from,
        ${dialect.nextOf(sql`happened_at`, inOrder)} AS valid_to
      FROM stated WHERE is_in <> was_in
    )
    SELECT user_id, kind, group_id, valid_from, valid_to FROM turns WHERE is_in AND (valid_to IS NULL OR valid_to > valid_from)`;
}

async function touchMembers(scope: Scope): Promise<void> {
  const cause = sql`LEFT JOIN (SELECT m.entity_id AS user_id, w.kind, w.group_id, min(w.message_id) AS message_id FROM identity_words AS w
      JOIN growth.user_subjects AS m ON m.subject_id = w.identifier_id GROUP BY m.entity_id, w.kind, w.group_id) AS w
      ON w.user_id = c.user_id AND w.kind = c.kind AND w.group_id = c.group_id`;
  await touch(
    scope,
    "membership",
    sql`SELECT 'user' AS kind, c.user_id AS entity_id, w.message_id FROM identity_membership_changes AS c ${cause}`,
  );
  await touch(
    scope,
    "membership",
    sql`SELECT c.kind, c.group_id AS entity_id, w.message_id FROM identity_membership_changes AS c ${cause}`,
  );
  for (const entity of groupKinds(scope.project)) {
    for (const ancestor of ancestors(scope, entity.kind)) {
      const along = sql`JOIN ${name("growth", `${ancestor.kind}_subjects`)} AS s ON s.subject_id = c.group_id`;
      await touch(
        scope,
        "membership",
        sql`SELECT ${ancestor.kind} AS kind, s.entity_id, w.message_id FROM identity_membership_changes AS c ${along} ${cause} WHERE c.kind = ${entity.kind}`,
      );
    }
  }
}
