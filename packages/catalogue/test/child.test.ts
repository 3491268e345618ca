import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CambiumError } from "../src/engine.js";
import { openCatalogue } from "../src/index.js";
import { isAlive } from "./support/is-alive.js";
import { contextOf, rowOf } from "./support/context.js";
import { type LocalServer, localServer } from "./support/server.js";

/** What happens to the process never loses a row, and the process reaches only what it may. */

let server: LocalServer;
const shared = openCatalogue({ environment: {} });
beforeAll(async () => {
  server = await localServer();
});
beforeEach(() => server.respond(() => ({ body: {} })));
afterAll(async () => {
  await shared.close();
  await server[Symbol.asyncDispose]();
});

const hook = (key: string, more: Record<string, unknown> = {}) =>
  rowOf(key, { url: `${server.url}/hook`, method: "POST", "data.id": key, ...more });
const allow = () => [`127.0.0.1:${server.port}`];
const settled = async (check: () => boolean) => {
  for (let left = 200; left > 0 && !check(); left -= 1) await new Promise((resolve) => setTimeout(resolve, 10));
};

test("a call that exceeds its deadline ends with its process: rows wait, the next call has a new process", async () => {
  await using catalogue = openCatalogue({ environment: {}, callDeadlineMs: 1_500, requestTimeoutMs: 60_000 });
  const webhook = catalogue.destination("webhook");
  server.respond(() => ({ hang: true }));
  const delivery = webhook.deliver([hook("a"), hook("b")], contextOf({ action: "send", allow: allow() }));
  await settled(() => server.requests.length > 0);
  const [first = 0] = catalogue.processIds();
  expect(await delivery).toMatchObject([
    { outcome: "retry", reason: expect.stringContaining("no answer within 1500 ms") as string },
    { outcome: "retry" },
  ]);
  await settled(() => !isAlive(first));
  expect(isAlive(first)).toBe(false);
  server.respond(() => ({ body: {} }));
  // On a busy machine the new process takes longer to start than a call may: then the rows wait once more.
  await expect
    .poll(() => webhook.deliver([hook("a")], contextOf({ action: "send", allow: allow() })), { timeout: 20_000 })
    .toMatchObject([{ outcome: "delivered" }]);
  expect(catalogue.processIds()).not.toContain(first);
});

test("a process that dies in the middle of a call answers retry for its rows, and comes back by itself", async () => {
  await using catalogue = openCatalogue({ environment: {} });
  const webhook = catalogue.destination("webhook");
  let first = 0;
  server.respond(() => {
    [first = 0] = catalogue.processIds();
    process.kill(first, "SIGKILL");
    return { hang: true };
  });
  expect(await webhook.deliver([hook("a")], contextOf({ action: "send", allow: allow() }))).toMatchObject([
    { outcome: "retry", reason: expect.stringContaining("SIGKILL") as string },
  ]);
  server.respond(() => ({ body: {} }));
  expect(await webhook.deliver([hook("a")], contextOf({ action: "send", allow: allow() }))).toMatchObject([{ outcome: "delivered" }]);
  expect(isAlive(first)).toBe(false);
});

test("what was settled before the process died stays settled", async () => {
  await using catalogue = openCatalogue({ environment: {}, redirectTo: server.url });
  // Eight rows are under way at once: that eight hang says that the two others are settled and their places taken.
  const names = ["ada", "bea", ...Array.from({ length: 8 }, (_, index) => `cleo${index}`)];
  let hanging = 0;
  server.respond((request) => {
    if (!request.text.includes("cleo")) return { body: { total_count: 0, id: "1" } };
    hanging += 1;
    if (hanging === 8) setImmediate(() => process.kill(catalogue.processIds()[0] ?? 0, "SIGKILL"));
    return { hang: true };
  });
  const rows = names.map((name) => rowOf(name, { role: "user", external_id: name }));
  const outcomes = await catalogue
    .destination("intercom")
    .deliver(rows, contextOf({ action: "identifyContact", settings: { access_token: "t" } }));
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["delivered", "delivered", ...Array.from({ length: 8 }, () => "retry")]);
});

test("every request asks the rate limit, and none goes out once the call is stopped", async () => {
  await using catalogue = openCatalogue({ environment: {}, redirectTo: server.url });
  server.respond(() => ({ body: { total_count: 0, id: "1" } }));
  let passes = 0;
  const pace = () => ((passes += 1) > 4 ? Promise.reject(new Error("stopped")) : Promise.resolve());
  const rows = ["ada", "bea", "cleo", "dora"].map((name) => rowOf(name, { role: "user", external_id: name }));
  const context = contextOf({ action: "identifyContact", settings: { access_token: "t" }, pace });
  const outcomes = await catalogue.destination("intercom").deliver(rows, context);
  expect(server.requests).toHaveLength(4);
  expect(passes).toBeGreaterThan(4);
  expect(outcomes.filter(({ outcome }) => outcome === "retry").length).toBeGreaterThanOrEqual(2);
  expect(outcomes.some(({ outcome }) => outcome === "failed")).toBe(false);
});

test("a process is replaced after its number of calls, without a row noticing", async () => {
  await using catalogue = openCatalogue({ environment: {}, callsPerChildMax: 3 });
  const webhook = catalogue.destination("webhook");
  const pids = new Set<number>();
  for (let call = 0; call < 7; call += 1) {
    const outcomes = await webhook.deliver([hook(`r${call}`)], contextOf({ action: "send", allow: allow() }));
    expect(outcomes).toMatchObject([{ outcome: "delivered" }]);
    for (const pid of catalogue.processIds()) pids.add(pid);
  }
  expect(pids.size).toBe(3);
});

test("an idle process ends; close ends all", async () => {
  const catalogue = openCatalogue({ environment: {}, idleMs: 50 });
  await catalogue.destination("webhook").deliver([hook("a")], contextOf({ action: "send", allow: allow() }));
  const [pid = 0] = catalogue.processIds();
  expect(isAlive(pid)).toBe(true);
  await settled(() => !isAlive(pid));
  expect(isAlive(pid)).toBe(false);
  await catalogue.destination("webhook").deliver([hook("a")], contextOf({ action: "send", allow: allow() }));
  const [next = 0] = catalogue.processIds();
  await catalogue.close();
  expect(isAlive(next)).toBe(false);
  const afterwards = await catalogue.destination("webhook").deliver([hook("a")], contextOf({ action: "send", allow: allow() }));
  expect(afterwards).toMatchObject([{ outcome: "retry" }]);
});

test.skipIf(process.platform !== "linux")(
  "the child sees the partner secrets of its destination and nothing else of our environment",
  async () => {
    await using catalogue = openCatalogue({
      environment: { ACTIONS_FB_CAPI_SYSTEM_USER_TOKEN: "fb-partner-token", DATABASE_URL: "postgres://secret", PATH: "/nowhere" },
      redirectTo: server.url,
    });
    const context = contextOf({ action: "custom2", settings: { pixelId: "1234567890" }, mode: "append" });
    const row = rowOf("ada", {
      event_name: "Lead",
      event_time: "2026-03-01T12:00:00Z",
      action_source: "website",
      event_source_url: "https://example.com",
      "user_data.email": "ada@example.com",
    });
    expect(await catalogue.destination("facebook-conversions-api").deliver([row], context)).toMatchObject([{ outcome: "delivered" }]);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer fb-partner-token");
    expect(JSON.stringify(context.traces)).not.toContain("fb-partner-token");
    const [pid = 0] = catalogue.processIds();
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    expect(environment).toContain("ACTIONS_FB_CAPI_SYSTEM_USER_TOKEN");
    expect(environment).not.toMatch(/postgres:|PATH=|HOME=/);
  },
);

test.each([
  ["loopback", (port: number) => `http://127.0.0.1:${port}/`],
  ["loopback by name", (port: number) => `http://localhost:${port}/`],
  ["loopback as a number", (port: number) => `http://2130706433:${port}/`],
  ["loopback in IPv6 clothes", (port: number) => `http://[::ffff:127.0.0.1]:${port}/`],
  ["a private network", () => "http://10.1.2.3/"],
  ["the cloud's metadata", () => "http://169.254.169.254/latest/meta-data/"],
  ["another scheme", () => "file:///etc/passwd"],
])("egress to %s is denied unless allowed", async (_, url) => {
  const outcomes = await shared
    .destination("webhook")
    .deliver([rowOf("a", { url: url(server.port), method: "POST", "data.id": 1 })], contextOf({ action: "send" }));
  expect(outcomes[0]?.outcome).not.toBe("delivered");
  expect(server.requests).toHaveLength(0);
});

test("a redirect into a private network ends at its first hop", async () => {
  await using catalogue = openCatalogue({ environment: {} });
  server.respond((request) =>
    request.path === "/hook" ? { status: 302, headers: { location: "http://169.254.169.254/latest/" } } : { body: {} },
  );
  const outcomes = await catalogue.destination("webhook").deliver([hook("a")], contextOf({ action: "send", allow: allow() }));
  expect(outcomes).toMatchObject([{ outcome: "retry", reason: expect.stringContaining("egress denied") as string }]);
});

test("clients with a network of their own are behind the second fence", async () => {
  await using catalogue = openCatalogue({ environment: {} });
  const settings = { brokers: "127.0.0.1:9092", clientId: "c", mechanism: "plain", username: "u", password: "p", ssl_enabled: false };
  const row = rowOf("a", { topic: "t", "payload.id": 1, key: "k" });
  const outcomes = await catalogue.destination("kafka").deliver([row], contextOf({ action: "send", settings, mode: "append" }));
  expect(outcomes).toMatchObject([{ reason: expect.stringMatching(/egress denied/i) as string }]);
}, 60_000);

test("redirect_to is for this machine only", async () => {
  const catalogue = shared;
  for (const redirect_to of ["https://collector.example.com", "http://10.0.0.1", "not a url", "http://127.0.0.1.example.com"]) {
    const delivery = catalogue.destination("webhook").deliver([hook("a")], contextOf({ action: "send", settings: { redirect_to } }));
    await expect(delivery).rejects.toThrow(CambiumError);
  }
});

test("rows with different addresses do not share a batch", async () => {
  const catalogue = shared;
  const rows = [hook("a"), hook("b", { url: `${server.url}/other` }), hook("c")];
  const outcomes = await catalogue.destination("webhook").deliver(rows, contextOf({ action: "send", allow: allow() }));
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["delivered", "delivered", "delivered"]);
  expect(server.requests.map(({ path, body }) => [path, body]).sort()).toEqual([
    ["/hook", [{ id: "a" }, { id: "c" }]],
    ["/other", [{ id: "b" }]],
  ]);
});

test("values that JSON has no word for arrive as what they mean; hostile names do nothing", async () => {
  const catalogue = shared;
  const hostile = JSON.parse('{"data.__proto__.polluted": true, "data.constructor.prototype.x": 1}') as Record<string, unknown>;
  const row = hook("a", {
    "data.big": 9007199254740993n,
    "data.small": 7n,
    "data.at": new Date("2026-03-01T00:00:00Z"),
    "data.lone": "\ud800",
    ...hostile,
  });
  expect(await catalogue.destination("webhook").deliver([row], contextOf({ action: "send", allow: allow() }))).toMatchObject([
    { outcome: "delivered" },
  ]);
  expect(server.requests[0]?.body).toEqual([
    { id: "a", big: "9007199254740993", small: 7, at: "2026-03-01T00:00:00.000Z", lone: expect.any(String) as string },
  ]);
});

test("an unknown destination or action is an error that names what there is", async () => {
  const catalogue = shared;
  expect(() => catalogue.destination("hubspott")).toThrow(/did you mean "hubspot"/);
  await expect(catalogue.destination("webhook").deliver([hook("a")], contextOf({ action: "post" }))).rejects.toThrow(/it has send/);
});
