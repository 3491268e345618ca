import { z } from "zod";
import { condition } from "./condition.js";
import { duration, entityKind, slug } from "./words.js";

/** syncs/*.yml: rows of an entity, audience or model to an action of a destination. */

export const mappingValue = z.union([
  z.string(), // a column of the source
  z
    .object({
      column: z.string(),
      transform: z
        .enum(["lower", "upper", "trim", "round", "integer", "number", "string", "boolean", "json", "unix_seconds", "date", "sha256"])
        .optional(),
      default: z.union([z.string(), z.number(), z.boolean()]).optional(),
    })
    .strict(),
  z.object({ constant: z.union([z.string(), z.number(), z.boolean(), z.null()]) }).strict(),
  /** Liquid over the row. */
  z.object({ template: z.string() }).strict(),
]);

export const sync = z
  .object({
    name: slug,
    title: z.string().optional(),
    description: z.string().optional(),
    from: z.union([
      z.object({ entity: entityKind, where: condition.optional() }).strict(),
      z.object({ audience: slug }).strict(),
      z.object({ model: slug }).strict(),
      /** Entries and exits of an audience as events (mode `append`). */
      z.object({ changes: slug }).strict(),
    ]),
    destination: slug,
    action: z.string().optional(),
    /** upsert: add and change rows · mirror: also remove · add_remove: membership of a list · append: each row once, in order. */
    mode: z.enum(["upsert", "mirror", "add_remove", "append"]).default("upsert"),
    /** The source's column that identifies a row at the destination; `key` (the entity's own id) unless said. */
    key: z.string().default("key"),
    /** Field of the destination → where its value comes from. Dots nest. */
    mapping: z.record(z.string(), mappingValue),
    /** First run: send everything, or only what changes from now on. */
    first_run: z.enum(["all", "new"]).default("all"),
    on_leave: z.enum(["nothing", "clear", "delete"]).default("delete"),
    /** A changed mapping sends every row again (`resend`, unless said) or only rows that change from then on (`keep`). */
    on_mapping_change: z.enum(["resend", "keep"]).optional(),
    batch_rows: z.number().int().min(1).max(10_000).optional(),
    every: duration.optional(),
    guard: z
      .object({ max_change_percent: z.number().min(0).max(100).default(50), min_rows: z.number().int().min(0).default(100) })
      .strict()
      .optional(),
    enabled: z.boolean().default(true),
  })
  .strict();

export type Sync = z.infer<typeof sync>;
export type MappingValue = z.infer<typeof mappingValue>;
