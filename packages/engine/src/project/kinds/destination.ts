import { z } from "zod";
import { slug } from "./words.js";

/** Types of our own; besides them, `catalogue:<slug>` is any destination of the catalogue. */
export const destinationTypes: readonly string[] = ["webhook", "postgres", "file", "slack"];

/** destinations/*.yml. Secrets stand as `${ENV_NAME}` only; they are filled in at delivery and never stored or printed. */
export const destination = z
  .object({
    name: slug,
    /** `webhook`, `postgres`, `file`, `slack`, or `catalogue:<slug>`. */
    type: z.string(),
    title: z.string().optional(),
    settings: z.record(z.string(), z.unknown()).default({}),
    /** Requests a second to this destination. */
    rate: z.number().positive().optional(),
    /** Requests at once. */
    concurrency: z.number().int().min(1).max(64).default(4),
    /** Private hosts (`host` or `host:port`) that this destination may reach; all others are refused. */
    allow: z.array(z.string()).default([]),
  })
  .strict();

export type DestinationDefinition = z.infer<typeof destination>;
