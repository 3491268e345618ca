import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startCollector } from "../../src/collect/collector.js";
import { runningFile } from "../../src/collect/collector-file.js";
import { runCli } from "./run-cli.js";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-import-"));
  await mkdir(path.join(dir, "sources"));
  await writeFile(path.join(dir, "cambium.yml"), "name: shop\nentities: { user: {} }\n");
  await writeFile(path.join(dir, "sources/web.yml"), "name: web\nwrite_keys: [web-key]\n");
  await writeFile(
    path.join(dir, "events.jsonl.gz"),
    gzipSync(['{"who":"a","did":"Bought"}', '{"who":"b","did":"Bought"}', "oops"].join("\n")),
  );
  await writeFile(path.join(dir, "m.yml"), "messages: [{ type: track, userId: $.who, event: $.did }]\n");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it("fills the project's spool when no collector runs, and answers 'no' when rows were rejected", async () => {
  const run = await runCli(["import", "--mapping", "m.yml", "events.jsonl.gz"], { cwd: dir });
  expect(run.out).toContain("2 messages of 3 rows were accepted.");
  expect(run.out).toContain("events.jsonl.gz:3  not JSON");
  expect(run.out).toContain("cambium run");
  expect(run.code).not.toBe(0);
  const [node] = (await readdir(path.join(dir, ".cambium/spool"), { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const files = await readdir(path.join(dir, ".cambium/spool", node!.name));
  expect(files.some((file) => file.endsWith(".ndjson"))).toBe(true);
});

it("uses the collector that runs, and says all in JSON", async () => {
  const spoolDir = path.join(dir, ".cambium/spool");
  const collector = await startCollector({ spoolDir, sources: [{ name: "web", writeKeys: ["web-key"] }] });
  const { url, port, spool } = collector;
  await writeFile(runningFile(spoolDir), JSON.stringify({ pid: process.pid, url, port, node: spool.node, settings: "" }));
  const run = await runCli(["import", "-m", "m.yml", "events.jsonl.gz", "--json"], { cwd: dir });
  expect(JSON.parse(run.out)).toMatchObject({ files: 1, rows: 3, messages: 2, sent: 2, rejected: 1 });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/accepted[a-z_]*(\{[^}]*\})? 2\b/);
  await collector.close();
});

it.each([
  [["import", "none.jsonl"], /there is no file/],
  [["import", "--mapping", "no.yml", "events.jsonl.gz"], /There is no mapping file/],
  [["import", "--format", "xml", "events.jsonl.gz"], /There is no format xml/],
  [["import", "--source", "app", "events.jsonl.gz"], /There is no enabled source app; there are: web/],
])("%j says what is wrong", async (args, message) => {
  const run = await runCli(args, { cwd: dir });
  expect(run.err).toMatch(message);
  expect(run.code).not.toBe(0);
});
