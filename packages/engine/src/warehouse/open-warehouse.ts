import { CambiumError } from "../base/errors.js";
import { clickhouseDialect } from "./clickhouse/dialect.js";
import { openClickhouse } from "./clickhouse/open.js";
import type { Dialect } from "./dialect.js";
import { duckdbDialect } from "./duckdb/dialect.js";
import { openDuckdb } from "./duckdb/open.js";
import type { Warehouse } from "./warehouse.js";

export type WarehouseSettings =
  | {
      readonly type: "duckdb";
      /** The database file, or `:memory:`. */
      readonly file: string;
      readonly scratchDir: string;
      readonly threads?: number | undefined;
      readonly memoryMax?: string | undefined;
      readonly readOnly?: boolean | undefined;
    }
  | {
      readonly type: "clickhouse";
      readonly url: string;
      readonly prefix: string;
      readonly user: string;
      readonly password: string;
      readonly scratchDir: string;
    };

/** `warehouse:` of cambium.yml. */
export interface WarehouseConfig {
  readonly type: "duckdb" | "clickhouse";
  readonly file?: string | undefined;
  readonly memory?: string | undefined;
  readonly threads?: number | undefined;
  readonly url?: string | undefined;
  readonly prefix?: string | undefined;
  readonly user?: string | undefined;
}

/** The server on this machine, as it listens when nobody said otherwise. */
const localUrl = "http://127.0.0.1:8123";

/**
 * What a project's file and the environment say: `CAMBIUM_WAREHOUSE` names another engine than the file does, or a server's
 * address; a password comes from `CAMBIUM_CLICKHOUSE_PASSWORD` and from nowhere else.
 */
export function warehouseSettings(
  config: WarehouseConfig,
  place: { readonly file: string; readonly scratchDir: string },
  env: Readonly<Record<string, string | undefined>>,
): WarehouseSettings {
  const said = env["CAMBIUM_WAREHOUSE"] ?? "";
  const isUrl = /^https?:\/\//.test(said);
  const type = said === "" ? config.type : isUrl ? "clickhouse" : said;
  if (type === "duckdb") return { type, ...place, threads: config.threads, memoryMax: config.memory };
  if (type !== "clickhouse")
    throw new CambiumError("PROJECT_INVALID", `CAMBIUM_WAREHOUSE is ${said}: it may be duckdb, clickhouse or a server's address.`);
  return {
    type,
    url: isUrl ? said : (config.url ?? localUrl),
    prefix: config.prefix ?? "",
    user: config.user ?? "default",
    password: env["CAMBIUM_CLICKHOUSE_PASSWORD"] ?? "",
    scratchDir: place.scratchDir,
  };
}

/** Opens the warehouse that a project names: the one place that knows which engine is behind which name. */
export async function openWarehouse(settings: WarehouseSettings): Promise<Warehouse> {
  if (settings.type === "clickhouse") return openClickhouse(settings);
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
export function dialectOf(settings: WarehouseSettings): Dialect {
  return settings.type === "clickhouse" ? clickhouseDialect(settings.prefix) : duckdbDialect;
}

/** The file that must be there before anything can be read; undefined where a server keeps the data. */
export function warehouseFile(settings: WarehouseSettings): string | undefined {
  return settings.type === "duckdb" ? settings.file : undefined;
}

/** The same for reading only, beside another program that writes where the engine allows that. */
export function readingOnly(settings: WarehouseSettings): WarehouseSettings {
  return settings.type === "duckdb" ? { ...settings, readOnly: true } : settings;
}
