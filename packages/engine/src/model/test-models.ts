import { messageOf } from "../base/errors.js";
import type { Model, ModelTest } from "../project/kinds/model.js";
import type { Project } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql, trustedSql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { modelsSchema } from "./render-model.js";

export interface ModelTestResult {
  readonly model: string;
  readonly column: string;
  readonly type: ModelTest["type"];
  readonly severity: ModelTest["severity"];
  /** Rows (for `unique`: values) that break the rule; undefined where the question itself failed. */
  readonly failing?: number | undefined;
  readonly message?: string | undefined;
}

/** Asks every test of every model; reads only. */
export async function testModels(connection: Connection, project: Project): Promise<ModelTestResult[]> {
  const results: ModelTestResult[] = [];
  for (const model of project.models) {
    for (const test of model.tests ?? []) {
      const about = { model: model.name, column: test.column, type: test.type, severity: test.severity };
      try {
        const row = await connection.first<{ failing: number }>(modelTestQuery(connection.dialect, model, test));
        results.push({ ...about, failing: row?.failing ?? 0 });
      } catch (thrown) {
        results.push({ ...about, failing: undefined, message: messageOf(thrown) });
      }
    }
  }
  return results;
}

/** One row, one column `failing`: how much breaks the rule. Null breaks `not_null` only, as in dbt. */
export function modelTestQuery(dialect: Dialect, model: Model, test: ModelTest): Sql {
  const column = name(test.column);
  const rows = sql`(SELECT * FROM ${name(modelsSchema, model.name)}${test.where === undefined ? sql`` : sql` WHERE ${trustedSql(test.where)}`}) AS m`;
  const what = trustedSql(`/* test ${test.type} of ${model.name} */ `);
  switch (test.type) {
    case "unique":
      return sql`${what}SELECT count(*) AS failing FROM (SELECT ${column} FROM ${rows} WHERE ${column} IS NOT NULL GROUP BY ${column} HAVING count(*) > 1) AS repeated`;
    case "not_null":
      return sql`${what}SELECT count(*) AS failing FROM ${rows} WHERE ${column} IS NULL`;
    case "accepted_values": {
      const values = join((test.values ?? []).map((value) => sql`${String(value)}`));
      return sql`${what}SELECT count(*) AS failing FROM ${rows} WHERE ${column} IS NOT NULL AND ${dialect.cast(column, "text")} NOT IN (${values})`;
    }
    case "relationships": {
      const parent = sql`SELECT ${name(test.field ?? "id")} FROM ${name(modelsSchema, test.to ?? "")} WHERE ${name(test.field ?? "id")} IS NOT NULL`;
      return sql`${what}SELECT count(*) AS failing FROM ${rows} WHERE ${column} IS NOT NULL AND ${column} NOT IN (${parent})`;
    }
    default:
      return test.type satisfies never;
  }
}
