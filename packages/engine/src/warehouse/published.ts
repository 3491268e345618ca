import { type Sql, sql } from "./sql.js";

/**
 * True of rows of raw tables whose load is published: its row in `ops.loads` is committed. On engines that write raw rows
 * at once, those of a load that is under way, or died, stand there as well. `loadId` is the column, as `e.load_id`.
 */
export function published(loadId: Sql = sql`load_id`): Sql {
  return sql`${loadId} <= (SELECT coalesce(max(load_id), 0) FROM ops.loads)`;
}
