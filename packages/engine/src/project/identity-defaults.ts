import type { IdentifierRule } from "./kinds/config.js";

/** Values that software sends when it does not know who somebody is: they identify nobody. Segment's documented list. */
export const blockedValues: readonly string[] = ["/^[0-]*$/", "-1", "null", "anonymous"];

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
    limit: 5,
    limit_window: "ever",
    blocked: [...blockedValues],
    lower: true,
  },
  { type: "anonymous_id", paths: ["anonymousId"], priority: 3, limit: 5, limit_window: "ever", blocked: [...blockedValues] },
];

/** Declared rules over the defaults, strongest first; what a declared rule leaves out comes from the default of its type. */
export function identifierRules(declared: readonly IdentifierRule[]): IdentifierRule[] {
  const rules = new Map(defaultIdentifiers.map((rule) => [rule.type, rule]));
  for (const rule of declared) {
    const fallback = rules.get(rule.type) ?? { limit: 5, limit_window: "ever" as const, blocked: [...blockedValues] };
    rules.set(rule.type, { ...fallback, ...rule });
  }
  return [...rules.values()].sort((a, b) => a.priority - b.priority || (a.type < b.type ? -1 : 1));
}
