import { Webhook } from "standardwebhooks";
import { afterEach, expect, test } from "vitest";
import type { DeliveryContext, DestinationRow, RequestTrace } from "../../src/activate/destination.js";
import { webhookDestination } from "../../src/activate/destinations/webhook/webhook.js";
import { recordingServer } from "./support.js";

const secret = `whsec_${Buffer.from("a secret of at least twenty-four bytes").toString("base64")}`;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function contextFor(
  server: { url: string; allow: string[] },
  more: Partial<DeliveryContext> = {},
): DeliveryContext & { traces: RequestTrace[] } {
  const traces: RequestTrace[] = [];
  return {
    settings: { url: server.url, secret },
    action: "send_batch",
    mode: "upsert",
    sync: "contacts",
    now: Date.now() * 1000,
    allow: server.allow,
    dryRun: false,
    trace: (request) => void traces.push(request),
    traces,
    ...more,
  };
}

const rows = (count: number): DestinationRow[] =>
  Array.from({ length: count }, (_, index) => ({ key: `u${index}`, change: "add", fields: { n: index }, idempotencyKey: `id-${index}` }));

async function open(answer: Parameters<typeof recordingServer>[0]) {
  const server = await recordingServer(answer);
  const destination = webhookDestination();
  closers.push(
    () => destination.close?.() ?? Promise.resolve(),
    () => server.close(),
  );
  return { server, destination };
}

test("batches are signed as Standard Webhooks says", async () => {
  const { server, destination } = await open(() => ({ status: 200 }));
  expect(await destination.deliver(rows(3), contextFor(server))).toMatchObject([
    { outcome: "delivered" },
    { outcome: "delivered" },
    { outcome: "delivered" },
  ]);
  const [request] = server.received;
  const body = new Webhook(secret).verify(request?.body ?? "", request?.headers as Record<string, string>);
  expect(body).toMatchObject({
    type: "rows.changed",
    sync: "contacts",
    mode: "upsert",
    data: [{ key: "u0", change: "add", idempotency_key: "id-0", fields: { n: 0 } }, {}, {}],
  });
  expect(() => new Webhook(secret).verify(`${request?.body ?? ""} `, request?.headers as Record<string, string>)).toThrow();
});

test("single rows carry their own idempotency key as webhook-id", async () => {
  const { server, destination } = await open((request) => ({ status: request.body.includes('"n":1') ? 422 : 200, body: "no" }));
  const outcomes = await destination.deliver(rows(3), contextFor(server, { action: "send" }));
  expect(outcomes.map((outcome) => outcome.outcome)).toEqual(["delivered", "failed", "delivered"]);
  expect(server.received.map((request) => request.headers["webhook-id"]).sort()).toEqual(["id-0", "id-1", "id-2"]);
});

test("a receiver may answer per row, in order or by key", async () => {
  const { server, destination } = await open((_request, count) => {
    const inOrder = [{ status: 200 }, { status: 422, error: "no such plan" }, { status: 429, retry_after: 7 }];
    const byKey = [
      { key: "u2", status: 200 },
      { key: "u0", status: 400 },
    ];
    return { status: 200, body: JSON.stringify({ results: count === 1 ? inOrder : byKey }) };
  });
  expect(await destination.deliver(rows(3), contextFor(server))).toMatchObject([
    { outcome: "delivered" },
    { outcome: "failed", reason: "no such plan", status: 422 },
    { outcome: "retry", status: 429, retryAfterMs: 7000 },
  ]);
  expect((await destination.deliver(rows(3), contextFor(server))).map((outcome) => outcome.outcome)).toEqual([
    "failed",
    "retry",
    "delivered",
  ]);
});

test("a batch that is refused as a whole is halved until the bad row stands alone", async () => {
  const { server, destination } = await open((request) =>
    request.body.includes('"key":"u5"') ? { status: 400, body: "bad row" } : { status: 200 },
  );
  const outcomes = await destination.deliver(rows(8), contextFor(server));
  expect(outcomes.map((outcome) => outcome.outcome)).toEqual([...Array<string>(5).fill("delivered"), "failed", "delivered", "delivered"]);
  expect(server.received.length).toBe(7);
});

test("429, 500, a cut connection and silence are worth another try", async () => {
  const { server, destination } = await open((_request, count, response) => {
    if (count === 1) return { status: 429, headers: { "retry-after": "12" } };
    if (count === 2) return { status: 500, body: "oops" };
    if (count === 3) response.socket?.resetAndDestroy();
    return undefined;
  });
  const once = async (more: Partial<DeliveryContext> = {}) => (await destination.deliver(rows(1), contextFor(server, more)))[0];
  expect(await once()).toMatchObject({ outcome: "retry", status: 429, retryAfterMs: 12_000 });
  expect(await once()).toMatchObject({ outcome: "retry", status: 500, reason: "the receiver answered 500: oops" });
  expect(await once()).toMatchObject({ outcome: "retry", reason: expect.stringMatching(/ECONNRESET|closed|SOCKET/) as string });
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("stopped")), 50);
  await expect(once({ signal: controller.signal })).rejects.toThrow("stopped");
});

test("private addresses are refused unless allowed, by name, by number and after a redirect", async () => {
  const { server, destination } = await open(() => ({ status: 307, headers: { location: "http://169.254.169.254/latest/meta-data" } }));
  const refused = async (url: string, allow: string[]) => {
    const context = contextFor({ url, allow });
    await expect(destination.deliver(rows(1), context)).rejects.toMatchObject({ code: "EGRESS_DENIED" });
  };
  await refused(server.url, []);
  await refused(`http://localhost:${server.port}/`, []);
  await refused(`http://2130706433:${server.port}/`, []);
  await refused(`http://[::ffff:127.0.0.1]:${server.port}/`, []);
  await refused(`http://0.0.0.0:${server.port}/`, []);
  await refused(`http://10.1.2.3/`, server.allow);
  await refused(`http://100.100.1.1/`, server.allow);
  await refused(`http://169.254.169.254/`, server.allow);
  await refused(`http://[fd00:ec2::254]/`, server.allow);
  expect(server.received).toHaveLength(0);
  await refused(server.url, server.allow);
  expect(server.received).toHaveLength(1);
});

test("a dry run traces the exact request and sends nothing", async () => {
  const { server, destination } = await open(() => ({ status: 200 }));
  const dry = contextFor(server, { dryRun: true });
  expect(await destination.deliver(rows(2), dry)).toMatchObject([{ outcome: "skipped" }, { outcome: "skipped" }]);
  expect(server.received).toHaveLength(0);
  const wet = contextFor(server, { now: dry.now });
  await destination.deliver(rows(2), wet);
  const sent = ({ method, url, requestHeaders, requestBody }: RequestTrace) => ({ method, url, requestHeaders, requestBody });
  expect(dry.traces.map(sent)).toEqual(wet.traces.map(sent));
});

test("an endless answer is cut", async () => {
  const { server, destination } = await open((_request, _count, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(64_000)));
      if (!response.destroyed) response.once("drain", more);
    };
    response.on("error", () => undefined);
    more();
    return undefined;
  });
  expect(await destination.deliver(rows(1), contextFor(server))).toMatchObject([{ outcome: "delivered" }]);
});
