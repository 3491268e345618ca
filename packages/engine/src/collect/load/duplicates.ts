import { type Sql, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Loads that are looked through first: nearly every duplicate is a client's retry of a moment ago. */
const recentLoads = 500;

/**
 * Splits the events of `incoming` by exact comparison of message ids: `plain` come once and were never stored, `first`
 * is the earliest copy of those that come several times and were never stored. What is in neither is a duplicate.
 * `perhapsMax` is how many of them can be duplicates at most, as the message filter says; without it nobody knows.
 */
export async function keepFirst(connection: Connection, loadId: number, perhapsMax?: number): Promise<{ plain: Sql; first: Sql }> {
  const { dialect } = connection;
  const recentFrom = loadId - recentLoads;
  const stored = (scope: Sql) => sql`SELECT DISTINCT i.message_id FROM incoming AS i
  JOIN raw.events AS e ON e.message_hash = i.message_hash AND e.message_id = i.message_id
  WHERE i.state = 'event' AND ${scope}`;
  await connection.run(
    dialect.tempTable("stored_messages", sql`/* load: messages stored lately */ ${stored(sql`e.load_id > ${recentFrom}`)}`),
  );
  const explained = await connection.first<{ n: number }>(
    sql`/* load: duplicates of late */ SELECT count(*) - ${dialect.filtered(
      sql`count(DISTINCT message_id)`,
      sql`message_id NOT IN (SELECT message_id FROM stored_messages)`,
    )} AS n FROM incoming WHERE state = 'event'`,
  );
  // The filter knows no false "no": where recent loads explain all that it suspects, the rest of the history has none.
  if (perhapsMax === undefined || (explained?.n ?? 0) < perhapsMax) {
    await connection.run(
      sql`/* load: messages stored long ago */ INSERT INTO stored_messages ${stored(
        sql`e.load_id <= ${recentFrom} AND i.message_id NOT IN (SELECT message_id FROM stored_messages)`,
      )}`,
    );
  }
  await connection.run(
    dialect.tempTable(
      "repeated_messages",
      sql`/* load: messages that come several times */ SELECT message_id FROM incoming WHERE state = 'event' GROUP BY message_id HAVING count(*) > 1`,
    ),
  );
  await connection.run(
    dialect.tempTable(
      "first_copies",
      sql`/* load: the earliest copy of each */
SELECT * FROM (
  SELECT i.*, row_number() OVER (PARTITION BY i.message_id ORDER BY i.received_at, i.timestamp, i.file, i.properties, i.traits, i.context) AS copy
  FROM incoming AS i
  WHERE i.state = 'event' AND i.message_id IN (SELECT message_id FROM repeated_messages) AND i.message_id NOT IN (SELECT message_id FROM stored_messages)
) AS copies WHERE copy = 1`,
    ),
  );
  return {
    plain: sql`incoming WHERE state = 'event' AND message_id NOT IN (SELECT message_id FROM stored_messages)
  AND message_id NOT IN (SELECT message_id FROM repeated_messages)`,
    first: sql`first_copies`,
  };
}
