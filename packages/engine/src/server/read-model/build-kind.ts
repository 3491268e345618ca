import type { Project } from "../../project/project.js";
import { name, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { type KindLayout, KindModel, layoutOf } from "./kind-model.js";
import { inTurns } from "./turns.js";
import { eachValues } from "./values.js";

/** Builds the model of a kind from one snapshot; the caller holds the transaction. */
export async function buildKind(connection: Connection, project: Project, kind: string, textBytesMax: number): Promise<KindModel> {
  const layout = await readLayout(connection, project, kind);
  const entities = name("growth", `${kind}_entities`);
  const ids = await connection.integers(sql`/* read model: entities */ SELECT entity_id FROM ${entities} ORDER BY entity_id`);
  const { subjects, slots } = kind === "user" ? await readSubjectSlots(connection) : noSubjects;
  const model = new KindModel(layout, ids, subjects, slots, textBytesMax);
  await eachValues(connection, layout, undefined, (slot, values) => model.set(slot, values));
  for (const [bit, audience] of layout.audiences.entries()) {
    for (const heldOut of [false, true]) {
      const members = await connection.integers(
        sql`/* read model: members */ SELECT entity_id FROM growth.audience_members WHERE audience = ${audience} AND held_out = ${heldOut}`,
      );
      await inTurns(members.length, (place) => {
        const member = model.slotOfEntity(members[place] ?? -1n);
        if (member >= 0) model.setMember(member, bit, true, heldOut);
      });
    }
  }
  return model;
}

interface SubjectSlots {
  readonly subjects: BigInt64Array;
  readonly slots: Int32Array;
}

/** Groups are subjects of themselves. */
const noSubjects: SubjectSlots = { subjects: new BigInt64Array(0), slots: new Int32Array(0) };

async function readSubjectSlots(connection: Connection): Promise<SubjectSlots> {
  const placed = sql`SELECT entity_id, row_number() OVER (ORDER BY entity_id) - 1 AS slot FROM growth.user_entities`;
  const joined = sql`FROM growth.user_subjects AS s JOIN (${placed}) AS e ON e.entity_id = s.entity_id ORDER BY s.subject_id`;
  const subjects = await connection.integers(sql`/* read model: subjects */ SELECT s.subject_id ${joined}`);
  const wide = await connection.integers(sql`/* read model: where subjects belong */ SELECT e.slot ${joined}`);
  const slots = new Int32Array(wide.length);
  await inTurns(wide.length, (place) => {
    slots[place] = Number(wide[place]);
  });
  return { subjects, slots };
}

async function readLayout(connection: Connection, project: Project, kind: string): Promise<KindLayout> {
  const traits = await connection.describe(sql`SELECT * FROM ${name("growth", `${kind}_traits`)}`);
  const tables = await connection.read<{ name: string }>(
    sql`/* read model: scores that were computed */ SELECT name FROM ${connection.dialect.tablesOf("growth")} AS t`,
  );
  const scores = tables.flatMap(({ name: table }) => (table.startsWith("score_") ? [table.slice("score_".length)] : []));
  return layoutOf(project, kind, new Map(traits.map((column) => [column.name, column.type])), new Set(scores));
}
