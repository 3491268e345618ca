import type { Instant } from "../base/instant.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import type { Connection } from "../warehouse/warehouse.js";
import type { Mapping } from "./mapping.js";
import { columnsOfIds } from "./source.js";
import { wanted } from "./wanted.js";

/** Warehouse types of fields that copy a column as it is; ids are text on the way out. */
export async function fieldTypesOf(
  connection: Connection,
  project: Project,
  sync: Sync,
  mapping: Mapping,
  now: Instant,
): Promise<Record<string, string>> {
  const context = { project, dialect: connection.dialect, now };
  const described = await connection.describe(wanted(context, sync, { columns: mapping.columns }));
  const types = new Map(described.map((column) => [column.name, column.type]));
  const ids = columnsOfIds(project, sync);
  return Object.fromEntries(
    [...mapping.plainColumns].flatMap(([field, column]) => {
      const type = ids.has(column) ? "text" : types.get(column);
      return type === undefined
        ? []
        : [
            [field, type],
            [field.replaceAll(".", "_"), type],
          ];
    }),
  );
}
