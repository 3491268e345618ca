import { type Grain } from "../project/kinds/words.js";
import type { Project } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { facts, hourFacts, values } from "../warehouse/tables/growth.js";
import { definitions } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { overFacts } from "./aggregate-sql.js";
import { type Measure, type ScalarMeasure, columnTypeOf, isScalar, measuresOf } from "./measures.js";

/** Gives the fact tables a column for each measure that definitions ask for, and takes away those that none does. */

export function factTable(kind: string, grain: Grain): TableSpec {
  return grain === "day" ? facts(kind) : hourFacts(kind);
}

export interface MeasurePlan {
  readonly kind: string;
  readonly all: readonly Measure[];
  /** Measures that no cycle has computed before: they must be back-filled. */
  readonly fresh: readonly Measure[];
}

export async function planMeasures(connection: Connection, project: Project, kind: string): Promise<MeasurePlan> {
  const all = measuresOf(project, kind);
  const fresh: Measure[] = [];
  for (const grain of ["day", "hour"] as const) {
    const table = factTable(kind, grain);
    const wanted = all.filter((candidate): candidate is ScalarMeasure => isScalar(candidate) && candidate.grain === grain);
    fresh.push(...(await matchColumns(connection, table, wanted)));
  }
  const known = await connection.read<{ measure: string }>(
    sql`/* value measures kept so far */ SELECT DISTINCT measure FROM ${nameOf(values(kind))}
        UNION SELECT name AS measure FROM ops.definitions WHERE kind = ${valuesKind(kind)}`,
  );
  const names = new Set(known.map((row) => row.measure));
  const wantedValues = all.filter((candidate) => !isScalar(candidate));
  fresh.push(...wantedValues.filter((candidate) => !names.has(candidate.id)));
  for (const gone of [...names].filter((id) => !wantedValues.some((candidate) => candidate.id === id))) {
    await connection.run(connection.dialect.deleteWhere(values(kind), sql`measure = ${gone}`));
    await connection.run(connection.dialect.deleteWhere(definitions, sql`kind = ${valuesKind(kind)} AND name = ${gone}`));
  }
  return { kind, all, fresh };
}

/** The query that adds up rows of facts (`from`) of one subject, way and bucket. */
export function factsByBucket(dialect: Dialect, measures: readonly ScalarMeasure[], from: Sql): Sql {
  const columns = measures.map(({ id, aggregate }) => {
    const total = overFacts(dialect, aggregate.type, sql`f.${name(id)}`, undefined);
    const isCount = aggregate.type === "count" || aggregate.type === "count_numeric";
    return sql`, ${isCount ? sql`nullif(${total}, 0)` : total} AS ${name(id)}`;
  });
  return sql`SELECT f.subject_id, f.via, f.bucket${join(columns, "")} FROM ${from} GROUP BY f.subject_id, f.via, f.bucket`;
}

/** Measures of a kind that have a column in the facts of a grain. */
export function factMeasures(project: Project, kind: string, grain: Grain): ScalarMeasure[] {
  return measuresOf(project, kind).filter((each): each is ScalarMeasure => isScalar(each) && each.grain === grain);
}

/** The plan while definitions stay as they are: everything is there already. */
export function settledPlan(project: Project, kind: string): MeasurePlan {
  return { kind, all: measuresOf(project, kind), fresh: [] };
}

/** Value measures have no column whose presence says "computed": a row of `ops.definitions` does. */
export function valuesKind(kind: string): string {
  return `values_measure:${kind}`;
}

async function matchColumns(connection: Connection, table: TableSpec, wanted: readonly ScalarMeasure[]): Promise<ScalarMeasure[]> {
  const present = new Set((await connection.describe(sql`SELECT * FROM ${nameOf(table)}`)).map((column) => column.name));
  const missing = wanted.filter((candidate) => !present.has(candidate.id));
  for (const candidate of missing)
    await connection.run(connection.dialect.addColumn(table, candidate.id, columnTypeOf(candidate.aggregate)));
  const unused = [...present].filter((column) => column.startsWith("m_") && !wanted.some((candidate) => candidate.id === column));
  for (const column of unused) await connection.run(connection.dialect.dropColumn(table, column));
  return missing;
}
