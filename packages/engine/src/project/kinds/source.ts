import { z } from "zod";
import { slug } from "./words.js";

/** sources/*.yml: who may send events. */
export const source = z
  .object({
    name: slug,
    type: z.enum(["http"]).default("http"),
    title: z.string().optional(),
    /** Write keys are not secrets (browsers carry them); several allow rotation. */
    write_keys: z.array(z.string().min(1)).min(1),
    enabled: z.boolean().default(true),
  })
  .strict();

export type Source = z.infer<typeof source>;
