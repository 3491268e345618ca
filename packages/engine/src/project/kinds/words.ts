import { z } from "zod";

/** The small vocabulary that definitions are written in. */

/** A name that becomes part of table and column names: lower case, digits, underscores. */
export const slug = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "a name starts with a letter and has only lower-case letters, digits and underscores (at most 63)");

/** `user`, `workspace`, `account` or a kind of the project's own. */
export const entityKind = slug;

export const eventName = z.string().min(1).max(200);

/** Dotted path from the event's `properties` (or from the event, when it starts with `context.` or `traits.`). */
export const propertyPath = z.string().min(1).max(300);

/** `7 days`, `24 hours`, `2 weeks`, `7d`, `24h`. */
export const duration = z
  .string()
  .regex(/^\d{1,4} ?(m|minutes?|h|hours?|d|days?|w|weeks?)$/, "a duration looks like `7 days`, `24 hours` or `30 minutes`");

export type Grain = "day" | "hour";

/** Length and grain: hours for windows given in hours or minutes, days otherwise. */
export function durationOf(text: string): { grain: Grain; length: number; micros: number } {
  const [, digits = "0", unit = "d"] = /^(\d+) ?([mhdw])/.exec(text) ?? [];
  const length = Number(digits);
  if (unit === "m") return { grain: "hour", length: Math.ceil(length / 60), micros: length * 60_000_000 };
  if (unit === "h") return { grain: "hour", length, micros: length * 3_600_000_000 };
  const days = unit === "w" ? length * 7 : length;
  return { grain: "day", length: days, micros: days * 86_400_000_000 };
}
