import type { Config } from "../kinds/config.js";
import type { Placed } from "../parse-definitions.js";
import { checkKind, checkTrait, type Known } from "./known.js";
import { patternProblem } from "./pattern.js";
import { capital, suggestion, withArticle } from "../problem.js";

/** cambium.yml: the zone exists, kinds nest without circles, patterns can be read. */
export function checkConfig(known: Known, at: Placed<Config>): void {
  const config = at.definition;
  if (!isZone(config.timezone)) {
    const remedy = suggestion(config.timezone, ["UTC", ...Intl.supportedValuesOf("timeZone")], "time zones").replace(
      /^Known.*/,
      "It is an IANA zone such as `Europe/Berlin` or `UTC`.",
    );
    known.report(at, ["timezone"], `There is no time zone \`${config.timezone}\`.`, remedy);
  }
  for (const [kind, rule] of Object.entries(config.entities)) {
    const path = ["entities", kind];
    if (kind === "user") {
      for (const key of ["parent", "id", "group_type", "parent_id", "membership", "leave_events"] as const) {
        if (rule[key] !== undefined)
          known.report(
            at,
            [...path, key],
            `\`${key}\` is for group kinds: a user belongs to groups by membership.`,
            "Remove it here.",
            "key",
          );
      }
    }
    if (rule.parent !== undefined) {
      if (rule.parent === "user")
        known.report(
          at,
          [...path, "parent"],
          `${capital(withArticle(kind))} cannot belong to a user.`,
          "Users are members of groups, never above them.",
        );
      else if (checkKind(known, at, [...path, "parent"], rule.parent)) checkCircle(known, at, config, kind);
    } else if (rule.parent_id !== undefined) {
      known.report(
        at,
        [...path, "parent_id"],
        `\`parent_id\` is given, but ${kind} has no \`parent\`.`,
        "Add `parent:` or remove `parent_id`.",
        "key",
      );
    }
    if (rule.name_trait !== undefined) checkTrait(known, at, [...path, "name_trait"], kind, rule.name_trait);
  }
  checkGroupTypes(known, at);
  checkIdentifiers(known, at);
}

/** Reported once, at the circle's first kind. */
function checkCircle(known: Known, at: Placed<Config>, config: Config, start: string): void {
  const circle = [start];
  for (let kind = config.entities[start]?.parent; kind !== undefined && kind !== start; kind = config.entities[kind]?.parent) {
    if (circle.includes(kind)) return;
    circle.push(kind);
  }
  const last = circle.at(-1) ?? start;
  if (config.entities[last]?.parent !== start || [...circle].sort()[0] !== start) return;
  const path = [...circle, start].join(" → ");
  known.report(at, ["entities", start, "parent"], `Entity kinds belong to each other in a circle: ${path}.`, "One of them has no parent.");
}

function checkGroupTypes(known: Known, at: Placed<Config>): void {
  const seen = new Map<string, string>();
  for (const [kind, rule] of Object.entries(at.definition.entities)) {
    if (kind === "user") continue;
    const groupType = rule.group_type ?? kind;
    const other = seen.get(groupType);
    if (other !== undefined) {
      const path = rule.group_type === undefined ? ["entities", kind] : ["entities", kind, "group_type"];
      known.report(at, path, `Group calls of type \`${groupType}\` already mean ${other}.`, "Give each kind a group type of its own.");
    }
    seen.set(groupType, kind);
  }
}

function checkIdentifiers(known: Known, at: Placed<Config>): void {
  const rules = at.definition.identity.identifiers ?? [];
  rules.forEach((rule, index) => {
    const path = ["identity", "identifiers", index];
    if (rules.findIndex((other) => other.type === rule.type) < index) {
      known.report(at, [...path, "type"], `The identifier \`${rule.type}\` has two rules.`, "Keep one.");
    }
    rule.blocked?.forEach((value, position) => {
      const pattern = /^\/(.*)\/$/.exec(value)?.[1];
      if (pattern === undefined) return;
      const problem = patternProblem(pattern);
      if (problem === undefined) return;
      known.report(at, [...path, "blocked", position], problem.message, `${problem.remedy} Or write the exact value without slashes.`);
    });
  });
}

function isZone(zone: string): boolean {
  try {
    void new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
