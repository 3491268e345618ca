import { test } from "vitest";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { openClickhouse } from "../../src/warehouse/clickhouse/open.js";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { name, sql, trustedSql } from "../../src/warehouse/sql.js";
import type { Connection, Warehouse } from "../../src/warehouse/warehouse.js";

export interface TestWarehouse {
  readonly warehouse: Warehouse;
  readonly connection: Connection;
  close(): Promise<void>;
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

/** Embedded and in memory, or databases of its own on the server. */
async function emptyWarehouse(): Promise<TestWarehouse> {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-test-"));
  // What few rows there are fit one vector: a second thread would only be started and stopped, at a fifth of the time.
  const prefix = `t${randomUUID().slice(0, 8)}_`;
  const warehouse = await (server === undefined
    ? openDuckdb({ file: ":memory:", scratchDir, threads: 1 })
    : openClickhouse({ url: server, prefix, scratchDir }));
  const connection = await warehouse.connect();
  return {
    warehouse,
    connection,
    async close() {
      if (server !== undefined) {
        for (const schema of ["raw", "growth", "ops", "models", "segment"])
          await connection.run(sql`DROP DATABASE IF EXISTS ${name(`${prefix}${schema}`)} SYNC`);
      }
      await connection.close();
      await warehouse.close();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}
