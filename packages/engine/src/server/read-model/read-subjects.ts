import { join, name, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Entities that the raw subjects belong to; groups are subjects of themselves. */
export async function readSubjects(connection: Connection, kind: string, ids: readonly bigint[]): Promise<Map<bigint, bigint>> {
  if (ids.length === 0) return new Map();
  const { dialect } = connection;
  const rows = await connection.read<{ subject: string; entity: string }>(
    sql`/* read model: whom these subjects belong to */ SELECT ${dialect.idText(sql`s.subject_id`)} AS subject, ${dialect.idText(sql`s.entity_id`)} AS entity
FROM ${name("growth", `${kind}_subjects`)} AS s WHERE s.subject_id IN (${join(ids.map((id) => sql`${id}`))})`,
  );
  return new Map(rows.map((row) => [BigInt(row.subject), BigInt(row.entity)]));
}
