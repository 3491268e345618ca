import { CambiumError } from "../../base/errors.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { Cell } from "../../warehouse/warehouse.js";
import type { EntityRef, Json } from "../contract.js";
import type { Reads } from "../reads.js";

/** What several queries share: JSON cells, id lists, names of entities, cursors, pages. */

/** JSON columns come as text; what is not JSON stays text. */
export function jsonOf(cell: Cell | undefined): Json {
  if (cell === null || cell === undefined) return null;
  if (typeof cell !== "string") return cell;
  try {
    return JSON.parse(cell) as Json;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return cell;
    throw thrown;
  }
}

/** A list of ids as literals; `(NULL)` where it is empty, which equals nothing. */
export function idList(ids: readonly string[]): Sql {
  return ids.length === 0 ? sql`(NULL)` : sql`(${join(ids.map((id) => sql`${BigInt(id)}`))})`;
}

export function textList(values: readonly string[]): Sql {
  return values.length === 0 ? sql`(NULL)` : sql`(${join(values.map((value) => sql`${value}`))})`;
}

/** `WHERE a AND b`, or nothing. */
export function where(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`` : sql`WHERE ${join(conditions, " AND ")}`;
}

export function kindExists(reads: Reads, kind: string): boolean {
  return reads.project.entities.some((entity) => entity.kind === kind);
}

/** The trait shown as an entity's name, as a column of its traits table; undefined where there is none (yet). */
export async function nameColumn(reads: Reads, kind: string): Promise<string | undefined> {
  const column = reads.project.entities.find((entity) => entity.kind === kind)?.name_trait;
  const columns = await reads.columns("growth", `${kind}_traits`);
  return column !== undefined && columns.has(column) ? column : undefined;
}

/** Names and keys of some entities of a kind, by id; those that no longer exist (merged away) are missing. */
export async function entityRefs(reads: Reads, kind: string, ids: readonly string[]): Promise<Map<string, EntityRef>> {
  if (ids.length === 0 || !kindExists(reads, kind)) return new Map();
  const { dialect } = reads;
  const column = await nameColumn(reads, kind);
  const list = idList([...new Set(ids)]);
  const named =
    column === undefined
      ? sql`SELECT ${dialect.idText(sql`entity_id`)} AS id, key, NULL AS name FROM ${name("growth", `${kind}_entities`)} WHERE entity_id IN ${list}`
      : sql`SELECT ${dialect.idText(sql`e.entity_id`)} AS id, e.key, ${dialect.cast(sql`t.${name(column)}`, "text")} AS name
FROM (SELECT entity_id, key FROM ${name("growth", `${kind}_entities`)} WHERE entity_id IN ${list}) AS e
LEFT JOIN (SELECT entity_id, ${name(column)} FROM ${name("growth", `${kind}_traits`)} WHERE entity_id IN ${list}) AS t ON t.entity_id = e.entity_id`;
  const rows = await reads.read<{ id: string; key: string; name: string | null }>(sql`/* names of some entities */ ${named}`);
  return new Map(rows.map((row) => [row.id, { kind, ...row }]));
}

/** The reference of an entity that may be gone: then its id stands for its key. */
export function refOr(refs: ReadonlyMap<string, EntityRef>, kind: string, id: string): EntityRef {
  return refs.get(id) ?? { kind, id, key: id, name: null };
}

/** Cursors are opaque to clients and checked when they come back. */
export function cursorOf(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

export function cursorParts(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch (thrown) {
    if (thrown instanceof SyntaxError)
      throw new CambiumError("BAD_REQUEST", "`before` is not a cursor of an earlier answer", { cause: thrown });
    throw thrown;
  }
}

export const pageRows = 50;

export function pageOf(page: number, total: number): { page: number; pageRows: number; total: number; more: boolean } {
  return { page, pageRows, total, more: page * pageRows < total };
}

export function limitOf(page: number): Sql {
  return sql`LIMIT ${pageRows} OFFSET ${(page - 1) * pageRows}`;
}

/** Patterns of LIKE are not used: text that people type is compared as it is, without case. */
export function lowerStarts(reads: Reads, column: Sql, text: string): Sql {
  return reads.dialect.startsWith(reads.dialect.lower(column), sql`${text.toLowerCase()}`);
}

export function lowerContains(reads: Reads, column: Sql, text: string): Sql {
  return reads.dialect.contains(reads.dialect.lower(column), sql`${text.toLowerCase()}`);
}

export function notFound(what: string): CambiumError {
  return new CambiumError("NOT_FOUND", `there is no ${what}`);
}
