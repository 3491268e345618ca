import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { importFiles, type ImportSummary } from "../../../packages/engine/src/collect/import-files.js";
import { importMapping } from "../../../packages/engine/src/collect/import-mapping.js";
import { loadProject } from "../../../packages/engine/src/project/load-project.js";

const example = path.resolve(import.meta.dirname, "..");
const root = path.resolve(example, "../..");
const folder = process.env["CAMBIUM_GHARCHIVE"] ?? path.resolve(root, "../shared/data/gharchive");
const found = existsSync(folder);
if (!found) {
  console.warn(`\n*** NOT CHECKED: the GitHub example on real events. There is no ${folder}; set CAMBIUM_GHARCHIVE to a folder with`);
  console.warn("*** 2015-01-01-0.json.gz and 2015-01-01-1.json.gz of https://www.gharchive.org to run it.\n");
}

interface Message {
  readonly type: string;
  readonly messageId: string;
  readonly timestamp: string;
  readonly userId: string;
  readonly groupId?: string;
  readonly event?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly traits: Readonly<Record<string, unknown>>;
}

async function importAll(files: readonly string[]): Promise<{ messages: Message[]; summary: ImportSummary }> {
  const yaml = await readFile(path.join(example, "imports/gharchive.yml"), "utf8");
  const messages: Message[] = [];
  const summary = await importFiles({
    files,
    mapping: importMapping(yaml, "gharchive.yml"),
    async send(texts) {
      for await (const text of texts) messages.push(JSON.parse(text) as Message);
      return { messages: messages.length, requests: 1, retries: 0, bytes: 0 };
    },
  });
  return { messages, summary };
}

it("the github project loads", async () => {
  const project = await loadProject(example);
  expect(project.entities.map((entity) => entity.title)).toEqual(["Person", "Repository", "Owner"]);
  expect(project.scores.length).toBe(3);
  expect(project.syncs.length).toBe(3);
});

describe.runIf(found)("two hours of real GitHub events", () => {
  let messages: Message[] = [];
  let summary: ImportSummary;
  const tracks = () => messages.filter((message) => message.type === "track");
  const distinct = (values: readonly unknown[]) => new Set(values).size;

  beforeAll(async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith(".json.gz")).sort();
    ({ messages, summary } = await importAll(files.map((file) => path.join(folder, file))));
  });

  it("every event becomes one message, none is rejected", () => {
    expect({ rows: summary.rows, rejected: summary.rejected, skipped: summary.skipped }).toEqual({ rows: 15_129, rejected: 0, skipped: 0 });
    expect(tracks().length).toBe(15_129);
    expect(distinct(messages.map((message) => message.messageId))).toBe(messages.length);
  });

  it("people, repositories and kinds of events are those that the data is known to have", () => {
    expect(distinct(tracks().map((message) => message.userId))).toBe(6_208);
    expect(distinct(tracks().map((message) => message.properties["repository_id"]))).toBe(7_112);
    expect(messages.filter((message) => message.type === "identify").length).toBe(6_208);
    expect(messages.filter((message) => message.traits?.["group_type"] === "repository").length).toBe(7_112);
    const counts: Record<string, number> = {};
    for (const { event = "" } of tracks()) counts[event] = (counts[event] ?? 0) + 1;
    expect(counts).toMatchObject({
      "Commits Pushed": 8_430,
      "Ref Created": 1_542,
      "Issue Commented": 1_301,
      "Repository Starred": 1_291,
      "Issue Changed": 703,
      "Pull Request Changed": 608,
      "Repository Forked": 435,
    });
  });

  it("events keep the order of the files, which is that of time but for a few seconds here and there", () => {
    const times = tracks().map((message) => Date.parse(message.timestamp));
    expect(times.filter((time, index) => time < (times[index - 1] ?? 0) - 10_000)).toEqual([]);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(2 * 3_600_000);
  });

  it("nothing that people wrote and no address leaves the mapping", () => {
    const text = JSON.stringify(messages);
    expect(text).not.toMatch(/[a-z0-9._-]+@[a-z0-9-]+\.(com|org|net)/i);
  });
});
