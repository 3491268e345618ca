import type { CycleWindow } from "../base/cycle.js";
import { messageOf } from "../base/errors.js";
import { md5Hex } from "../base/hash.js";
import { instantOf, isoOf } from "../base/instant.js";
import { orderedModels } from "../project/graph.js";
import type { Model } from "../project/kinds/model.js";
import { durationOf } from "../project/kinds/words.js";
import type { Project } from "../project/project.js";
import { type Sql, join, name, render, sql } from "../warehouse/sql.js";
import { modelRuns } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type RelationType, createRelation, dropRelation, relationsIn } from "./relations.js";
import { modelQuery, modelsSchema } from "./render-model.js";

/** How often a table is built again while events come in, unless its config says otherwise. */
const refreshMicros = 5 * 60_000_000;

export interface ModelOutcome {
  readonly model: string;
  readonly state: "built" | "kept" | "failed" | "dropped";
  /** Why it failed. */
  readonly message?: string | undefined;
}

interface Built {
  readonly model: string;
  readonly fingerprint: string;
  readonly built_at: string;
  readonly to_load: number;
  readonly state: string;
}

/**
 * Brings the schema `models` to what the project says: views are replaced when their SQL or the tables they may read
 * changed, tables also when events came and their refresh is due, and what no file asks for any more is dropped. Each
 * model is a transaction of its own, so this is called outside of one; a model that fails is recorded with the engine's
 * words and stops nobody but those who read it.
 */
export async function runModels(connection: Connection, project: Project, window: CycleWindow): Promise<ModelOutcome[]> {
  await connection.run(sql`/* models live in a schema of their own */ ${connection.dialect.createSchema(modelsSchema)}`);
  const known = new Map(
    (
      await connection.read<Built>(sql`/* models built so far */ SELECT model, fingerprint, built_at, to_load, state FROM ops.model_runs`)
    ).map((row) => [row.model, row]),
  );
  const standing = await relationsIn(connection, modelsSchema);
  const surroundings = await surroundingsOf(connection, project);
  const outcomes: ModelOutcome[] = [];
  const rebuilt = new Set<string>();
  for (const model of orderedModels(project)) {
    const query = modelQuery(connection.dialect, model);
    const fingerprint = md5Hex([model.materialized, surroundings, render(query, connection.dialect.quoting)].join("\n"));
    const before = known.get(model.name);
    const isCurrent = before?.fingerprint === fingerprint && before.state === "ok" && standing.get(model.name) === model.materialized;
    if (isCurrent && !model.refs.some((ref) => rebuilt.has(ref)) && !isDue(model, before, window)) {
      outcomes.push({ model: model.name, state: "kept" });
      continue;
    }
    const outcome = await build(connection, model, fingerprint, standing.get(model.name), window);
    if (outcome.state === "built" && before?.fingerprint !== fingerprint) rebuilt.add(model.name);
    outcomes.push(outcome);
  }
  return [...outcomes, ...(await dropOthers(connection, project, standing))];
}

function isDue(model: Model, before: Built, window: CycleWindow): boolean {
  if (model.materialized === "view" || before.to_load === window.toLoad) return false;
  const every = model.refresh === undefined ? refreshMicros : durationOf(model.refresh).micros;
  return window.now - instantOf(before.built_at) >= every;
}

/** A view with `SELECT *` over a table that got a column must be made again: the engine remembers the columns it saw. */
async function surroundingsOf(connection: Connection, project: Project): Promise<string> {
  const columns = await connection.describe(sql`SELECT * FROM raw.events`);
  return md5Hex([project.fingerprint, ...columns.map((column) => `${column.name} ${column.type}`)].join("\n"));
}

async function build(
  connection: Connection,
  model: Model,
  fingerprint: string,
  before: RelationType | undefined,
  window: CycleWindow,
): Promise<ModelOutcome> {
  const record = (state: "ok" | "failed", message: string | null, rows: number | null) => ({
    model: model.name,
    materialized: model.materialized,
    fingerprint,
    built_at: isoOf(window.now),
    to_load: window.toLoad,
    state,
    rows,
    message,
  });
  try {
    await connection.transaction(async () => {
      await createRelation(connection, {
        schema: modelsSchema,
        name: model.name,
        type: model.materialized,
        query: sql`/* model ${commentOf(model.name)} */ ${await meant(connection, modelQuery(connection.dialect, model))}`,
        before,
      });
      const counted =
        model.materialized === "table"
          ? await connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ${name(modelsSchema, model.name)}`)
          : undefined;
      await replaceRecord(connection, model.name, record("ok", null, counted?.n ?? null));
    });
    return { model: model.name, state: "built" };
  } catch (thrown) {
    const message = messageOf(thrown);
    await connection.transaction(() => replaceRecord(connection, model.name, record("failed", message, null)));
    return { model: model.name, state: "failed", message };
  }
}

/** The query with its columns as the author means them. */
async function meant(connection: Connection, query: Sql): Promise<Sql> {
  const columns = await connection.describe(query);
  if (columns.every(({ type }) => type !== "boolean")) return query;
  const listed = columns.map(({ name: column, type }) =>
    type === "boolean" ? sql`${connection.dialect.authored(name(column))} AS ${name(column)}` : name(column),
  );
  return sql`SELECT ${join(listed)} FROM (${query}) AS q`;
}

async function replaceRecord(connection: Connection, model: string, row: Parameters<Connection["append"]>[1][number]): Promise<void> {
  await connection.run(connection.dialect.deleteWhere(modelRuns, sql`model = ${model}`));
  await connection.append(modelRuns, [row]);
}

async function dropOthers(connection: Connection, project: Project, standing: ReadonlyMap<string, RelationType>): Promise<ModelOutcome[]> {
  const wanted = new Set(project.models.map((model) => model.name));
  const others = [...standing].filter(([relation]) => !wanted.has(relation));
  for (const [relation, type] of others) {
    await connection.transaction(async () => {
      await dropRelation(connection, modelsSchema, relation, type);
      await connection.run(connection.dialect.deleteWhere(modelRuns, sql`model = ${relation}`));
    });
  }
  return others.map(([model]) => ({ model, state: "dropped" }));
}

/** The name as a word of a comment: names are slugs, so nothing in them ends one. */
function commentOf(model: string) {
  return { parts: [{ text: model.replace(/[^a-z0-9_]/g, "") }] };
}
