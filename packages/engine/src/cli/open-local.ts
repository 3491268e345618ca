import { existsSync } from "node:fs";
import path from "node:path";
import { CambiumError } from "../base/errors.js";
import type { Project } from "../project/project.js";
import { openWarehouse } from "../warehouse/open-warehouse.js";
import type { Connection, Warehouse } from "../warehouse/warehouse.js";
import { stateDir } from "./find-project.js";

/** Lends a read-only session of the project's warehouse while no server has it open. */
export async function withLocalWarehouse<T>(
  project: Project,
  work: (connection: Connection, warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  const { warehouse: config } = project.config;
  const file = path.resolve(project.dir, config.file ?? path.join(stateDir(project.dir), "warehouse.duckdb"));
  if (!existsSync(file)) {
    throw new CambiumError("NOT_COMPUTED", `This project has no warehouse yet: ${file} does not exist.`);
  }
  const warehouse = await openWarehouse({
    type: config.type,
    file,
    scratchDir: path.join(stateDir(project.dir), "scratch"),
    threads: config.threads,
    memoryMax: config.memory,
    readOnly: true,
  });
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
