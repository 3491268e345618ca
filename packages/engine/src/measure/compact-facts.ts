import type { CycleWindow } from "../base/cycle.js";
import type { Project } from "../project/project.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { values } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { factMeasures, factTable, factsByBucket } from "./fact-tables.js";
import type { ScalarMeasure } from "./measures.js";
import { compactTotals } from "./totals.js";

/** Buckets of so many days are looked at: deltas of older ones are few. */
const recentDays = 3;

/**
 * Adds up the deltas that cycles appended to recent buckets, so that reading a subject stays one row a bucket. Nothing a
 * reader sees changes. Runs between cycles, in a transaction of its own.
 */
export async function compactFacts(connection: Connection, project: Project, window: Pick<CycleWindow, "now">): Promise<void> {
  const { dialect } = connection;
  const now = dialect.timestamp(window.now);
  const sinceDay = dialect.addDays(dialect.day(now, project.timezone), -recentDays);
  const sinceHour = dialect.addMicros(dialect.hour(now), -recentDays * 24 * 3_600_000_000);
  await connection.transaction(async () => {
    for (const { kind } of project.entities) {
      for (const [grain, since] of [
        ["day", sinceDay],
        ["hour", sinceHour],
      ] as const) {
        const measures = factMeasures(project, kind, grain);
        if (measures.length > 0) await compact(connection, factTable(kind, grain), measures, since);
      }
      await compactTotals(connection, project, kind);
      await compactValues(connection, kind, sinceDay);
    }
  });
}

async function compact(connection: Connection, table: TableSpec, measures: readonly ScalarMeasure[], since: Sql): Promise<void> {
  const { dialect } = connection;
  const recent = sql`bucket >= ${since}`;
  await connection.run(dialect.tempTable("compacted", factsByBucket(dialect, measures, sql`${nameOf(table)} AS f WHERE ${recent}`)));
  await replace(connection, table, recent, ["subject_id", "via", "bucket", ...measures.map(({ id }) => id)]);
}

async function compactValues(connection: Connection, kind: string, since: Sql): Promise<void> {
  const table = values(kind);
  const recent = sql`bucket >= ${since}`;
  await connection.run(
    connection.dialect.tempTable(
      "compacted",
      sql`SELECT subject_id, via, measure, bucket, value, ${connection.dialect.cast(sql`sum(n)`, "integer")} AS n FROM ${nameOf(table)} WHERE ${recent} GROUP BY subject_id, via, measure, bucket, value`,
    ),
  );
  await replace(connection, table, recent, ["subject_id", "via", "measure", "bucket", "value", "n"]);
}

async function replace(connection: Connection, table: TableSpec, recent: Sql, columns: readonly string[]): Promise<void> {
  const listed = join(columns.map((column) => name(column)));
  await connection.run(connection.dialect.deleteWhere(table, recent));
  await connection.run(sql`/* one row a bucket */ INSERT INTO ${nameOf(table)} (${listed}) SELECT ${listed} FROM compacted`);
}
