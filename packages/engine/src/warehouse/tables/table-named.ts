import type { TableSpec } from "../table.js";
import { growthTables, growthTablesOf, score } from "./growth.js";
import { opsTables, syncState } from "./ops.js";
import { rawTables } from "./raw.js";

/**
 * The spec of a table by its name, also of those that stand once a kind of entity, a score or a sync, be it still defined or
 * not; `kinds` are those that are. A table without a spec is not the loop's: an engine's own, or a person's.
 */
export function tableNamed(schema: string, table: string, kinds: readonly string[]): TableSpec | undefined {
  const fixed = [...rawTables, ...opsTables, ...growthTables, ...kinds.flatMap(growthTablesOf)];
  const is = (spec: TableSpec | undefined): spec is TableSpec => spec?.schema === schema && spec.table === table;
  return fixed.find(is) ?? families.map((family) => family(table)).find(is);
}

/** By their names' fixed part, the longest first: `user_hour_facts` are no facts of a kind `user_hour`. */
const families: readonly ((table: string) => TableSpec | undefined)[] = [
  (table) => (table.startsWith("sync_state_") ? syncState(table.slice("sync_state_".length)) : undefined),
  (table) => (table.startsWith("score_") ? score(table.slice("score_".length)) : undefined),
  ...growthTablesOf("")
    .map((spec, index) => ({ suffix: spec.table, index }))
    .sort((a, b) => b.suffix.length - a.suffix.length)
    .map(({ suffix, index }) => (table: string) => {
      const kind = table.endsWith(suffix) ? table.slice(0, -suffix.length) : "";
      return kind === "" ? undefined : growthTablesOf(kind)[index];
    }),
];
