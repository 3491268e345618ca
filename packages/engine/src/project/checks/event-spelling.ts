import type { Condition, EventFilter } from "../kinds/condition.js";
import type { Placed, PlacedDefinitions } from "../parse-definitions.js";
import type { Known } from "./known.js";

/** `Project created` in one definition and `Project Created` in another are two events to a machine, one to a person. */
export function checkEventSpelling(known: Known, placed: PlacedDefinitions): void {
  const uses = usesOf(placed);
  // Whoever lists both spellings side by side knows that both are sent.
  const deliberate = new Set(uses.filter(({ names }) => hasTwins(names)).flatMap(({ names }) => names.map(plainSpelling)));
  const first = new Map<string, { name: string; file: string; line: number }>();
  for (const { at, path, names } of uses) {
    for (const name of names) {
      const plain = plainSpelling(name);
      const before = first.get(plain);
      if (before === undefined) first.set(plain, { name, ...at.place(path) });
      else if (before.name !== name && !deliberate.has(plain)) {
        known.report(
          at,
          path,
          `The event \`${name}\` is written \`${before.name}\` in ${before.file}:${before.line}.`,
          "Event names are compared letter by letter: write it one way, or list both where both are sent.",
        );
      }
    }
  }
}

interface Use {
  readonly at: Placed<unknown>;
  readonly path: readonly PropertyKey[];
  readonly names: readonly string[];
}

function usesOf(placed: PlacedDefinitions): Use[] {
  const uses: Use[] = [];
  const use = (at: Placed<unknown>, path: readonly PropertyKey[], filter: EventFilter) =>
    uses.push({ at, path: [...path, "event"], names: [filter.event].flat() });
  const visit = (at: Placed<unknown>, path: readonly PropertyKey[], condition: Condition | undefined): void => {
    if (condition === undefined) return;
    if ("all" in condition) condition.all.forEach((part, index) => visit(at, [...path, "all", index], part));
    else if ("any" in condition) condition.any.forEach((part, index) => visit(at, [...path, "any", index], part));
    else if ("not" in condition) visit(at, [...path, "not"], condition.not);
    else if ("event" in condition) use(at, path, condition);
    else if ("sequence" in condition) condition.sequence.forEach((step, index) => use(at, [...path, "sequence", index], step));
  };
  for (const at of placed.trait) {
    if ("event" in at.definition) use(at, [], at.definition);
    if (at.definition.type === "rollup") visit(at, ["where"], at.definition.where);
  }
  for (const at of placed.score) {
    at.definition.components.forEach((component, index) => visit(at, ["components", index, "milestone"], component.milestone));
  }
  for (const at of placed.audience) visit(at, ["where"], at.definition.where);
  for (const at of placed.sync) if ("entity" in at.definition.from) visit(at, ["from", "where"], at.definition.from.where);
  return uses;
}

function hasTwins(names: readonly string[]): boolean {
  return new Set(names.map(plainSpelling)).size < new Set(names).size;
}

function plainSpelling(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();
}
