import { z } from "zod";
import { condition, eventFilter } from "./condition.js";
import { duration, entityKind, propertyPath, slug } from "./words.js";

/** traits/*.yml: one value per user, workspace or account. One definition a file, or a list of them. */

const about = {
  name: slug,
  entity: z.union([entityKind, z.array(entityKind).min(1)]),
  title: z.string().optional(),
  description: z.string().optional(),
  /** Keep every change in `growth.trait_changes`. */
  history: z.boolean().optional(),
};

const overEvents = { ...about, ...eventFilter.shape, within: duration.optional(), exact: z.boolean().optional() };

const valueType = z.enum(["text", "integer", "double", "decimal", "boolean", "timestamp", "date", "text[]"]);

export const trait = z.discriminatedUnion("type", [
  z.object({ ...overEvents, type: z.literal("count") }).strict(),
  z.object({ ...overEvents, type: z.enum(["sum", "avg", "min", "max"]), property: propertyPath }).strict(),
  z.object({ ...overEvents, type: z.enum(["first", "last"]), property: propertyPath, value: valueType.optional() }).strict(),
  z.object({ ...overEvents, type: z.literal("most_frequent"), property: propertyPath, min: z.number().int().min(1).optional() }).strict(),
  z.object({ ...overEvents, type: z.literal("unique_count"), property: propertyPath }).strict(),
  z
    .object({ ...overEvents, type: z.literal("unique_list"), property: propertyPath, max: z.number().int().min(1).max(1000).optional() })
    .strict(),
  z.object({ ...overEvents, type: z.enum(["days_active", "days_since", "first_seen", "last_seen"]) }).strict(),
  z.object({ ...about, type: z.literal("profile"), path: z.string().optional(), value: valueType.optional() }).strict(),
  z.object({ ...about, type: z.literal("sql"), sql: z.string(), value: valueType, refresh: duration.optional() }).strict(),
  z.object({ ...about, type: z.literal("formula"), formula: z.string(), value: valueType.optional() }).strict(),
  z
    .object({
      ...about,
      type: z.literal("rollup"),
      /** The kind whose members are rolled up: `user` for a workspace, `workspace` for an account. */
      from: entityKind,
      trait: slug.optional(),
      roll: z.enum(["sum", "max", "min", "avg", "any", "all", "count", "count_where"]),
      where: condition.optional(),
    })
    .strict(),
]);

export type Trait = z.infer<typeof trait>;
export type TraitValueType = z.infer<typeof valueType>;
