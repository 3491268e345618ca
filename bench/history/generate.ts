import { type Instant, isoOf } from "../../packages/engine/src/base/instant.js";
import { type Sql, sql } from "../../packages/engine/src/warehouse/sql.js";
import { loads } from "../../packages/engine/src/warehouse/tables/ops.js";
import type { Connection } from "../../packages/engine/src/warehouse/warehouse.js";
import type { Sizes } from "./project.js";

/**
 * Stored events without a collector: as many as asked for, in order of time, in sessions of ten by one profile, spread
 * evenly over profiles and a span of time, in loads of up to a million that the engine makes in parallel. Returns the last load's number.
 */
const blockRows = 1_000_000;
const perSession = 10;

export async function prepareGenerator(connection: Connection, sizes: Sizes): Promise<void> {
  const { dialect } = connection;
  const id = (prefix: string, value: Sql) => dialect.hash64(sql`${prefix} || ${value}`);
  await connection.run(sql`CREATE TEMP TABLE bench_ticks AS SELECT i FROM range(${blockRows}) AS r(i)`);
  await connection.run(sql`CREATE TEMP TABLE bench_people AS SELECT i AS number, u, w, ${id("user_id:", sql`u`)} AS identifier_id,
  ${id("workspace:", sql`w`)} AS workspace_id, ${id("account:", sql`a`)} AS account_id
FROM (SELECT i, 'u' || i AS u, 'w' || (i % ${sizes.workspaces}) AS w, 'a' || (i % ${sizes.accounts}) AS a FROM range(${sizes.profiles}) AS r(i)) AS g`);
}

export async function generate(
  connection: Connection,
  sizes: Sizes,
  firstLoad: number,
  count: number,
  from: Instant,
  span: number,
): Promise<number> {
  let loadId = firstLoad;
  for (let done = 0; done < count; done += blockRows, loadId += 1) {
    const rows = Math.min(blockRows, count - done);
    const n = sql`(t.i + ${done})`;
    const at = sql`make_timestamp(CAST(${from} + (${n} * (${span} / ${count})) AS BIGINT))`;
    await connection.run(sql`INSERT INTO raw.events (load_id, message_id, message_hash, source, type, event, user_id, group_id, identifier_id, workspace_id, account_id, timestamp, received_at, properties, context, p_amount, p_plan)
SELECT ${loadId}, ${`m${loadId}-`} || t.i, CAST(hash(t.i, ${loadId}) >> 1 AS BIGINT), 'web', 'track', ['Opened','Opened','Opened','Created','Created','Shared','Paid','Invited'][CAST(1 + hash(${n} * 7) % 8 AS BIGINT)],
  p.u, p.w, p.identifier_id, p.workspace_id, p.account_id, ${at}, ${at}, NULL, NULL, CAST((hash(${n} * 3) % 10000) / 100.0 AS VARCHAR), ['free', 'team', 'business'][CAST(1 + hash(${n} * 5) % 3 AS BIGINT)]
FROM bench_ticks AS t JOIN bench_people AS p ON p.number = hash(${n} // ${perSession} + ${firstLoad * 1_000_003}) % ${sizes.profiles} WHERE t.i < ${rows}`);
    await connection.append(loads, [
      {
        load_id: loadId,
        segment: `s${loadId}`,
        node: "bench",
        accepted: rows,
        stored: rows,
        duplicates: 0,
        quarantined: 0,
        bytes: 0,
        loaded_at: isoOf(from + span),
        seconds: 0,
      },
    ]);
  }
  return loadId - 1;
}
