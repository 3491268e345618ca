import { hiddenOf } from "../project/compile/hidden.js";
import { type Project, traitsOf } from "../project/project.js";
import type { TableSpec } from "../warehouse/table.js";
import { audienceMembers, entities, memberships, score, subjects, traits } from "../warehouse/tables/growth.js";

/** What the loop derives from events and others read, as whoever compares two computations of it looks at it. */

export interface DerivedTable {
  readonly spec: TableSpec;
  /** Columns that tell rows apart, then those that must be equal. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** Tables of every kind of entity, or of one. SQL values change on a schedule of their own and are left out unless asked for. */
export function derivedTables(
  project: Project,
  { kind: only, withSql = false }: { kind?: string | undefined; withSql?: boolean } = {},
): DerivedTable[] {
  const kinds = kindsOf(project, only);
  return [
    ...kinds.flatMap((kind): DerivedTable[] => [
      { spec: subjects(kind), key: ["subject_id"], columns: ["entity_id"] },
      {
        spec: entities(kind),
        key: ["entity_id"],
        columns: kind === "user" ? ["key", "first_seen", "last_seen"] : ["key", "first_seen", "last_seen", "parent_id"],
      },
      { spec: traits(kind), key: ["entity_id"], columns: traitNames(project, kind, withSql) },
    ]),
    ...project.scores
      .filter((each) => kinds.includes(each.entity))
      .map((each): DerivedTable => ({
        spec: score(each.name),
        key: ["entity_id"],
        columns: ["value", "bucket", ...each.components.map((component) => `c_${component.name}`)],
      })),
    { spec: memberships, key: ["user_id", "kind", "group_id", "valid_from"], columns: ["valid_to"] },
    { spec: audienceMembers, key: ["audience", "entity_id"], columns: ["held_out"] },
  ];
}

/** All kinds of entities, or one. */
export function kindsOf(project: Project, only?: string): string[] {
  return project.entities.map((entity) => entity.kind).filter((kind) => only === undefined || kind === only);
}

function traitNames(project: Project, kind: string, withSql: boolean): string[] {
  const counts = ({ type }: { type: string }) => withSql || type !== "sql";
  return [
    ...traitsOf(project, kind)
      .filter(counts)
      .map((trait) => trait.name),
    ...hiddenOf(project, kind)
      .filter(counts)
      .map((hidden) => hidden.column),
  ];
}
