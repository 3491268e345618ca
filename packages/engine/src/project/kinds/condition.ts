import { z } from "zod";
import { duration, entityKind, eventName, propertyPath, slug } from "./words.js";

/**
 * The condition language that audiences, traits, flags, journeys and routes share: `all / any / not` over `trait`,
 * `score`, `event`, `audience`, `sequence` and `sql`. A condition is plain data; `decide/` compiles it to SQL.
 */

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** The operators, written as keys: `{ trait: plan, is: free }`. Exactly one per condition, unless several must hold. */
export const operators = z.object({
  is: scalar.nullable().optional(),
  is_not: scalar.nullable().optional(),
  in: z.array(scalar).min(1).optional(),
  not_in: z.array(scalar).min(1).optional(),
  gt: z.union([z.number(), z.string()]).optional(),
  gte: z.union([z.number(), z.string()]).optional(),
  lt: z.union([z.number(), z.string()]).optional(),
  lte: z.union([z.number(), z.string()]).optional(),
  between: z.tuple([z.union([z.number(), z.string()]), z.union([z.number(), z.string()])]).optional(),
  contains: scalar.optional(),
  not_contains: scalar.optional(),
  starts_with: z.string().optional(),
  ends_with: z.string().optional(),
  /** RE2 pattern. */
  matches: z.string().optional(),
  exists: z.boolean().optional(),
  /** ISO date or instant. */
  before: z.string().optional(),
  after: z.string().optional(),
  /** Whole project days: `within_last: 7 days` is today and the six days before. */
  within_last: duration.optional(),
  not_within_last: duration.optional(),
  within_next: duration.optional(),
});

export const propertyCondition = operators.extend({ property: propertyPath }).strict();

const counts = z
  .object({
    gte: z.number().optional(),
    gt: z.number().optional(),
    lte: z.number().optional(),
    lt: z.number().optional(),
    is: z.number().optional(),
  })
  .strict();

export const eventFilter = z.object({
  /** Name of a track event, or several. `"*"` is any event. */
  event: z.union([eventName, z.array(eventName).min(1)]),
  /** Kind of call the event came with; `track` unless said. */
  call: z.enum(["track", "page", "screen", "identify", "group"]).optional(),
  where: z.array(propertyCondition).optional(),
});

const traitCondition = operators.extend({ trait: slug }).strict();
const scoreCondition = operators.extend({ score: slug, bucket: z.string().optional() }).strict();
const eventCondition = eventFilter
  .extend({ count: counts.optional(), within: duration.optional(), exact: z.boolean().optional() })
  .strict();
const audienceCondition = z.object({ audience: slug }).strict();
const sequenceStep = eventFilter.extend({ within: duration.optional() }).strict();
const sequenceCondition = z.object({ sequence: z.array(sequenceStep).min(2).max(10), within: duration.optional() }).strict();
const sqlCondition = z.object({ sql: z.string() }).strict();

export type PropertyCondition = z.infer<typeof propertyCondition>;
export type EventFilter = z.infer<typeof eventFilter>;
export type TraitCondition = z.infer<typeof traitCondition>;
export type ScoreCondition = z.infer<typeof scoreCondition>;
export type EventCondition = z.infer<typeof eventCondition>;
export type AudienceCondition = z.infer<typeof audienceCondition>;
export type SequenceCondition = z.infer<typeof sequenceCondition>;
export type SqlCondition = z.infer<typeof sqlCondition>;
export type Operators = z.infer<typeof operators>;

export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | TraitCondition
  | ScoreCondition
  | EventCondition
  | AudienceCondition
  | SequenceCondition
  | SqlCondition;

export const condition: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    z.object({ all: z.array(condition).min(1) }).strict(),
    z.object({ any: z.array(condition).min(1) }).strict(),
    z.object({ not: condition }).strict(),
    traitCondition,
    scoreCondition,
    eventCondition,
    audienceCondition,
    sequenceCondition,
    sqlCondition,
  ]),
);

export { entityKind };
