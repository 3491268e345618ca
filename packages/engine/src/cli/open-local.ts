import { existsSync } from "node:fs";
import path from "node:path";
import { CambiumError } from "../base/errors.js";
import type { Project } from "../project/project.js";
import { type WarehouseSettings, openWarehouse, readingOnly, warehouseFile, warehouseSettings } from "../warehouse/open-warehouse.js";
import type { Connection, Warehouse } from "../warehouse/warehouse.js";
import { stateDir } from "./find-project.js";

/** Lends a read-only session of the project's warehouse while no server has it open. */
export async function withLocalWarehouse<T>(
  project: Project,
  work: (connection: Connection, warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  const settings = settingsOf(project);
  const file = warehouseFile(settings);
  if (file !== undefined && !existsSync(file)) {
    throw new CambiumError("NOT_COMPUTED", `This project has no warehouse yet: ${file} does not exist.`);
  }
  const warehouse = await openWarehouse(readingOnly(settings));
  try {
    const connection = await warehouse.connect();
    try {
      return await work(connection, warehouse);
    } finally {
      await connection.close();
    }
  } finally {
    await warehouse.close();
  }
}

/** Where this project's warehouse is, as its file and this command's environment say. */
export function settingsOf(project: Project): WarehouseSettings {
  const { warehouse: config } = project.config;
  const file = path.resolve(project.dir, config.file ?? path.join(stateDir(project.dir), "warehouse.duckdb"));
  return warehouseSettings(config, { file, scratchDir: path.join(stateDir(project.dir), "scratch") }, process.env);
}
