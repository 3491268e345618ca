import type { DeliveryContext, DestinationRow, RequestTrace } from "../../src/engine.js";

export const rowOf = (key: string, fields: Record<string, unknown>, change: DestinationRow["change"] = "add"): DestinationRow => ({
  key,
  change,
  fields,
  idempotencyKey: `idem-${key}`,
});

export function contextOf(given: Partial<DeliveryContext> & { action: string }): DeliveryContext & { readonly traces: RequestTrace[] } {
  const traces: RequestTrace[] = [];
  return {
    settings: {},
    mode: "upsert",
    sync: "test_sync",
    now: Date.UTC(2026, 2, 1, 12) * 1000,
    allow: [],
    dryRun: false,
    trace: (trace) => traces.push(trace),
    traces,
    ...given,
  };
}
