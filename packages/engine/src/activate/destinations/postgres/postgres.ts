import { randomUUID } from "node:crypto";
import type pg from "pg";
import { CambiumError } from "../../../base/errors.js";
import type { DeliveryContext, Destination, DestinationRow, RowOutcome } from "../../destination.js";
import { turns } from "../../../base/turns.js";
import { failureOf, outcomeOf } from "./failure.js";
import { addressOf, pools } from "./pools.js";
import { postgresSpec } from "./spec.js";
import { type Target, addColumnText, columnsOf, createTableText, deleteText, tableOf, typeOf, upsertText } from "./statements.js";

/**
 * Rows of a sync as rows of a table: inserted, updated by a unique key, deleted when they left. A batch is one
 * transaction; when Postgres refuses it, it is halved until the rows that are to blame stand alone. Writing the same row
 * twice changes nothing, so a try that is repeated does no harm.
 */
export function postgresDestination(): Destination {
  const open = pools();
  const known = new Map<string, Set<string>>();
  const inTurn = turns();

  /** Table, unique key and columns exist, or are made where the settings allow it. */
  const ensure = (pool: pg.Pool, target: Target, rows: readonly Record<string, unknown>[], context: DeliveryContext) =>
    inTurn(async () => {
      const place = `${addressOf(context)} ${tableOf(target)}`;
      const columns = namesOf(rows);
      const have = known.get(place) ?? (await columnsInTable(pool, target));
      const missing = have.size === 0 ? columns : columns.filter((column) => !have.has(column));
      if (missing.length > 0 && context.settings["create"] === false) {
        throw new CambiumError("PROJECT_INVALID", `${tableOf(target)} has no column ${missing.join(", ")}, and settings.create is false`);
      }
      for (const text of definitions(target, have, missing, rows, context)) await pool.query(text);
      known.set(place, new Set([...have, ...columns]));
    });

  return {
    spec: postgresSpec,
    async verify(context) {
      const target = targetOf(context);
      try {
        await (await open.of(context)).query(`SELECT to_regclass($1)`, [tableOf(target)]);
      } catch (thrown) {
        if (thrown instanceof CambiumError) throw thrown;
        const failure = failureOf(thrown);
        throw new CambiumError(failure.type === "passing" ? "DESTINATION_UNAVAILABLE" : "DESTINATION_AUTH", failure.reason, {
          cause: thrown,
        });
      }
    },
    async deliver(rows, context) {
      const target = targetOf(context);
      if (context.dryRun) return dry(rows, target, context);
      await context.pace?.();
      try {
        const pool = await open.of(context);
        await ensure(
          pool,
          target,
          rows.filter((row) => row.change !== "remove").map((row) => columnsOf(row, target)),
          context,
        );
        return await write(pool, rows, target, context);
      } catch (thrown) {
        const outcome = outcomeOf(failureOf(thrown));
        return rows.map(() => outcome);
      }
    },
    close: () => open.close(),
  };
}

function targetOf(context: DeliveryContext): Target {
  const {
    schema = "public",
    table = context.sync,
    key_column: keyColumn = context.keyField?.replaceAll(".", "_") ?? "_key",
  } = context.settings;
  if (typeof schema !== "string" || typeof table !== "string" || typeof keyColumn !== "string") {
    throw new CambiumError("PROJECT_INVALID", "schema, table and key_column of a postgres destination are names");
  }
  return { schema, table, keyColumn };
}

async function write(pool: pg.Pool, rows: readonly DestinationRow[], target: Target, context: DeliveryContext): Promise<RowOutcome[]> {
  const requestId = randomUUID();
  const started = performance.now();
  const statements = statementsOf(rows, target, context.mode);
  const trace = (more: { status?: number; error?: string }) =>
    context.trace({
      requestId,
      method: "SQL",
      url: addressOf(context),
      requestHeaders: {},
      requestBody: shown(statements),
      millis: performance.now() - started,
      ...more,
    });
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    for (const { text, values } of statements) await client.query(text, [values]);
    await client.query("COMMIT");
    trace({ status: 200 });
    return rows.map(() => ({ outcome: "delivered", status: 200, requestId }));
  } catch (thrown) {
    const failure = failureOf(thrown);
    trace({ error: failure.reason });
    if (failure.type === "passing") broken = new Error(failure.reason);
    else await client.query("ROLLBACK");
    if (failure.type !== "rows") throw thrown;
    if (rows.length === 1) return [{ outcome: "failed", reason: failure.reason, requestId }];
  } finally {
    client.release(broken);
  }
  const middle = Math.ceil(rows.length / 2);
  const first = await write(pool, rows.slice(0, middle), target, context);
  return [...first, ...(await write(pool, rows.slice(middle), target, context))];
}

/** Rows with the same columns go together: a column that one row lacks must not become null in it. */
function statementsOf(rows: readonly DestinationRow[], target: Target, mode: string): { text: string; values: string }[] {
  const groups = new Map<string, Record<string, unknown>[]>();
  for (const row of rows.filter((one) => one.change !== "remove")) {
    const columns = columnsOf(row, target);
    const shape = JSON.stringify(Object.keys(columns));
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, [columns]);
    else group.push(columns);
  }
  const upserts = [...groups].map(([shape, group]) => ({
    text: upsertText(target, JSON.parse(shape) as string[], mode),
    values: JSON.stringify(group),
  }));
  const left = rows
    .filter((row) => row.change === "remove")
    .map((row) => ({ [target.keyColumn]: columnsOf(row, target)[target.keyColumn] }));
  return left.length === 0 ? upserts : [...upserts, { text: deleteText(target), values: JSON.stringify(left) }];
}

function* definitions(
  target: Target,
  have: ReadonlySet<string>,
  missing: readonly string[],
  rows: readonly Record<string, unknown>[],
  context: DeliveryContext,
) {
  const type = (column: string) =>
    typeOf(
      context.fieldTypes?.[column],
      rows.map((row) => row[column]),
    );
  if (have.size === 0) yield createTableText(target, type(target.keyColumn));
  for (const column of missing) if (column !== target.keyColumn) yield addColumnText(target, column, type(column));
}

async function columnsInTable(pool: pg.Pool, target: Target): Promise<Set<string>> {
  const { rows } = await pool.query<{ name: string }>(
    "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2",
    [target.schema, target.table],
  );
  return new Set(rows.map((row) => row.name));
}

function namesOf(rows: readonly Record<string, unknown>[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

function shown(statements: readonly { text: string; values: string }[]): string {
  return statements.map(({ text, values }) => `${text};\n-- $1 = ${values}`).join("\n");
}

function dry(rows: readonly DestinationRow[], target: Target, context: DeliveryContext): RowOutcome[] {
  context.trace({
    requestId: randomUUID(),
    method: "SQL",
    url: addressOf(context),
    requestHeaders: {},
    requestBody: shown(statementsOf(rows, target, context.mode)),
    millis: 0,
  });
  return rows.map(() => ({ outcome: "skipped", reason: "dry run" }));
}
