import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { packageFolder } from "../src/package-folder.js";
import { isAlive } from "./support/is-alive.js";
import { localServer } from "./support/server.js";

test("when its parent is killed, the child ends by itself, even in the middle of a call", async () => {
  await using server = await localServer(() => ({ hang: true }));
  mkdirSync(join(packageFolder(), "dist"), { recursive: true });
  const folder = mkdtempSync(join(packageFolder(), "dist", "orphan-"));
  try {
    const script = join(folder, "parent.mjs");
    const contents = `
      import { openCatalogue } from "../../src/index.ts";
      const catalogue = openCatalogue({ environment: {}, redirectTo: process.argv[2] });
      setInterval(() => process.send(catalogue.processIds()), 20);
      const context = { action: "createUpdatePerson", settings: { siteId: "s", apiKey: "k" }, mode: "upsert", sync: "s", now: 0, allow: [], dryRun: false, trace() {} };
      await catalogue.destination("customerio").deliver([{ key: "a", change: "add", fields: { id: "a" }, idempotencyKey: "i" }], context);
    `;
    await build({
      stdin: { contents, resolveDir: folder, loader: "ts" },
      outfile: script,
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
    });
    const parent = fork(script, [server.url], { execArgv: [] });
    const gone = new Promise((resolve) => parent.once("exit", resolve));
    const child = await new Promise<number>((resolve) => {
      parent.on("message", (pids: number[]) => {
        if (pids[0] !== undefined && server.requests.length > 0) resolve(pids[0]);
      });
    });
    expect(isAlive(child)).toBe(true);
    parent.kill("SIGKILL");
    await gone;
    for (let left = 300; left > 0 && isAlive(child); left -= 1) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(isAlive(child)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
