import type { Dialect } from "./dialect.js";
import { duckdbDialect } from "./duckdb/dialect.js";
import { openDuckdb } from "./duckdb/open.js";
import type { Warehouse } from "./warehouse.js";

export interface WarehouseSettings {
  /** The engine, as `warehouse.type` of cambium.yml says. */
  readonly type: "duckdb";
  /** The database file, or `:memory:`. */
  readonly file: string;
  readonly scratchDir: string;
  readonly threads?: number | undefined;
  readonly memoryMax?: string | undefined;
  readonly readOnly?: boolean | undefined;
}

/** Opens the warehouse that a project names: the one place that knows which engine is behind which name. */
export async function openWarehouse(settings: WarehouseSettings): Promise<Warehouse> {
  const { file, scratchDir, threads, memoryMax, readOnly } = settings;
  return openDuckdb({
    file,
    scratchDir,
    ...(threads !== undefined && { threads }),
    ...(memoryMax !== undefined && { memoryMax }),
    ...(readOnly !== undefined && { readOnly }),
  });
}

/** The SQL of an engine, without opening a warehouse. */
export function dialectOf(_type: WarehouseSettings["type"]): Dialect {
  return duckdbDialect;
}
