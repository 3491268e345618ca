import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { KindModel } from "./kind-model.js";
import { inTurns } from "./turns.js";
import { eachValues, placeIn } from "./values.js";

/** Brings a model up to date with what cycles changed; the caller holds the transaction. */

/** Entities changed by the cycles after one; beyond this many a new build is quicker. */
export const changedMax = 100_000;

/** What the tables say about a kind before any of its values is read. */
export interface KindNews {
  /** Entities that exist. */
  readonly stored: number;
  /** Changes that cycles noted; one entity may have several. */
  readonly changed: number;
}

export async function readNews(
  connection: Connection,
  kinds: readonly string[],
  after: number,
  upTo: number,
): Promise<Map<string, KindNews>> {
  const parts = kinds.map(
    (kind) => sql`SELECT ${kind} AS kind, (SELECT count(*) FROM ${name("growth", `${kind}_entities`)}) AS stored,
(SELECT count(*) FROM growth.changes WHERE ${cyclesBetween(after, upTo)} AND kind = ${kind}) AS changed`,
  );
  const rows = await connection.read<KindNews & { kind: string }>(sql`/* read model: what changed */ ${join(parts, " UNION ALL ")}`);
  return new Map(rows.map((row) => [row.kind, row]));
}

const cyclesBetween = (after: number, upTo: number) => sql`cycle_id > ${after} AND cycle_id <= ${upTo}`;

/** Brings the model from cycle `after` to cycle `upTo`. False where only a new build can. */
export async function refreshKind(
  connection: Connection,
  model: KindModel,
  { stored, changed }: KindNews,
  after: number,
  upTo: number,
): Promise<boolean> {
  if (changed > changedMax) return false;
  const { kind } = model.layout;
  if (changed > 0) await refreshValues(connection, model, after, upTo);
  if (kind === "user" && model.size !== stored) await followMerges(connection, model);
  if (model.size !== stored) return false;
  // Whoever enters or leaves has changed.
  if (changed > 0) await refreshMembers(connection, model, after, upTo);
  return true;
}

async function refreshValues(connection: Connection, model: KindModel, after: number, upTo: number): Promise<void> {
  const { kind } = model.layout;
  // Tables of their ids first: looked for in the log of changes itself, each large table would take many times as long.
  const { dialect } = connection;
  const noted = sql`SELECT DISTINCT entity_id FROM growth.changes WHERE ${cyclesBetween(after, upTo)} AND kind = ${kind}`;
  await connection.run(sql`/* read model: whose changes were noted */ ${dialect.tempTable("read_model_noted", noted)}`);
  const existing = sql`SELECT entity_id FROM ${name("growth", `${kind}_entities`)} WHERE entity_id IN (SELECT entity_id FROM read_model_noted)`;
  await connection.run(sql`/* read model: who changed */ ${dialect.tempTable("read_model_changed", existing)}`);
  const changed = sql`SELECT entity_id FROM read_model_changed`;
  const ids = await connection.integers(sql`/* read model: who changed, in order */ ${changed} ORDER BY entity_id`);
  await eachValues(connection, model.layout, changed, (place, values) => model.set(model.add(ids[place] ?? -1n), values));
  if (kind === "user") await refreshSubjects(connection, model, changed);
}

async function refreshSubjects(connection: Connection, model: KindModel, changed: Sql): Promise<void> {
  await connection.run(
    sql`/* read model: subjects of who changed */ ${connection.dialect.tempTable(
      "read_model_subjects",
      sql`SELECT subject_id, entity_id FROM growth.user_subjects WHERE entity_id IN (${changed})`,
    )}`,
  );
  const ordered = sql`FROM read_model_subjects ORDER BY subject_id`;
  const subjects = await connection.integers(sql`/* read model: subjects */ SELECT subject_id ${ordered}`);
  const entities = await connection.integers(sql`/* read model: whom they belong to */ SELECT entity_id ${ordered}`);
  await inTurns(subjects.length, (place) => {
    const slot = model.slotOfEntity(entities[place] ?? -1n);
    if (slot >= 0) model.setSubject(subjects[place] ?? -1n, slot);
  });
}

async function refreshMembers(connection: Connection, model: KindModel, after: number, upTo: number): Promise<void> {
  const { dialect } = connection;
  const { audiences } = model.layout;
  if (audiences.length === 0) return;
  const moves = sql`FROM growth.audience_changes WHERE ${cyclesBetween(after, upTo)} AND audience IN (${join(
    audiences.map((audience) => sql`${audience}`),
  )}) ORDER BY change_id`;
  const ids = await connection.integers(sql`/* read model: who entered or left */ SELECT entity_id ${moves}`);
  // One number says which audience, whether it was entered, and whether it was held out.
  const code = sql`${placeIn(audiences, sql`audience`)} * 4 + CASE change WHEN 'entered' THEN 2 ELSE 0 END + CASE WHEN held_out THEN 1 ELSE 0 END`;
  const codes = await connection.integers(
    sql`/* read model: what they entered or left */ SELECT ${dialect.cast(code, "integer")} ${moves}`,
  );
  await inTurns(ids.length, (place) => {
    const slot = model.slotOfEntity(ids[place] ?? -1n);
    const move = Number(codes[place]);
    if (slot >= 0 && !model.isRemoved(slot)) model.setMember(slot, (move >> 2) - 1, (move & 2) !== 0, (move & 1) !== 0);
  });
}

/** Newest merges that are looked at after a cycle; more of them make the sizes differ, and the model is built anew. */
const mergesMax = 20_000;

async function followMerges(connection: Connection, model: KindModel): Promise<void> {
  const { dialect } = connection;
  const rows = await connection.read<{ loser: string; winner: string }>(
    sql`/* read model: newest merges */ SELECT ${dialect.idText(sql`loser_id`)} AS loser, ${dialect.idText(sql`winner_id`)} AS winner
FROM growth.merges ORDER BY received_at DESC LIMIT ${mergesMax}`,
  );
  for (const row of rows) {
    const loser = model.slotOfEntity(BigInt(row.loser));
    if (loser < 0 || model.isRemoved(loser)) continue;
    model.remove(loser, model.slotOfSubject(BigInt(row.winner)));
  }
}
