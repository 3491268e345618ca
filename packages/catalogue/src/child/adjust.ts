import { objectOf } from "./exchange.js";
import type { Data } from "./segment.js";

/** What a batch of an action silently takes for granted about its rows, so that we only make batches where it holds. */
export interface Adjustment {
  /** The record a row is about. Two rows for one record collapse into one inside a batch, so they go out one after the other. */
  readonly recordOf?: (fields: Data) => string | undefined;
  /** Beyond the batch keys: values that must be equal within a batch. */
  readonly groupBy?: (fields: Data) => readonly unknown[];
  /** A reason not to send the row at all. */
  readonly refuse?: (fields: Data) => string | undefined;
}

const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : undefined);

export const adjustments: Readonly<Record<string, Adjustment>> = {
  "hubspot.upsertContact": { recordOf: (fields) => text(fields["email"])?.toLowerCase().trim() },
  "hubspot.upsertObject": {
    recordOf: (fields) => text(objectOf(fields["object_details"])["id_field_value"])?.toLowerCase(),
    groupBy: (fields) => ["object_type", "id_field_name", "property_group"].map((name) => objectOf(fields["object_details"])[name]),
  },
  // The columns of the first row are the columns of all.
  "google-sheets": {
    recordOf: (fields) => text(fields["record_identifier"]),
    groupBy: (fields) => [Object.keys(objectOf(fields["fields"]))],
  },
  salesforce: {
    groupBy: (fields) => [
      objectOf(fields["bulkUpsertExternalId"])["externalIdName"],
      fields["enable_batching"] === true ? Object.keys(objectOf(fields["customFields"])) : undefined,
    ],
    // Upstream escapes quotes but not backslashes in the query that looks a record up.
    refuse: (fields) =>
      Object.values(objectOf(fields["traits"])).some((value) => typeof value === "string" && value.includes("\\"))
        ? "a backslash in a value that looks a Salesforce record up would change the query"
        : undefined,
  },
};
