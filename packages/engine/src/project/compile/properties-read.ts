import { hiddenOf } from "./hidden.js";
import { callOf, propertyPlace } from "./event-predicate.js";
import type { EventFilter } from "../kinds/condition.js";
import { type Project, traitsOf } from "../project.js";

/** Paths within `properties` that definitions read: the loader keeps a typed column for each. */
export function propertiesRead(project: Project): string[] {
  const paths = new Set<string>();
  const read = (filter: EventFilter, property?: string) => {
    const named = [...(filter.where ?? []).map((condition) => condition.property), ...(property === undefined ? [] : [property])];
    for (const path of named) {
      const { column, steps } = propertyPlace(callOf(filter), path);
      if (column === "properties") paths.add(steps.join("."));
    }
  };
  for (const { kind } of project.entities) {
    for (const trait of traitsOf(project, kind)) if ("event" in trait) read(trait, "property" in trait ? trait.property : undefined);
    for (const hidden of hiddenOf(project, kind)) {
      if (hidden.type === "event") read(hidden.condition);
      if (hidden.type === "sequence") for (const step of hidden.condition.sequence) read(step);
    }
  }
  return [...paths].sort();
}
