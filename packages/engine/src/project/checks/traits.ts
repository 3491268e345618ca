import { formulaNames, formulaProblems } from "../formula.js";
import type { Trait } from "../kinds/trait.js";
import { durationOf } from "../kinds/words.js";
import type { Placed } from "../parse-definitions.js";
import { capital, suggestion, withArticle } from "../problem.js";
import { checkCondition, checkEvent } from "./condition.js";
import { type Known, checkKind, checkTrait } from "./known.js";
import { checkSql } from "./sql.js";
import { checkWindow } from "./window.js";

/** Columns of `growth.<kind>_traits` that are not traits; `x_…` are conditions kept as hidden traits. */
const reserved = ["entity_id", "updated_at", "cycle_id", "key", "parent_key"];

export function checkTraitDefinition(known: Known, at: Placed<Trait>): void {
  const trait = at.definition;
  const kinds = [trait.entity].flat();
  if (reserved.includes(trait.name) || trait.name.startsWith("x_")) {
    known.report(at, ["name"], `\`${trait.name}\` is a name that Cambium uses itself.`, "Choose another name for this trait.");
  }
  const kindsKnown = kinds.filter((kind, index) =>
    checkKind(known, at, Array.isArray(trait.entity) ? ["entity", index] : ["entity"], kind),
  );
  if ("event" in trait) checkOverEvents(known, at, trait);
  if (trait.type === "sql") checkSql(known, at, ["sql"], trait.sql, ["id", "value"]);
  for (const kind of kindsKnown) {
    if (trait.type === "formula") checkFormula(known, at, trait, kind);
    if (trait.type === "rollup") checkRollup(known, at, trait, kind);
  }
}

type OverEvents = Extract<Trait, { event: unknown }>;

const exactTypes = ["count", "sum", "avg", "min", "max"];
/** Kept by day, so that a window in hours cannot be cut from them. */
const dailyTypes = ["most_frequent", "unique_count", "unique_list", "days_active"];
const windowless: Readonly<Record<string, string>> = {
  first_seen: "the first time ever",
  last_seen: "the last time ever",
  days_since: "days since the last time",
};

function checkOverEvents(known: Known, at: Placed<Trait>, trait: OverEvents): void {
  checkEvent(known, at, [], trait);
  checkWindow(known, at, [], trait);
  const says = windowless[trait.type];
  if (says !== undefined && trait.within !== undefined) {
    known.report(
      at,
      ["within"],
      `\`${trait.type}\` is ${says}: a window makes no sense for it.`,
      "Remove `within`, or use `type: count`.",
      "key",
    );
    return;
  }
  if (trait.within !== undefined && dailyTypes.includes(trait.type) && durationOf(trait.within).grain === "hour") {
    known.report(
      at,
      ["within"],
      `\`${trait.type}\` is kept by day, and \`${trait.within}\` is not whole days.`,
      "Give the window in days.",
    );
  }
  if (trait.exact === true && !exactTypes.includes(trait.type)) {
    known.report(at, ["exact"], `\`exact\` is not possible for \`${trait.type}\`.`, `It works for ${exactTypes.join(", ")}.`, "key");
  }
}

function checkFormula(known: Known, at: Placed<Trait>, trait: Extract<Trait, { type: "formula" }>, kind: string): void {
  const problems = formulaProblems(trait.formula);
  for (const { message, unknown, remedy } of problems) {
    known.report(at, ["formula"], message, unknown === undefined ? remedy : suggestion(unknown.word, unknown.known, unknown.what));
  }
  if (problems.length === 0) for (const name of formulaNames(trait.formula)) checkTrait(known, at, ["formula"], kind, name);
}

function checkRollup(known: Known, at: Placed<Trait>, trait: Extract<Trait, { type: "rollup" }>, kind: string): void {
  if (!checkKind(known, at, ["from"], trait.from)) return;
  const parent = known.config?.entities[trait.from]?.parent;
  if (kind === "user") {
    known.report(at, ["entity"], "A user has no members to roll up.", "Roll-ups go from user to workspace to account.");
    return;
  }
  if (trait.from !== "user" && parent !== kind) {
    const remedy = `Members of ${kind} are users${childrenOf(known, kind)}.`;
    known.report(at, ["from"], `${capital(withArticle(trait.from))} is no member of ${withArticle(kind)}.`, remedy);
    return;
  }
  const inner = trait.trait === undefined ? undefined : checkTrait(known, at, ["trait"], trait.from, trait.trait);
  if (trait.where !== undefined) checkCondition(known, { at, entity: trait.from, within: "trait" }, ["where"], trait.where);
  const needsTrait = ["sum", "max", "min", "avg"].includes(trait.roll);
  if (needsTrait && trait.trait === undefined) {
    known.report(at, ["roll"], `\`${trait.roll}\` needs a trait of the members.`, "Add `trait:`.");
  }
  if (trait.roll === "count_where" && trait.where === undefined) {
    known.report(at, ["roll"], "`count_where` needs a condition.", "Add `where:`, or use `count`.");
  }
  if ((trait.roll === "any" || trait.roll === "all") && trait.trait === undefined && trait.where === undefined) {
    known.report(at, ["roll"], `\`${trait.roll}\` needs something to ask of the members.`, "Add `where:`, or a true/false `trait:`.");
  }
  if ((trait.roll === "count" || trait.roll === "count_where") && trait.trait !== undefined) {
    known.report(at, ["trait"], `\`${trait.roll}\` counts members; it reads no trait.`, "Remove `trait`, or use `sum`.", "key");
  }
  if (inner === undefined) return;
  const type = known.typeOf(inner);
  if ((trait.roll === "sum" || trait.roll === "avg") && !["integer", "double", "decimal"].includes(type)) {
    known.report(
      at,
      ["trait"],
      `\`${inner.name}\` is ${type}: there is nothing to ${trait.roll === "sum" ? "add up" : "average"}.`,
      "Choose a number, or use `count_where`.",
    );
  }
  if ((trait.roll === "any" || trait.roll === "all") && type !== "boolean") {
    known.report(
      at,
      ["trait"],
      `\`${trait.roll}\` needs a trait that is true or false; \`${inner.name}\` is ${type}.`,
      "Use `where:` with a condition instead.",
    );
  }
}

function childrenOf(known: Known, kind: string): string {
  const children = Object.entries(known.config?.entities ?? {}).flatMap(([child, rule]) => (rule.parent === kind ? [child] : []));
  return children.length === 0 ? "" : ` and ${children.join(" and ")}`;
}
