import { CambiumError } from "../base/errors.js";
import type { Project } from "../project/project.js";
import { createDerivedTables } from "../warehouse/create-tables.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { computed, totals } from "../warehouse/tables/growth.js";
import { factMeasures, factTable, factsByBucket } from "../measure/fact-tables.js";
import { totalsBySubject, totalsOf } from "../measure/totals.js";
import { scheduledColumns, stateKind } from "../measure/update-computed.js";
import { cycles, definitions, loads } from "../warehouse/tables/ops.js";
import type { Connection, Warehouse } from "../warehouse/warehouse.js";
import type { Grain } from "../project/kinds/words.js";
import { type CycleOptions, type Watermark, readWatermark, runCycle } from "./cycle.js";
import { type DerivedTable, derivedTables, kindsOf } from "./derived-tables.js";

/**
 * Incremental = full: computes everything again from raw events, in one cycle of an empty warehouse beside the real one,
 * up to the same moment, and compares what the loop keeps. Values of SQL traits are taken over as they are: they change on
 * a schedule of their own, and what is checked is what follows from them.
 */

export interface Comparison {
  readonly table: string;
  readonly rows: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Up to five rows that differ: entity and the columns that do. */
  readonly examples: readonly { entityId: string; columns: string[]; incremental: unknown[]; full: unknown[] }[];
}

export interface Verification {
  readonly agrees: boolean;
  readonly now: number;
  readonly events: number;
  readonly seconds: number;
  readonly comparisons: readonly Comparison[];
}

const examplesMax = 5;

export interface VerifyOptions {
  readonly kind?: string | undefined;
  readonly typed?: CycleOptions["typed"];
  /** Runs work while no cycle does: asked for where the engine has no snapshot of several tables. */
  readonly atRest?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
}

export async function verify(
  warehouse: Warehouse,
  main: Connection,
  project: Project,
  { kind, typed, atRest = (work) => work() }: VerifyOptions = {},
): Promise<Verification> {
  const started = performance.now();
  if ((await readWatermark(main)).cycleId === 0)
    throw new CambiumError("NOT_COMPUTED", "Nothing was computed yet, so there is nothing to verify.");
  const shadow = await warehouse.shadow();
  const { connection, mainTable } = shadow;
  const compared = comparedTables(connection.dialect, project, kind);
  try {
    await createDerivedTables(
      connection,
      project.entities.map((entity) => entity.kind),
    );
    // One moment of the main tables, whatever cycles end meanwhile: the transaction's, from the first read on, or copies.
    return await connection.transaction(async () => {
      const hasSnapshot = connection.dialect.supports.snapshots;
      const begun = hasSnapshot ? await begin(shadow, project) : await atRest(() => beginWithCopies(shadow, project, compared));
      const { now } = begun;
      const { events } = await runCycle(connection, project, { now, ...(typed !== undefined && { typed }) });
      const comparisons: Comparison[] = [];
      for (const each of compared) {
        comparisons.push(await compare(connection, each, hasSnapshot ? mainTable(each.spec) : copyOf(each.spec)));
      }
      const agrees = comparisons.every((each) => each.missing + each.extra + each.different === 0);
      return { agrees, now, events, seconds: (performance.now() - started) / 1000, comparisons };
    });
  } finally {
    await shadow.close();
  }
}

type Shadow = Awaited<ReturnType<Warehouse["shadow"]>>;

/** What a cycle over everything starts from: the loads that the loop has seen, and SQL values that change by themselves. */
async function begin({ connection, mainTable }: Shadow, project: Project): Promise<Watermark> {
  const watermark = await readWatermark(connection, mainTable(cycles));
  await connection.run(
    sql`/* loads up to the watermark */ INSERT INTO ${nameOf(loads)} SELECT * FROM ${mainTable(loads)} WHERE load_id <= ${watermark.toLoad}`,
  );
  await takeOverScheduled(connection, mainTable, project, watermark.now);
  return watermark;
}

async function beginWithCopies(shadow: Shadow, project: Project, compared: readonly Compared[]): Promise<Watermark> {
  const { connection, mainTable } = shadow;
  const begun = await begin(shadow, project);
  for (const { spec, key, columns } of compared) {
    const listed = join([...key, ...columns].map((column) => name(column)));
    await connection.run(connection.dialect.createTableAs(copyOf(spec), sql`SELECT ${listed} FROM ${mainTable(spec)}`));
  }
  if ((await readWatermark(connection, mainTable(cycles))).cycleId !== begun.cycleId)
    throw new CambiumError("BUSY", "A cycle of another process ended while its tables were copied to be verified.");
  return begun;
}

const copyOf = (spec: TableSpec) => name("ops", `kept_${spec.table}`);

/** Values of scheduled SQL, as last evaluated, count as just evaluated. */
async function takeOverScheduled(
  connection: Connection,
  mainTable: (spec: TableSpec) => Sql,
  project: Project,
  now: number,
): Promise<void> {
  for (const { kind } of project.entities) {
    const columns = scheduledColumns(project, kind);
    if (columns.length === 0) continue;
    const listed = join(columns.map((column) => sql`${column}`));
    await connection.run(
      sql`/* SQL values as last evaluated */ INSERT INTO ${nameOf(computed(kind))} SELECT * FROM ${mainTable(computed(kind))} WHERE trait IN (${listed})`,
    );
    await connection.run(sql`/* … and that they are fresh */ INSERT INTO ${nameOf(definitions)} (kind, name, version, fingerprint, body, since, cycle_id)
SELECT kind, name, version, fingerprint, body, ${connection.dialect.timestamp(now)}, cycle_id FROM ${mainTable(definitions)} WHERE kind = ${stateKind(kind)} AND name IN (${listed})`);
  }
}

interface Compared extends DerivedTable {
  /** What stands in FROM for the rows of such a table, where several of them are one. */
  readonly rows?: (table: Sql) => Sql;
}

function comparedTables(dialect: Dialect, project: Project, kind: string | undefined): Compared[] {
  const measured = kindsOf(project, kind).flatMap((each): Compared[] => [
    ...(["day", "hour"] as const).map((grain) => factsOf(dialect, project, each, grain)),
    {
      spec: totals(each),
      rows: (table) => totalsBySubject(dialect, project, each, table),
      key: ["subject_id", "via"],
      columns: totalsOf(project, each).map((total) => total.column),
    },
  ]);
  return [...measured, ...derivedTables(project, { kind })];
}

/** Measures by bucket: cycles append to a bucket what another computes in one go, and buckets with nothing tell nothing. */
function factsOf(dialect: Dialect, project: Project, kind: string, grain: Grain): Compared {
  const measures = factMeasures(project, kind, grain);
  const columns = measures.map((measure) => measure.id);
  const some =
    columns.length === 0
      ? sql`FALSE`
      : join(
          columns.map((column) => sql`b.${name(column)} IS NOT NULL`),
          " OR ",
        );
  return {
    spec: factTable(kind, grain),
    rows: (table) => sql`(SELECT b.* FROM (${factsByBucket(dialect, measures, sql`${table} AS f`)}) AS b WHERE ${some})`,
    key: ["subject_id", "via", "bucket"],
    columns,
  };
}

async function compare(connection: Connection, { spec, rows, key, columns }: Compared, main: Sql): Promise<Comparison> {
  const { dialect } = connection;
  const on = join(
    key.map((column) => sql`i.${name(column)} = f.${name(column)}`),
    " AND ",
  );
  const first = key[0] as string;
  const differ = columns.map((column) => dialect.differs(sql`i.${name(column)}`, sql`f.${name(column)}`));
  const different = differ.length === 0 ? sql`FALSE` : sql`(${join(differ, " OR ")})`;
  const rowsOf = rows ?? ((table: Sql) => table);
  const pair = sql`FROM ${rowsOf(main)} AS i FULL OUTER JOIN ${rowsOf(nameOf(spec))} AS f ON ${on}`;
  const both = sql`i.${name(first)} IS NOT NULL AND f.${name(first)} IS NOT NULL`;
  const counts = await connection.first<{ rows: number; missing: number; extra: number; different: number }>(
    sql`/* incremental against full */ SELECT count(*) AS rows, count(*) FILTER (WHERE i.${name(first)} IS NULL) AS missing,
  count(*) FILTER (WHERE f.${name(first)} IS NULL) AS extra, count(*) FILTER (WHERE ${both} AND ${different}) AS different ${pair}`,
  );
  const wrong = (counts?.missing ?? 0) + (counts?.extra ?? 0) + (counts?.different ?? 0);
  const examples =
    wrong === 0
      ? []
      : await connection.read<{ id: string; incremental: unknown[]; full: unknown[] }>(
          sql`/* rows that differ */ SELECT ${dialect.idText(sql`coalesce(i.${name(key[key.length === 2 ? 1 : 0] as string)}, f.${name(key[key.length === 2 ? 1 : 0] as string)})`)} AS id,
  [${join(columns.map((column) => dialect.cast(sql`i.${name(column)}`, "text")))}] AS incremental, [${join(columns.map((column) => dialect.cast(sql`f.${name(column)}`, "text")))}] AS "full" ${pair}
  WHERE i.${name(first)} IS NULL OR f.${name(first)} IS NULL OR ${different} LIMIT ${examplesMax}`,
        );
  return {
    table: `${spec.schema}.${spec.table}`,
    rows: counts?.rows ?? 0,
    missing: counts?.missing ?? 0,
    extra: counts?.extra ?? 0,
    different: counts?.different ?? 0,
    examples: examples.map((row) => {
      const uneven = columns.map((column, index) => ({ column, index })).filter(({ index }) => row.incremental[index] !== row.full[index]);
      return {
        entityId: row.id,
        columns: uneven.map(({ column }) => column),
        incremental: uneven.map(({ index }) => row.incremental[index]),
        full: uneven.map(({ index }) => row.full[index]),
      };
    }),
  };
}
