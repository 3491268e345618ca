import { mkdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import duckdb from "@duckdb/node-api";
import { CambiumError, messageOf } from "../../base/errors.js";
import { Gate } from "../gate.js";
import { name, schemas, sql } from "../sql.js";
import type { TableSpec } from "../table.js";
import type { Warehouse } from "../warehouse.js";
import { DuckdbSession } from "./connection.js";
import { answerQuery } from "./query.js";
import { duckdbDialect } from "./dialect.js";
import { openShadow } from "./shadow.js";
import { lowerStatementPriority } from "./statement-priority.js";

export interface DuckdbSettings {
  /** The database file, or `:memory:`. */
  readonly file: string;
  readonly scratchDir: string;
  readonly threads?: number;
  /** Such as `1500MB`. */
  readonly memoryMax?: string;
  /** Nothing can be written; several processes may then read at once, but not beside one that writes. */
  readonly readOnly?: boolean;
}

/** Queries at once; `UV_THREADPOOL_SIZE` is set to more than this by the program's entry (see `gate.ts`). */
const statementsMax = 4;

/** Opens the embedded warehouse. One process at a time may: a second one gets `WAREHOUSE_LOCKED`. */
export async function openDuckdb(settings: DuckdbSettings): Promise<Warehouse> {
  // DuckDB takes what follows a question mark for options and would keep its log in another folder.
  if (settings.file.includes("?") || settings.scratchDir.includes("?")) {
    throw new CambiumError(
      "BAD_REQUEST",
      `The warehouse cannot be in ${path.dirname(settings.file)}: its path has a question mark. Rename the folder.`,
    );
  }
  await mkdir(settings.scratchDir, { recursive: true });
  if (settings.file !== ":memory:") await mkdir(path.dirname(settings.file), { recursive: true });
  await lowerStatementPriority();
  let instance: InstanceType<typeof duckdb.DuckDBInstance>;
  try {
    instance = await duckdb.DuckDBInstance.create(settings.file, {
      access_mode: settings.readOnly === true ? "READ_ONLY" : "AUTOMATIC",
      threads: String(settings.threads ?? Math.max(1, os.availableParallelism())),
      memory_limit: settings.memoryMax ?? "1200MB",
      temp_directory: path.join(settings.scratchDir, "spill"),
      // The default of 16 MB rewrites the tail row group all the time: 2-4x slower loads and stalls of seconds.
      checkpoint_threshold: "1GB",
      storage_compatibility_version: "latest",
      preserve_insertion_order: "true",
    });
  } catch (thrown) {
    throw openingFailed(settings.file, thrown);
  }
  const gate = new Gate(statementsMax);
  const connect = async () => {
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new DuckdbSession(connection, gate, settings.scratchDir);
  };
  return {
    dialect: duckdbDialect,
    scratchDir: settings.scratchDir,
    connect,
    shadow: async () => openShadow(instance, gate, settings.scratchDir),
    async query(text, limits) {
      const connection = await instance.connect();
      try {
        return await answerQuery(connection, gate, text, limits);
      } finally {
        connection.closeSync();
      }
    },
    async clear(kept) {
      const session = await connect();
      try {
        await dropEverything(session, kept);
      } finally {
        await session.close();
      }
    },
    async checkpoint() {
      const session = await instance.connect();
      try {
        await gate.pass(() => session.run("CHECKPOINT"));
      } finally {
        session.closeSync();
      }
    },
    close() {
      instance.closeSync();
      return Promise.resolve();
    },
  };
}

async function dropEverything(session: DuckdbSession, kept: TableSpec): Promise<void> {
  for (const schema of schemas) {
    const found = await session.read<{ name: string; is_view: boolean }>(
      sql`SELECT name, is_view FROM ${duckdbDialect.tablesOf(schema)} AS t`,
    );
    for (const { name: table, is_view: isView } of found) {
      if (schema === kept.schema && table === kept.table) continue;
      await session.run(sql`/* everything goes */ DROP ${isView ? sql`VIEW` : sql`TABLE`} ${name(schema, table)}`);
    }
  }
}

function openingFailed(file: string, thrown: unknown): CambiumError {
  const message = messageOf(thrown);
  if (/could not set lock/i.test(message)) {
    const holder = /PID (\d+)/.exec(message)?.[1];
    const by = holder === undefined ? "another process" : `process ${holder}`;
    return new CambiumError("WAREHOUSE_LOCKED", `The warehouse ${file} is open in ${by}.`, { cause: thrown });
  }
  if (/permission denied|read-only file system/i.test(message))
    return new CambiumError("WAREHOUSE_DENIED", `The warehouse ${file} may not be written: ${message}`, { cause: thrown });
  return new CambiumError("WAREHOUSE_FAILED", message, { cause: thrown });
}
