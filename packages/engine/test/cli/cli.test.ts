import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runModels } from "../../src/model/run-models.js";
import { loadProject } from "../../src/project/load-project.js";
import { runCycle } from "../../src/run/cycle.js";
import { createTables } from "../../src/warehouse/create-tables.js";
import { openWarehouse, warehouseSettings } from "../../src/warehouse/open-warehouse.js";
import { testEnvironment } from "../support/warehouse.js";
import { type CliRun, runCli as runCliIn } from "./run-cli.js";

let dir: string;
const { env, close } = testEnvironment();
const runCli = (args: readonly string[], options: Parameters<typeof runCliIn>[1] = {}): Promise<CliRun> =>
  runCliIn(args, { env, ...options });
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-cli-"));
});
afterAll(async () => {
  await close();
  await rm(dir, { recursive: true, force: true });
});

const project = () => path.join(dir, "acme");

test("every command has help with examples, and the program says what its exit codes mean", async () => {
  const help = await runCli(["--help"]);
  expect(help.code).toBe(0);
  expect(help.out).toContain("Exit codes:");
  const listed = /Commands:\n([\s\S]*?)\n\n/.exec(help.out)?.[1] ?? "";
  const commands = [...listed.matchAll(/^ {2}([a-z]+) .*$/gm)].map((match) => match[1] ?? "").filter((name) => name !== "help");
  expect(commands).toEqual(
    expect.arrayContaining([
      "init",
      "up",
      "collect",
      "engine",
      "run",
      "status",
      "explain",
      "verify",
      "validate",
      "sync",
      "query",
      "schemas",
      "test",
      "console",
    ]),
  );
  for (const command of commands) {
    const { out, code } = await runCli([command, "--help"]);
    expect(code, command).toBe(0);
    expect(out, command).toContain("Examples:");
    expect(out, command).toContain(`cambium ${command}`);
    expect(out, command).toContain("--json");
  }
});

test("what needs a warehouse that several programs share says so of a file", async () => {
  const alone = await mkdtemp(path.join(os.tmpdir(), "cambium-alone-"));
  await writeFile(path.join(alone, "cambium.yml"), "name: alone\n");
  for (const command of ["collect", "engine"]) {
    const { err, code } = await runCliIn([command, "--project", alone]);
    expect(code, command).toBe(1);
    expect(err, command).toMatch(/one program has to itself[^]*cambium up[^]*scale-out/);
  }
  await rm(alone, { recursive: true });
});

test("an unknown command or option is exit code 2, with what was meant", async () => {
  const wrong = await runCli(["qury", "SELECT 1"]);
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain("Did you mean query?");
  const option = await runCli(["query", "SELECT 1", "--row", "3"]);
  expect(option.code).toBe(2);
  expect(option.err).toContain("--rows");
  const range = await runCli(["query", "SELECT 1", "--rows", "0"]);
  expect(range.code).toBe(2);
  expect(range.err).toContain("whole number from 1");
});

test("init writes a project that is valid, with schemas for editors", async () => {
  const made = await runCli(["init", "acme", "--timezone", "Europe/Berlin"], { cwd: dir });
  expect(made).toMatchObject({ code: 0, err: "" });
  expect(made.out).toContain("cambium up");
  const valid = await runCli(["validate"], { cwd: path.join(project(), "traits") });
  expect(valid.out).toMatch(/acme is valid: 3 entity kinds, 1 source, \d+ traits/);
  const loaded = await loadProject(project());
  expect(loaded.timezone).toBe("Europe/Berlin");
  const schemas = await readdir(path.join(project(), ".cambium/schemas"));
  expect(schemas.sort()).toEqual([
    "audience.json",
    "cambium.json",
    "destination.json",
    "score.json",
    "source.json",
    "sync.json",
    "trait.json",
  ]);
  const audience = await readFile(path.join(project(), "audiences/stuck.yml"), "utf8");
  const hint = /\$schema=(\S+)/.exec(audience)?.[1] ?? "";
  expect(path.resolve(project(), "audiences", hint)).toBe(path.join(project(), ".cambium/schemas/audience.json"));
});

test("init overwrites nothing", async () => {
  const again = await runCli(["init", "acme"], { cwd: dir });
  expect(again.code).toBe(1);
  expect(again.err).toContain("already holds cambium.yml");
  const odd = await runCli(["init", "other", "--timezone", "Mars/North"], { cwd: dir });
  expect(odd.code).toBe(3);
  expect(odd.err).toContain("There is no time zone");
  expect(await readdir(dir)).toEqual(["acme"]);
});

test("a broken project is exit code 3, for people and for machines", async () => {
  const broken = path.join(dir, "broken");
  await mkdir(path.join(broken, "audiences"), { recursive: true });
  await writeFile(path.join(broken, "cambium.yml"), "name: broken\n");
  await writeFile(path.join(broken, "audiences/a.yml"), "name: a\nentity: user\nwhere: { trait: plan, is: free }\n");
  const people = await runCli(["validate", "-p", "broken"], { cwd: dir });
  expect(people.code).toBe(3);
  expect(people.err).toContain("audiences/a.yml:3:17  where.trait");
  expect(people.err).toContain("There is no trait `plan` of user.");
  expect(people.err).not.toContain("    at ");
  const machines = await runCli(["validate", "--json", "-p", "broken"], { cwd: dir });
  expect(machines.code).toBe(3);
  expect(JSON.parse(machines.out)).toMatchObject({
    error: { code: "PROJECT_INVALID", details: { problems: [{ file: "audiences/a.yml", line: 3, column: 17, path: "where.trait" }] } },
  });
  const debug = await runCli(["validate", "--debug", "-p", "broken"], { cwd: dir });
  expect(debug.err).toContain("    at ");
  await rm(broken, { recursive: true });
  const nowhere = await runCli(["validate"], { cwd: os.tmpdir() });
  expect(nowhere.code).toBe(3);
  expect(nowhere.err).toContain("cambium init");
});

test("before anything was computed, commands say how to begin, and a sync shows what it would send", async () => {
  await runCli(["init", "young"], { cwd: dir });
  const cwd = path.join(dir, "young");
  const own = testEnvironment();
  for (const command of [["status"], ["verify"], ["explain", "user", "ada"], ["query", "SELECT 1"]]) {
    const early = await runCli(command, { cwd, env: own.env });
    expect(early.code, command[0]).toBe(1);
    expect(early.err, command[0]).toContain("no warehouse yet");
    expect(early.err, command[0]).toContain("`cambium run`");
  }
  const dry = await runCli(["sync", "stuck_workspaces", "--dry-run"], { cwd, env: own.env });
  expect(dry).toMatchObject({ code: 0, out: expect.stringContaining("would add 0, change 0 and remove 0 rows") as string });
  expect(dry.out).toContain("no request to show");
  await own.close();
  await rm(cwd, { recursive: true });
});

test("query reads the warehouse itself while nothing runs, bounded, and changes nothing", async () => {
  const none = await runCli(["query", "SELECT 1"], { cwd: project() });
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining("no warehouse yet") as string });
  const place = { file: path.join(project(), ".cambium/warehouse.duckdb"), scratchDir: path.join(dir, "scratch") };
  const warehouse = await openWarehouse(warehouseSettings({ type: "duckdb" }, place, env));
  const connection = await warehouse.connect();
  await createTables(connection, ["user", "workspace", "account"], ["workspace", "account"]);
  await writeFile(path.join(project(), "audiences/x.txt"), "");
  await mkdir(path.join(project(), "models"));
  await writeFile(path.join(project(), "models/numbers.sql"), "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v(id, name)");
  await writeFile(
    path.join(project(), "models/schema.yml"),
    "models:\n  - name: numbers\n    columns:\n      - { name: id, tests: [unique] }\n      - { name: name, tests: [not_null] }\n",
  );
  await runModels(connection, await loadProject(project()), { cycleId: 1, now: 0, previousNow: 0, fromLoad: 0, toLoad: 0 });
  await runCycle(connection, await loadProject(project()), { now: 1_772_366_400_000_000 });
  await warehouse.checkpoint();
  await connection.close();
  await warehouse.close();

  const table = await runCli(["query", "SELECT * FROM models.numbers ORDER BY id;"], { cwd: project() });
  expect(table).toMatchObject({ code: 0, out: "id  name\n──  ────\n 1  a\n 2  ·\n" });
  expect(table.err).toMatch(/^2 rows in \d/);
  const bounded = await runCli(["query", "SELECT generate_series AS n FROM generate_series(0, 49)", "--rows", "3", "--json"], {
    cwd: project(),
  });
  expect(JSON.parse(bounded.out)).toMatchObject({ rows: [{ n: 0 }, { n: 1 }, { n: 2 }], truncated: true });
  const write = await runCli(["query", "DELETE FROM raw.events"], { cwd: project() });
  expect(write.code).toBe(1);
  const wrong = await runCli(["query", "SELECT nothing FROM raw.events"], { cwd: project() });
  expect(wrong.err).toContain("nothing");
});

test("verify, status and explain open the warehouse for reading only", async () => {
  const verified = await runCli(["verify", "--json"], { cwd: project() });
  expect(JSON.parse(verified.out)).toMatchObject({ ok: true });
  expect(verified.code).toBe(0);
  expect(JSON.parse((await runCli(["status", "--json"], { cwd: project() })).out)).toMatchObject({ project: "acme" });
  const nobody = await runCli(["explain", "user", "nobody"], { cwd: project() });
  expect(nobody.code).toBe(1);
  expect(nobody.err).toContain("nobody");
});

test("names that no definition has are answered with those that were meant", async () => {
  const kind = await runCli(["explain", "workspce", "w1"], { cwd: project() });
  expect(kind).toMatchObject({ code: 1, err: expect.stringContaining("Did you mean `workspace`?") as string });
  const score = await runCli(["explain", "workspace", "w1", "--score", "activatio"], { cwd: project() });
  expect(score.err).toContain("Did you mean `activation`?");
  expect((await runCli(["up", "--port", "abc"], { cwd: project() })).code).toBe(2);
});

test("a port that is taken ends the start, with nothing of it left behind", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise<void>((resolve) => taken.once("listening", resolve));
  const port = String((taken.address() as AddressInfo).port);
  const bin = path.resolve(import.meta.dirname, "../../bin/cambium.js");
  try {
    for (const ports of [
      ["--port", port, "--collector-port", "0"],
      ["--port", "0", "--collector-port", port],
    ]) {
      const failed: unknown = await promisify(execFile)(process.execPath, [bin, "up", ...ports, "-p", project()], {
        env: { ...process.env, ...env },
      }).catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining(`Another program listens on 127.0.0.1:${port}`) as string });
    }
    // The warehouse is free again.
    expect((await runCli(["query", "SELECT 1 AS n"], { cwd: project() })).code).toBe(0);
  } finally {
    taken.close();
  }
});

test("a package.json may name the project of a repository", async () => {
  await writeFile(path.join(dir, "package.json"), JSON.stringify({ name: "x", cambium: { project: "acme" } }));
  expect((await runCli(["validate"], { cwd: dir })).out).toContain("acme is valid");
  await writeFile(path.join(dir, "package.json"), JSON.stringify({ name: "x", cambium: { project: "growth" } }));
  expect((await runCli(["validate"], { cwd: dir })).err).toContain("names the project growth");
  await rm(path.join(dir, "package.json"));
});

test("test asks the models' tests; a failing one is exit code 4", async () => {
  const run = await runCli(["test"], { cwd: project() });
  expect(run).toMatchObject({ code: 4, out: "✓ numbers.id unique\n✗ numbers.name not_null  1 failing\n1 of 2 tests hold.\n" });
});

test("while a server runs, commands talk to it; a dead one's file is not believed", async () => {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { sql: text } = JSON.parse(body) as { sql: string };
      asked.push([request.method, request.url, request.headers.authorization, text]);
      response.setHeader("content-type", "application/json");
      if (text.includes("broken")) {
        response.statusCode = 500;
        response.end(JSON.stringify({ error: { code: "WAREHOUSE_FAILED", message: "no table broken", next: "", details: {} } }));
      } else response.end(JSON.stringify({ columns: [{ name: "n", type: "integer" }], rows: [[7]], truncated: false, seconds: 0.25 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = path.join(project(), ".cambium/server.json");
  try {
    await writeFile(file, JSON.stringify({ url, token: "t0k", pid: process.pid }));
    const answer = await runCli(["query", "SELECT 7 AS n"], { cwd: project() });
    expect(answer.out).toBe("n\n─\n7\n");
    expect(asked).toEqual([["POST", "/api/query", "Bearer t0k", "SELECT 7 AS n"]]);
    const failed = await runCli(["query", "SELECT * FROM broken", "--json"], { cwd: project() });
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({ error: { code: "WAREHOUSE_FAILED", message: "no table broken" } });
    expect((await runCli(["console", "token"], { cwd: project() })).out).toBe("t0k\n");
    expect((await runCli(["console"], { cwd: project() })).out).toBe(`${url}/?token=t0k\n`);
    await writeFile(file, JSON.stringify({ url, token: "t0k", pid: 2 ** 22 + 1 }));
    expect((await runCli(["query", "SELECT 1 AS n"], { cwd: project() })).out).toBe("n\n─\n1\n");
    await writeFile(file, '{"url": "http');
    expect((await runCli(["console"], { cwd: project() })).err).toContain("cambium up");
  } finally {
    server.close();
    await rm(file, { force: true });
  }
});

test("the installed command sets the size of libuv's pool before it starts, and has the version", async () => {
  const bin = path.resolve(import.meta.dirname, "../../bin/cambium.js");
  // The pool's threads show up once more work waits than the default of four could take.
  const probe = `
    const { pbkdf2 } = require("node:crypto"); const { readdirSync } = require("node:fs");
    process.on("exit", () => {}); process.argv[2] = "--version";
    process.stdout.write = ((write) => (text, ...rest) => { globalThis.said = text; return write.call(process.stdout, text, ...rest); })(process.stdout.write);
    require(${JSON.stringify(bin)});
    setTimeout(() => { for (let i = 0; i < 32; i += 1) pbkdf2("a", "b", 50000, 64, "sha512", () => {}); setTimeout(() => process.stderr.write(String(readdirSync("/proc/self/task").length)), 30); }, 300);
  `;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["-e", probe, "x"], {
    env: { ...process.env, UV_THREADPOOL_SIZE: undefined },
  });
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  if (process.platform === "linux") expect(Number(stderr)).toBeGreaterThanOrEqual(16);
});
