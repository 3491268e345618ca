import type { Sync } from "../project/kinds/sync.js";
import { type Sql, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { syncRows, syncState } from "../warehouse/tables/ops.js";

/** Where a difference looks: rows that the destination confirmed, and rows that were tried. Both stand in a FROM. */
export interface Known {
  readonly confirmed: Sql;
  readonly tried: Sql;
}

/** What the tables say. */
export function knownOf(sync: Sync): Known {
  return { confirmed: nameOf(syncState(sync.name)), tried: sql`(SELECT * FROM ${nameOf(syncRows)} WHERE sync = ${sync.name})` };
}
