import type { AudienceSummary } from "../../../../engine/src/server/contract.js";

/** The list of audiences in order of nesting: each below the first audience it lies within, with its depth. */
export interface Nested {
  readonly audience: AudienceSummary;
  readonly depth: number;
}

const depthMax = 8;

/** What an audience lies within, outermost first. */
export function ancestors(audiences: readonly AudienceSummary[], name: string): AudienceSummary[] {
  const rows = nest(audiences);
  const above: AudienceSummary[] = [];
  let index = rows.findIndex((row) => row.audience.name === name);
  let depth = rows[index]?.depth ?? 0;
  while (index >= 0 && depth > 0) {
    index -= 1;
    const row = rows[index];
    if (row !== undefined && row.depth < depth) {
      above.unshift(row.audience);
      depth = row.depth;
    }
  }
  return above;
}

export function nest(audiences: readonly AudienceSummary[]): Nested[] {
  const byName = new Map(audiences.map((audience) => [audience.name, audience]));
  const parentOf = (audience: AudienceSummary): string | undefined =>
    // Of those it names, the smallest that is not smaller than it: the one it most likely lies within.
    audience.parents
      .map((name) => byName.get(name))
      .filter(
        (parent) =>
          parent !== undefined && parent.name !== audience.name && parent.entity === audience.entity && parent.size >= audience.size,
      )
      .sort((a, b) => (a?.size ?? 0) - (b?.size ?? 0))[0]?.name;
  const parents = new Map(audiences.map((audience) => [audience.name, parentOf(audience)]));
  const below = (name: string | undefined, depth: number): Nested[] =>
    depth > depthMax
      ? []
      : audiences
          .filter((audience) => parents.get(audience.name) === name)
          .sort((a, b) => b.size - a.size || a.title.localeCompare(b.title))
          .flatMap((audience) => [{ audience, depth }, ...below(audience.name, depth + 1)]);
  const rows = below(undefined, 0);
  // Audiences that name each other in a ring hang below nothing: they are listed all the same.
  const listed = new Set(rows.map((row) => row.audience.name));
  return [...rows, ...audiences.filter((audience) => !listed.has(audience.name)).map((audience) => ({ audience, depth: 0 }))];
}
