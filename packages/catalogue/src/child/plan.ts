import type { DestinationRow, RowOutcome } from "../engine.js";
import type { CatalogueAction } from "../entry.js";
import type { DeliverCall } from "../protocol.js";
import { adjustments } from "./adjust.js";
import { fieldsOf, type RowFields, type SyncMode, syncModeOf } from "./events.js";

/**
 * Which rows go out together: same action, same mode, equal batch keys, no two rows for the same record, and within the
 * destination's size. Rows that cannot go out get their outcome here.
 */

export interface PlannedRow {
  /** Its place in the call. */
  readonly index: number;
  readonly row: DestinationRow;
  readonly own: RowFields;
}

export interface Chunk {
  readonly action: CatalogueAction;
  readonly syncMode: SyncMode | undefined;
  readonly batch: boolean;
  readonly rows: readonly PlannedRow[];
}

export interface Plan {
  /** One after the other; the chunks of a wave may run side by side. */
  readonly waves: readonly (readonly Chunk[])[];
  readonly settled: ReadonlyMap<number, RowOutcome>;
}

export function planOf(call: DeliverCall): Plan {
  const settled = new Map<number, RowOutcome>();
  const groups = new Map<string, { action: CatalogueAction; syncMode: SyncMode | undefined; wave: number; rows: PlannedRow[] }>();
  const seen = new Map<string, number>();
  for (const [index, row] of call.rows.entries()) {
    const target = targetOf(row, call);
    if ("reason" in target) {
      settled.set(index, { outcome: "skipped", reason: target.reason });
      continue;
    }
    const { action, syncMode } = target;
    const adjust = adjustments[`${call.slug}.${action.name}`] ?? adjustments[call.slug];
    const own = action === call.action ? fieldsOf(row, action) : shared(fieldsOf(row, action), action, adjust?.renamed ?? {});
    const refusal = own.unknown.length > 0 ? unknownField(action, own.unknown) : adjust?.refuse?.(own.fields);
    if (refusal !== undefined) {
      settled.set(index, { outcome: "failed", reason: refusal });
      continue;
    }
    const record = adjust?.recordOf?.(own.fields);
    const wave = record === undefined ? 0 : (seen.get(record) ?? -1) + 1;
    if (record !== undefined) seen.set(record, wave);
    const keys = [...action.batchKeys.map((key) => own.fields[key]), own.audience, ...action.hooks.map((hook) => own.fields[hook])];
    const group = JSON.stringify([
      wave,
      action.name,
      syncMode,
      wantsBatch(call.slug, action, own),
      keys,
      ...(adjust?.groupBy?.(own.fields) ?? []),
    ]);
    const planned = { index, row, own };
    const found = groups.get(group);
    if (found === undefined) groups.set(group, { action, syncMode, wave, rows: [planned] });
    else found.rows.push(planned);
  }
  const waves: Chunk[][] = [];
  for (const { action, syncMode, wave, rows } of groups.values()) {
    const batch = rows[0] !== undefined && wantsBatch(call.slug, action, rows[0].own);
    const chunks = batch ? cut(rows, action) : [rows];
    (waves[wave] ??= []).push(...chunks.map((chunk) => ({ action, syncMode, batch, rows: chunk })));
  }
  return { waves: waves.filter((wave) => wave !== undefined), settled };
}

type Target = { readonly action: CatalogueAction; readonly syncMode: SyncMode | undefined } | { readonly reason: string };

function targetOf(row: DestinationRow, call: DeliverCall): Target {
  const { action, removeAction } = call;
  if (action.syncModes !== undefined) {
    const syncMode = syncModeOf(row, action, call.mode);
    if (syncMode !== undefined) return { action, syncMode };
    return { reason: `${action.name} has no mode that ${row.change === "remove" ? "removes" : "takes"} a row` };
  }
  if (row.change !== "remove" || action.membership) return { action, syncMode: undefined };
  if (removeAction !== undefined) return { action: removeAction, syncMode: undefined };
  return { reason: `${action.name} cannot remove: use an audience action, or \`on_leave: clear\`` };
}

/** The mapping was written for the action that adds: the one that removes gets the fields that it knows. */
function shared(own: RowFields, action: CatalogueAction, renamed: Readonly<Record<string, string>>): RowFields {
  const names = new Set(action.fields.map((field) => field.name));
  const known = Object.entries(own.fields).map(([name, value]) => [renamed[name] ?? name, value] as const);
  return { ...own, fields: Object.fromEntries(known.filter(([name]) => names.has(name))), unknown: [] };
}

/** Salesforce's batches are bulk jobs that need an external id; they are used when the mapping asks for them. */
function wantsBatch(slug: string, action: CatalogueAction, own: RowFields): boolean {
  if (!action.batch) return false;
  const asked = own.fields["enable_batching"];
  return typeof asked === "boolean" ? asked : slug !== "salesforce";
}

function unknownField(action: CatalogueAction, unknown: readonly string[]): string {
  const known = action.fields.filter((field) => field.hidden !== true).map((field) => field.name);
  return `${action.name} has no field ${unknown.join(", ")}; its fields are ${known.join(", ")}`;
}

function cut(rows: readonly PlannedRow[], action: CatalogueAction): PlannedRow[][] {
  const chunks: PlannedRow[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = action.batchBytesMax === undefined ? 0 : JSON.stringify(row.own.fields).length;
    const current = chunks.at(-1);
    const full =
      current === undefined ||
      current.length >= action.batchRowsMax ||
      (action.batchBytesMax !== undefined && bytes + size > action.batchBytesMax);
    if (full) {
      chunks.push([row]);
      bytes = size;
    } else {
      current.push(row);
      bytes += size;
    }
  }
  return chunks;
}
