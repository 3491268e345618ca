import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import type { DuckDBInstance } from "@duckdb/node-api";
import type { Gate } from "../gate.js";
import { type Sql, name, sql } from "../sql.js";
import { type TableSpec, nameOf } from "../table.js";
import { rawTables } from "../tables/raw.js";
import type { Connection } from "../warehouse.js";
import { DuckdbSession } from "./connection.js";

/** A second database file attached to the same instance, made the session's default, with views on the main one's raw tables. */
export async function openShadow(
  instance: DuckDBInstance,
  gate: Gate,
  scratchDir: string,
): Promise<{ connection: Connection; mainTable(spec: TableSpec): Sql; close(): Promise<void> }> {
  const native = await instance.connect();
  await native.run("SET TimeZone = 'UTC'");
  const session = new DuckdbSession(native, gate, scratchDir);
  const shadow = `shadow_${randomUUID().replaceAll("-", "")}`;
  const file = path.join(scratchDir, `${shadow}.duckdb`);
  const main = (await session.first<{ main: string }>(sql`SELECT current_database() AS main`))?.main ?? "main";
  const mainTable = (spec: TableSpec): Sql => sql`${name(main)}.${nameOf(spec)}`;
  // Said outright: the main database may be open for reading only.
  await session.run(sql`ATTACH ${file} AS ${name(shadow)} (READ_WRITE)`);
  await session.run(sql`USE ${name(shadow)}`);
  await session.run(sql`CREATE SCHEMA raw`);
  for (const spec of rawTables) await session.run(sql`CREATE VIEW ${nameOf(spec)} AS SELECT * FROM ${mainTable(spec)}`);
  return {
    connection: session,
    mainTable,
    async close() {
      await session.run(sql`USE ${name(main)}`);
      await session.run(sql`DETACH ${name(shadow)}`);
      await session.close();
      await rm(file, { force: true });
      await rm(`${file}.wal`, { force: true });
    },
  };
}
