import { hash64 } from "../base/hash.js";
import { type Instant, instantOf, isoOf } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import { type Sql, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { syncHeads } from "../warehouse/tables/ops.js";
import type { Connection, Row } from "../warehouse/warehouse.js";
import type { Mapping } from "./mapping.js";

/** Where a sync stands: read before a run, written after it. */
export interface SyncHead {
  readonly target: string;
  readonly mapping: { readonly fingerprint: string; readonly columns: readonly string[] };
  readonly fingerprintVersion: string;
  readonly toCycle: number;
  readonly changeId: number;
  readonly state: "ok" | "guarded" | "paused";
  readonly failures: number;
  readonly nextAt: Instant | undefined;
  readonly finishedAt: Instant | undefined;
  readonly message: string | undefined;
}

/** What the confirmed rows belong to: with another destination, action, key or source they mean nothing. */
export function targetOf(sync: Sync): string {
  return hash64(
    JSON.stringify([sync.destination, sync.action ?? "", sync.key, Object.entries(sync.from).map(([type]) => type), sync.mode]),
  );
}

export function definitionOf(mapping: Mapping): SyncHead["mapping"] {
  return { fingerprint: mapping.fingerprint, columns: mapping.columns };
}

export async function readHead(connection: Connection, sync: string): Promise<SyncHead | undefined> {
  return (await readHeads(connection, sql` WHERE sync = ${sync}`)).get(sync);
}

export async function readHeads(connection: Connection, filter: Sql = sql``): Promise<Map<string, SyncHead>> {
  const rows = await connection.read(sql`/* where the syncs stand */ SELECT * FROM ${nameOf(syncHeads)}${filter}`);
  return new Map(rows.map((row) => [String(row["sync"]), headOf(row)]));
}

export async function writeHead(connection: Connection, sync: string, head: SyncHead): Promise<void> {
  await putRow(connection, syncHeads, {
    sync,
    target: head.target,
    mapping: JSON.stringify(head.mapping),
    fingerprint_version: head.fingerprintVersion,
    to_cycle: head.toCycle,
    change_id: head.changeId,
    state: head.state,
    failures: head.failures,
    next_at: head.nextAt === undefined ? null : isoOf(head.nextAt),
    finished_at: head.finishedAt === undefined ? null : isoOf(head.finishedAt),
    message: head.message ?? null,
  });
}

/** Replaces one row of a small table by its key. */
export async function putRow(connection: Connection, spec: TableSpec, row: Row): Promise<void> {
  await connection.transaction(async () => {
    const conditions = spec.key.map((column) => sql`${{ parts: [{ name: column }] }} = ${row[column] as string | number}`);
    const where: Sql = { parts: conditions.flatMap((one, index) => (index === 0 ? [...one.parts] : [{ text: " AND " }, ...one.parts])) };
    await connection.run(connection.dialect.deleteWhere(spec, where));
    await connection.append(spec, [row]);
  });
}

export function headOf(row: Row): SyncHead {
  const instant = (column: string) => (typeof row[column] === "string" ? instantOf(row[column]) : undefined);
  return {
    target: String(row["target"]),
    mapping: JSON.parse(String(row["mapping"])) as SyncHead["mapping"],
    fingerprintVersion: String(row["fingerprint_version"]),
    toCycle: Number(row["to_cycle"]),
    changeId: Number(row["change_id"]),
    state: row["state"] as SyncHead["state"],
    failures: Number(row["failures"]),
    nextAt: instant("next_at"),
    finishedAt: instant("finished_at"),
    message: typeof row["message"] === "string" ? row["message"] : undefined,
  };
}
