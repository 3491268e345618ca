import { md5Hex } from "../base/hash.js";
import { canonical, hiddenOf } from "../project/compile/hidden.js";
import type { EventFilter } from "../project/kinds/condition.js";
import type { Trait } from "../project/kinds/trait.js";
import { type Grain, durationOf } from "../project/kinds/words.js";
import { type Project, traitsOf } from "../project/project.js";
import type { ColumnType } from "../warehouse/table.js";

/**
 * A measure is the incremental aggregate under a trait: one aggregate over the events that pass a filter, kept per raw
 * subject and day (or hour). It is named by a fingerprint of what it computes, so equal questions share one measure, and
 * a changed definition is a new measure that back-fills only itself.
 */
export type Aggregate =
  | { readonly type: "count" }
  /** Events whose property is a number. */
  | { readonly type: "count_numeric"; readonly property: string }
  | { readonly type: "sum" | "min" | "max"; readonly property: string }
  /** Value with its place in the order of events; nulls skipped. */
  | { readonly type: "first" | "last"; readonly property: string }
  | { readonly type: "first_at" | "last_at" }
  /** How often each value occurred; kept in the kind's values table instead of a column. */
  | { readonly type: "values"; readonly property: string };

export interface Measure {
  /** Column (`m_…`), or the name in the values table. */
  readonly id: string;
  readonly grain: Grain;
  readonly filter: EventFilter;
  readonly aggregate: Aggregate;
}

export type ScalarMeasure = Measure & { readonly aggregate: Exclude<Aggregate, { type: "values" }> };

/** Aggregates over time (days active, unique lists, …) look at whole days, except counts and sums over hours. */
export function measure(filter: EventFilter, aggregate: Aggregate, grain: Grain, timezone: string): Measure {
  const asked: EventFilter = {
    event: filter.event,
    ...(filter.call && { call: filter.call }),
    ...(filter.where && { where: filter.where }),
  };
  const zone = grain === "day" ? timezone : "UTC";
  return { id: `m_${md5Hex(canonical({ asked, aggregate, grain, zone })).slice(0, 14)}`, grain, filter: asked, aggregate };
}

/** The measures that a trait reads, by the role they play in it. */
export function measuresOfTrait(trait: Trait, timezone: string): Record<string, Measure> {
  if (!("event" in trait) || ("exact" in trait && trait.exact === true)) return {};
  const grain = trait.within === undefined ? "day" : durationOf(trait.within).grain;
  const of = (aggregate: Aggregate) => measure(trait, aggregate, grain, timezone);
  switch (trait.type) {
    case "count":
    case "days_active":
      return { count: measure(trait, { type: "count" }, trait.type === "days_active" ? "day" : grain, timezone) };
    case "sum":
    case "min":
    case "max":
      return { value: of({ type: trait.type, property: trait.property }) };
    case "avg":
      return { sum: of({ type: "sum", property: trait.property }), count: of({ type: "count_numeric", property: trait.property }) };
    case "first":
    case "last":
      return { value: of({ type: trait.type, property: trait.property }) };
    case "most_frequent":
    case "unique_count":
    case "unique_list":
      return { values: measure(trait, { type: "values", property: trait.property }, "day", timezone) };
    case "days_since":
    case "last_seen":
      return { value: of({ type: "last_at" }) };
    case "first_seen":
      return { value: of({ type: "first_at" }) };
    default:
      return trait satisfies never;
  }
}

/** Every measure that a kind needs, once each, in a stable order. */
export function measuresOf(project: Project, kind: string): Measure[] {
  const all = new Map<string, Measure>();
  for (const trait of traitsOf(project, kind)) {
    for (const needed of Object.values(measuresOfTrait(trait, project.timezone))) all.set(needed.id, needed);
  }
  for (const hidden of hiddenOf(project, kind)) {
    if (hidden.type !== "event" || hidden.condition.exact === true) continue;
    const needed = hiddenCount(hidden.condition, project.timezone);
    all.set(needed.id, needed);
  }
  return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The count under an event condition. */
export function hiddenCount(condition: EventFilter & { within?: string | undefined }, timezone: string): Measure {
  const grain = condition.within === undefined ? "day" : durationOf(condition.within).grain;
  return measure(condition, { type: "count" }, grain, timezone);
}

export function isScalar(candidate: Measure): candidate is ScalarMeasure {
  return candidate.aggregate.type !== "values";
}

export function columnTypeOf(aggregate: ScalarMeasure["aggregate"]): ColumnType {
  switch (aggregate.type) {
    case "count":
    case "count_numeric":
      return "integer";
    case "sum":
    case "min":
    case "max":
      return "decimal";
    case "first":
    case "last":
      return "position";
    case "first_at":
    case "last_at":
      return "timestamp";
    default:
      return aggregate satisfies never;
  }
}
