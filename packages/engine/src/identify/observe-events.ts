import { identifierId, isBlocked, normalValue } from "../project/identifier-value.js";
import { textAtEventPath } from "../project/group-key.js";
import { type Sql, empty, join, sql } from "../warehouse/sql.js";
import { refusals } from "../warehouse/tables/growth.js";
import { type Scope, type Slot, countOf, isBefore, newEvents } from "./scope.js";

/**
 * Reduces new events to what the graph does not know yet. Leaves the working tables
 * - `identity_sets`: distinct sets of identifier values on new events, with their first occurrence;
 * - `identity_new`: those sets whose observation is new, or occurred earlier than the stored one;
 * - `identity_new_ids`: the identifiers of those sets, where there are any.
 * Returns how many observations are new or earlier than known.
 */
export async function observeEvents(scope: Scope): Promise<number> {
  const { connection, dialect, slots } = scope;
  await connection.run(
    sql`/* identify: distinct sets of identifiers on new events */ ${dialect.tempTable("identity_raw_sets", rawSets(scope))}`,
  );
  await connection.run(sql`/* identify: their ids, null where blocked */ ${dialect.tempTable("identity_sets", sets(scope))}`);
  await connection.run(sql`/* identify: observations not known yet */ ${dialect.tempTable("identity_new", newObservations(scope))}`);
  const found = await dropTies(scope);
  if (found === 0) return 0;
  await connection.run(
    sql`/* identify: identifiers of new observations */ ${dialect.tempTable(
      "identity_new_ids",
      sql`SELECT identifier_id, type, min(value) AS value, ${firstPosition(scope, sql`received_at`, sql`message_id`)} FROM (${join(
        slots.map(
          (slot) =>
            sql`SELECT ${slot.id} AS identifier_id, ${slot.rule.type} AS type, ${slot.value} AS value, received_at, message_id FROM identity_new WHERE ${slot.id} IS NOT NULL`,
        ),
        " UNION ALL ",
      )}) AS ids GROUP BY identifier_id, type`,
    )}`,
  );
  return found;
}

/** Of sets received in the same microsecond as the stored first occurrence, only those of a smaller message id are earlier. */
async function dropTies(scope: Scope): Promise<number> {
  const count = sql`/* identify: how many are new, and how many tie */ SELECT count(*) AS found, count(CASE WHEN is_tie THEN 1 END) AS ties FROM identity_new`;
  const { found, ties } = (await scope.connection.first<{ found: number; ties: number }>(count)) ?? { found: 0, ties: 0 };
  if (ties === 0) return found;
  const same = sql`o.observation_id = n.observation_id AND o.message_id <= n.message_id${scope.byDay ? sql` AND o.day = n.day` : empty}`;
  await scope.connection.run(
    sql`/* identify: but for ties that the stored occurrence wins */ ${scope.dialect.tempTable(
      "identity_new",
      sql`SELECT n.* FROM identity_new AS n LEFT JOIN growth.observations AS o ON ${same} WHERE NOT coalesce(n.is_tie, FALSE) OR o.observation_id IS NULL`,
    )}`,
  );
  return countOf(scope, sql`identity_new`);
}

/** Lists blocked values, each once with the first event that carried it. */
export async function listBlocked(scope: Scope): Promise<void> {
  const { connection, dialect, slots } = scope;
  const blocked = sql`SELECT type, value, ${firstPosition(scope, sql`received_at`, sql`message_id`)} FROM (${join(
    slots.map(
      (slot) =>
        sql`SELECT ${slot.rule.type} AS type, ${dialect.textHead(slot.value, listedLengthMax)} AS value, received_at, message_id FROM identity_sets WHERE ${slot.value} IS NOT NULL AND ${slot.id} IS NULL`,
    ),
    " UNION ALL ",
  )}) AS refused GROUP BY type, value`;
  await connection.run(
    sql`/* identify: blocked values not listed yet, or seen earlier than listed */ ${dialect.tempTable(
      "identity_blocked",
      sql`SELECT b.* FROM (${blocked}) AS b LEFT JOIN growth.identity_refusals AS r ON r.type = b.type AND r.value = b.value AND r.reason = 'blocked'
      WHERE r.value IS NULL OR ${isBefore({ receivedAt: sql`b.received_at`, messageId: sql`b.message_id` }, { receivedAt: sql`r.received_at`, messageId: sql`r.message_id` })}`,
    )}`,
  );
  if ((await countOf(scope, sql`identity_blocked`)) === 0) return;
  await connection.run(
    sql`/* identify: forget the later listing */ ${dialect.deleteWhere(refusals, sql`reason = 'blocked' AND (type, value) IN (SELECT (type, value) FROM identity_blocked)`)}`,
  );
  await connection.run(sql`/* identify: list blocked values */ INSERT INTO growth.identity_refusals (message_id, received_at, identifier_id, type, value, reason, profile_id)
    SELECT message_id, received_at, ${dialect.hash64(sql`type || ':' || value`)}, type, value, 'blocked', NULL FROM identity_blocked`);
}

/** Of a blocked value that is an accident (a whole page) the list shows the beginning. */
const listedLengthMax = 200;

function rawSets(scope: Scope): Sql {
  const { slots } = scope;
  const texts = slots.map((slot) => sql`${slotText(scope, slot)} AS ${slot.value}`);
  const day = scope.byDay ? sql`, ${scope.dialect.day(sql`e.received_at`, "UTC")} AS day` : empty;
  return sql`SELECT ${join(texts)}${day}, ${firstPosition(scope, sql`e.received_at`, sql`e.message_id`)}
    FROM ${newEvents(scope)} GROUP BY ${join(slots.map((slot) => slotText(scope, slot)))}${scope.byDay ? sql`, ${scope.dialect.day(sql`e.received_at`, "UTC")}` : empty}`;
}

function sets(scope: Scope): Sql {
  const { dialect, slots } = scope;
  const values = slots.map((slot) => sql`${normalValue(dialect, slot.rule, slot.value)} AS ${slot.value}`);
  const ids = slots.map(
    (slot) =>
      sql`CASE WHEN NOT ${isBlocked(dialect, slot.rule.blocked ?? [], normalValue(dialect, slot.rule, slot.value))} THEN ${identifierId(dialect, slot.rule.type, normalValue(dialect, slot.rule, slot.value))} END AS ${slot.id}`,
  );
  return sql`SELECT ${join(values)}, ${join(ids)}, ${scope.byDay ? sql`day` : sql`${dialect.day(sql`received_at`, "UTC")} AS day`}, received_at, message_id FROM identity_raw_sets`;
}

function newObservations(scope: Scope): Sql {
  const { dialect, slots } = scope;
  const text = join(
    slots.map((slot) => sql`coalesce(${dialect.idText(slot.id)}, '')`),
    " || ',' || ",
  );
  const owner = sql`coalesce(${join(slots.slice(0, scope.rules.length).map((slot) => slot.id))})`;
  const columns = join(slots.flatMap((slot) => [sql`min(${slot.id}) AS ${slot.id}`, sql`min(${slot.value}) AS ${slot.value}`]));
  const perSet = sql`SELECT observation_id, min(owner_id) AS owner_id, ${scope.byDay ? sql`day` : sql`min(day) AS day`}, ${columns}, ${firstPosition(scope, sql`received_at`, sql`message_id`)}
    FROM (SELECT *, ${dialect.hash64(text)} AS observation_id, ${owner} AS owner_id FROM identity_sets WHERE ${owner} IS NOT NULL) AS s
    GROUP BY observation_id${scope.byDay ? sql`, day` : empty}`;
  return sql`SELECT s.*, o.observation_id IS NOT NULL AS is_known, o.received_at = s.received_at AS is_tie FROM (${perSet}) AS s
    LEFT JOIN growth.observations AS o ON o.observation_id = s.observation_id${scope.byDay ? sql` AND o.day = s.day` : empty}
    WHERE o.observation_id IS NULL OR s.received_at <= o.received_at`;
}

/** The built-in types stand in columns that the loader fills by the same rules; declared ones are read from the event. */
function slotText(scope: Scope, slot: Slot): Sql {
  if (slot.isPrevious) return sql`CASE WHEN e.type = 'alias' THEN e.previous_id END`;
  if (slot.key === "user_id" || slot.key === "anonymous_id" || slot.key === "email") return sql`e.${columnOf[slot.key]}`;
  return sql`coalesce(${join(slot.rule.paths.map((path) => textAtEventPath(scope.dialect, path)))}, NULL)`;
}

const columnOf = { user_id: sql`user_id`, anonymous_id: sql`anonymous_id`, email: sql`email` };

/** Aggregates: the first (received_at, message_id) of a group. */
export function firstPosition(scope: Scope, receivedAt: Sql, messageId: Sql): Sql {
  const { dialect } = scope;
  const first = sql`min(${dialect.position(receivedAt, receivedAt, messageId, dialect.cast(sql`NULL`, "text"))})`;
  return sql`${dialect.positionTimestamp(first)} AS received_at, ${dialect.positionMessageId(first)} AS message_id`;
}
