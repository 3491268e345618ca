import { rm } from "node:fs/promises";
import path from "node:path";
import { CambiumError } from "../base/errors.js";
import { eraseClickhouse, openClickhouse, watchLeaseOf } from "./clickhouse/open.js";
import { openDuckdb } from "./duckdb/open.js";
import type { LeaseWatch } from "./lease.js";
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
      readonly cluster?: string | undefined;
      readonly scratchDir: string;
      readonly readOnly?: boolean | undefined;
      readonly addsOnly?: boolean | undefined;
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
  /** Tables stand on all nodes of this cluster of the server's. */
  readonly cluster?: string | undefined;
}

/** The server on this machine, as it listens when nobody said otherwise. */
const localUrl = "http://127.0.0.1:8123";

/** Where a project on this machine keeps an embedded warehouse and its scratch files. */
export interface WarehousePlace {
  readonly file: string;
  readonly scratchDir: string;
  /** What the path of another file is relative to. */
  readonly cwd?: string | undefined;
}

/** What `warehouseNamed` understands, for help and messages. */
export const warehouseNames = "duckdb, clickhouse, a server's address (its path begins the names of databases) or a .duckdb file";

type Environment = Readonly<Record<string, string | undefined>>;

/** What a project's file says, unless `CAMBIUM_WAREHOUSE` names another warehouse for this run. */
export function warehouseSettings(config: WarehouseConfig, place: WarehousePlace, env: Environment): WarehouseSettings {
  return warehouseNamed(env["CAMBIUM_WAREHOUSE"] || config.type, config, place, env);
}

/**
 * The warehouse that a name means: `duckdb` or `clickhouse` as the project's file has them, a server's address
 * (`https://user@host:8443/shop_?cluster=main`; the path begins the names of databases), or a DuckDB file. A password comes from
 * `CAMBIUM_CLICKHOUSE_PASSWORD` and from nowhere else.
 */
export function warehouseNamed(text: string, config: WarehouseConfig, place: WarehousePlace, env: Environment): WarehouseSettings {
  const { scratchDir } = place;
  const embedded = { type: "duckdb", scratchDir, threads: config.threads, memoryMax: config.memory } as const;
  if (text === "duckdb") return { ...embedded, file: place.file };
  if (/\.(duckdb|db)$/.test(text)) return { ...embedded, file: path.resolve(place.cwd ?? "", text) };
  const isAddress = /^https?:\/\//.test(text);
  if (text !== "clickhouse" && !isAddress) throw new CambiumError("BAD_REQUEST", `${text} names no warehouse: say ${warehouseNames}.`);
  const { url, prefix, user, cluster = config.cluster } = addressOf(isAddress ? text : (config.url ?? localUrl));
  return {
    type: "clickhouse",
    url,
    prefix: (isAddress ? (prefix ?? config.prefix) : (config.prefix ?? prefix)) ?? "",
    user: user ?? config.user ?? "default",
    password: env["CAMBIUM_CLICKHOUSE_PASSWORD"] ?? "",
    ...(cluster !== undefined && cluster !== "" && { cluster }),
    scratchDir,
  };
}

/** The same for one that is written to from another: where both have passwords, its own is in `CAMBIUM_CLICKHOUSE_TO_PASSWORD`. */
export function targetNamed(text: string, config: WarehouseConfig, place: WarehousePlace, env: Environment): WarehouseSettings {
  const own = env["CAMBIUM_CLICKHOUSE_TO_PASSWORD"];
  return warehouseNamed(text, config, place, own === undefined ? env : { ...env, CAMBIUM_CLICKHOUSE_PASSWORD: own });
}

interface Address {
  readonly url: string;
  readonly prefix: string | undefined;
  readonly user: string | undefined;
  /** Empty: none, whatever the project's file says. */
  readonly cluster: string | undefined;
}

function addressOf(text: string): Address {
  if (!URL.canParse(text)) throw new CambiumError("BAD_REQUEST", `${text} is no address.`);
  const { origin, pathname, username, password, searchParams } = new URL(text);
  if (password !== "")
    throw new CambiumError("BAD_REQUEST", "Leave the password out of a warehouse's address: it is read from CAMBIUM_CLICKHOUSE_PASSWORD.");
  return {
    url: origin,
    prefix: pathname.replace(/^\/|\/$/g, "") || undefined,
    user: decodeURIComponent(username) || undefined,
    cluster: searchParams.get("cluster") ?? undefined,
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

/** Forgets all that a warehouse holds: for who begins anew. Nobody may have it open. */
export async function eraseWarehouse(settings: WarehouseSettings): Promise<void> {
  if (settings.type === "clickhouse") return eraseClickhouse(settings);
  for (const file of [settings.file, `${settings.file}.wal`]) await rm(file, { force: true });
}

/** How messages call it; two of the same title are the same warehouse. */
export function warehouseTitle(settings: WarehouseSettings): string {
  return settings.type === "duckdb" ? settings.file : `${settings.url}/${settings.prefix}`;
}

/** The line of cambium.yml that names it. */
export function warehouseLine(settings: WarehouseSettings, projectDir: string): string {
  const fields =
    settings.type === "duckdb"
      ? { type: settings.type, file: path.relative(projectDir, settings.file) }
      : {
          type: settings.type,
          url: settings.url,
          ...(settings.prefix !== "" && { prefix: settings.prefix }),
          ...(settings.user !== "default" && { user: settings.user }),
        };
  const texts = Object.entries(fields).map(([field, value]) => `${field}: ${JSON.stringify(value)}`);
  return `warehouse: { ${texts.join(", ")} }`;
}

/** The file that must be there before anything can be read; undefined where a server keeps the data. */
export function warehouseFile(settings: WarehouseSettings): string | undefined {
  return settings.type === "duckdb" ? settings.file : undefined;
}

/** The same for reading only, beside another program that writes where the engine allows that. */
export function readingOnly(settings: WarehouseSettings): WarehouseSettings {
  return { ...settings, readOnly: true };
}

/** The same for adding rows beside the program that turns the cycle, as collectors on other machines do. */
export function addingOnly(settings: WarehouseSettings): WarehouseSettings {
  return { ...assertShared(settings), addsOnly: true };
}

/** Fails where one program has the warehouse to itself. */
export function assertShared(settings: WarehouseSettings): Extract<WarehouseSettings, { type: "clickhouse" }> {
  if (settings.type === "clickhouse") return settings;
  throw new CambiumError("WAREHOUSE_ALONE", `The warehouse is the file ${settings.file}, which one program has to itself.`);
}

/** A look at who writes to a warehouse, where several may take turns; undefined where a file's lock says it. */
export function watchLease(settings: WarehouseSettings): LeaseWatch | undefined {
  return settings.type === "clickhouse" ? watchLeaseOf(settings) : undefined;
}
