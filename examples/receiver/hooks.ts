import { z } from "zod";
import { type ApiAnswer, boundedMap, type Json } from "./apis/api.js";
import type { Fault } from "./faults.js";

/** What webhooks left: for each hook and sync a table of rows by key, or the events in their order. */

const row = z.object({
  key: z.string(),
  change: z.enum(["add", "change", "remove"]),
  idempotency_key: z.string(),
  fields: z.record(z.string(), z.unknown()),
});

const message = z.object({
  type: z.string(),
  sync: z.string(),
  mode: z.enum(["upsert", "mirror", "add_remove", "append"]),
  data: z.union([z.array(row), row]),
});

type HookRow = z.infer<typeof row>;

export interface HookTable {
  readonly hook: string;
  readonly sync: string;
  readonly mode: string;
  readonly rows: Map<string, Json>;
  received: number;
  /** Changes that came more than once and were taken once. */
  repeated: number;
}

const rememberedMax = 200_000;

export function hooks() {
  const tables = boundedMap<HookTable>();
  const taken = new Set<string>();

  /** Takes one request; `half_broken` refuses every n-th row and says so per row. */
  function take(hook: string, text: string, fault: Fault | undefined): ApiAnswer {
    const parsed = message.safeParse(parse(text));
    if (!parsed.success) return { status: 400, body: { error: parsed.error.issues[0]?.message ?? "not a message of Cambium" } };
    const { sync, mode, data } = parsed.data;
    const table = tableOf(hook, sync, mode);
    const rows = Array.isArray(data) ? data : [data];
    const results = rows.map((one, index) => {
      if (fault?.type === "half_broken" && (index + 1) % fault.every_row === 0) {
        return { key: one.key, status: fault.status, error: "this row is broken on purpose" };
      }
      store(table, one);
      return { key: one.key, status: 200 };
    });
    return fault?.type === "half_broken" ? { status: 200, body: { results } } : { status: 200, body: { taken: rows.length } };
  }

  function store(table: HookTable, one: HookRow): void {
    table.received += 1;
    if (taken.has(one.idempotency_key)) {
      table.repeated += 1;
      return;
    }
    taken.add(one.idempotency_key);
    if (taken.size > rememberedMax) taken.delete(taken.values().next().value as string);
    if (one.change === "remove") table.rows.delete(one.key);
    else table.rows.set(one.key, one.fields);
  }

  function tableOf(hook: string, sync: string, mode: string): HookTable {
    const name = `${hook}/${sync}`;
    const known = tables.get(name) ?? { hook, sync, mode, rows: boundedMap<Json>(), received: 0, repeated: 0 };
    tables.set(name, known);
    return known;
  }

  return { take, tables: (): readonly HookTable[] => [...tables.values()] };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
