import type { Project } from "../../project/project.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { Connection, Row } from "../../warehouse/warehouse.js";
import { type EntityValues, type KindLayout, KindModel, layoutOf } from "./kind-model.js";

/** The SQL that fills the model: everything at its start, and what a cycle changed afterwards. */

/** Builds the model of a kind from one snapshot; the caller holds the transaction. */
export async function buildKind(connection: Connection, project: Project, kind: string, textBytesMax: number): Promise<KindModel> {
  const layout = await readLayout(connection, project, kind);
  const entities = name("growth", `${kind}_entities`);
  const ids = await connection.integers(sql`/* read model: entities */ SELECT entity_id FROM ${entities} ORDER BY entity_id`);
  const placed = sql`SELECT entity_id, row_number() OVER (ORDER BY entity_id) - 1 AS slot FROM ${entities}`;
  const joined = sql`FROM growth.user_subjects AS s JOIN (${placed}) AS e ON e.entity_id = s.entity_id ORDER BY s.subject_id`;
  const isUser = kind === "user";
  const subjects = isUser ? await connection.integers(sql`/* read model: subjects */ SELECT s.subject_id ${joined}`) : new BigInt64Array(0);
  const slots = isUser
    ? await connection.integers(sql`/* read model: where subjects belong */ SELECT e.slot ${joined}`)
    : new BigInt64Array(0);
  const model = new KindModel(layout, ids, subjects, Int32Array.from(slots, Number), textBytesMax);
  let slot = 0;
  for await (const rows of paced(
    connection,
    sql`/* read model: values of all */ ${valuesQuery(connection, layout)} ORDER BY e.entity_id`,
  )) {
    for (const row of rows) {
      model.set(slot, valuesOf(layout, row));
      slot += 1;
    }
  }
  for (const [bit, audience] of layout.audiences.entries()) {
    for (const heldOut of [false, true]) {
      const members = await connection.integers(
        sql`/* read model: members */ SELECT entity_id FROM growth.audience_members WHERE audience = ${audience} AND held_out = ${heldOut}`,
      );
      for (let at = 0; at < members.length; at += memberTurn) {
        for (const id of members.subarray(at, at + memberTurn)) {
          const member = model.slotOfEntity(id);
          if (member >= 0) model.setMemberBit(member, bit, true, heldOut);
        }
        await nextTurn();
      }
    }
  }
  return model;
}

export async function readLayout(connection: Connection, project: Project, kind: string): Promise<KindLayout> {
  const traits = await connection.describe(sql`SELECT * FROM ${name("growth", `${kind}_traits`)}`);
  const tables = await connection.read<{ name: string }>(
    sql`/* read model: scores that were computed */ SELECT name FROM ${connection.dialect.tablesOf("growth")} AS t`,
  );
  const scores = tables.flatMap(({ name: table }) => (table.startsWith("score_") ? [table.slice("score_".length)] : []));
  return layoutOf(project, kind, new Map(traits.map((column) => [column.name, column.type])), new Set(scores));
}

/**
 * One row per entity: traits as a JSON list, then each score's value and bucket.
 * `ids` (a list or query of them) narrows each table before they are joined: a join of a million rows for a few costs four times as much.
 */
function valuesQuery(connection: Connection, layout: KindLayout, ids?: Sql): Sql {
  const { dialect } = connection;
  const table = (named: string) => {
    const whole = name("growth", named);
    return ids === undefined ? whole : sql`(SELECT * FROM ${whole} WHERE entity_id IN (${ids}))`;
  };
  const traits =
    layout.traits.length === 0 ? sql`'[]'` : dialect.cast(dialect.jsonArray(layout.traits.map((trait) => name("t", trait.name))), "text");
  const scores = layout.scores.flatMap((_, index) => [
    sql`${name(`s${index}`, "value")} AS ${name(`value${index}`)}`,
    sql`${name(`s${index}`, "bucket")} AS ${name(`bucket${index}`)}`,
  ]);
  const joins = layout.scores.map(
    (score, index) =>
      sql`LEFT JOIN ${table(`score_${score.name}`)} AS ${name(`s${index}`)} ON ${name(`s${index}`)}.entity_id = e.entity_id`,
  );
  return sql`SELECT ${join([sql`${dialect.idText(sql`e.entity_id`)} AS id`, sql`${traits} AS traits`, ...scores])}
FROM ${table(`${layout.kind}_entities`)} AS e LEFT JOIN ${table(`${layout.kind}_traits`)} AS t ON t.entity_id = e.entity_id
${join(joins, "\n")}`;
}

function valuesOf(layout: KindLayout, row: Row): EntityValues {
  return {
    traits: String(row["traits"] ?? "[]"),
    scores: layout.scores.map((_, index) => ({
      value: (row[`value${index}`] as number | null) ?? null,
      bucket: (row[`bucket${index}`] as string | null) ?? null,
    })),
  };
}

/** Values of some entities, by id: what the model does not hold. */
export async function readValues(connection: Connection, layout: KindLayout, ids: readonly bigint[]): Promise<Map<bigint, EntityValues>> {
  if (ids.length === 0) return new Map();
  const list = join(ids.map((id) => sql`${id}`));
  const rows = await connection.read(sql`/* read model: values of some */ ${valuesQuery(connection, layout, list)}`);
  return new Map(rows.map((row) => [BigInt(String(row["id"])), valuesOf(layout, row)]));
}

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
  // A table of their ids first: joined with the log of changes itself, each large table would take many times as long.
  await connection.run(
    sql`/* read model: who changed */ ${connection.dialect.tempTable(
      "read_model_changed",
      sql`SELECT DISTINCT entity_id FROM growth.changes WHERE ${cyclesBetween(after, upTo)} AND kind = ${kind}`,
    )}`,
  );
  const ids = sql`SELECT entity_id FROM read_model_changed`;
  const values = valuesQuery(connection, model.layout, ids);
  for await (const rows of paced(connection, sql`/* read model: values that changed */ ${values}`)) {
    for (const row of rows) model.set(model.add(BigInt(String(row["id"]))), valuesOf(model.layout, row));
  }
  if (kind === "user") await refreshSubjects(connection, model, ids);
}

async function refreshMembers(connection: Connection, model: KindModel, after: number, upTo: number): Promise<void> {
  const moves = sql`/* read model: entries and exits */ SELECT ${connection.dialect.idText(sql`entity_id`)} AS id, audience, change, held_out
FROM growth.audience_changes WHERE ${cyclesBetween(after, upTo)} AND audience IN (${audienceList(model.layout)}) ORDER BY change_id`;
  for await (const rows of paced(connection, moves)) {
    for (const row of rows) {
      const slot = model.slotOfEntity(BigInt(String(row["id"])));
      if (slot >= 0 && !model.isRemoved(slot))
        model.setMember(slot, String(row["audience"]), row["change"] === "entered", row["held_out"] === true);
    }
  }
}

function audienceList(layout: KindLayout): Sql {
  return layout.audiences.length === 0 ? sql`NULL` : join(layout.audiences.map((audience) => sql`${audience}`));
}

async function refreshSubjects(connection: Connection, model: KindModel, changed: Sql): Promise<void> {
  const { dialect } = connection;
  const query = sql`/* read model: subjects of what changed */ SELECT ${dialect.idText(sql`subject_id`)} AS subject, ${dialect.idText(sql`entity_id`)} AS entity
FROM growth.user_subjects WHERE entity_id IN (${changed})`;
  for await (const rows of paced(connection, query)) {
    for (const row of rows) {
      const slot = model.slotOfEntity(BigInt(String(row["entity"])));
      if (slot >= 0) model.setSubject(BigInt(String(row["subject"])), slot);
    }
  }
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

/** Rows handled before requests get their turn. */
const turnRows = 256;
/** Members set in one turn: about a millisecond. */
const memberTurn = 2_000;

/** Batches in small parts with a turn of the event loop between them: reads are answered while the model is filled. */
async function* paced(connection: Connection, query: Sql): AsyncIterable<Row[]> {
  for await (const rows of connection.batches(query, turnRows)) {
    yield rows;
    await nextTurn();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
