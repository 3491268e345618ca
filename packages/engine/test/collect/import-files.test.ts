import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importFiles } from "../../src/collect/import-files.js";
import { importMapping, segmentMapping, type ImportMapping } from "../../src/collect/import-mapping.js";
import { readRows, type ImportFormat } from "../../src/collect/import-rows.js";

let dir = "";
beforeAll(async () => (dir = await mkdtemp(path.join(os.tmpdir(), "cambium-import-"))));
afterAll(() => rm(dir, { recursive: true, force: true }));

async function fileOf(name: string, content: string): Promise<string> {
  const file = path.join(dir, name);
  await writeFile(file, name.endsWith(".gz") ? gzipSync(content) : content);
  return file;
}

async function rowsOf(name: string, content: string, format: ImportFormat) {
  const rows: unknown[] = [];
  for await (const read of readRows(await fileOf(name, content), format, () => undefined)) rows.push("row" in read ? read.row : "problem");
  return rows;
}

async function run(files: readonly string[], mapping: ImportMapping, format?: ImportFormat) {
  const sent: unknown[] = [];
  const summary = await importFiles({
    files,
    mapping,
    ...(format === undefined ? {} : { format }),
    async send(messages) {
      for await (const message of messages) sent.push(JSON.parse(message));
      return { messages: sent.length, requests: 1, retries: 0, bytes: 0 };
    },
  });
  return { sent, summary };
}

describe("rows of files", () => {
  const rows = [
    { a: 1, text: 'brackets ]}[{ and "quotes" \\ in text' },
    { a: 2, nested: { list: [1, [2]] } },
  ];
  const shapes: [string, string, ImportFormat][] = [
    ["lines", rows.map((row) => JSON.stringify(row)).join("\n"), "jsonl"],
    ["lines with Windows ends and blanks", `${rows.map((row) => JSON.stringify(row)).join("\r\n\r\n")}\r\n`, "jsonl"],
    ["one array", JSON.stringify(rows), "json"],
    ["one pretty array", JSON.stringify(rows, undefined, 2), "json"],
    ["objects one after the other", rows.map((row) => JSON.stringify(row)).join("\n"), "json"],
  ];
  it.each(shapes)("%s", async (_name, content, format) => {
    expect(await rowsOf("plain", content, format)).toEqual(rows);
    expect(await rowsOf("packed.gz", content, format)).toEqual(rows);
  });

  it("CSV with nested columns, quotes and empty cells", async () => {
    const csv = 'type,userId,properties.plan,properties.note\ntrack,u1,free,"a, ""b"""\ntrack,u2,,x\n';
    expect(await rowsOf("rows.csv", csv, "csv")).toEqual([
      { type: "track", userId: "u1", properties: { plan: "free", note: 'a, "b"' } },
      { type: "track", userId: "u2", properties: { note: "x" } },
    ]);
  });

  it("a column named __proto__ is a column", async () => {
    const [row] = (await rowsOf("proto.csv", "__proto__.polluted,a\nyes,1\n", "csv")) as [Record<string, unknown>];
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(row)).toEqual(["__proto__", "a"]);
  });

  it("multi-byte characters across chunk borders stay whole", async () => {
    const text = "ü漢🌳".repeat(60_000);
    expect(await rowsOf("wide", `${JSON.stringify({ text })}\n${JSON.stringify({ text })}`, "jsonl")).toEqual([{ text }, { text }]);
  });

  it("what is no object is a problem, and the rest goes on", async () => {
    expect(await rowsOf("bad", '{"a":1}\nnonsense\n[1]\n{"a":2}', "jsonl")).toEqual([{ a: 1 }, "problem", "problem", { a: 2 }]);
    expect(await rowsOf("bad", '[1, {"a":1}, "x"]', "json")).toEqual(["problem", { a: 1 }, "problem"]);
  });
});

describe("mappings", () => {
  const mapping = (yaml: string) => importMapping(yaml, "test.yml");

  it("takes paths, constants, templates, maps, splits, lists and the first that is there", () => {
    const compiled = mapping(`
messages:
  - type: track
    messageId: { template: "row-{$.id}" }
    userId: $.who
    event: { path: $.kind, map: { P: Pushed }, default: Other }
    properties:
      owner: { first: [$.org, { path: $.repo, split: "/", take: 0 }] }
      constant: yes
      tags: { path: $.tags, each: $.name }
      many: { path: $.tags, as: length }
      deep: { inner: $.a.b.0.c }
      absent: $.nothing.here
`);
    const row = { id: 7, who: 12, kind: "P", repo: "acme/app", tags: [{ name: "x" }, { name: "y" }], a: { b: [{ c: true }] } };
    expect(compiled.messagesOf(row)).toEqual([
      {
        type: "track",
        messageId: "row-7",
        userId: "12",
        event: "Pushed",
        properties: { owner: "acme", constant: "yes", tags: ["x", "y"], many: 2, deep: { inner: true } },
      },
    ]);
    expect(compiled.messagesOf({ ...row, kind: "?", org: "big" })[0]).toMatchObject({ event: "Other", properties: { owner: "big" } });
  });

  it("makes a message only when its conditions hold, and once per value", () => {
    const compiled = mapping(`
messages:
  - { type: identify, once: $.who, userId: $.who, traits: { name: $.name } }
  - { type: track, when: [{ path: $.kind, in: [a, b] }, { path: $.ok, is: true }], userId: $.who, event: $.kind }
`);
    const row = { who: "u", name: "U", kind: "a", ok: true };
    expect(compiled.messagesOf(row).map((message) => message["type"])).toEqual(["identify", "track"]);
    expect(compiled.messagesOf(row).map((message) => message["type"])).toEqual(["track"]);
    expect(compiled.messagesOf({ ...row, kind: "c" })).toEqual([]);
  });

  it.each([
    ["messages: []", /messages/],
    ["messages: [{ type: tracking }]", /messages\.0\.type/],
    ["messages: [{ type: track, evnt: x }]", /evnt/],
    ["a: [", /not YAML/],
  ])("%s is refused with the place", (yaml, message) => expect(() => mapping(yaml)).toThrow(message));
});

describe("an import", () => {
  it("counts rows, messages, skipped and rejected, and shows the first problems with their line", async () => {
    const file = await fileOf("some.jsonl", '{"kind":"a","who":"u"}\nbroken\n{"kind":"a"}\n{"kind":"other","who":"u"}\n');
    const compiled = importMapping("messages: [{ type: track, when: { path: $.kind, is: a }, userId: $.who, event: Seen }]", "m.yml");
    const { sent, summary } = await run([file], compiled);
    expect(sent).toEqual([{ type: "track", userId: "u", event: "Seen" }]);
    expect(summary).toMatchObject({ files: 1, rows: 4, messages: 1, sent: 1, skipped: 1, rejected: 2 });
    expect(summary.problems.map(({ line }) => line)).toEqual([2, 3]);
  });

  it("takes Segment messages as they are, from several files", async () => {
    const one = await fileOf("one.ndjson.gz", '{"type":"track","event":"A","userId":"u","messageId":"m1"}\n');
    const two = await fileOf("two.csv", "type,event,userId,properties.amount\ntrack,B,v,3\n,,,x\n");
    const { sent, summary } = await run([one, two], segmentMapping);
    expect(sent).toEqual([
      { type: "track", event: "A", userId: "u", messageId: "m1" },
      { type: "track", event: "B", userId: "v", properties: { amount: "3" } },
    ]);
    expect(summary.rejected).toBe(1);
  });

  it("says what is wrong with a file that is missing or has no known name", async () => {
    await expect(run([path.join(dir, "none.jsonl")], segmentMapping)).rejects.toThrow(/there is no file/);
    await expect(run([await fileOf("what.txt", "")], segmentMapping)).rejects.toThrow(/--format/);
    const broken = await fileOf("broken.jsonl", "");
    await writeFile(broken, gzipSync('{"type":"track"}\n'.repeat(2_000)).subarray(0, 40));
    await expect(run([broken], segmentMapping)).rejects.toThrow(/unexpected end of file/);
  });
});
