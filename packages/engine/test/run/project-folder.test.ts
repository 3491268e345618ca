import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { startCollector } from "../../src/collect/collector.js";
import { openEngine, statePaths } from "../../src/engine.js";
import { checkLedger } from "../../src/observe/ledger.js";
import { sql } from "../../src/warehouse/sql.js";
import { testEnvironment } from "../support/warehouse.js";

const files: Readonly<Record<string, string>> = {
  "cambium.yml": "name: odd\n",
  "sources/web.yml": "name: web\nwrite_keys: [key]\n",
  "traits/paid.yml": "{ name: paid, entity: user, type: count, event: Paid }\n",
  "destinations/files.yml": "{ name: files, type: file, settings: { path: out, format: parquet } }\n",
  "syncs/people.yml": "{ name: people, from: { entity: user }, destination: files, mapping: { id: key, paid: paid } }\n",
};
const people = 300;

/** Engines read files by patterns: in a folder like this, each path must mean itself and nothing beside it. */
test.each(["a[1]*b", "it's {a,b} 100%", "with space; DROP TABLE x"])("a project in a folder named %s", async (folder) => {
  const parent = await mkdtemp(path.join(os.tmpdir(), "cambium-folder-"));
  const dir = path.join(parent, folder);
  const { env, close } = testEnvironment();
  try {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
      await writeFile(path.join(dir, file), text);
    }
    const { spool } = statePaths(dir);
    const collector = await startCollector({ spoolDir: spool, sources: [{ name: "web", writeKeys: ["key"] }], segmentAgeMaxMs: 20 });
    const batch = Array.from({ length: people }, (_, n) => ({ type: "track", event: "Paid", userId: `u${n}`, messageId: `m${n}` }));
    const answer = await fetch(`${collector.url}/v1/batch`, { method: "POST", body: JSON.stringify({ batch, writeKey: "key" }) });
    expect(answer.status).toBe(200);
    await collector.spool.sealNow();
    await collector.close();
    const engine = await openEngine({ dir, version: "test", env });
    try {
      await engine.settle();
      const connection = await engine.warehouse.connect();
      expect(await connection.first(sql`SELECT count(*) AS n, sum(paid) AS paid FROM growth.user_traits`)).toEqual({
        n: people,
        paid: people,
      });
      expect((await checkLedger(connection)).filter((check) => !check.ok)).toEqual([]);
      expect(await connection.read(sql`SELECT state, delivered FROM ops.sync_runs`)).toEqual([{ state: "done", delivered: people }]);
      expect((await engine.verify({})).checks.filter((check) => !check.ok)).toEqual([]);
      await connection.close();
    } finally {
      await engine.close();
    }
  } finally {
    await close();
    await rm(parent, { recursive: true, force: true });
  }
});

/** About the embedded engine, whatever the others run on. */
test("a folder that the warehouse's engine cannot live in is refused, not half used", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-what?-"));
  await writeFile(path.join(dir, "cambium.yml"), "name: odd\n");
  await expect(openEngine({ dir, version: "test", env: {} })).rejects.toMatchObject({
    code: "BAD_REQUEST",
    message: expect.stringMatching(/question mark\. Rename the folder/) as string,
  });
  await rm(dir, { recursive: true, force: true });
});
