import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeliveryContext, DestinationRow, RequestTrace } from "../../src/activate/destination.js";
import { fileDestination } from "../../src/activate/destinations/file/file.js";
import { fileRows } from "../../src/warehouse/duckdb/dialect.js";
import { openDuckdb } from "../../src/warehouse/duckdb/open.js";
import { sql } from "../../src/warehouse/sql.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "cambium-files-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const row = (key: string, change: DestinationRow["change"], fields: Record<string, unknown>): DestinationRow => ({
  key,
  change,
  fields,
  idempotencyKey: `${key}-${change}`,
});

function contextFor(settings: Record<string, unknown>, more: Partial<DeliveryContext> = {}): DeliveryContext {
  return {
    settings: { path: "out", ...settings },
    action: "table",
    mode: "mirror",
    sync: "people",
    now: 1_800_000_000_000_000,
    allow: [],
    dryRun: false,
    trace: () => undefined,
    ...more,
  };
}

const open = () => fileDestination({ projectDir: folder });
const first = [
  row("u1", "add", { name: 'Zoë "Z", Q', tags: ["a", "b"], plan: { name: "pro" } }),
  row("u2", "add", { name: "line\nbreak", plan: { name: null } }),
];
const second = [row("u1", "remove", {}), row("u2", "change", { name: "two", seats: 3 }), row("u3", "add", { name: "three", active: true })];

test("csv: one file with all rows, new columns included, whole at every moment", async () => {
  const destination = open();
  const context = contextFor({ format: "csv" });
  expect(await destination.deliver(first, context)).toEqual([{ outcome: "delivered" }, { outcome: "delivered" }]);
  const file = path.join(folder, "out/people.csv");
  expect(await readFile(file, "utf8")).toBe('_key,name,tags,plan.name\nu1,"Zoë ""Z"", Q","[""a"",""b""]",pro\nu2,"line\nbreak",,\n');
  await destination.deliver(second, context);
  expect(await readFile(file, "utf8")).toBe("_key,name,seats,active\nu2,two,3,\nu3,three,,true\n");
  expect(await readdir(path.join(folder, "out"))).toEqual(["people.csv"]);
});

test("jsonl keeps nesting; a batch that comes twice changes nothing", async () => {
  const destination = open();
  const context = contextFor({ format: "jsonl" });
  await destination.deliver(first, context);
  await destination.deliver(second, context);
  const before = await readFile(path.join(folder, "out/people.jsonl"), "utf8");
  await destination.deliver(second, context);
  expect(await readFile(path.join(folder, "out/people.jsonl"), "utf8")).toBe(before);
  expect(
    before
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { _key: "u2", name: "two", seats: 3 },
    { _key: "u3", name: "three", active: true },
  ]);
});

test("parquet has types", async () => {
  const destination = open();
  const context = contextFor({ format: "parquet" });
  await destination.deliver(first, context);
  await destination.deliver([...second, row("u4", "add", { name: "four", seats: 2.5 })], context);
  const file = path.join(folder, "out/people.parquet");
  // The embedded engine reads Parquet, whatever the warehouse is.
  const reader = await openDuckdb({ file: ":memory:", scratchDir: path.join(folder, "scratch"), threads: 1 });
  const connection = await reader.connect();
  const rows = fileRows(file, "parquet");
  expect(await connection.read(sql`SELECT * FROM ${rows} ORDER BY _key`)).toEqual([
    { _key: "u2", name: "two", seats: 3, active: null },
    { _key: "u3", name: "three", seats: null, active: true },
    { _key: "u4", name: "four", seats: 2.5, active: null },
  ]);
  expect(await connection.describe(sql`SELECT * FROM ${rows}`)).toEqual([
    { name: "_key", type: "text" },
    { name: "name", type: "text" },
    { name: "seats", type: "double" },
    { name: "active", type: "boolean" },
  ]);
  await connection.close();
  await reader.close();
});

test("changes: one file a batch, and the same batch again is the same file", async () => {
  const destination = open();
  const context = contextFor({ format: "jsonl" }, { action: "changes", mode: "append" });
  await destination.deliver(first, context);
  await destination.deliver(first, context);
  await destination.deliver(second, context);
  expect(await readdir(path.join(folder, "out/people"))).toHaveLength(2);
});

test("a file that cannot be read fails the rows for now, and stays as it is", async () => {
  const destination = open();
  const context = contextFor({ format: "jsonl" });
  await destination.deliver(first, context);
  const file = path.join(folder, "out/people.jsonl");
  await writeFile(file, "{broken");
  expect(await destination.deliver(second, context)).toMatchObject([{ outcome: "retry" }, { outcome: "retry" }, { outcome: "retry" }]);
  expect(await readFile(file, "utf8")).toBe("{broken");
});

test("wrong settings say what is wrong; a dry run writes nothing", async () => {
  const destination = open();
  await expect(destination.deliver(first, contextFor({ format: "xlsx" }))).rejects.toThrow("csv, jsonl or parquet");
  await expect(destination.deliver(first, contextFor({ file: "../../etc/x" }))).rejects.toThrow("without folders");
  const traces: RequestTrace[] = [];
  await destination.deliver(first, contextFor({}, { dryRun: true, trace: (trace) => void traces.push(trace) }));
  expect(traces).toMatchObject([{ method: "WRITE", url: `file://${folder}/out/people.csv` }]);
  expect(await readdir(folder)).toEqual([]);
});
