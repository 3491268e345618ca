import { CambiumError, messageOf } from "../base/errors.js";
import type { Model } from "../project/kinds/model.js";
import { renderSqlTemplate } from "../project/sql-template.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, name, render, trustedSql } from "../warehouse/sql.js";

/** Schema of the project's own views and tables; `segment` beside it has Segment's layout. */
export const modelsSchema = "models";

/** The SELECT of a model, with `ref` and `source` as the engine's quoted names. */
export function modelQuery(dialect: Dialect, model: Model): Sql {
  const quoted = (path: Sql) => render(path, dialect.quoting);
  try {
    const { sql } = renderSqlTemplate(model.sql, {
      ref: (ref) => quoted(name(modelsSchema, ref)),
      source: (schema, table) => quoted(name(schema, table)),
    });
    return trustedSql(sql.replace(/;\s*$/, ""));
  } catch (cause) {
    throw new CambiumError("PROJECT_INVALID", `model ${model.name}: ${messageOf(cause)}`, { cause });
  }
}
