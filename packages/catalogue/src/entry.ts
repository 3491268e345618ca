/** What the catalogue knows about a destination without loading its code: plain data, generated into data/catalogue.json.gz. */

export interface CatalogueChoice {
  readonly label: string;
  readonly value: string | number | boolean;
}

export interface CatalogueField {
  readonly name: string;
  readonly label: string;
  readonly description?: string;
  readonly type: string;
  /** True, false, or true when the conditions over other fields hold. */
  readonly required: boolean | { readonly match?: string; readonly conditions: readonly unknown[] };
  /** A value, or a directive that reads the event (`{"@path": "$.traits.email"}`). */
  readonly default?: unknown;
  readonly choices?: readonly CatalogueChoice[];
  readonly multiple?: boolean;
  /** Choices are asked from the destination itself. */
  readonly dynamic?: boolean;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: readonly CatalogueField[];
  readonly additionalProperties?: boolean;
  readonly dependsOn?: unknown;
  readonly placeholder?: string;
  /** Set by machinery (batch sizes, audience keys), not by people. */
  readonly hidden?: boolean;
  readonly nullable?: boolean;
  /** Settings only: must come from `${ENV_NAME}` and never be shown. */
  readonly secret?: boolean;
}

export interface CatalogueAction {
  readonly name: string;
  readonly title: string;
  readonly description?: string;
  readonly fields: readonly CatalogueField[];
  /** The destination takes many rows in one call. */
  readonly batch: boolean;
  /** Rows in one call at most: the destination's own limit where it says one. */
  readonly batchRowsMax: number;
  /** Bytes in one call at most, if the destination says so. */
  readonly batchBytesMax?: number;
  /** Fields whose values must be equal within one call. */
  readonly batchKeys: readonly string[];
  readonly syncModes?: { readonly default?: string; readonly choices: readonly string[] };
  /** Adds to and removes from an audience by the row's change. */
  readonly membership: boolean;
  /** The action that takes back what this one does. */
  readonly removeAction?: string;
  /** The action reads the raw rows too, so invalid rows must be taken out before it is called. */
  readonly readsRawRows: boolean;
  readonly hooks: readonly string[];
  readonly hidden?: boolean;
}

export interface CataloguePreset {
  readonly name: string;
  readonly action: string;
  readonly type: string;
  readonly subscribe?: string;
  readonly eventSlug?: string;
  readonly mapping: Readonly<Record<string, unknown>>;
}

export interface CatalogueEntry {
  readonly slug: string;
  readonly name: string;
  readonly description?: string;
  readonly authScheme: string;
  readonly settings: readonly CatalogueField[];
  readonly actions: readonly CatalogueAction[];
  readonly presets: readonly CataloguePreset[];
  /** Can create audiences at the destination. */
  readonly createsAudiences: boolean;
  readonly audienceSettings: readonly CatalogueField[];
  /** Environment variables the destination's code reads (secrets of a partner programme). */
  readonly environment: readonly string[];
  /** How it reaches the network: HTTP through our guarded fetch, or a client of its own behind the second fence. */
  readonly network: "http" | "own";
  /** We run it against a simulator of its API in our tests. */
  readonly verified: boolean;
}
