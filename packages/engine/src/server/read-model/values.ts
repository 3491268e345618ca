import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { Connection, Row } from "../../warehouse/warehouse.js";
import type { EntityValues, KindLayout } from "./kind-model.js";
import { nextTurn, turnRows } from "./turns.js";

/** What the model keeps of entities, as the tables say it: traits as one text, scores as numbers. */

/**
 * Values in the order of entity ids, handed over one by one. `ids` (a query of them) narrows each table before they are
 * joined: a join of a million rows for a few costs four times as much.
 */
export async function eachValues(
  connection: Connection,
  layout: KindLayout,
  ids: Sql | undefined,
  take: (place: number, values: EntityValues) => void,
): Promise<void> {
  let place = 0;
  const query = sql`/* read model: values */ ${valuesQuery(connection, layout, ids)} ORDER BY e.entity_id`;
  for await (const rows of connection.batches(query, turnRows)) {
    for (const row of rows) {
      take(place, valuesOf(layout, row));
      place += 1;
    }
    await nextTurn();
  }
}

/** Traits of some entities, by id: what the model has no room for. */
export async function readTraits(connection: Connection, layout: KindLayout, ids: readonly bigint[]): Promise<Map<bigint, string>> {
  if (ids.length === 0) return new Map();
  const list = join(ids.map((id) => sql`${id}`));
  const rows = await connection.read<{ id: string; traits: string }>(
    sql`/* read model: traits of some */ SELECT ${connection.dialect.idText(sql`t.entity_id`)} AS id, ${traitsText(connection, layout)} AS traits
FROM ${name("growth", `${layout.kind}_traits`)} AS t WHERE t.entity_id IN (${list})`,
  );
  return new Map(rows.map((row) => [BigInt(row.id), row.traits]));
}

function valuesQuery(connection: Connection, layout: KindLayout, ids: Sql | undefined): Sql {
  const table = (named: string) => {
    const whole = name("growth", named);
    return ids === undefined ? whole : sql`(SELECT * FROM ${whole} WHERE entity_id IN (${ids}))`;
  };
  const scores = layout.scores.flatMap((score, index) => [
    sql`${name(`s${index}`, "value")} AS ${name(`value${index}`)}`,
    sql`${placeIn(score.buckets, name(`s${index}`, "bucket"))} AS ${name(`bucket${index}`)}`,
  ]);
  const joins = layout.scores.map(
    (score, index) =>
      sql`LEFT JOIN ${table(`score_${score.name}`)} AS ${name(`s${index}`)} ON ${name(`s${index}`)}.entity_id = e.entity_id`,
  );
  return sql`SELECT ${join([sql`${traitsText(connection, layout)} AS traits`, ...scores])}
FROM ${table(`${layout.kind}_entities`)} AS e LEFT JOIN ${table(`${layout.kind}_traits`)} AS t ON t.entity_id = e.entity_id
${join(joins, "\n")}`;
}

/** Traits as a JSON list in the order of the layout. */
function traitsText({ dialect }: Connection, { traits }: KindLayout): Sql {
  return traits.length === 0 ? sql`'[]'` : dialect.cast(dialect.jsonArray(traits.map((trait) => name("t", trait.name))), "text");
}

/** Place of a text in a list, counted from 1; 0 for any other. Numbers are read at a tenth of the price of texts. */
export function placeIn(list: readonly string[], text: Sql): Sql {
  if (list.length === 0) return sql`0`;
  return sql`CASE ${text} ${join(
    list.map((item, index) => sql`WHEN ${item} THEN ${index + 1}`),
    " ",
  )} ELSE 0 END`;
}

function valuesOf(layout: KindLayout, row: Row): EntityValues {
  return {
    traits: String(row["traits"] ?? "[]"),
    scores: layout.scores.map((_, index) => ({
      value: (row[`value${index}`] as number | null) ?? Number.NaN,
      bucket: row[`bucket${index}`] as number,
    })),
  };
}
