import { z } from "zod";
import { duration } from "./words.js";

/** A question about a model's rows whose answer must be "none": dbt's conventions, in `schema.yml`. */
export interface ModelTest {
  readonly type: "unique" | "not_null" | "accepted_values" | "relationships";
  readonly column: string;
  readonly values?: readonly (string | number | boolean)[] | undefined;
  /** For relationships: the model and its column that values must be found in. */
  readonly to?: string | undefined;
  readonly field?: string | undefined;
  /** SQL condition that limits the rows looked at. */
  readonly where?: string | undefined;
  readonly severity: "error" | "warn";
}

/** models/*.sql: a SELECT with {{ ref('model') }} and {{ source('raw', 'events') }}; a view unless its config says table. */
export interface Model {
  readonly name: string;
  readonly sql: string;
  readonly materialized: "view" | "table";
  /** Names of models it refers to. */
  readonly refs: readonly string[];
  /** For tables: how often they are built again while events come in; `5 minutes` unless said. */
  readonly refresh?: string | undefined;
  readonly description?: string | undefined;
  readonly columns?: readonly { readonly name: string; readonly description?: string | undefined }[] | undefined;
  readonly tests?: readonly ModelTest[] | undefined;
}

/** What a model's `config(…)` may say. */
export const modelConfig = z.object({ materialized: z.enum(["view", "table"]).default("view"), refresh: duration.optional() }).strict();

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const settings = { where: z.string().optional(), severity: z.enum(["error", "warn"]).optional(), name: z.string().optional() };
const accepted = z.object({ values: z.array(scalar).min(1), quote: z.boolean().optional(), ...settings }).strict();
const related = z.object({ to: z.string(), field: z.string(), ...settings }).strict();
/** dbt writes arguments beside the test's name, or under `arguments`. */
const underArguments = <T extends z.ZodType>(inner: T) => z.union([inner, z.object({ arguments: inner, ...settings }).strict()]);

const modelTest = z.union([
  z.enum(["unique", "not_null"]),
  z.object({ unique: z.object(settings).strict() }).strict(),
  z.object({ not_null: z.object(settings).strict() }).strict(),
  z.object({ accepted_values: underArguments(accepted) }).strict(),
  z.object({ relationships: underArguments(related) }).strict(),
]);

/** models/schema.yml: descriptions and tests of models. What else dbt writes there is read over. */
export const modelSchemaFile = z
  .object({
    version: z.number().optional(),
    models: z
      .array(
        z
          .object({
            name: z.string(),
            description: z.string().optional(),
            columns: z
              .array(
                z
                  .object({
                    name: z.string(),
                    description: z.string().optional(),
                    data_type: z.string().optional(),
                    tests: z.array(modelTest).optional(),
                    data_tests: z.array(modelTest).optional(),
                    meta: z.unknown().optional(),
                    tags: z.unknown().optional(),
                  })
                  .strict(),
              )
              .default([]),
            config: z.unknown().optional(),
            meta: z.unknown().optional(),
            tags: z.unknown().optional(),
          })
          .strict(),
      )
      .default([]),
  })
  .strict();

export type ModelSchemaFile = z.infer<typeof modelSchemaFile>;
export type WrittenTest = z.infer<typeof modelTest>;
