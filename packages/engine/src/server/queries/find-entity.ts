import { type Sql, name, sql } from "../../warehouse/sql.js";
import type { Reads } from "../reads.js";
import { kindExists, notFound } from "./rows.js";

/** From what people type or link (key, entity id, any identifier of a user) to the entity that it belongs to now. */

export interface FoundEntity {
  readonly id: string;
  readonly key: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly parentId: string | null;
  /** The id asked for, where a merge has moved it here. */
  readonly mergedFrom: string | null;
}

const idMax = 9_223_372_036_854_775_807n;

export async function findEntity(reads: Reads, kind: string, text: string): Promise<FoundEntity> {
  if (!kindExists(reads, kind)) throw notFound(`entity kind ${kind}`);
  const id = idOfText(text);
  const byKey = await readEntity(reads, kind, sql`key = ${text}`);
  if (byKey !== undefined) return { ...byKey, mergedFrom: null };
  if (id !== undefined) {
    const byId = await readEntity(reads, kind, entityOfSubject(kind, sql`SELECT ${id} AS subject_id`, id));
    if (byId !== undefined) return { ...byId, mergedFrom: byId.id === text ? null : text };
  }
  if (kind === "user") {
    const identifiers = sql`SELECT identifier_id AS subject_id FROM growth.identifiers WHERE value = ${text} OR value = ${text.toLowerCase()}`;
    const byIdentifier = await readEntity(reads, kind, entityOfSubject(kind, identifiers));
    if (byIdentifier !== undefined) return { ...byIdentifier, mergedFrom: null };
  }
  throw notFound(`${kind} ${text}`);
}

/** An entity's own id is one of its subjects; that of a profile that was merged away leads to its winner. */
function entityOfSubject(kind: string, subjectIds: Sql, id?: bigint): Sql {
  const own = id === undefined ? sql`` : sql`entity_id = ${id} OR `;
  return sql`(${own}entity_id IN (SELECT entity_id FROM ${name("growth", `${kind}_subjects`)} WHERE subject_id IN (${subjectIds})))`;
}

function readEntity(reads: Reads, kind: string, condition: Sql): Promise<Omit<FoundEntity, "mergedFrom"> | undefined> {
  const { dialect } = reads;
  return reads.first<Omit<FoundEntity, "mergedFrom">>(
    sql`/* one entity */ SELECT ${dialect.idText(sql`entity_id`)} AS id, key, first_seen AS "firstSeen", last_seen AS "lastSeen",
  ${dialect.idText(sql`parent_id`)} AS "parentId" FROM ${name("growth", `${kind}_entities`)} WHERE ${condition} ORDER BY entity_id LIMIT 1`,
  );
}

function idOfText(text: string): bigint | undefined {
  if (!/^\d{1,19}$/.test(text)) return undefined;
  const id = BigInt(text);
  return id <= idMax ? id : undefined;
}
