import { compactFacts } from "../measure/compact-facts.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { changes, changesKeptCycles } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { readWatermark } from "./cycle.js";
import { retain } from "./retain.js";

/** Between cycles: adds up what cycles appended, forgets what nobody needs any more. */
export async function maintain(connection: Connection, project: Project): Promise<void> {
  const { cycleId, now, toLoad } = await readWatermark(connection);
  await compactFacts(connection, project, { now });
  await connection.run(connection.dialect.deleteWhere(changes, sql`cycle_id < ${cycleId - changesKeptCycles}`));
  await retain(connection, project, { now, toLoad });
}
