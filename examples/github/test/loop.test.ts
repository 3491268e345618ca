import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCollector } from "../../../packages/engine/src/collect/collector.js";
import { importFiles } from "../../../packages/engine/src/collect/import-files.js";
import { importMapping } from "../../../packages/engine/src/collect/import-mapping.js";
import { sendBatches } from "../../../packages/engine/src/collect/send-batches.js";
import { type Engine, openEngine } from "../../../packages/engine/src/engine.js";
import { sql } from "../../../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../../../packages/engine/src/warehouse/warehouse.js";
import { type Receiver, startReceiver } from "../../receiver/receiver.js";

const example = path.resolve(import.meta.dirname, "..");
const folder = process.env["CAMBIUM_GHARCHIVE"] ?? path.resolve(example, "../../../shared/data/gharchive");
const found = existsSync(folder);
if (!found) console.warn(`\n*** NOT CHECKED: the loop on real GitHub events. There is no ${folder}; set CAMBIUM_GHARCHIVE.\n`);

let dir = "";
let receiver: Receiver | undefined;
let engine: Engine | undefined;
let connection: Connection;

beforeAll(async () => {
  if (!found) return;
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-github-"));
  await cp(example, dir, { recursive: true, filter: (file) => !/\.cambium|test|deliveries/.test(path.relative(example, file)) });
  receiver = await startReceiver();
  const definitions = path.join(dir, "destinations/destinations.yml");
  await writeFile(definitions, (await readFile(definitions, "utf8")).replaceAll("127.0.0.1:4320", receiver.host));
  const sources = [{ name: "archive", writeKeys: ["github-archive"] }];
  const collector = await startCollector({ spoolDir: path.join(dir, ".cambium/spool"), sources });
  const files = (await readdir(folder)).filter((file) => file.endsWith(".json.gz")).sort();
  await importFiles({
    files: files.map((file) => path.join(folder, file)),
    mapping: importMapping(await readFile(path.join(dir, "imports/gharchive.yml"), "utf8"), "gharchive.yml"),
    send: (messages) => sendBatches(messages, { url: collector.url, writeKey: "github-archive", path: "/v1/import" }),
  });
  await collector.close();
  engine = await openEngine({
    dir,
    version: "test",
    onError: (where, thrown) => {
      throw new Error(`${where}: ${String(thrown)}`);
    },
  });
  await engine.settle();
  connection = await engine.warehouse.connect();
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await engine?.close();
  await receiver?.close();
  if (dir !== "") await rm(dir, { recursive: true, force: true });
});

describe.runIf(found)("the loop on two hours of real GitHub events", () => {
  const number = async (text: ReturnType<typeof sql>) => Number((await connection.first<{ n: number }>(text))?.n);

  it("keeps every event, person and repository", async () => {
    expect(await number(sql`SELECT count(*) AS n FROM raw.events WHERE type = 'track'`)).toBe(15_129);
    expect(await number(sql`SELECT count(*) AS n FROM raw.quarantine`)).toBe(0);
    expect(await number(sql`SELECT count(*) AS n FROM growth.user_entities`)).toBe(6_208);
    expect(await number(sql`SELECT count(*) AS n FROM growth.workspace_entities`)).toBe(7_112);
    expect(await number(sql`SELECT count(*) AS n FROM growth.workspace_entities WHERE parent_id IS NULL`)).toBe(0);
    expect(await number(sql`SELECT min(epoch_ms(timestamp)) AS n FROM raw.events`)).toBe(Date.UTC(2015, 0, 1));
  });

  it("counts the same on every level", async () => {
    for (const kind of ["user", "workspace", "account"] as const) {
      const table = { parts: [{ text: `growth.${kind}_traits` }] };
      const row = await connection.first<Record<string, number>>(
        sql`SELECT CAST(sum(events) AS BIGINT) AS events, CAST(sum(pushes) AS BIGINT) AS pushes, CAST(sum(stars) AS BIGINT) AS stars, CAST(sum(forks) AS BIGINT) AS forks FROM ${table}`,
      );
      const counts = Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)]));
      expect({ kind, ...counts }).toEqual({ kind, events: 15_129, pushes: 8_430, stars: 1_291, forks: 435 });
    }
  });

  it("scores everybody, fills audiences and delivers them", async () => {
    expect(await number(sql`SELECT count(*) AS n FROM growth.score_contributor WHERE value BETWEEN 0 AND 100`)).toBe(6_208);
    const sizes = await connection.read<{ audience: string; n: number }>(
      sql`SELECT audience, count(*) AS n FROM growth.audience_members GROUP BY audience ORDER BY audience`,
    );
    expect(sizes.map((row) => row.audience)).toEqual(
      engine
        ?.project()
        .audiences.map((audience) => audience.name)
        .sort(),
    );
    const runs = await connection.read<{ sync: string; failed: number; delivered: number; state: string }>(
      sql`SELECT sync, failed, delivered, state FROM ops.sync_runs`,
    );
    expect(runs.length).toBe(3);
    expect(runs.filter((run) => run.failed > 0 || run.delivered === 0 || run.state !== "done")).toEqual([]);
  });
});
