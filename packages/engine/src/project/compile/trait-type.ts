import type { ColumnType } from "../../warehouse/table.js";
import type { Trait } from "../kinds/trait.js";
import { type Project, traitsOf } from "../project.js";

/** The type of a trait's column. */
export function traitType(project: Pick<Project, "traits">, trait: Trait): ColumnType {
  switch (trait.type) {
    case "count":
    case "unique_count":
    case "days_active":
    case "days_since":
      return "integer";
    case "sum":
    case "min":
    case "max":
      return "decimal";
    case "avg":
      return "double";
    case "first":
    case "last":
    case "profile":
      return trait.value ?? "text";
    case "most_frequent":
      return "text";
    case "unique_list":
      return "text[]";
    case "first_seen":
    case "last_seen":
      return "timestamp";
    case "sql":
      return trait.value;
    case "formula":
      return trait.value ?? "double";
    case "rollup": {
      if (trait.roll === "count" || trait.roll === "count_where") return "integer";
      if (trait.roll === "any" || trait.roll === "all") return "boolean";
      if (trait.roll === "avg") return "double";
      const inner = traitsOf(project, trait.from).find((candidate) => candidate.name === trait.trait);
      return inner === undefined ? "double" : traitType(project, inner);
    }
    default:
      return trait satisfies never;
  }
}

export function traitNamed(project: Pick<Project, "traits">, kind: string, traitName: string): Trait | undefined {
  return traitsOf(project, kind).find((candidate) => candidate.name === traitName);
}
