import type { ExplainedValue, Explanation } from "../base/explanation.js";
import { CambiumError } from "../base/errors.js";
import { conditionPredicate, scoreJoins, scoresNamed } from "../project/compile/condition-predicate.js";
import { traitNamed } from "../project/compile/trait-type.js";
import { traitWords } from "../project/definition-words.js";
import type { Trait } from "../project/kinds/trait.js";
import { type EntityKind, entityOf } from "../project/project.js";
import { name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { profileValues } from "../warehouse/tables/growth.js";
import { type ExplainContext, idSql, once, traitsRow } from "./explain-context.js";
import { eventsBehind } from "./explain-events.js";
import { formulaInputs } from "./formula.js";
import { measuresOfTrait } from "./measures.js";
import { membersQuery } from "./trait-sql.js";

/** Members shown under a roll-up; their number is always said. */
const membersShownMax = 10;

/** Why a trait has its value: its definition, its inputs, and the events that its measures counted. */
export function explainTrait(context: ExplainContext, entity: EntityKind, entityId: string, traitName: string): Promise<Explanation> {
  return once(context, `trait ${entity.kind} ${entityId} ${traitName}`, async () => {
    const trait = traitNamed(context.project, entity.kind, traitName);
    if (trait === undefined) throw new CambiumError("NOT_FOUND", `There is no trait ${traitName} of ${entity.kind}.`);
    const row = await traitsRow(context, entity, entityId);
    const node: Explanation = {
      title: `trait ${traitName}`,
      kind: "trait",
      value: row?.[traitName] ?? null,
      formula: traitWords(trait),
      at: row?.["updated_at"] as string | undefined,
      children: [],
    };
    return row === undefined
      ? { ...node, detail: `This ${entity.kind} has no traits yet.` }
      : inputsOf(context, entity, entityId, trait, node);
  });
}

async function inputsOf(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  trait: Trait,
  node: Explanation,
): Promise<Explanation> {
  const { scope } = context;
  if (trait.type === "formula") {
    const inputs = formulaInputs(trait.formula);
    return { ...node, children: await Promise.all(inputs.map((input) => explainTrait(context, entity, entityId, input))) };
  }
  if (trait.type === "rollup")
    return {
      ...node,
      children: await explainMembers(context, entity, entityId, trait),
      ...(await memberCount(context, entity, entityId, trait)),
    };
  if (trait.type === "profile") return { ...node, ...(await lastWrite(context, entity, entityId, trait)) };
  if (trait.type === "sql") return { ...node, detail: "Evaluated by its SQL as a whole, on its own refresh." };
  const property = "property" in trait ? trait.property : undefined;
  const behind = await eventsBehind(context, entity, entityId, trait, property);
  const measures = Object.entries(measuresOfTrait(trait, scope.timezone)).map(([role, measure]): Explanation => ({
    title: `measure ${role} ${measure.id}`,
    kind: "measure",
    value: null,
    detail: `kept per subject and ${measure.grain}`,
    children: [],
  }));
  return { ...node, children: measures, events: behind.events, eventsTotal: behind.total };
}

async function lastWrite(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  trait: Trait & { type: "profile" },
): Promise<Partial<Explanation>> {
  const key = (trait.path ?? trait.name).split(".")[0] as string;
  const rows = await context.connection.read<{ message_id: string; happened_at: string; received_at: string; value: string }>(
    sql`/* writes of a profile value, newest first */ SELECT p.message_id, p.happened_at, p.received_at, p.value FROM ${nameOf(profileValues(entity.kind))} AS p
JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = p.subject_id
WHERE s.entity_id = ${idSql(entityId)} AND p.name = ${key} ORDER BY p.happened_at DESC, p.received_at DESC, p.message_id DESC LIMIT 10`,
  );
  const type = entity.isGroup ? "group" : "identify";
  return {
    detail:
      rows.length === 0
        ? `No ${type} call has set ${key}.`
        : `The newest of ${rows.length === 10 ? "the last 10" : rows.length} writes holds.`,
    events: rows.map((row) => ({
      messageId: row.message_id,
      type,
      event: null,
      timestamp: row.happened_at,
      receivedAt: row.received_at,
      detail: `${key}: ${row.value}`,
    })),
  };
}

async function memberCount(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  trait: Trait & { type: "rollup" },
): Promise<Partial<Explanation>> {
  const members = membersQuery(context.scope, context.project, entity.kind, trait.from, context.window);
  const row = await context.connection.first<{ n: number }>(
    sql`/* members */ SELECT count(*) AS n FROM (${members}) AS m WHERE m.group_id = ${idSql(entityId)}`,
  );
  return {
    detail: `over ${row?.n ?? 0} ${memberWord(context, trait.from, row?.n ?? 0)}${(row?.n ?? 0) > membersShownMax ? `, the first ${membersShownMax} shown` : ""}`,
  };
}

/** Within a sentence: `1 user`, `8 workspaces`. */
function memberWord(context: ExplainContext, kind: string, count: number): string {
  return count === 1 ? kind : entityOf(context.project, kind).plural.toLowerCase();
}

async function explainMembers(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
  trait: Trait & { type: "rollup" },
): Promise<Explanation[]> {
  const { connection, project, scope, window } = context;
  const { where } = trait;
  const shown = trait.trait ?? (where !== undefined && "trait" in where ? where.trait : undefined);
  const value = shown === undefined ? sql`NULL` : sql`t.${name(shown)}`;
  const holds = where === undefined ? sql`NULL` : conditionPredicate(scope, project, trait.from, where);
  const rows = await connection.read<{ key: string; value: ExplainedValue; holds: boolean | null; updated_at: string }>(
    sql`/* members behind a roll-up */ SELECT x.key, ${value} AS value, ${holds} AS holds, t.updated_at FROM (${membersQuery(scope, project, entity.kind, trait.from, window)}) AS m
JOIN ${name("growth", `${trait.from}_entities`)} AS x ON x.entity_id = m.member_id JOIN ${name("growth", `${trait.from}_traits`)} AS t ON t.entity_id = m.member_id
${scoreJoins(where === undefined ? [] : scoresNamed(where))}
WHERE m.group_id = ${idSql(entityId)} ORDER BY holds DESC NULLS LAST, value DESC NULLS LAST, x.key LIMIT ${membersShownMax}`,
  );
  return rows.map((row) => ({
    title: `${trait.from} ${row.key}`,
    kind: "entity",
    value: row.value,
    ...(where !== undefined && { holds: row.holds === true }),
    detail: shown === undefined ? undefined : `trait ${shown}`,
    at: row.updated_at,
    children: [],
  }));
}
