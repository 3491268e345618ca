import { fillScoreHistory } from "../measure/fill-score-history.js";
import type { Project } from "../project/project.js";
import type { Warehouse } from "../warehouse/warehouse.js";
import { readWatermark } from "./cycle.js";

/** Score history of past days that have none, in a session of its own. Returns the days filled. */
export async function fillHistory(
  warehouse: Warehouse,
  project: Project,
  days: number,
  onDay?: (done: number, of: number) => void,
): Promise<number> {
  const connection = await warehouse.connect();
  try {
    const { cycleId, now, toLoad } = await readWatermark(connection);
    return await fillScoreHistory(connection, project, { cycleId, now, previousNow: now, fromLoad: toLoad, toLoad }, days, onDay);
  } finally {
    await connection.close();
  }
}
