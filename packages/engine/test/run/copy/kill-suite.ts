import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openWarehouse, warehouseNamed } from "../../../src/warehouse/open-warehouse.js";
import { seeded } from "../../support/seeded.js";
import { within } from "../../support/within.js";
import { deliver, fill, worldFolder } from "./world.js";

/** Rounds of `kill -9` at moments that a seed chooses: CAMBIUM_FAULT_ROUNDS=40 for more. */
const rounds = Number(process.env["CAMBIUM_FAULT_ROUNDS"] ?? 8);
const people = 1_000;
const bin = fileURLToPath(new URL("../../../bin/cambium.js", import.meta.url));

/** The command itself, killed again and again while it copies to a warehouse that is named as people do. */
export function killSuite(title: string, target: (dir: string) => string): void {
  test(`${title}: killed in ${rounds} rounds, the copy ends whole, and syncs go on as they would have`, async () => {
    const random = seeded(20_260_401);
    const dir = await worldFolder();
    const place = { file: path.join(dir, ".cambium/warehouse.duckdb"), scratchDir: path.join(dir, "scratch") };
    const to = target(dir);
    const opened = async (name: string) => {
      const warehouse = await openWarehouse(warehouseNamed(name, { type: "duckdb" }, place, {}));
      const connection = await warehouse.connect();
      return { connection, close: () => connection.close().then(() => warehouse.close()) };
    };
    const source = await opened("duckdb");
    await fill(source.connection, people);
    await source.close();
    const start = (args: readonly string[], env: Record<string, string> = {}) =>
      spawn(process.execPath, [bin, ...args, "-p", dir], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });

    const began = performance.now();
    expect(await outcome(start(["warehouse", "copy", "--to", to]))).toMatchObject({ code: 0 });
    const wholeMs = performance.now() - began;
    // What is whole is begun anew, so that each round has something to interrupt.
    let isWhole = true;
    let kills = 0;
    const copy = () => start(["warehouse", "copy", "--to", to, ...(isWhole ? ["--replace"] : [])]);
    for (let round = 0; round < rounds; round += 1) {
      const child = copy();
      const timer = setTimeout(() => child.kill("SIGKILL"), (0.1 + 0.6 * random()) * wholeMs);
      const { code, err } = await outcome(child);
      clearTimeout(timer);
      // Killed before it began to replace, or after it had ended: then what is there is whole.
      isWhole = code === 0 || err.includes("It is not empty");
      expect({ code, err: code === null || isWhole ? "" : err }).toEqual({ code, err: "" });
      if (code === null) kills += 1;
    }
    expect(kills).toBeGreaterThan(0);
    const last = await outcome(copy());
    expect(last.code === 0 || last.err.includes("It is not empty")).toBe(true);
    const verified = await outcome(start(["verify", "--json"], { CAMBIUM_WAREHOUSE: to }));
    expect({ ...verified, out: verified.code === 0 ? "" : verified.out }).toMatchObject({ code: 0, out: "" });
    const [here, there] = [await opened("duckdb"), await opened(to)];
    expect(await deliver(there.connection, 5)).toEqual(await deliver(here.connection, 5));
    await here.close();
    await there.close();
    await rm(dir, { recursive: true, force: true });
  });
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  await within(300, "the command to end", once(child, "close"));
  return { code: child.exitCode, out, err };
}
