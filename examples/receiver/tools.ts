import type { Api, Json } from "./apis/api.js";
import type { HookTable } from "./hooks.js";

/** What each tool holds now, as tables: the same shape for simulated APIs and for webhooks. */
export interface Tool {
  readonly name: string;
  readonly tables: readonly ToolTable[];
}

export interface ToolTable {
  readonly name: string;
  /** Records altogether; `rows` has the newest of them. */
  readonly count: number;
  readonly note: string;
  readonly rows: readonly Json[];
}

const rowsShownMax = 100;

export function toolsOf(apis: Readonly<Record<string, Api>>, hookTables: readonly HookTable[]): Tool[] {
  const fromApis = Object.entries(apis).map(([name, api]) => ({
    name,
    tables: Object.entries(api.records()).map(([table, rows]) => ({
      name: table,
      count: rows.length,
      note: "",
      rows: rows.slice(-rowsShownMax).reverse(),
    })),
  }));
  const byHook = new Map<string, ToolTable[]>();
  for (const table of hookTables) {
    const rows = [...table.rows].slice(-rowsShownMax).reverse();
    const note =
      table.repeated === 0
        ? `${table.mode}, ${table.received} received`
        : `${table.mode}, ${table.received} received, ${table.repeated} of them repetitions`;
    const shown = { name: table.sync, count: table.rows.size, note, rows: rows.map(([key, fields]) => ({ key, ...fields })) };
    byHook.set(table.hook, [...(byHook.get(table.hook) ?? []), shown]);
  }
  const fromHooks = [...byHook].map(([name, tables]) => ({ name, tables }));
  return [...fromHooks, ...fromApis.filter((tool) => tool.tables.some((table) => table.count > 0))];
}
