import { md5Hex } from "../../base/hash.js";
import type { Condition, EventCondition, SequenceCondition, SqlCondition } from "../kinds/condition.js";
import { type Project, traitsOf } from "../project.js";

/**
 * Conditions over events, sequences and SQL inside scores, audiences, roll-ups and syncs become hidden traits: computed
 * with all others, stored in a column of their own, named by a fingerprint of what they ask, so equal questions of
 * different definitions are computed once.
 */
export type Hidden =
  | { readonly type: "event"; readonly column: string; readonly condition: EventCondition }
  | { readonly type: "sequence"; readonly column: string; readonly condition: SequenceCondition }
  | { readonly type: "sql"; readonly column: string; readonly condition: SqlCondition };

export function hiddenColumn(condition: EventCondition | SequenceCondition | SqlCondition): string {
  return `x_${md5Hex(canonical(what(condition))).slice(0, 12)}`;
}

/** An event condition's column is its count; comparing it with `count` is the reader's part. */
function what(condition: EventCondition | SequenceCondition | SqlCondition): unknown {
  if (!("event" in condition)) return condition;
  const { count: _count, ...asked } = condition;
  return asked;
}

/** JSON with sorted keys: equal definitions have equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** Every hidden trait that definitions about this kind need, once each. */
export function hiddenOf(project: Project, kind: string): Hidden[] {
  const found = new Map<string, Hidden>();
  for (const condition of conditionsAbout(project, kind)) {
    visit(condition, (hidden) => found.set(hidden.column, hidden));
  }
  return [...found.values()].sort((a, b) => (a.column < b.column ? -1 : 1));
}

function conditionsAbout(project: Project, kind: string): Condition[] {
  const milestones = project.scores
    .filter((score) => score.entity === kind)
    .flatMap((score) => score.components.map((component) => component.milestone));
  const audiences = project.audiences.filter((audience) => audience.entity === kind).map((audience) => audience.where);
  const syncs = project.syncs.map((sync) => ("entity" in sync.from && sync.from.entity === kind ? sync.from.where : undefined));
  const rollups = project.entities.flatMap((entity) =>
    traitsOf(project, entity.kind).map((trait) => (trait.type === "rollup" && trait.from === kind ? trait.where : undefined)),
  );
  return [...milestones, ...audiences, ...syncs, ...rollups].filter((condition) => condition !== undefined);
}

function visit(condition: Condition, found: (hidden: Hidden) => void): void {
  if ("all" in condition) for (const part of condition.all) visit(part, found);
  else if ("any" in condition) for (const part of condition.any) visit(part, found);
  else if ("not" in condition) visit(condition.not, found);
  else if ("event" in condition) found({ type: "event", column: hiddenColumn(condition), condition });
  else if ("sequence" in condition) found({ type: "sequence", column: hiddenColumn(condition), condition });
  else if ("sql" in condition) found({ type: "sql", column: hiddenColumn(condition), condition });
}
