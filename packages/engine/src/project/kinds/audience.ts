import { z } from "zod";
import { condition } from "./condition.js";
import { entityKind, slug } from "./words.js";

/** audiences/*.yml: who is in, by condition, plus and minus manual lists (CSV files with an `id` column). */
export const audience = z
  .object({
    name: slug,
    entity: entityKind,
    title: z.string().optional(),
    description: z.string().optional(),
    where: condition,
    /** CSV files, relative to the project: their ids are always in. */
    include: z.array(z.string()).optional(),
    /** CSV files: their ids are never in; exclusion wins over inclusion. */
    exclude: z.array(z.string()).optional(),
    /** Percent of members, chosen by hash for good, that no sync or message reaches. */
    holdout: z.number().min(0).max(50).optional(),
  })
  .strict();

export type Audience = z.infer<typeof audience>;
