import { md5Hex } from "../base/hash.js";

/**
 * The column of `raw.events` that holds a typed copy of a property: `plan` is `p_plan`. A path that is not its own snake
 * case (`Plan`, `a.b`) gets a few digits of its hash, so that no two properties ever share a column.
 */
export function propertyColumn(path: string): string {
  const snake = snakeCase(path);
  const distinct = snake === path ? snake : `${snake}_${md5Hex(path).slice(0, 6)}`;
  return `p_${distinct.slice(0, 55)}${distinct.length > 55 ? `_${md5Hex(path).slice(0, 6)}` : ""}`;
}

/** Segment's naming of warehouse columns: words are capitals and digits followed by small letters and digits. */
export function snakeCase(text: string): string {
  const words = text.match(/[A-Z0-9]+[a-z0-9]*|[a-z0-9]+/g) ?? [];
  return words.map((word) => word.toLowerCase()).join("_");
}
