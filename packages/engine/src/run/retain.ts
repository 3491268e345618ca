import type { Instant } from "../base/instant.js";
import { microsPerDay } from "../base/instant.js";
import type { Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { audienceChanges, audienceMembers, audienceSizes } from "../warehouse/tables/growth.js";
import { cycles, deliveries, ledger, loads, syncRuns } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";

/**
 * What the loop wrote about itself is kept as long as `retention` of cambium.yml says. Counts that must add up (loads,
 * ledger, runs of syncs, sizes of audiences) become one row a day, with the same sums; the others are dropped. Nothing
 * that anybody still needs goes: what no cycle has seen, no sync has settled, or a current member entered by. Events are
 * never touched, so a message that was stored once is known for ever.
 */
export async function retain(connection: Connection, project: Project, seen: { now: Instant; toLoad: number }): Promise<void> {
  const { retention } = project.config;
  const { dialect } = connection;
  const before = (days: number) => dialect.timestamp(seen.now - days * microsPerDay);
  const of = (column: string) => dialect.day(name(column), project.timezone);
  // Whole days only: a day is added up once.
  const endedBefore = (column: string, days: number) => sql`${of(column)} < ${dialect.day(before(days), project.timezone)}`;
  await connection.transaction(async () => {
    await addUp(connection, loads, [of("loaded_at")], loadColumns(dialect, of("loaded_at")), {
      old: sql`${endedBefore("loaded_at", retention.loads)} AND load_id <= ${seen.toLoad}`,
    });
    for (const [hops, days] of [
      [sql`hop = 'collect'`, retention.loads],
      [sql`hop <> 'collect'`, retention.sync_runs],
    ] as const) {
      await addUp(connection, ledger, [sql`hop`, of("happened_at")], ledgerColumns(dialect, of("happened_at")), {
        // An entry that does not add up is evidence: it stays as it is.
        old: sql`${hops} AND ${endedBefore("happened_at", days)} AND accepted = stored + duplicates + quarantined AND changed = delivered + failed + skipped`,
      });
    }
    await addUp(connection, syncRuns, [sql`sync`, of("started_at")], runColumns(dialect, of("started_at")), {
      old: sql`finished_at IS NOT NULL AND ${endedBefore("started_at", retention.sync_runs)} AND (sync, run_id) NOT IN (SELECT sync, max(run_id) FROM ${nameOf(syncRuns)} GROUP BY sync)`,
    });
    await addUp(connection, audienceSizes, [sql`audience`, of("happened_at")], sizeColumns(dialect), {
      old: endedBefore("happened_at", retention.audience_sizes),
    });
    await connection.run(dialect.deleteWhere(cycles, forgottenCycles(before(retention.cycles))));
    await connection.run(dialect.deleteWhere(deliveries, forgottenDeliveries(before(retention.deliveries))));
    await connection.run(dialect.deleteWhere(audienceChanges, forgottenChanges(project, before(retention.audience_changes))));
  });
}

/** The newest of them are kept whatever their age: pages show them, and how fresh data are is told from them. */
const cyclesKept = 1_000;

/** Replaces old rows by one row a group, where a group has several. */
async function addUp(
  connection: Connection,
  table: TableSpec,
  groups: readonly Sql[],
  columns: Readonly<Record<string, Sql>>,
  { old }: { old: Sql },
): Promise<void> {
  const { dialect } = connection;
  const several = await connection.first<{ n: number }>(
    sql`/* days of ${nameOf(table)} to be added up */ SELECT count(*) AS n FROM (SELECT 1 FROM ${nameOf(table)} WHERE ${old} GROUP BY ${join(groups)} HAVING count(*) > 1) AS g`,
  );
  if ((several?.n ?? 0) === 0) return;
  const names = join(Object.keys(columns).map((column) => name(column)));
  const values = join(Object.entries(columns).map(([column, value]) => sql`${value} AS ${name(column)}`));
  await connection.run(dialect.tempTable("added_up", sql`SELECT ${values} FROM ${nameOf(table)} WHERE ${old} GROUP BY ${join(groups)}`));
  await connection.run(dialect.deleteWhere(table, old));
  await connection.run(sql`/* one row a day */ INSERT INTO ${nameOf(table)} (${names}) SELECT ${names} FROM added_up`);
}

type Dialect = Connection["dialect"];

const sums = (dialect: Dialect, columns: readonly string[]) =>
  Object.fromEntries(columns.map((column) => [column, dialect.cast(sql`sum(${name(column)})`, "integer")]));
const named = (dialect: Dialect, day: Sql) => sql`'day ' || ${dialect.cast(day, "text")}`;

function loadColumns(dialect: Dialect, day: Sql): Record<string, Sql> {
  return {
    load_id: sql`max(load_id)`,
    segment: named(dialect, day),
    node: sql`''`,
    ...sums(dialect, ["accepted", "stored", "duplicates", "quarantined", "bytes"]),
    // No event waited a day: freshness is told from loads that have it.
    first_received_at: dialect.cast(sql`NULL`, "timestamp"),
    last_received_at: sql`max(last_received_at)`,
    loaded_at: sql`max(loaded_at)`,
    seconds: sql`sum(seconds)`,
  };
}

function ledgerColumns(dialect: Dialect, day: Sql): Record<string, Sql> {
  return {
    happened_at: sql`max(happened_at)`,
    hop: sql`hop`,
    ref: named(dialect, day),
    ...sums(dialect, ["accepted", "stored", "duplicates", "quarantined", "changed", "delivered", "failed", "skipped"]),
  };
}

function runColumns(dialect: Dialect, day: Sql): Record<string, Sql> {
  return {
    sync: sql`sync`,
    run_id: sql`max(run_id)`,
    started_at: sql`min(started_at)`,
    finished_at: sql`max(finished_at)`,
    state: sql`'done'`,
    definition: dialect.argMax(sql`definition`, sql`run_id`),
    to_cycle: sql`max(to_cycle)`,
    ...sums(dialect, ["added", "changed", "removed", "delivered", "failed", "skipped"]),
    message: sql`'the runs of ' || ${dialect.cast(day, "text")}`,
    planned: dialect.cast(sql`NULL`, "json"),
    remaining: dialect.cast(sql`NULL`, "integer"),
  };
}

function sizeColumns(dialect: Dialect): Record<string, Sql> {
  return {
    audience: sql`audience`,
    happened_at: sql`max(happened_at)`,
    cycle_id: sql`max(cycle_id)`,
    size: dialect.argMax(sql`size`, sql`cycle_id`),
    ...sums(dialect, ["entered", "left"]),
  };
}

function forgottenCycles(before: Sql): Sql {
  const newest = sql`SELECT max(cycle_id) FROM ${nameOf(cycles)}`;
  // Syncs of models are even with the newest cycle that saw events.
  return sql`started_at < ${before} AND cycle_id <= (${newest}) - ${cyclesKept} AND cycle_id < (${newest} WHERE events > 0)`;
}

/** Those of a run that a crash cut off tell its successor which rows arrived. */
function forgottenDeliveries(before: Sql): Sql {
  return sql`happened_at < ${before} AND (sync, run_id) NOT IN (SELECT sync, run_id FROM ${nameOf(syncRuns)} WHERE state = 'running')`;
}

/** Not what a sync of the log has not settled, nor how a current member came in, nor the last: the next id follows it. */
function forgottenChanges(project: Project, before: Sql): Sql {
  const logs = project.syncs.flatMap((sync) => ("changes" in sync.from && sync.enabled ? [sync.name] : []));
  const settled =
    logs.length === 0
      ? sql``
      : sql` AND change_id <= (SELECT coalesce(min(change_id), 0) FROM ops.sync_heads WHERE sync IN (${join(logs.map((one) => sql`${one}`))}))`;
  return sql`happened_at < ${before} AND change_id < (SELECT max(change_id) FROM ${nameOf(audienceChanges)})${settled}
AND (audience, entity_id, cycle_id) NOT IN (SELECT audience, entity_id, cycle_id FROM ${nameOf(audienceMembers)})`;
}
