import { md5Hex } from "../../base/hash.js";
import { hasTable } from "../../warehouse/has-table.js";
import { type Sql, name, sql } from "../../warehouse/sql.js";
import { type TableSpec, nameOf } from "../../warehouse/table.js";
import { cycles, definitions, deliveries, loads, properties, syncHeads, syncRuns } from "../../warehouse/tables/ops.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** What moves whenever the loop, a load or a sync does: read before a copy and after it, to know that nothing went on meanwhile. */
const figures: readonly (readonly [TableSpec, Sql])[] = [
  [loads, sql`max(load_id)`],
  [cycles, sql`max(cycle_id)`],
  [definitions, sql`max(cycle_id)`],
  [properties, sql`sum(seen)`],
  [syncRuns, sql`sum(delivered) + sum(failed) + sum(skipped)`],
  [syncHeads, sql`sum(to_cycle) + sum(change_id) + sum(failures)`],
  [deliveries, sql`max(run_id)`],
];

export async function sourceMark(source: Connection): Promise<string> {
  const { dialect } = source;
  const found: (string | null)[] = [];
  for (const [spec, figure] of figures) {
    if (!(await hasTable(source, spec))) continue;
    const row = await source.first<{ n: number; figure: string | null }>(
      sql`/* has ${name(spec.table)} moved */ SELECT count(*) AS n, ${dialect.idText(figure)} AS figure FROM ${nameOf(spec)}`,
    );
    found.push(spec.table, String(row?.n ?? 0), row?.figure ?? null);
  }
  return md5Hex(JSON.stringify(found));
}
