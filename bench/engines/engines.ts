import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { openClickhouse } from "../../packages/engine/src/warehouse/clickhouse/open.js";
import { openDuckdb } from "../../packages/engine/src/warehouse/duckdb/open.js";
import type { Warehouse } from "../../packages/engine/src/warehouse/warehouse.js";

/** The engines that a bench finds on this machine. */
export interface Engine {
  readonly title: string;
  open(scratchDir: string): Promise<Warehouse>;
  stop(): void;
}

const bridge = "test-engines/bridge.mjs";

/**
 * The embedded one, and ClickHouse: the server of `CAMBIUM_BENCH_CLICKHOUSE`, or the real engine in a process of its own
 * behind a bridge, which takes one statement at a time. Undefined where neither is there.
 */
export async function engines(dir: string): Promise<{ duckdb: Engine; clickhouse: Engine | undefined }> {
  return {
    duckdb: {
      title: "DuckDB",
      open: (scratchDir) => openDuckdb({ file: path.join(scratchDir, "bench.duckdb"), scratchDir, memoryMax: "4GB" }),
      stop: () => undefined,
    },
    clickhouse: await clickhouse(dir),
  };
}

async function clickhouse(dir: string): Promise<Engine | undefined> {
  const named = process.env["CAMBIUM_BENCH_CLICKHOUSE"];
  const prefix = `bench_${process.pid}_`;
  if (named !== undefined)
    return {
      title: `ClickHouse (${named})`,
      open: (scratchDir) => openClickhouse({ url: named, prefix, scratchDir }),
      stop: () => undefined,
    };
  if (!existsSync("test-engines/node_modules/chdb")) return undefined;
  const child = spawn(process.execPath, [bridge, "--attached", "--data", path.join(dir, "clickhouse")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: dir },
  });
  const url = await listening(child);
  return {
    title: "ClickHouse (in process, behind the bridge)",
    open: (scratchDir) => openClickhouse({ url, prefix, scratchDir }),
    stop: () => void child.kill(),
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      const found = /listening (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`${bridge} ended with ${String(code)} before it listened`)));
  });
}
