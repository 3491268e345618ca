import { join, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { loads } from "../../warehouse/tables/ops.js";
import { rawTables } from "../../warehouse/tables/raw.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { TypedProperty } from "./event-rows.js";
import { SeenProperties } from "./seen-properties.js";
import type { SegmentFile } from "./sealed-segments.js";
import { existingColumns } from "./typed-properties.js";

/**
 * What a process that loads knows of its warehouse, so that a load of a few events does not ask for it again: it is the
 * only one that writes there. Everything is read when it is first needed, and again after an error, when nobody can be
 * sure what was committed. Close it before the connection: counts of properties wait in it.
 */
export class LoadMemory {
  readonly properties = new SeenProperties();
  #lastLoad: number | undefined;
  /** The greatest name taken in, by family of names. */
  #newest: Map<string, string> | undefined;
  #columns: { readonly asked: string; readonly typed: TypedProperty[] } | undefined;

  /** The number of the next load; rows that one which died has left under it are gone. */
  async nextLoad(connection: Connection): Promise<number> {
    this.#lastLoad ??= await lastLoad(connection);
    return this.#lastLoad + 1;
  }

  /**
   * Names of these segments whose rows are in already. A name greater than every one of its family that was ever taken in
   * is certainly new; only others are asked for, and a collector's names only grow (`node-folder.ts`). So a segment whose
   * deletion failed, or that somebody put back, is found, and the usual one costs nothing.
   */
  async takenIn(connection: Connection, segments: readonly SegmentFile[]): Promise<Set<string>> {
    const newest = (this.#newest ??= await newestNames(connection));
    const asked = segments.filter(({ name }) => name <= (newest.get(familyOf(name)) ?? ""));
    if (asked.length === 0) return new Set();
    const rows = await connection.read<{ segment: string }>(
      sql`/* load: segments taken in before */ SELECT segment FROM ${nameOf(loads)} WHERE segment IN (${join(asked.map((segment) => sql`${segment.name}`))})`,
    );
    return new Set(rows.map((row) => row.segment));
  }

  /** Those whose column is there; a missing one is looked for again every time. */
  async typedColumns(connection: Connection, typed: readonly TypedProperty[]): Promise<readonly TypedProperty[]> {
    const asked = JSON.stringify(typed);
    if (this.#columns?.asked === asked) return this.#columns.typed;
    const there = await existingColumns(connection, typed);
    if (there.length === typed.length) this.#columns = { asked, typed: there };
    return there;
  }

  /** A load was committed. */
  committed(loadId: number, segments: readonly string[]): void {
    this.#lastLoad = loadId;
    for (const name of segments) {
      const family = familyOf(name);
      if (name > (this.#newest?.get(family) ?? "")) this.#newest?.set(family, name);
    }
  }

  /** After an error: nothing of what was known is certain any more. */
  forget(): void {
    this.#lastLoad = undefined;
    this.#newest = undefined;
    this.#columns = undefined;
    this.properties.forget();
  }

  async close(connection: Connection): Promise<void> {
    await this.properties.write(connection);
  }
}

/** The newest load that is published; what was loaded after it never was, and its segments are loaded again. */
async function lastLoad(connection: Connection): Promise<number> {
  const newest = await connection.first<{ last: number }>(
    sql`/* load: newest load */ SELECT coalesce(max(load_id), 0) AS last FROM ${nameOf(loads)}`,
  );
  const last = newest?.last ?? 0;
  for (const table of rawTables) {
    const later = sql`load_id > ${last}`;
    const left = await connection.first(
      sql`/* load: rows of one that died */ SELECT 1 AS one FROM ${nameOf(table)} WHERE ${later} LIMIT 1`,
    );
    if (left !== undefined) await connection.run(connection.dialect.deleteWhere(table, later));
  }
  return last;
}

/** A dash and sixteen digits. */
const sequenceLength = 17;

/** Names of a family differ in their sequence number only. */
function familyOf(segment: string): string {
  return segment.slice(0, -sequenceLength);
}

async function newestNames(connection: Connection): Promise<Map<string, string>> {
  const newest = new Map<string, string>();
  const rows = await connection.read<{ segment: string }>(
    sql`/* load: newest segments */ SELECT max(segment) AS segment FROM ${nameOf(loads)}
GROUP BY left(segment, greatest(length(segment) - ${sequenceLength}, 0))`,
  );
  for (const { segment } of rows) {
    const family = familyOf(segment);
    if (segment > (newest.get(family) ?? "")) newest.set(family, segment);
  }
  return newest;
}
