import { type Instant, isoOf } from "../../packages/engine/src/base/instant.js";
import { type Sql, sql } from "../../packages/engine/src/warehouse/sql.js";
import { loads } from "../../packages/engine/src/warehouse/tables/ops.js";
import type { Connection } from "../../packages/engine/src/warehouse/warehouse.js";
import type { Sizes } from "./project.js";

/**
 * Stored events without a collector: as many as asked for, in order of time, in sessions of ten by one profile, spread
 * evenly over profiles and a span of time, in loads of up to a million that the engine makes in parallel; the same on every
 * engine. Returns the last load's number.
 */
const blockRows = 1_000_000;
const perSession = 10;

export async function prepareGenerator(connection: Connection, sizes: Sizes): Promise<void> {
  const { dialect } = connection;
  const id = (prefix: string, value: Sql) => dialect.hash64(sql`${prefix} || ${value}`);
  const named = (prefix: string, number: Sql) => sql`${prefix} || CAST(${number} AS VARCHAR)`;
  await connection.stage("bench_ticks", { i: Float64Array.from({ length: blockRows }, (_, index) => index) });
  await connection.run(
    dialect.tempTable(
      "bench_people",
      sql`SELECT number, u, w, ${id("user_id:", sql`u`)} AS identifier_id, ${id("workspace:", sql`w`)} AS workspace_id, ${id("account:", sql`a`)} AS account_id
FROM (SELECT i AS number, ${named("u", sql`i`)} AS u, ${named("w", sql`i % ${sizes.workspaces}`)} AS w, ${named("a", sql`i % ${sizes.accounts}`)} AS a FROM bench_ticks WHERE i < ${sizes.profiles}) AS g`,
    ),
  );
}

export async function generate(
  connection: Connection,
  sizes: Sizes,
  firstLoad: number,
  count: number,
  from: Instant,
  span: number,
): Promise<number> {
  const { dialect } = connection;
  let loadId = firstLoad;
  for (let done = 0; done < count; done += blockRows, loadId += 1) {
    const rows = Math.min(blockRows, count - done);
    const n = sql`(t.i + ${done})`;
    const at = dialect.timestampOf(sql`CAST(${from} + ${n} * (${span} / ${count}) AS BIGINT)`);
    const session = sql`CAST(floor(${n} / ${perSession}) AS BIGINT)`;
    const message = sql`${`m${loadId}-`} || CAST(t.i AS VARCHAR)`;
    await connection.run(sql`INSERT INTO raw.events (load_id, message_id, message_hash, source, type, event, user_id, group_id, identifier_id, workspace_id, account_id, timestamp, received_at, properties, context, p_amount, p_plan)
SELECT ${loadId}, ${message}, ${dialect.hash64(message)}, 'web', 'track', ['Opened','Opened','Opened','Created','Created','Shared','Paid','Invited'][1 + ${scattered(n, 7)} % 8],
  p.u, p.w, p.identifier_id, p.workspace_id, p.account_id, ${at}, ${at}, NULL, NULL, CAST(${scattered(n, 3)} % 10000 / 100.0 AS VARCHAR), ['free', 'team', 'business'][1 + ${scattered(n, 5)} % 3]
FROM bench_ticks AS t JOIN bench_people AS p ON p.number = ${scattered(session, firstLoad)} % ${sizes.profiles} WHERE t.i < ${rows}`);
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

/** A number below 2³¹ that looks like chance, the same on every engine: a linear step, squared. */
function scattered(number: Sql, salt: number): Sql {
  const step = sql`((${number} + ${salt * 1_000_003}) * 48271 % 2147483647)`;
  return sql`((${step} * ${step} + ${number}) % 2147483647)`;
}
