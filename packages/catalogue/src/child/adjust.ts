import { objectOf } from "./exchange.js";
import type { Data } from "./segment.js";

/** What a batch of an action silently takes for granted about its rows, so that we only make batches where it holds. */
export interface Adjustment {
  /** The record a row is about. Two rows for one record collapse into one inside a batch, so they go out one after the other. */
  readonly recordOf?: (fields: Data) => string | undefined;
  /** Beyond the batch keys: values that must be equal within a batch. */
  readonly groupBy?: (fields: Data) => readonly unknown[];
  /** For an action that takes back what another did: names that differ between the two, the other's first. */
  readonly renamed?: Readonly<Record<string, string>>;
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
  "customerio.deletePerson": { renamed: { id: "person_id" } },
  "customerio.deleteObject": { renamed: { id: "object_id" } },
  // The columns of the first row are the columns of all.
  "google-sheets": {
    recordOf: (fields) => text(fields["record_identifier"]),
    groupBy: (fields) => [Object.keys(objectOf(fields["fields"]))],
  },
  salesforce: {
    recordOf: (fields) => (isBulk(fields) ? text(objectOf(fields["bulkUpsertExternalId"])["externalIdValue"]) : undefined),
    // Within a job, a column that only some rows have would be cleared in the others.
    groupBy: (fields) =>
      isBulk(fields)
        ? [
            objectOf(fields["bulkUpsertExternalId"])["externalIdName"],
            Object.keys(fields).sort(),
            Object.keys(objectOf(fields["customFields"])).sort(),
          ]
        : [],
    refuse: (fields) => {
      // Upstream escapes quotes but not backslashes in the query that looks a record up, and nothing in the id's column.
      const lookups = Object.values(objectOf(fields["traits"]));
      if (lookups.some((value) => typeof value === "string" && value.includes("\\")))
        return "a backslash in a value that looks a Salesforce record up would change the query";
      const id = objectOf(fields["bulkUpsertExternalId"])["externalIdValue"] ?? fields["bulkUpdateRecordId"];
      return isBulk(fields) && /["\n]/.test(text(id) ?? "") ? "a quote or a line break in the id would break the job's file" : undefined;
    },
  },
  // Without this the audience gets a member without a name.
  "launchdarkly-audiences.syncAudience": {
    refuse: (fields) => {
      const wanted = String(fields["context_key"] ?? "user_id_only");
      const all = { user_id: "segment_user_id", email: "user_email", anonymousId: "segment_anonymous_id" };
      const sources = Object.entries(all).flatMap(([name, field]) => (wanted.includes(name) ? [field] : []));
      return sources.some((name) => (text(fields[name]) ?? "") !== "")
        ? undefined
        : `the row has none of ${sources.join(", ")}, by which LaunchDarkly would know it`;
    },
  },
};

const isBulk = (fields: Data) => fields["enable_batching"] === true;
