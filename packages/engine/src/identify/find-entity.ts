import { idOf } from "../base/hash.js";
import { name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";

/**
 * The id of an entity that somebody named by its key, by any of its identifiers (people: user id, e-mail, anonymous id,
 * whatever the project declares), or by its id as text. A profile that merged away is found as what it became.
 */
export async function findEntity(connection: Connection, kind: string, text: string): Promise<string | undefined> {
  return kind === "user" ? findUser(connection, text) : findGroup(connection, kind, text);
}

async function findUser(connection: Connection, text: string): Promise<string | undefined> {
  const candidates = [
    idOf("user_id", text),
    idOf("email", text.trim().toLowerCase()),
    idOf("anonymous_id", text),
    ...(isId(text) ? [text] : []),
  ];
  for (const candidate of candidates) {
    const found = await profileOf(connection, candidate);
    if (found !== undefined) return found;
  }
  const { dialect } = connection;
  const row = await connection.first<{ id: string }>(
    sql`/* a person by any other identifier */ SELECT ${dialect.idText(sql`s.entity_id`)} AS id FROM growth.identifiers AS i
      JOIN growth.user_subjects AS s ON s.subject_id = i.identifier_id
      WHERE i.value IN (${text}, ${text.trim().toLowerCase()}) ORDER BY i.type, i.first_received_at LIMIT 1`,
  );
  return row?.id;
}

async function profileOf(connection: Connection, identifier: string): Promise<string | undefined> {
  const row = await connection.first<{ id: string }>(
    sql`/* the profile of an identifier */ SELECT ${connection.dialect.idText(sql`entity_id`)} AS id FROM growth.user_subjects WHERE subject_id = ${BigInt(identifier)}`,
  );
  return row?.id;
}

async function findGroup(connection: Connection, kind: string, text: string): Promise<string | undefined> {
  for (const candidate of [idOf(kind, text), ...(isId(text) ? [text] : [])]) {
    const row = await connection.first<{ id: string }>(
      sql`/* a group by its id */ SELECT ${connection.dialect.idText(sql`entity_id`)} AS id FROM ${name("growth", `${kind}_entities`)} WHERE entity_id = ${BigInt(candidate)}`,
    );
    if (row !== undefined) return row.id;
  }
  return undefined;
}

/** Ids are 63-bit numbers. */
function isId(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n;
}
