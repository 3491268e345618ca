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
  warehouseSettings,
  warehouseTitle,
} from "../warehouse/open-warehouse.js";
import { sql } from "../warehouse/sql.js";
import { cycles } from "../warehouse/tables/ops.js";
import type { Connection, Warehouse } from "../warehouse/warehouse.js";
import type { CliContext } from "./context.js";
import { stateDir } from "./find-project.js";

/** Lends a read-only session of the project's warehouse while no server has it open. */
export async function withLocalWarehouse<T>(
  project: Project,
  env: CliContext["env"],
  work: (connection: Connection, warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  const settings = settingsOf(project, env);
  const file = warehouseFile(settings);
  if (file !== undefined && !existsSync(file)) throw noWarehouse(`${file} does not exist.`);
  const warehouse = await openWarehouse(readingOnly(settings));
  try {
    const connection = await warehouse.connect();
    try {
      const { dialect } = connection;
      const found = await connection.first(
        sql`/* was it ever opened to be written */ SELECT name FROM ${dialect.tablesOf("ops")} AS t WHERE name = ${cycles.table}`,
      );
      if (found === undefined) throw noWarehouse(`${warehouseTitle(settings)} has none of its tables.`);
      return await work(connection, warehouse);
    } finally {
      await connection.close();
    }
  } finally {
    await warehouse.close();
  }
}

function noWarehouse(why: string): CambiumError {
  return new CambiumError("NOT_COMPUTED", `This project has no warehouse yet: ${why}`);
}

/** Where this project's warehouse is, as its file and this command's environment say. */
function settingsOf(project: Project, env: CliContext["env"]): WarehouseSettings {
  return warehouseSettings(project.config.warehouse, placeOf(project), env);
}

/** Where an embedded warehouse of this project is, and scratch files of any. */
function placeOf({ dir, config }: Project): WarehousePlace {
  const file = path.resolve(dir, config.warehouse.file ?? path.join(stateDir(dir), "warehouse.duckdb"));
  return { file, scratchDir: path.join(stateDir(dir), "scratch") };
}
