import { type Sql, sql } from "../../warehouse/sql.js";
import type { AudienceChange } from "../contract.js";
import type { Reads } from "../reads.js";
import { titled } from "./definitions.js";
import { entityRefs, refOr, where } from "./rows.js";

/** Entries into and exits from audiences of one kind, newest first, with cause. */
export async function readChanges(reads: Reads, kind: string, conditions: readonly Sql[], limit: number): Promise<AudienceChange[]> {
  const rows = await reads.read<Omit<AudienceChange, "entity" | "audienceTitle"> & { entityId: string }>(
    sql`/* newest entries and exits */ SELECT change_id AS "changeId", audience, ${reads.dialect.idText(sql`entity_id`)} AS "entityId", change,
  happened_at AS "happenedAt", cycle_id AS "cycleId", version, reason, message_id AS "messageId", held_out AS "heldOut"
FROM growth.audience_changes ${where(conditions)} ORDER BY change_id DESC LIMIT ${limit}`,
  );
  const refs = await entityRefs(
    reads,
    kind,
    rows.map((row) => row.entityId),
  );
  const audiences = new Map(reads.project.audiences.map((audience) => [audience.name, audience]));
  return rows.map(({ entityId, ...row }) => ({
    ...row,
    audienceTitle: titled(audiences.get(row.audience), row.audience),
    entity: refOr(refs, kind, entityId),
  }));
}
