import { sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";

/** Why a profile is what it is: its identifiers, the merges that made it, and what was kept out of it. */
export interface IdentityExplanation {
  readonly identifiers: readonly {
    readonly type: string;
    readonly value: string;
    /** ISO text: when an event first carried it, and which. */
    readonly firstReceivedAt: string;
    readonly firstMessageId: string;
    /** Times of the facts it owns; null where another identifier of the same events owned them. */
    readonly firstSeen: string | null;
    readonly lastSeen: string | null;
  }[];
  readonly merges: readonly {
    readonly loserId: string;
    readonly winnerId: string;
    readonly receivedAt: string;
    readonly messageId: string;
  }[];
  readonly refusals: readonly {
    readonly type: string;
    readonly value: string;
    readonly reason: string;
    readonly receivedAt: string;
    readonly messageId: string;
  }[];
}

/** A profile has few identifiers and merges, its limits see to that; a shared device may have been refused without end. */
const listRowsMax = 200;

/** `profileId` is the entity id as text (`findEntity` gives it). */
export async function explainIdentity(connection: Connection, profileId: string): Promise<IdentityExplanation> {
  const { dialect } = connection;
  const members = sql`(SELECT subject_id FROM growth.user_subjects WHERE entity_id = ${BigInt(profileId)})`;
  return {
    identifiers: await connection.read(
      sql`/* explain: identifiers of a profile */ SELECT type, value, first_received_at AS "firstReceivedAt", first_message_id AS "firstMessageId", first_seen AS "firstSeen", last_seen AS "lastSeen"
        FROM growth.identifiers WHERE identifier_id IN ${members} ORDER BY first_received_at, first_message_id, type LIMIT ${listRowsMax}`,
    ),
    merges: await connection.read(
      sql`/* explain: merges that made a profile */ SELECT ${dialect.idText(sql`loser_id`)} AS "loserId", ${dialect.idText(sql`winner_id`)} AS "winnerId", received_at AS "receivedAt", message_id AS "messageId"
        FROM growth.merges WHERE loser_id IN ${members} ORDER BY received_at, message_id LIMIT ${listRowsMax}`,
    ),
    refusals: await connection.read(
      sql`/* explain: links that a profile was protected from */ SELECT type, value, reason, received_at AS "receivedAt", message_id AS "messageId"
        FROM growth.identity_refusals WHERE reason <> 'blocked' AND (identifier_id IN ${members} OR profile_id IN ${members}) ORDER BY received_at DESC, message_id LIMIT ${listRowsMax}`,
    ),
  };
}
