import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import type { Connection, Warehouse } from "../../src/warehouse/warehouse.js";

/** A fresh in-memory warehouse with all tables; close it when done. */
export async function testWarehouse(
  kinds: readonly string[] = ["user", "workspace", "account"],
): Promise<{ warehouse: Warehouse; connection: Connection; close(): Promise<void> }> {
  const scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-test-"));
  const warehouse = await openDuckdb({ file: ":memory:", scratchDir });
  const connection = await warehouse.connect();
  await createTables(
    connection,
    kinds,
    kinds.filter((kind) => kind !== "user"),
  );
  return {
    warehouse,
    connection,
    async close() {
      await connection.close();
      await warehouse.close();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}
