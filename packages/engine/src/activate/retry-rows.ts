import type { Instant } from "../base/instant.js";
import { join, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { syncRows } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";

/**
 * Lets refused rows be tried again at the sync's next run, though nothing about them changed: after the destination's
 * settings were mended, for instance. All of the sync's, or those with these keys. Returns how many.
 */
export async function retryRows(connection: Connection, sync: string, now: Instant, keys?: readonly string[]): Promise<number> {
  const chosen =
    keys === undefined ? sql`` : keys.length === 0 ? sql` AND FALSE` : sql` AND key IN (${join(keys.map((key) => sql`${key}`))})`;
  const refused = sql`sync = ${sync} AND state = 'failed'${chosen}`;
  const found = await connection.first<{ n: number }>(
    sql`/* refused rows of ${sync} */ SELECT count(*) AS n FROM ${nameOf(syncRows)} WHERE ${refused}`,
  );
  const values = { state: sql`'waiting'`, attempts: sql`1`, next_at: connection.dialect.timestamp(now) };
  await connection.run(sql`/* try them again */ ${connection.dialect.updateWhere(syncRows, values, refused)}`);
  return found?.n ?? 0;
}
