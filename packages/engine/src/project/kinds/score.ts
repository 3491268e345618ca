import { z } from "zod";
import { condition } from "./condition.js";
import { entityKind, slug } from "./words.js";

/** scores/*.yml: a weighted sum of components, each 0–100. */

const component = z
  .object({
    name: slug,
    title: z.string().optional(),
    group: slug.optional(),
    /** Share of the total; the weights of a score sum to 100. */
    weight: z.number().positive().max(100),
    /** Happened → 100. */
    milestone: condition.optional(),
    /** 100·clamp((x−from)/(to−from)) */
    linear: z.object({ trait: slug, from: z.number(), to: z.number() }).strict().optional(),
    /** 100·clamp((ln(1+x)−ln(1+from))/(ln(1+to)−ln(1+from))) */
    log: z
      .object({ trait: slug, from: z.number().min(0), to: z.number().positive() })
      .strict()
      .optional(),
    /** Value table: the value of the last threshold that x reaches. */
    steps: z
      .object({ trait: slug, table: z.array(z.tuple([z.number(), z.number().min(0).max(100)])).min(1) })
      .strict()
      .optional(),
    /** Mid-rank among entities with a value. */
    percentile: z.object({ trait: slug }).strict().optional(),
    /** What a missing value counts as: `zero` (default), `ignore` (weight shared by the others), or a number. */
    null: z.union([z.enum(["zero", "ignore"]), z.number().min(0).max(100)]).optional(),
  })
  .strict();

export const score = z
  .object({
    name: slug,
    entity: entityKind,
    title: z.string().optional(),
    description: z.string().optional(),
    groups: z.record(slug, z.object({ title: z.string().optional() }).strict()).optional(),
    components: z.array(component).min(1).max(100),
    /** Lower bound of each bucket. */
    buckets: z.record(slug, z.number().min(0).max(100)).optional(),
  })
  .strict();

export type Score = z.infer<typeof score>;
export type Component = z.infer<typeof component>;
