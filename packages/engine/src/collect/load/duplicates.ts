import { type Sql, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Loads that are looked through first: nearly every duplicate is a client's retry of a moment ago. */
const recentLoads = 500;

/** What tells new messages of `incoming` from duplicates: conditions on `message_id`. */
export interface NewMessages {
  /** Comes once and was never stored. */
  readonly once: Sql;
  /** Comes several times and was never stored: one copy of each is to be kept. Undefined where there is none. */
  readonly repeated: Sql | undefined;
}

/**
 * Compares the message ids of the events of `incoming` with each other and with what is stored, exactly. What meets
 * neither condition is a duplicate. `perhapsMax` is how many of them can be duplicates at most, as the message filter
 * says; without it nobody knows.
 */
export async function newMessages(connection: Connection, loadId: number, perhapsMax?: number): Promise<NewMessages> {
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
