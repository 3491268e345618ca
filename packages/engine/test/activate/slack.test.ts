import { afterEach, expect, test } from "vitest";
import type { DeliveryContext, DestinationRow } from "../../src/activate/destination.js";
import { slackDestination } from "../../src/activate/destinations/slack/slack.js";
import type { PacerTime } from "../../src/activate/pacer.js";
import { recordingServer } from "./support.js";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function fakeTime(): PacerTime & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    nowMs: () => now,
    sleep(millis) {
      slept.push(millis);
      now += millis;
      return Promise.resolve();
    },
  };
}

async function open(answer: Parameters<typeof recordingServer>[0]) {
  const server = await recordingServer(answer);
  const time = fakeTime();
  const destination = slackDestination(time);
  closers.push(
    () => destination.close?.() ?? Promise.resolve(),
    () => server.close(),
  );
  const context = (settings: Record<string, unknown>, more: Partial<DeliveryContext> = {}): DeliveryContext => ({
    settings,
    action: "post_message",
    mode: "append",
    sync: "alerts",
    now: 1_800_000_000_000_000,
    allow: server.allow,
    dryRun: false,
    trace: () => undefined,
    ...more,
  });
  return { server, destination, time, context };
}

const message = (key: string, fields: Record<string, unknown>): DestinationRow => ({ key, change: "add", fields, idempotencyKey: key });

test("an incoming webhook gets one message a second, in order", async () => {
  const { server, destination, time, context } = await open(() => ({ body: "ok" }));
  const rows = ["one", "two", "three"].map((text) => message(text, { text }));
  const outcomes = await destination.deliver(rows, context({ webhook_url: server.url }));
  expect(outcomes.map((outcome) => outcome.outcome)).toEqual(["delivered", "delivered", "delivered"]);
  expect(server.received.map((request) => (JSON.parse(request.body) as { text: string }).text)).toEqual(["one", "two", "three"]);
  expect(time.slept).toEqual([1000, 1000]);
});

test("a bot token posts to channels, each at its own pace", async () => {
  const { server, destination, time, context } = await open(() => ({ body: '{"ok":true}' }));
  const settings = { bot_token: "xoxb-1", channel: "C1", api_url: `http://127.0.0.1:${server.port}/api` };
  await destination.deliver(
    [message("a", { text: "a" }), message("b", { text: "b", channel: "C2", blocks: '[{"type":"divider"}]' })],
    context(settings),
  );
  expect(time.slept).toEqual([]);
  expect(server.received[0]).toMatchObject({ path: "/api/chat.postMessage", headers: { authorization: "Bearer xoxb-1" } });
  expect(server.received.map((request) => JSON.parse(request.body) as unknown)).toEqual([
    { channel: "C1", text: "a" },
    { channel: "C2", text: "b", blocks: [{ type: "divider" }] },
  ]);
});

test("a pause that Slack asks for holds the rest of the channel, and nobody else", async () => {
  const { server, destination, context } = await open((_request, count) =>
    count === 1 ? { status: 429, headers: { "retry-after": "30" }, body: '{"ok":false,"error":"ratelimited"}' } : { body: '{"ok":true}' },
  );
  const settings = { bot_token: "xoxb-1", channel: "C1", api_url: `http://127.0.0.1:${server.port}/api` };
  const rows = [message("a", { text: "a" }), message("b", { text: "b" }), message("c", { text: "c", channel: "C2" })];
  expect(await destination.deliver(rows, context(settings))).toMatchObject([
    { outcome: "retry", status: 429, retryAfterMs: 30_000 },
    { outcome: "retry", reason: expect.stringContaining("waits behind") as string },
    { outcome: "delivered" },
  ]);
  expect(server.received).toHaveLength(2);
});

test("what Slack refuses is told apart: the row, the token, or just now", async () => {
  const errors = ["channel_not_found", "invalid_auth", "internal_error"];
  const { server, destination, context } = await open((_request, count) => ({
    body: JSON.stringify({ ok: false, error: errors[count - 1] }),
  }));
  const settings = { bot_token: "xoxb-1", api_url: `http://127.0.0.1:${server.port}/api` };
  const rows = ["C1", "C2", "C3"].map((channel) => message(channel, { text: "x", channel }));
  expect(await destination.deliver([...rows, message("d", { text: "" }), message("e", { text: "x" })], context(settings))).toMatchObject([
    { outcome: "failed", reason: "Slack answered 200: channel_not_found", status: 200 },
    { outcome: "failed", status: 401 },
    { outcome: "retry" },
    { outcome: "failed", reason: "a message needs text" },
    { outcome: "failed", reason: expect.stringContaining("needs settings.channel") as string },
  ]);
});
