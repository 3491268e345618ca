import { type Sql, join, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Loads that are looked through first: nearly every duplicate is a client's retry of a moment ago. */
const recentLoads = 500;
/** Values that stand in a statement. */
const listedMax = 1_000;

/** What tells new messages of `incoming` from duplicates: conditions on `message_id`. */
export interface NewMessages {
  /** Comes once and was never stored. */
  readonly once: Sql;
  /** Comes several times and was never stored: one copy of each is to be kept. Undefined where there is none. */
  readonly repeated: Sql | undefined;
}

/**
 * Compares the message ids of the events of `incoming` with each other and with what is stored, exactly. What meets
 * neither condition is a duplicate. `suspects` are the hashes of all of them that can be duplicates, as often as they can
 * be; without it nobody knows.
 */
export async function newMessages(connection: Connection, loadId: number, suspects?: readonly bigint[]): Promise<NewMessages> {
  const { dialect } = connection;
  const recentFrom = loadId - recentLoads;
  await connection.run(
    dialect.tempTable("stored_messages", sql`/* load: messages stored lately */ ${storedIn(sql`e.load_id > ${recentFrom}`)}`),
  );
  const explained = await connection.first<{ n: number }>(
    sql`/* load: duplicates of late */ SELECT count(*) - ${dialect.filtered(
      sql`count(DISTINCT message_id)`,
      sql`message_id NOT IN (SELECT message_id FROM stored_messages)`,
    )} AS n FROM incoming WHERE state = 'event'`,
  );
  // The filter knows no false "no": where recent loads explain all that it suspects, the rest of the history has none.
  if (suspects === undefined || (explained?.n ?? 0) < suspects.length) await addStoredLongAgo(connection, recentFrom, suspects);
  await connection.run(
    dialect.tempTable(
      "repeated_messages",
      sql`/* load: messages that come several times */ SELECT message_id FROM incoming
WHERE state = 'event' AND message_id NOT IN (SELECT message_id FROM stored_messages) GROUP BY message_id HAVING count(*) > 1`,
    ),
  );
  const repeated = await connection.first<{ n: number }>(sql`/* load: are there any */ SELECT count(*) AS n FROM repeated_messages`);
  return {
    once: sql`message_id NOT IN (SELECT message_id FROM stored_messages) AND message_id NOT IN (SELECT message_id FROM repeated_messages)`,
    repeated: (repeated?.n ?? 0) > 0 ? sql`message_id IN (SELECT message_id FROM repeated_messages)` : undefined,
  };
}

/**
 * Message ids of `incoming AS i` that are stored in `some` of `raw.events AS e`: in a subquery, since an engine of several
 * machines brings all of a table here that stands to the right of a join.
 */
function storedIn(some: Sql, among: Sql = sql`TRUE`): Sql {
  return sql`SELECT DISTINCT i.message_id FROM incoming AS i
  JOIN (SELECT e.message_hash, e.message_id FROM raw.events AS e WHERE ${some}) AS e ON e.message_hash = i.message_hash AND e.message_id = i.message_id
  WHERE i.state = 'event' AND ${among}`;
}

/**
 * Which loads have such hashes is asked first: that reads one narrow column of the history, which is six times cheaper than
 * comparing ids; then the ids are compared in those loads, of which there are few.
 */
async function addStoredLongAgo(connection: Connection, recentFrom: number, suspects: readonly bigint[] | undefined): Promise<void> {
  const hashes =
    suspects === undefined || suspects.length > listedMax
      ? sql`SELECT message_hash FROM incoming WHERE state = 'event'`
      : join(suspects.map((hash) => sql`${hash}`));
  const found = await connection.read<{ load_id: number }>(
    sql`/* load: loads with such messages */ SELECT DISTINCT load_id FROM raw.events WHERE load_id <= ${recentFrom} AND message_hash IN (${hashes})`,
  );
  for (let from = 0; from < found.length; from += listedMax) {
    const loads = join(found.slice(from, from + listedMax).map((row) => sql`${row.load_id}`));
    await connection.run(
      sql`/* load: messages stored long ago */ INSERT INTO stored_messages ${storedIn(
        sql`e.load_id IN (${loads})`,
        sql`i.message_id NOT IN (SELECT message_id FROM stored_messages)`,
      )}`,
    );
  }
}
