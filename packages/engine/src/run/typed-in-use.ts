import { filledColumns } from "../collect/load/typed-properties.js";
import type { TypedProperties } from "../project/compile/event-predicate.js";
import { propertiesRead } from "../project/compile/properties-read.js";
import type { Project } from "../project/project.js";
import { propertyColumn } from "../warehouse/property-column.js";
import type { Connection } from "../warehouse/warehouse.js";

/** Typed columns that are there for the properties that definitions read; for readers that may not add any. */
export async function typedInUse(connection: Connection, project: Project): Promise<TypedProperties> {
  const present = await filledColumns(connection);
  return new Map(
    propertiesRead(project)
      .map((path) => [path, propertyColumn(path)] as const)
      .filter(([, column]) => present.has(column)),
  );
}
