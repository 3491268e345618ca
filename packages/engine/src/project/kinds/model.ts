/** models/*.sql: a SELECT with {{ ref('model') }} and {{ source('raw', 'events') }}; a view unless its config says table. */
export interface Model {
  readonly name: string;
  readonly sql: string;
  readonly materialized: "view" | "table";
  /** Names of models it refers to. */
  readonly refs: readonly string[];
}
