import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sql } from "../../src/warehouse/sql.js";
import { type Testbed, testServer, token } from "./support.js";

/** Who gets in, from where, and what hostile text can do: nothing. */

let bed: Testbed;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-console-"));
  await mkdir(path.join(dir, "dist", "assets"), { recursive: true });
  await writeFile(path.join(dir, "dist", "index.html"), "<!doctype html><script>start()</script><p>console</p>");
  await writeFile(path.join(dir, "dist", "assets", "app-1234.js"), "export const app = 1;");
  await writeFile(path.join(dir, "dist", ".env"), "SECRET=1");
  await writeFile(path.join(dir, "secret.txt"), "outside");
  bed = await testServer({ consoleDir: path.join(dir, "dist") });
});
afterAll(async () => {
  await bed.close();
  await rm(dir, { recursive: true, force: true });
});

/** A request exactly as written: no address is tidied up, any header goes. */
function raw(
  target: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: bed.server.port, path: target, method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (body += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    request.on("error", reject);
    request.end();
  });
}

const bearer = { authorization: `Bearer ${token}` };

describe("token", () => {
  test.each(["/api/overview", "/api/stream", "/api/query", "/v1/profiles/user/u1", "/metrics", "/api/nothing"])(
    "%s needs it",
    async (target) => {
      for (const headers of [
        {},
        { authorization: "Bearer wrong" },
        { authorization: token },
        { cookie: `cambium_${bed.server.port}=wrong` },
      ]) {
        const answer = await raw(target, headers);
        expect(answer.status).toBe(401);
        expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "UNAUTHORIZED" } });
      }
    },
  );

  test("health needs none", async () => {
    expect((await raw("/healthz")).status).toBe(200);
  });

  test("metrics are Prometheus text", async () => {
    const { body } = await raw("/metrics", bearer);
    expect(body).toContain('cambium_hop_total{hop="load",unit="events"} 9');
    expect(body).toContain('cambium_ledger_difference{hop="collect"} 0');
    expect(body).toContain('cambium_audience_size{audience="payers"} 2');
  });

  test("the first visit becomes a cookie that opens the API, and leaves the address", async () => {
    const visit = await raw(`/?token=${token}`);
    expect(visit.status).toBe(303);
    expect(visit.headers.location).toBe("/");
    const cookie = visit.headers["set-cookie"]?.[0] ?? "";
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    expect((await raw("/api/project", { cookie: cookie.split(";")[0] ?? "" })).status).toBe(200);
    expect((await raw("/api/project", { cookie: `other=1; ${cookie.split(";")[0] ?? ""}` })).status).toBe(200);
  });

  test("a wrong token in the address sets nothing", async () => {
    const visit = await raw("/?token=guess");
    expect(visit.status).toBe(401);
    expect(visit.headers["set-cookie"]).toBeUndefined();
  });

  test("a redirect never leaves the host", async () => {
    const visit = await raw(`//evil.example/?token=${token}`, { accept: "text/html" });
    expect(visit.headers.location ?? "/").toBe("/");
  });
});

describe("where from", () => {
  test.each(["evil.example", "evil.example:4310", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "a b", "[::1"])(
    "the host name %j is refused",
    async (host) => {
      const answer = await raw("/api/overview", { ...bearer, host });
      expect([400, 403]).toContain(answer.status);
    },
  );

  test.each(["localhost", "localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST"])("the host name %s is ours", async (host) => {
    expect((await raw("/api/project", { ...bearer, host })).status).toBe(200);
  });

  test("another origin is refused, our own is not", async () => {
    const host = `127.0.0.1:${bed.server.port}`;
    expect((await raw("/api/syncs/payers_hook/run", { ...bearer, host, origin: "https://evil.example" }, "POST")).status).toBe(403);
    expect((await raw("/api/syncs/payers_hook/run", { ...bearer, host, origin: "null" }, "POST")).status).toBe(403);
    const own = await raw("/api/syncs/payers_hook/run", { ...bearer, host, origin: `http://${host}` }, "POST");
    expect(own.status).toBe(200);
    expect(own.headers["access-control-allow-origin"]).toBeUndefined();
  });
});

describe("files", () => {
  test("a console that is built again is served without a restart, with the policy of its own scripts", async () => {
    const file = path.join(dir, "dist", "index.html");
    const built = await readFile(file, "utf8");
    const before = await raw("/");
    await writeFile(file, "<!doctype html><script>startAgain()</script><p>another console</p>");
    const after = await raw("/");
    expect(after.body).toContain("another console");
    expect(after.headers["content-security-policy"]).toMatch(/script-src 'self' 'sha256-[^']+'/);
    expect(after.headers["content-security-policy"]).not.toBe(before.headers["content-security-policy"]);
    await rm(file);
    expect(await raw("/")).toMatchObject({ status: 200, body: expect.stringContaining("not built") as string });
    await writeFile(file, built);
    expect((await raw("/index.html")).body).toBe(built);
  });

  test("the console and its files are served; its inline script is the only one allowed", async () => {
    const page = await raw("/scores/activation", { accept: "text/html" });
    expect(page.body).toContain("console");
    expect(page.headers["content-security-policy"]).toMatch(/script-src 'self' 'sha256-[^']+'/);
    expect(page.headers["x-frame-options"]).toBe("DENY");
    const script = await raw("/assets/app-1234.js");
    expect(script.status).toBe(200);
    expect(script.headers["cache-control"]).toContain("immutable");
  });

  test.each([
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/%00",
    "/.env",
    "/assets/%2e%2e/.env",
  ])("%s gives nothing away", async (target) => {
    const answer = await raw(target);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain("outside");
    expect(answer.body).not.toContain("SECRET");
  });
});

describe("hostile text", () => {
  const hostile = [
    "'; DROP TABLE raw.events; --",
    "' OR '1'='1",
    `"; DELETE FROM growth.user_entities; --`,
    "\\'; SELECT 1; --",
    "%' UNION SELECT * FROM ops.loads --",
    "$$; DROP SCHEMA raw; $$",
    "\0",
    "\u2028\ufffd",
    "../../etc/passwd",
    "__proto__",
    "${1+1}",
    "999999999999999999999999",
    "-1",
    "🙂".repeat(200),
  ];
  const places = (text: string) => {
    const value = encodeURIComponent(text);
    return [
      ...["source", "type", "event", "user", "text", "messageId", "before"].map((field) => `/api/events?${field}=${value}`),
      `/api/quarantine?reason=${value}`,
      `/api/quarantine?before=${value}`,
      `/api/entities/${value}`,
      ...["q", "sort", "page", "audience"].map((field) => `/api/entities/user?${field}=${value}`),
      `/api/entities/user/${value}`,
      `/api/entities/${value}/u1`,
      `/api/entities/user/${value}/timeline`,
      `/api/entities/user/u1/timeline?before=${value}`,
      ...["trait", "score", "audience", "sync"].map((field) => `/api/entities/user/u1/explain?${field}=${value}`),
      `/api/scores/${value}`,
      `/api/audiences/${value}`,
      `/api/audiences/payers?q=${value}`,
      `/api/syncs/${value}`,
      ...["outcome", "reason", "key", "run"].map((field) => `/api/syncs/payers_hook?${field}=${value}`),
      `/v1/profiles/user/${value}`,
      `/v1/profiles/${value}/u1`,
      `/v1/memberships/user/${value}/payers`,
      `/v1/memberships/user/u1/${value}`,
    ];
  };

  test.each(hostile)("%j is only ever data, wherever it is put", async (text) => {
    for (const place of places(text)) {
      const response = await bed.get(place);
      expect(response.status, place).toBeLessThan(500);
      await response.arrayBuffer();
    }
    const counted = await bed.connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM raw.events`);
    expect(counted?.n).toBe(9);
  });

  test("cursors with foreign contents are refused", async () => {
    for (const forged of [[1], ["1", "x", "y"], [1, "'; DROP TABLE raw.events; --", "z"], [1.5, "2026-01-01", "a"], { a: 1 }, null]) {
      const before = Buffer.from(JSON.stringify(forged)).toString("base64url");
      expect((await bed.get(`/api/events?before=${before}`)).status).toBe(400);
      expect((await bed.get(`/api/entities/user/u1/timeline?before=${before}`)).status).toBe(400);
    }
  });

  test.each([
    ["not JSON", "{", "application/json", 400],
    ["another type", "<a/>", "text/xml", 415],
    ["too much", JSON.stringify({ sql: "x".repeat(400_000) }), "application/json", 413],
    ["a wrong type", JSON.stringify({ sql: 5 }), "application/json", 400],
    ["a forged prototype", '{"__proto__": {"sql": "SELECT 1"}}', "application/json", 400],
  ])("a body that is %s is refused", async (_what, body, type, status) => {
    const response = await bed.get("/api/query", { method: "POST", headers: { "content-type": type }, body });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code: "BAD_REQUEST" } });
  });
});
