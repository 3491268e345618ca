import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, total, writeKey } from "./support.js";

/** Whatever is sent, there is a clear answer, nothing falls over, and every accepted event is accounted for. */

let bench: Bench;
beforeAll(async () => {
  bench = await collectBench({ segmentAgeMaxMs: 100_000 });
});
afterAll(() => bench.close());

const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString("base64")}`;

const hostileText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "\0",
    "\ud800",
    "'; DROP TABLE raw.events; --",
    '"',
    "\\",
    "$.a",
    "*",
    "/",
    "~",
    "",
    "null",
    "\u2028",
    "{{x}}",
    "%00",
    "](x)",
  ),
);
const hostileValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    hostileText,
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(hostileText, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const key = fc.constantFrom(
  "type",
  "event",
  "userId",
  "anonymousId",
  "messageId",
  "groupId",
  "previousId",
  "properties",
  "traits",
  "context",
  "integrations",
  "timestamp",
  "sentAt",
  "originalTimestamp",
  "name",
  "category",
  "distinct_id",
  "batch",
  "writeKey",
);
const type = fc.constantFrom("track", "identify", "page", "screen", "group", "alias");
const almostEvent = fc
  .tuple(type, fc.dictionary(key, hostileValue, { maxKeys: 6, noNullPrototype: true }), fc.boolean())
  .map(([call, fields, whole]) => (whole ? { type: call, userId: "u", event: "Sent", groupId: "g", previousId: "p", ...fields } : fields));

test("batches of anything: 200, and accepted = stored + duplicates + quarantined", async () => {
  let sent = 0;
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 4, arbitrary: almostEvent }, { weight: 1, arbitrary: hostileValue }), { maxLength: 8 }),
      fc.option(fc.dictionary(key, hostileValue, { maxKeys: 2, noNullPrototype: true })),
      fc.boolean(),
      async (batch, context, zipped) => {
        const text = JSON.stringify({ ...(context !== null && { context, integrations: context }), batch });
        const body = zipped ? new Uint8Array(gzipSync(text)) : text;
        const answer = await bench.post("/v1/batch", body, { authorization });
        expect(answer.status).toBe(200);
        sent += batch.length;
      },
    ),
    { numRuns: 300 },
  );
  const loaded = total(await bench.load());
  accepted += loaded.accepted;
  expect(accepted).toBe(sent);
  expect(loaded.stored + loaded.duplicates + loaded.quarantined).toBe(sent);
  expect(loaded.stored).toBeGreaterThan(50);
  expect(loaded.quarantined).toBeGreaterThan(50);
  const counted = await bench.connection.first(
    sql`SELECT (SELECT count(*) FROM raw.events) AS events, (SELECT count(*) FROM raw.quarantine) AS quarantined,
      (SELECT count(*) FROM raw.quarantine WHERE reason IN ('bad_json', 'bad_checksum')) AS unexpected`,
  );
  // What the collector let through as an event, the warehouse could read.
  expect(counted).toMatchObject({ events: loaded.stored, quarantined: loaded.quarantined });
});

test("bodies of any bytes: 200, 400 or 413, and the next request is served", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.constantFrom("", "gzip", "deflate", "br"), async (bytes, encoding) => {
      const answer = await bench.post("/v1/batch", bytes, { authorization, "content-encoding": encoding });
      expect([200, 400, 413]).toContain(answer.status);
    }),
    { numRuns: 300 },
  );
  expect((await fetch(`${bench.collector.url}/healthz`)).status).toBe(200);
});

test.each([
  ["a list ten thousand deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
  ["objects a hundred thousand deep", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
  [
    "a deep event in a batch",
    `{"batch":[{"type":"track","event":"e","userId":"u","properties":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}]}`,
  ],
  ["twenty thousand empty objects", `{"batch":[${"{},".repeat(19_999)}{}]}`],
  ["one key of a million characters", `{"batch":[{"${"k".repeat(1_000_000)}":1}]}`],
])("%s is answered", async (_, body) => {
  const answer = await bench.post("/v1/batch", body, { authorization });
  expect(answer.status).toBe(200);
  const loaded = total(await bench.load());
  expect(loaded.quarantined).toBe(loaded.accepted);
  expect(loaded.accepted).toBeGreaterThan(0);
});

test("a million events in one request are too many", async () => {
  const answer = await bench.post("/v1/batch", `{"batch":[${"{},".repeat(999_999)}{}]}`, { authorization });
  expect(answer.status).toBe(413);
});

test("clients that break off, lie about lengths or speak no HTTP harm nobody", async () => {
  const { port } = bench.collector;
  const pieces = [
    "POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
    "POST /v1/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "nonsense\r\n\r\n",
    "POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n",
    "GET /%00%ff?writeKey=%E0%A4%A HTTP/1.1\r\nhost: x\r\n\r\n",
  ];
  for (const piece of pieces) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(piece));
      socket.on("data", () => socket.destroy());
      socket.on("error", () => undefined);
      socket.on("close", () => resolve());
      setTimeout(() => socket.destroy(), 100);
    });
  }
  const answer = await bench.post("/v1/track", { type: "track", event: "Sent", userId: "u", writeKey });
  expect(answer.status).toBe(200);
});
