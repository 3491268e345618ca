import type { Project } from "../../project/project.js";
import type { Sync } from "../../project/kinds/sync.js";
import { type Sql, sql } from "../../warehouse/sql.js";
import type { DeliveryRow, EntityRef } from "../contract.js";
import type { Reads } from "../reads.js";
import { titled } from "./definitions.js";
import { entityRefs, jsonOf, refOr, where } from "./rows.js";

/** Outcomes of deliveries, newest first, with the entity each row was about. */

/** The entity kind that a sync's rows are about; null for models. */
export function kindOfSync(project: Project, sync: Sync | undefined): string | null {
  if (sync === undefined || "model" in sync.from) return null;
  if ("entity" in sync.from) return sync.from.entity;
  const audience = "audience" in sync.from ? sync.from.audience : sync.from.changes;
  return project.audiences.find((candidate) => candidate.name === audience)?.entity ?? null;
}

export async function readDeliveries(reads: Reads, conditions: readonly Sql[], limit: Sql): Promise<DeliveryRow[]> {
  const { dialect, project } = reads;
  const rows = await reads.read<
    Omit<DeliveryRow, "entity" | "payload" | "syncTitle"> & { entityId: string | null; payload: string | null }
  >(
    sql`/* deliveries, newest first */ SELECT sync, run_id AS "runId", happened_at AS "happenedAt", key, ${dialect.idText(sql`entity_id`)} AS "entityId",
  change, outcome, status, reason, request_id AS "requestId", cycle_id AS "cycleId", payload
FROM ops.deliveries ${where(conditions)} ORDER BY happened_at DESC, run_id DESC, key ${limit}`,
  );
  const syncs = new Map(project.syncs.map((sync) => [sync.name, sync]));
  const kinds = new Map(project.syncs.map((sync) => [sync.name, kindOfSync(project, sync)]));
  const refs = new Map<string, Map<string, EntityRef>>();
  for (const kind of new Set([...kinds.values()].filter((kind) => kind !== null))) {
    const ids = rows.flatMap((row) => (row.entityId !== null && kinds.get(row.sync) === kind ? [row.entityId] : []));
    refs.set(kind, await entityRefs(reads, kind, ids));
  }
  return rows.map(({ entityId, payload, ...row }) => {
    const kind = kinds.get(row.sync) ?? null;
    const entity = kind === null || entityId === null ? null : refOr(refs.get(kind) ?? new Map(), kind, entityId);
    return { ...row, entity, payload: jsonOf(payload), syncTitle: titled(syncs.get(row.sync), row.sync) };
  });
}
