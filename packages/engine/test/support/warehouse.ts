import { test } from "vitest";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { openClickhouse } from "../../src/warehouse/clickhouse/open.js";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { type Sql, name, sql, trustedSql } from "../../src/warehouse/sql.js";
import type { TableSpec } from "../../src/warehouse/table.js";
import type { Connection, Warehouse } from "../../src/warehouse/warehouse.js";

export interface TestWarehouse {
  readonly warehouse: Warehouse;
  readonly connection: Connection;
  close(): Promise<void>;
}

/** Puts a query's rows in place of all of a table's, keys included: for tests that make up a past. */
export async function replaceRows(connection: Connection, spec: TableSpec, rows: Sql): Promise<void> {
  const { dialect } = connection;
  await connection.run(dialect.tempTable("replaced_rows", rows));
  await connection.run(dialect.deleteWhere(spec, sql`TRUE`));
  for (const statement of dialect.upsert(spec, sql`SELECT * FROM replaced_rows`)) await connection.run(statement);
}

/** Where `npm run test:engines` runs these tests on the other engine: a server's address. */
const server = process.env["CAMBIUM_TEST_SERVER"];

/** The engine that tests run on commits several statements together or not at all. */
export const hasTransactions = server === undefined;

/** A test of such an engine; on another there is none. */
export function testTransactions(title: string, body: () => Promise<void>): void {
  if (hasTransactions) test(title, body);
}

/** A fresh warehouse with all tables; close it when done. */
export async function testWarehouse(kinds: readonly string[] = ["user", "workspace", "account"]): Promise<TestWarehouse> {
  const open = await emptyWarehouse();
  await createTables(
    open.connection,
    kinds,
    kinds.filter((kind) => kind !== "user"),
  );
  return open;
}

/** Warehouses that all begin as `fill` leaves the first one: a copy costs a tenth of the cycles that filled it. */
export function testWarehouses(fill: (connection: Connection) => Promise<void>): () => Promise<TestWarehouse> {
  if (server !== undefined) {
    return async () => {
      const open = await testWarehouse();
      await fill(open.connection);
      return open;
    };
  }
  const dir = mkdtempSync(path.join(os.tmpdir(), "cambium-template-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const attach = trustedSql(`ATTACH '${path.join(dir, "filled.duckdb")}' AS template`);
  let filled: Promise<void> | undefined;
  const make = async () => {
    const { connection, close } = await testWarehouse();
    await fill(connection);
    await connection.run(attach);
    await connection.run(sql`COPY FROM DATABASE memory TO template`);
    await connection.run(sql`DETACH template`);
    await close();
  };
  return async () => {
    await (filled ??= make());
    const open = await emptyWarehouse();
    await open.connection.run(sql`${attach} (READ_ONLY)`);
    await open.connection.run(sql`COPY FROM DATABASE template TO memory`);
    await open.connection.run(sql`DETACH template`);
    return open;
  };
}

/** The environment for programs that open their project's warehouse themselves: on the engine that the tests run on. */
export function testEnvironment(): { readonly env: Record<string, string>; close(): Promise<void> } {
  if (server === undefined) return { env: {}, close: () => Promise.resolve() };
  const prefix = newPrefix();
  return {
    env: { CAMBIUM_WAREHOUSE: `${server}/${prefix}` },
    async close() {
      const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-test-"));
      const warehouse = await openClickhouse({ url: server, prefix, scratchDir });
      const connection = await warehouse.connect();
      await dropDatabases(connection, prefix);
      await connection.close();
      await warehouse.close();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}

const newPrefix = () => `t${randomUUID().slice(0, 8)}_`;

async function dropDatabases(connection: Connection, prefix: string): Promise<void> {
  for (const schema of ["raw", "growth", "ops", "models", "segment"])
    await connection.run(sql`DROP DATABASE IF EXISTS ${name(`${prefix}${schema}`)} SYNC`);
}

/** Embedded and in memory, or databases of its own on the server. */
async function emptyWarehouse(): Promise<TestWarehouse> {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-test-"));
  // What few rows there are fit one vector: a second thread would only be started and stopped, at a fifth of the time.
  const prefix = newPrefix();
  const warehouse = await (server === undefined
    ? openDuckdb({ file: ":memory:", scratchDir, threads: 1 })
    : openClickhouse({ url: server, prefix, scratchDir }));
  const connection = await warehouse.connect();
  return {
    warehouse,
    connection,
    async close() {
      if (server !== undefined) await dropDatabases(connection, prefix);
      await connection.close();
      await warehouse.close();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}
