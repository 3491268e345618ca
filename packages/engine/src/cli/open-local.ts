import { existsSync } from "node:fs";
import path from "node:path";
import { CambiumError } from "../base/errors.js";
import type { Project } from "../project/project.js";
import {
  type WarehousePlace,
  type WarehouseSettings,
  openWarehouse,
  readingOnly,
  warehouseFile,
  warehouseNamed,
  warehouseSettings,
  warehouseTitle,
} from "../warehouse/open-warehouse.js";
import { hasTable } from "../warehouse/has-table.js";
import { cycles } from "../warehouse/tables/ops.js";
import type { Connection, Warehouse } from "../warehouse/warehouse.js";
import type { CliContext } from "./context.js";
import { stateDir } from "./find-project.js";

/** Lends a read-only session of the project's warehouse while no server has it open. */
export function withLocalWarehouse<T>(
  project: Project,
  env: CliContext["env"],
  work: (connection: Connection, warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  return withWarehouse(settingsOf(project, env), work);
}

/** The same of a warehouse that its settings name. */
export async function withWarehouse<T>(
  settings: WarehouseSettings,
  work: (connection: Connection, warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  const file = warehouseFile(settings);
  if (file !== undefined && !existsSync(file)) throw noWarehouse(`${file} does not exist.`);
  const warehouse = await openWarehouse(readingOnly(settings));
  try {
    const connection = await warehouse.connect();
    try {
      // Whoever opened it to be written has made this one.
      if (!(await hasTable(connection, cycles))) throw noWarehouse(`${warehouseTitle(settings)} has none of its tables.`);
      return await work(connection, warehouse);
    } finally {
      await connection.close();
    }
  } finally {
    await warehouse.close();
  }
}

/** Another warehouse of the project, as a person names it on the command line: never the project's own. */
export function otherSettings(project: Project, { cwd, env }: Pick<CliContext, "cwd" | "env">, name: string): WarehouseSettings {
  const { warehouse: config } = project.config;
  const settings = warehouseNamed(name, config, { ...placeOf(project), cwd }, env);
  const title = warehouseTitle(settings);
  if (title === warehouseTitle(settingsOf(project, env)))
    throw new CambiumError("BAD_REQUEST", `${title} is the project's warehouse itself: name another one.`);
  return settings;
}

function noWarehouse(why: string): CambiumError {
  return new CambiumError("NOT_COMPUTED", `This project has no warehouse yet: ${why}`);
}

/** Where this project's warehouse is, as its file and this command's environment say. */
export function settingsOf(project: Project, env: CliContext["env"]): WarehouseSettings {
  return warehouseSettings(project.config.warehouse, placeOf(project), env);
}

/** Where an embedded warehouse of this project is, and scratch files of any. */
export function placeOf({ dir, config }: Project): WarehousePlace {
  const file = path.resolve(dir, config.warehouse.file ?? path.join(stateDir(dir), "warehouse.duckdb"));
  return { file, scratchDir: path.join(stateDir(dir), "scratch") };
}
