import { pathsOf, readsEvent } from "./default-mapping.js";
import { CambiumError } from "./engine.js";
import type { CatalogueField } from "./entry.js";
import { findEntry } from "./list.js";

/** How a new sync's mapping may start: for a field, the column that it usually comes from, or a constant. */
export type OfferedValue = { readonly column: string } | { readonly constant: string | number | boolean };

/**
 * The published defaults of an action in the words of a sync's mapping. `$.traits.email`, `$.properties.email` and
 * `$.context.traits.email` become the column `email`; `$.userId` becomes `key`. What cannot be said that way is left out.
 */
export function defaultMapping(slug: string, action: string): Record<string, OfferedValue> {
  const found = findEntry(slug)?.actions.find((candidate) => candidate.name === action);
  if (found === undefined) throw new CambiumError("NOT_FOUND", `the catalogue has no action ${slug}.${action}`);
  const offered = found.fields.filter((field) => field.hidden !== true).flatMap((field) => offersOf(field));
  return Object.fromEntries(offered);
}

function offersOf(field: CatalogueField): (readonly [string, OfferedValue])[] {
  const value = field.default;
  if (value === undefined || value === "" || value === null) return [];
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return field.required === true ? [[field.name, { constant: value }]] : [];
  }
  if (typeof value !== "object" || Array.isArray(value)) return [];
  if (Object.keys(value).some((key) => key.startsWith("@"))) {
    const column = pathsOf(value)
      .map(columnOf)
      .find((name) => name !== undefined);
    return column === undefined ? [] : [[field.name, { column }]];
  }
  return Object.entries(value).flatMap(([name, inner]) => {
    const column = readsEvent(inner)
      ? pathsOf(inner)
          .map(columnOf)
          .find((path) => path !== undefined)
      : undefined;
    return column === undefined ? [] : [[`${field.name}.${name}`, { column }] as const];
  });
}

function columnOf(path: string): string | undefined {
  if (path === "$.userId") return "key";
  const name = /^\$\.(?:context\.)?(?:traits|properties)\.([\w.]+)$/.exec(path)?.[1];
  return name?.replaceAll(".", "_");
}
