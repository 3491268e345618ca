import { sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { loads } from "../warehouse/tables/ops.js";
import { arrivals } from "../warehouse/tables/shipping.js";
import type { Connection } from "../warehouse/warehouse.js";

/** A collector as the warehouse knows it: what came from it, and what of it waits. */
export interface NodeFigures {
  readonly node: string;
  readonly accepted: number;
  readonly lastLoadedAt: string | null;
  /** In the warehouse, for the next load. */
  readonly arrivedSegments: number;
  /** Left in its spool when it shipped last. */
  readonly spooledSegments: number;
}

/** Of collectors of the last days, the busiest. */
const nodesMax = 100;

/** None where one program has the warehouse to itself: what its collector holds back is in its own spool. */
export async function nodeFigures(connection: Connection): Promise<NodeFigures[]> {
  const { dialect } = connection;
  if (!dialect.supports.sharing) return [];
  return connection.read<NodeFigures>(sql`/* status: collectors */
SELECT coalesce(l.node, a.node) AS "node", coalesce(l.accepted, 0) AS "accepted", l.last_loaded_at AS "lastLoadedAt",
  coalesce(a.arrived, 0) AS "arrivedSegments", coalesce(a.spooled, 0) AS "spooledSegments"
FROM (SELECT node, sum(accepted) AS accepted, max(loaded_at) AS last_loaded_at FROM ${nameOf(loads)} WHERE node <> '' GROUP BY node) AS l
FULL JOIN (
  SELECT node, count(DISTINCT segment) AS arrived, ${dialect.argMax(sql`waiting_segments`, sql`segment`)} AS spooled
  FROM ${nameOf(arrivals)} WHERE segment NOT IN (SELECT segment FROM ${nameOf(loads)}) GROUP BY node
) AS a ON a.node = l.node
ORDER BY 2 DESC, 1 LIMIT ${nodesMax}`);
}
