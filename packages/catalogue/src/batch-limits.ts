import type { CatalogueField } from "./entry.js";

/**
 * Rows in one call, per action. Upstream states its limits as defaults of a hidden field; some are wrong or only in
 * prose, and none knows that a smaller batch means fewer rows to repeat after an answer that says nothing about rows.
 */
const batchRowsDefault = 500;
const batchRowsCeiling = 10_000;

/** `slug` or `slug.action` → rows. Sources: the destination's API reference. */
const batchRowsByAction: Readonly<Record<string, number>> = {
  hubspot: 100, // batch endpoints of the CRM API take 100 inputs
  salesforce: 200, // one Bulk job is polled for its rows' results: keep it short
  braze: 75, // users/track takes 75 of each kind
  "google-sheets": 1_000,
  "launchdarkly-audiences": 1_000,
  webhook: 1_000,
  "webhook-audiences": 1_000,
  "webhook-extensible": 1_000,
  // Upstream sends these row by row inside one "batch" and answers for all: a failure repeats only a few.
  recombee: 100,
  saleswings: 100,
};

export function batchRowsMaxOf(slug: string, action: string, batchSize: CatalogueField | undefined): number {
  const told = batchRowsByAction[`${slug}.${action}`] ?? batchRowsByAction[slug];
  const published = typeof batchSize?.default === "number" && batchSize.default > 0 ? batchSize.default : undefined;
  const rows = told ?? published ?? batchRowsDefault;
  return Math.max(1, Math.min(rows, batchSize?.maximum ?? batchRowsCeiling, batchRowsCeiling));
}
