import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { instantOf } from "../../src/base/instant.js";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, testClock, total, writeKey } from "./support.js";

/** The Segment HTTP API as clients use it, through a real server and a real load. */

const now = instantOf("2026-03-01T12:00:00.000Z");
const clock = testClock(now);
let bench: Bench;
beforeAll(async () => {
  bench = await collectBench({ clock: clock.now });
});
beforeEach(async () => {
  await bench.load();
  await bench.connection.run(sql`DELETE FROM raw.events`);
  await bench.connection.run(sql`DELETE FROM raw.quarantine`);
});
afterAll(() => bench.close());

const basic = { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString("base64")}` };
const track = (id: string) => ({ type: "track", event: "Sent", userId: "u1", messageId: id });

async function loaded(): Promise<Record<string, unknown>[]> {
  await bench.load();
  return bench.events();
}

test.each([
  ["/v1/track", { event: "Sent", userId: "u" }, { type: "track", event: "Sent" }],
  ["/v1/t", { event: "Sent", anonymousId: "a" }, { type: "track", event: "Sent", user_id: null, anonymous_id: "a" }],
  ["/v1/identify", { userId: "u", traits: { email: "A@Example.com" } }, { type: "identify", email: "a@example.com", event: null }],
  ["/v1/page", { userId: "u", name: "Home", category: "Docs" }, { type: "page", event: "Home", properties: '{"category":"Docs"}' }],
  ["/v1/screen", { userId: "u", name: "Home" }, { type: "screen", event: "Home" }],
  ["/v1/group", { userId: "u", groupId: "g1", traits: { a: 1 } }, { type: "group", group_id: "g1", traits: '{"a":1}' }],
  ["/v1/alias", { userId: "u", previousId: "p" }, { type: "alias", previous_id: "p" }],
  ["/api/s/track", { type: "track", event: "Sent", userId: "u" }, { type: "track", event: "Sent" }],
])("POST %s", async (path, event, expected) => {
  const answer = await bench.post(path, event, basic);
  expect([answer.status, await answer.json()]).toEqual([200, { success: true }]);
  expect(await loaded()).toMatchObject([{ source: "web", ...expected }]);
});

test.each<[string, Record<string, string>, string, unknown]>([
  ["Basic user", basic, "/v1/batch", {}],
  ["X-Write-Key with a secret", { "x-write-key": `${writeKey}:secret` }, "/v1/batch", {}],
  ["query", {}, `/v1/batch?writeKey=${writeKey}`, {}],
  ["body writeKey", {}, "/v1/batch", { writeKey }],
  ["body api_key", {}, "/v1/batch", { api_key: writeKey }],
  ["body token", {}, "/v1/batch", { token: writeKey }],
  ["unknown Basic user, known key in the body", { authorization: "Basic eDo=" }, "/v1/batch", { writeKey }],
])("write key in %s", async (_, headers, path, body) => {
  const answer = await bench.post(path, { batch: [track("k")], ...(body as object) }, headers);
  expect(answer.status).toBe(200);
  expect(await loaded()).toHaveLength(1);
});

test("write key on the first event", async () => {
  expect((await bench.post("/v1/batch", { batch: [{ ...track("k"), writeKey }] })).status).toBe(200);
  expect((await bench.post("/v1/batch", [{ ...track("l"), writeKey }])).status).toBe(200);
  expect(await loaded()).toHaveLength(2);
});

test("an unknown key is 401 and nothing is kept", async () => {
  const answer = await bench.post("/v1/batch", { batch: [track("k")], writeKey: "other" });
  expect([answer.status, await answer.json()]).toEqual([401, { error: { code: "UNAUTHORIZED", message: "unknown write key" } }]);
  expect(await loaded()).toEqual([]);
});

test.each([
  ["gzip by header", gzipSync, { "content-encoding": "gzip" }],
  ["gzip without a header", gzipSync, { "content-type": "application/x-www-form-urlencoded" }],
  ["deflate", deflateSync, { "content-encoding": "deflate" }],
  ["a header that lies", (body: Buffer) => body, { "content-encoding": "gzip" }],
])("%s", async (_, encode, headers) => {
  const body = encode(Buffer.from(JSON.stringify({ batch: [track("z")], writeKey })));
  const answer = await bench.post("/v1/batch", new Uint8Array(body), headers);
  expect(answer.status).toBe(200);
  expect(await loaded()).toHaveLength(1);
});

test("a body that is too large, as sent or when decompressed, is 413", async () => {
  const long = { batch: [track("x")], writeKey, padding: "x".repeat(10_000_000) };
  expect((await bench.post("/v1/batch", long)).status).toBe(413);
  const bomb = gzipSync(Buffer.from(JSON.stringify({ ...long, padding: "x".repeat(20_000_000) })));
  expect((await bench.post("/v1/batch", new Uint8Array(bomb))).status).toBe(413);
  expect(await loaded()).toEqual([]);
});

test.each(["", "{", "not json", '{"batch":[', "\u0000", "[1,]"])("%j is no JSON: 400", async (body) => {
  const answer = await bench.post("/v1/batch", body, basic);
  expect([answer.status, await answer.json()]).toEqual([400, { error: { code: "BAD_JSON", message: "the body is not JSON" } }]);
});

test("half a gzip is 400", async () => {
  const body = gzipSync(Buffer.from(JSON.stringify({ batch: [track("z")], writeKey }))).subarray(0, 40);
  expect((await bench.post("/v1/batch", new Uint8Array(body), basic)).status).toBe(400);
});

const nested = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);

test.each<[string, unknown]>([
  ["no_identity", { type: "track", event: "Sent" }],
  ["no_identity", { type: "identify", userId: "", anonymousId: null, traits: { email: "" } }],
  ["no_identity", { type: "alias", userId: "u" }],
  ["no_event_name", { type: "track", userId: "u" }],
  ["no_event_name", { type: "track", userId: "u", event: "" }],
  ["no_group_id", { type: "group", userId: "u" }],
  ["unknown_type", { type: "purchase", userId: "u" }],
  ["unknown_type", { userId: "u" }],
  ["wrong_type", { ...track("w"), event: 5 }],
  ["wrong_type", { ...track("w"), userId: { id: 1 } }],
  ["wrong_type", { ...track("w"), anonymousId: true }],
  ["wrong_type", { ...track("w"), messageId: ["m"] }],
  ["wrong_type", { ...track("w"), properties: "text" }],
  ["wrong_type", { ...track("w"), properties: [1] }],
  ["wrong_type", { ...track("w"), context: 7 }],
  ["too_long", { ...track("w"), userId: "x".repeat(501) }],
  ["too_long", { ...track("w"), event: "x".repeat(501) }],
  ["too_large", { ...track("w"), properties: { a: "x".repeat(1_000_001) } }],
  ["too_deep", { ...track("w"), properties: nested(64) }],
  ["nul_character", { ...track("w"), properties: { a: "b\0c" } }],
  ["nul_character", { ...track("w"), userId: "u\0" }],
  ["lone_surrogate", { ...track("w"), properties: { "\ud800": 1 } }],
  ["not_an_object", "text"],
  ["not_an_object", null],
  ["not_an_object", [track("w")]],
])("%s is accepted and goes to quarantine", async (reason, event) => {
  const answer = await bench.post("/v1/batch", { batch: [event, track("good")], writeKey });
  expect(answer.status).toBe(200);
  expect(total(await bench.load())).toEqual({ accepted: 2, stored: 1, duplicates: 0, quarantined: 1 });
  const [row] = await bench.quarantined();
  expect(row).toMatchObject({ reason, source: "web", received_at: "2026-03-01T12:00:00.000000Z" });
  expect(JSON.parse(String(row?.["body"]))).toEqual(JSON.parse(JSON.stringify(event)));
});

test("what is unusual but right is an event", async () => {
  const events = [
    { ...track("1"), type: "Track" },
    { ...track("2"), userId: 42 },
    { ...track("3"), properties: null, context: null, integrations: ["All"] },
    { ...track("4"), properties: { "a.b": 1, "": 2, __proto__: 3, 'x"y': { "'; DROP TABLE raw.events; --": "\\" } } },
    { ...track("5"), properties: nested(60) },
    { ...track("6"), event: "😀 \u2028 é", properties: { emoji: "😀" } },
    { type: "identify", messageId: "7", traits: { email: "only@example.com" } },
    { ...track("8"), properties: { n: 12345678901234567890n.toString(), big: 1e300, small: -0.000001 } },
  ];
  expect((await bench.post("/v1/batch", { batch: events, writeKey })).status).toBe(200);
  const escaped = '{"batch":[{"type":"track","userId":"u","messageId":"9","event":"\\ud83d\\ude00 \\u00e9"}],"writeKey":"test-key"}';
  expect((await bench.post("/v1/batch", escaped)).status).toBe(200);
  const rows = await loaded();
  expect(rows.map((row) => row["message_id"])).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  expect(rows[1]?.["user_id"]).toBe("42");
  expect(JSON.parse(String(rows[3]?.["properties"]))).toEqual(
    JSON.parse(JSON.stringify((events[3] as Record<string, unknown>)["properties"])),
  );
  expect(rows[5]?.["event"]).toBe("😀 \u2028 é");
  expect(rows[8]?.["event"]).toBe("😀 é");
  expect(await bench.quarantined()).toEqual([]);
});

test("a pretty-printed body, a byte order mark and broken UTF-8 are read", async () => {
  await bench.post(
    "/v1/batch",
    JSON.stringify({ batch: [track("1"), { ...track("2"), properties: { a: "x\ny" } }], writeKey }, undefined, 2),
  );
  await bench.post("/v1/track", `\ufeff${JSON.stringify({ ...track("3"), writeKey })}`);
  const broken = Buffer.concat([
    Buffer.from('{"type":"track","userId":"u","messageId":"4","writeKey":"test-key","event":"a'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('"}'),
  ]);
  expect((await bench.post("/v1/track", new Uint8Array(broken))).status).toBe(200);
  const rows = await loaded();
  expect(rows.map((row) => row["message_id"])).toEqual(["1", "2", "3", "4"]);
  expect(JSON.parse(String(rows[1]?.["properties"]))).toEqual({ a: "x\ny" });
  expect(rows[3]?.["event"]).toBe("a\ufffd\ufffd");
});

test("what a batch says holds for its events unless they say otherwise", async () => {
  await bench.post("/v1/batch", {
    writeKey,
    context: { locale: "de", app: { name: "é" }, groupId: "g0" },
    integrations: { All: false },
    batch: [track("1"), { ...track("2"), context: { locale: "fr", groupId: "g2" }, integrations: { Slack: true } }],
  });
  const rows = await loaded();
  const shown = rows.map((row) => [JSON.parse(String(row["context"])), JSON.parse(String(row["integrations"])), row["group_id"]]);
  expect(shown).toEqual([
    [{ locale: "de", app: { name: "é" }, groupId: "g0" }, { All: false }, "g0"],
    [{ locale: "fr", app: { name: "é" }, groupId: "g2" }, { All: false, Slack: true }, "g2"],
  ]);
});

test("context.direct asks for the address that the request came from", async () => {
  await bench.post("/v1/track", { ...track("1"), writeKey, context: { direct: true } });
  expect(await loaded()).toMatchObject([{ context: '{"ip":"127.0.0.1","direct":true}' }]);
});

test("times are corrected by the sending clock of the event, the batch or the header", async () => {
  const timestamp = "2026-03-05T00:00:00.000Z";
  const sentAt = "2026-03-05T00:00:10.000Z";
  await bench.post("/v1/track", { ...track("1"), writeKey, timestamp, sentAt });
  await bench.post("/v1/batch", { batch: [{ ...track("2"), timestamp }], writeKey, sentAt });
  await bench.post("/v1/batch", { batch: [{ ...track("3"), timestamp }], writeKey, sent_at: sentAt });
  await bench.post("/v1/track", { ...track("4"), writeKey, originalTimestamp: timestamp }, { sentAt });
  await bench.post("/v1/track", { ...track("5"), writeKey, timestamp });
  const rows = await loaded();
  expect(rows.map((row) => [row["timestamp"], row["original_timestamp"], row["sent_at"], row["time_flag"]])).toEqual([
    ...Array.from({ length: 4 }, () => ["2026-03-01T11:59:50.000000Z", "2026-03-05T00:00:00.000000Z", "2026-03-05T00:00:10.000000Z", null]),
    ["2026-03-01T12:00:00.000000Z", "2026-03-05T00:00:00.000000Z", null, "clamped"],
  ]);
});

test("times of any length of digits arrive as they were sent, in one batch", async () => {
  const times = [
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00.000Z",
    "1999-12-31T23:59:59.001Z",
    "2001-09-09T01:46:39.999999Z",
    "2001-09-09T01:46:40.000000Z",
    "2026-02-28T23:59:59.123456Z",
    "2026-03-01T12:00:00.000Z",
  ];
  await bench.post("/v1/batch", { batch: times.map((timestamp, index) => ({ ...track(String(index)), timestamp })), writeKey });
  const rows = await loaded();
  expect(rows.map((row) => instantOf(String(row["original_timestamp"])))).toEqual(times.map(instantOf));
  expect(rows.map((row) => instantOf(String(row["timestamp"])))).toEqual(times.map(instantOf));
});

test("events without an id get one, each its own", async () => {
  const event = { type: "track", event: "Sent", userId: "u" };
  await bench.post("/v1/batch", { batch: [event, { ...event, messageId: "" }, { ...event, messageId: null }], writeKey });
  const ids = (await loaded()).map((row) => String(row["message_id"]));
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^srv-[0-9a-f]{16}-[0-9a-f]{12}-\d+$/);
});

test("pixel: a picture, and an event", async () => {
  const data = Buffer.from(JSON.stringify({ writeKey, userId: "u", event: "Opened", messageId: "p" })).toString("base64");
  const answer = await fetch(`${bench.collector.url}/v1/pixel/track?data=${encodeURIComponent(data)}`);
  expect([answer.status, answer.headers.get("content-type"), (await answer.arrayBuffer()).byteLength]).toEqual([200, "image/gif", 42]);
  expect((await fetch(`${bench.collector.url}/v1/pixel/track?data=e30`)).status).toBe(401);
  expect((await fetch(`${bench.collector.url}/v1/pixel/track`)).status).toBe(400);
  expect(await loaded()).toMatchObject([{ type: "track", event: "Opened" }]);
});

test("beacon: key in the query, text/plain", async () => {
  const body = JSON.stringify({ batch: [track("1"), track("2")] });
  const answer = await bench.post(`/beacon/v1/batch?writeKey=${writeKey}`, body, { "content-type": "text/plain" });
  expect(answer.status).toBe(200);
  expect(await loaded()).toHaveLength(2);
});

test("browsers are let in from anywhere", async () => {
  const origin = "https://app.example.com";
  const asked = await fetch(`${bench.collector.url}/v1/t`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-headers": "authorization,rsa-retry-attempt" },
  });
  expect(asked.status).toBe(204);
  expect(Object.fromEntries(asked.headers)).toMatchObject({
    "access-control-allow-origin": origin,
    "access-control-allow-headers": "authorization,rsa-retry-attempt",
    "access-control-max-age": "86400",
    "access-control-expose-headers": "retry-after",
  });
  const sent = await bench.post("/v1/t", { ...track("1"), writeKey }, { origin });
  expect([sent.status, sent.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
});

test("settings of analytics.js and of RudderStack", async () => {
  const { url, port } = bench.collector;
  const settings = await fetch(`${url}/v1/projects/${writeKey}/settings`);
  expect(await settings.json()).toMatchObject({
    integrations: { "Segment.io": { apiKey: writeKey, apiHost: `127.0.0.1:${port}/v1`, protocol: "http" } },
    metrics: { sampleRate: 0 },
  });
  expect((await fetch(`${url}/v1/projects/other/settings`)).status).toBe(404);
  const config = await fetch(`${url}/sourceConfig/?p=npm&v=3&writeKey=${writeKey}`);
  expect(await config.json()).toMatchObject({ source: { enabled: true, config: {}, destinations: [] } });
  expect((await fetch(`${url}/sourceConfig/?writeKey=other`)).status).toBe(404);
});

test("the snippet's library is served with its key filled in", async () => {
  const answer = await fetch(`${bench.collector.url}/analytics.js/v1/${writeKey}/analytics.min.js`);
  const text = await answer.text();
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
  expect(text.length).toBeGreaterThan(50_000);
  expect(text).not.toContain("__WRITE_KEY__");
});

test("health and metrics", async () => {
  await bench.post("/v1/batch", { batch: [track("1"), {}], writeKey });
  await bench.post("/v1/batch", { batch: [track("1")], writeKey: "other" });
  const health = await fetch(`${bench.collector.url}/healthz`);
  expect(await health.json()).toMatchObject({ status: "ok", pid: process.pid, waitingBytes: 0 });
  const metrics = await (await fetch(`${bench.collector.url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1]);
  expect(value("cambium_collector_events_accepted_total")).toBeGreaterThanOrEqual(2);
  expect(value("cambium_collector_events_quarantined_total")).toBeGreaterThanOrEqual(1);
  expect(value('cambium_collector_refused_total{status="401"}')).toBeGreaterThanOrEqual(1);
  expect(value("cambium_spool_sync_seconds_count")).toBeGreaterThanOrEqual(1);
});

test("new write keys count from the moment they are known", async () => {
  const send = () => bench.post("/v1/track", { ...track("1"), writeKey: "fresh" });
  expect((await send()).status).toBe(401);
  bench.collector.replaceSources([
    { name: "web", writeKeys: [writeKey] },
    { name: "app", writeKeys: ["fresh"] },
  ]);
  expect((await send()).status).toBe(200);
  expect(await loaded()).toMatchObject([{ source: "app" }]);
});

test("unknown paths are 404", async () => {
  expect((await bench.post("/v2/track", { ...track("1"), writeKey })).status).toBe(404);
  expect((await fetch(`${bench.collector.url}/`)).status).toBe(404);
});
