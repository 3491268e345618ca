import { afterAll } from "vitest";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { eraseClickhouse, openClickhouse } from "../../src/warehouse/clickhouse/open.js";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { type Sql, sql, trustedSql } from "../../src/warehouse/sql.js";
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

/** Where `npm run test:engines` runs these tests on the other engine: addresses of servers, one for each worker. */
const servers = process.env["CAMBIUM_TEST_SERVER"]?.split(" ");
const server = servers?.[Number(process.env["VITEST_POOL_ID"] ?? 0) % servers.length];

/** A fresh warehouse with all tables; close it when done. */
export async function testWarehouse(kinds?: readonly string[]): Promise<TestWarehouse> {
  const open = await emptyWarehouse();
  await createTestTables(open.connection, kinds);
  return open;
}

async function createTestTables(connection: Connection, kinds: readonly string[] = ["user", "workspace", "account"]): Promise<void> {
  await createTables(
    connection,
    kinds,
    kinds.filter((kind) => kind !== "user"),
  );
}

/** Warehouses that all begin as `fill` leaves the first one: a copy costs a tenth of the cycles that filled it. */
export function testWarehouses(fill: (connection: Connection) => Promise<void>): () => Promise<TestWarehouse> {
  if (server !== undefined) return clonedWarehouses(server, fill);
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

function clonedWarehouses(url: string, fill: (connection: Connection) => Promise<void>): () => Promise<TestWarehouse> {
  const template = newPrefix();
  let filled: Promise<void> | undefined;
  afterAll(async () => {
    await filled;
    await eraseClickhouse({ url, prefix: template, scratchDir: os.tmpdir() });
  });
  const make = async () => {
    const { connection, end } = await emptyWarehouse(template);
    await createTestTables(connection);
    await fill(connection);
    await end();
  };
  return async () => {
    await (filled ??= make());
    const prefix = newPrefix();
    for (const schema of ["raw", "growth", "ops"]) {
      await runOn(url, `CREATE DATABASE ${prefix}${schema}`);
      for (const table of (await runOn(url, `SHOW TABLES FROM ${template}${schema} FORMAT TSV`)).split("\n").filter((line) => line !== ""))
        await runOn(url, `CREATE TABLE ${prefix}${schema}.${table} CLONE AS ${template}${schema}.${table}`);
    }
    return emptyWarehouse(prefix);
  };
}

/** The environment for programs that open their project's warehouse themselves: on the engine that the tests run on. */
export function testEnvironment(): { readonly env: Record<string, string>; close(): Promise<void> } {
  if (server === undefined) return { env: {}, close: () => Promise.resolve() };
  const prefix = newPrefix();
  return {
    env: { CAMBIUM_WAREHOUSE: `${server}/${prefix}` },
    close: () => eraseClickhouse({ url: server, prefix, scratchDir: os.tmpdir() }),
  };
}

const newPrefix = () => `t${randomUUID().slice(0, 8)}_`;

/** A statement by nobody in particular, whose answer is text. */
async function runOn(url: string, statement: string): Promise<string> {
  const response = await fetch(url, { method: "POST", body: statement });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/** Embedded and in memory, or databases of its own on the server; without tables, unless the prefix has some. */
async function emptyWarehouse(prefix = newPrefix()): Promise<TestWarehouse & { end(): Promise<void> }> {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-test-"));
  // What few rows there are fit one vector: a second thread would only be started and stopped, at a fifth of the time.
  const warehouse = await (server === undefined
    ? openDuckdb({ file: ":memory:", scratchDir, threads: 1 })
    : openClickhouse({ url: server, prefix, scratchDir }));
  const connection = await warehouse.connect();
  /** Closes it and leaves what it holds. */
  const end = async () => {
    await connection.close();
    await warehouse.close();
    await rm(scratchDir, { recursive: true, force: true });
  };
  return {
    warehouse,
    connection,
    end,
    async close() {
      await end();
      if (server !== undefined) await eraseClickhouse({ url: server, prefix, scratchDir: os.tmpdir() });
    },
  };
}
