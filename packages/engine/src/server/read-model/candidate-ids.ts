import { idOf } from "../../base/hash.js";
import type { Project } from "../../project/project.js";

/**
 * Ids that a key may stand for, likeliest first: a group by its own key; a user by each type of identifier, strongest
 * first, so that a product may ask by user id, e-mail or anonymous id alike. Each is hashed only when the ones before it are nobody.
 */
export function* candidateIds(project: Project, kind: string, key: string): Iterable<bigint> {
  if (kind !== "user") {
    yield BigInt(idOf(kind, key));
    return;
  }
  for (const rule of strongestFirst(project)) yield BigInt(idOf(rule.type, rule.lower === true ? key.trim().toLowerCase() : key));
}

const ordered = new WeakMap<Project, Project["identifiers"]>();

/** Sorted once for each project, not for each request. */
function strongestFirst(project: Project): Project["identifiers"] {
  const known = ordered.get(project) ?? project.identifiers.toSorted((a, b) => a.priority - b.priority);
  ordered.set(project, known);
  return known;
}
