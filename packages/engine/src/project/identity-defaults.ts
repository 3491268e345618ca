import type { IdentifierRule } from "./kinds/config.js";

/**
 * Values that software sends when it does not know who somebody is: they identify nobody. Segment's documented list and
 * what else is seen in the wild; exact values are compared without regard to case and surrounding blanks.
 */
export const blockedValues: readonly string[] = [
  "/^[0-]*$/",
  "",
  "-1",
  "null",
  "nil",
  "none",
  "undefined",
  "nan",
  "n/a",
  "anonymous",
  "unknown",
  "[object object]",
];

/** Longer values are no identifiers but accidents (a token, a page): they are treated as blocked. */
export const identifierLengthMax = 500;

/** How many of one identifier a profile may have when its rule does not say. */
export const defaultLimit = 5;

/**
 * The identifier rules of a project that declares none (Segment's documented defaults): `user_id` is the strongest and
 * unique per profile, every other identifier may occur five times. Rules of cambium.yml replace those of the same type
 * and add to the rest.
 */
export const defaultIdentifiers: readonly IdentifierRule[] = [
  { type: "user_id", paths: ["userId"], priority: 1, limit: 1, limit_window: "ever", blocked: [...blockedValues] },
  {
    type: "email",
    paths: ["traits.email", "context.traits.email"],
    priority: 2,
    limit: defaultLimit,
    limit_window: "ever",
    blocked: [...blockedValues],
    lower: true,
  },
  {
    type: "anonymous_id",
    paths: ["anonymousId"],
    priority: 3,
    limit: defaultLimit,
    limit_window: "ever",
    blocked: [...blockedValues],
  },
];

/** Declared rules over the defaults, strongest first; what a declared rule leaves out comes from the default of its type. */
export function identifierRules(declared: readonly IdentifierRule[]): IdentifierRule[] {
  const rules = new Map(defaultIdentifiers.map((rule) => [rule.type, rule]));
  for (const rule of declared) {
    const fallback = rules.get(rule.type) ?? { limit: defaultLimit, limit_window: "ever" as const, blocked: [...blockedValues] };
    rules.set(rule.type, { ...fallback, ...rule });
  }
  return [...rules.values()].sort((a, b) => a.priority - b.priority || (a.type < b.type ? -1 : 1));
}

/** The identifier that an event's facts belong to is the first of these that it has. */
const factOrder = ["user_id", "anonymous_id", "email"];

/** Rules in the order in which an event's identifiers are listed: those that may own facts first, then by name. */
export function rulesInFactOrder(rules: readonly IdentifierRule[]): IdentifierRule[] {
  const rank = (type: string) => (factOrder.includes(type) ? factOrder.indexOf(type) : factOrder.length);
  return [...rules].sort((a, b) => rank(a.type) - rank(b.type) || (a.type < b.type ? -1 : 1));
}
