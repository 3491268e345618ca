import { readdirSync } from "node:fs";
import { readlink } from "node:fs/promises";
import os from "node:os";
import { expect, test } from "vitest";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { statementNiceness } from "../../src/warehouse/duckdb/statement-priority.js";

/** Whoever answers requests must not wait in line behind statements. Threads have priorities of their own on Linux only. */
const threads = () => readdirSync("/proc/self/task").map(Number);

test.runIf(process.platform === "linux")("statements run at a lower priority than the thread that answers", async () => {
  const before = os.getPriority(process.pid);
  const known = new Set(threads());
  const warehouse = await openDuckdb({ file: ":memory:", scratchDir: os.tmpdir(), threads: 3 });
  try {
    const started = threads().filter((thread) => !known.has(thread));
    expect(started.length).toBeGreaterThanOrEqual(2);
    const pool = await Promise.all(Array.from({ length: 32 }, () => readlink("/proc/thread-self")));
    const lowered = [...started, ...pool.map((link) => Number(link.split("/").at(-1)))];
    expect(lowered.filter((thread) => os.getPriority(thread) < statementNiceness)).toEqual([]);
    expect(os.getPriority(process.pid)).toBe(before);
  } finally {
    await warehouse.close();
  }
});
