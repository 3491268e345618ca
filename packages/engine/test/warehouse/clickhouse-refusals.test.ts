import http from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openClickhouse } from "../../src/warehouse/clickhouse/open.js";
import { sql } from "../../src/warehouse/sql.js";
import { freePort } from "../support/free-port.js";

/** A server that refuses, as the real one words it: what a person is told, and what to do next. */

interface Refusal {
  readonly code: number;
  readonly status: number;
  readonly message: string;
}

let scratchDir: string;
let server: http.Server | undefined;
beforeAll(async () => {
  scratchDir = await mkdtemp(path.join(os.tmpdir(), "cambium-refusals-"));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});
afterAll(() => rm(scratchDir, { recursive: true, force: true }));

/** Says its version, then refuses every other statement. */
async function serverThat({
  version = "26.7.2.1",
  refusal,
  always,
}: {
  version?: string;
  refusal?: Refusal;
  always?: Refusal;
}): Promise<string> {
  server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const asksVersion = Buffer.concat(chunks).toString().startsWith("SELECT version()");
      const refused = always ?? (asksVersion ? undefined : refusal);
      if (refused === undefined) return void response.end(asksVersion ? `${JSON.stringify({ version })}\n` : "");
      response.writeHead(refused.status, { "x-clickhouse-exception-code": String(refused.code) });
      response.end(`Code: ${refused.code}. DB::Exception: ${refused.message}`);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open = (url: string, readOnly = false) =>
  openClickhouse({ url, user: "cambium", password: "wrong", prefix: "shop_", scratchDir, readOnly });

test("no server: its address, and how to name another", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  await expect(open(url)).rejects.toMatchObject({
    code: "WAREHOUSE_UNREACHABLE",
    message: expect.stringContaining(`${url} cannot be reached: connect ECONNREFUSED`) as string,
    next: expect.stringContaining("warehouse.url") as string,
  });
});

test("a wrong password: the variable that it is read from, and never the password", async () => {
  const message = "cambium: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)";
  const url = await serverThat({ always: { code: 516, status: 403, message } });
  const refused = await open(url).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({
    code: "WAREHOUSE_AUTH",
    message: expect.stringMatching(/refuses the user cambium.*CAMBIUM_CLICKHOUSE_PASSWORD/) as string,
    next: expect.stringContaining("warehouse.user") as string,
  });
  expect(String(refused)).not.toContain("wrong");
});

test("a right that the user lacks: which", async () => {
  const message =
    "cambium: Not enough privileges. To execute this query, it's necessary to have the grant CREATE DATABASE ON shop_raw.*. (ACCESS_DENIED)";
  const url = await serverThat({ refusal: { code: 497, status: 403, message } });
  await expect(open(url)).rejects.toMatchObject({
    code: "WAREHOUSE_DENIED",
    message: expect.stringMatching(/The user cambium may not do this .*CREATE DATABASE ON shop_raw/) as string,
  });
});

test.each(["24.8.4.13", "26.2.9.1"])("version %s: too old, and from which on it is not", async (version) => {
  await expect(open(await serverThat({ version }))).rejects.toMatchObject({
    code: "WAREHOUSE_OUTDATED",
    message: expect.stringMatching(/is too old: it is version .* Cambium needs 26\.3 or newer/) as string,
  });
});

test("another program that listens there", async () => {
  const url = await serverThat({ always: { code: 0, status: 404, message: "<html>Not Found</html>" } });
  await expect(open(url)).rejects.toMatchObject({ code: expect.stringMatching(/^WAREHOUSE_(UNREACHABLE|FAILED)$/) as string });
  await expect(open(await serverThat({ version: "nginx" }))).rejects.toMatchObject({
    code: "WAREHOUSE_UNREACHABLE",
    message: expect.stringContaining("is no ClickHouse server") as string,
  });
});

test("a server that goes away later is told like one that was never there", async () => {
  const url = await serverThat({});
  const warehouse = await open(url, true);
  const connection = await warehouse.connect();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
  await expect(connection.read(sql`SELECT 1 AS one`)).rejects.toMatchObject({ code: "WAREHOUSE_UNREACHABLE" });
  await warehouse.close();
});
