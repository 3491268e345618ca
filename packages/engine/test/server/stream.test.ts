import { afterEach, beforeEach, expect, test } from "vitest";
import { type StreamMessage, streamMessage } from "../../src/server/contract.js";
import { type Testbed, noon, testServer } from "./support.js";

/** Whoever listens hears of each load, cycle and run, in the contract's words. */

let bed: Testbed;
beforeEach(async () => {
  bed = await testServer();
});
afterEach(() => bed.close());

/** Messages as they come; ends with the connection. */
async function* listen(signal: AbortSignal): AsyncGenerator<StreamMessage> {
  const response = await bed.get("/api/stream", { signal });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of response.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true });
    let end = text.indexOf("\n\n");
    while (end >= 0) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      end = text.indexOf("\n\n");
      if (block.startsWith(":")) continue;
      const [event = "", data = ""] = block.split("\n");
      const message = streamMessage.parse(JSON.parse(data.slice("data: ".length)));
      expect(event).toBe(`event: ${message.type}`);
      yield message;
    }
  }
}

async function hear(until: (heard: readonly StreamMessage[]) => boolean, act: () => Promise<void>): Promise<StreamMessage[]> {
  const stop = new AbortController();
  const heard: StreamMessage[] = [];
  let acted = false;
  for await (const message of listen(stop.signal)) {
    heard.push(message);
    if (!acted && message.type === "overview") {
      acted = true;
      await act();
    }
    if (until(heard)) break;
  }
  stop.abort();
  return heard;
}

test("says hello, shows the overview, then what happens", async () => {
  const heard = await hear(
    (messages) => messages.some((message) => message.type === "cycle") && messages.some((message) => message.type === "events"),
    () => bed.turn(3, [{ id: "n1", event: "Paid", user: "u9", at: noon, properties: { amount: 1 } }], noon + 1),
  );
  expect(heard[0]).toMatchObject({ type: "hello", project: "test" });
  expect(heard[1]).toMatchObject({ type: "overview" });
  expect(heard.find((message) => message.type === "load")).toMatchObject({ load: { loadId: 3, stored: 1 } });
  expect(heard.find((message) => message.type === "events")).toMatchObject({ events: [{ messageId: "n1" }], more: 0 });
  expect(heard.find((message) => message.type === "cycle")).toMatchObject({ cycle: { cycleId: 3, events: 1 } });
});

test("a large load is told by its newest events and a count", async () => {
  const many = Array.from({ length: 120 }, (_, index) => ({ id: `m${index}`, event: "Seen", user: "u1", at: noon + index }));
  const heard = await hear(
    (messages) => messages.some((message) => message.type === "events"),
    () => bed.turn(3, many, noon + 1),
  );
  const batch = heard.find((message) => message.type === "events");
  expect(batch?.events).toHaveLength(50);
  expect(batch?.more).toBe(70);
});

test("a sync run and a changed project are told", async () => {
  const heard = await hear(
    (messages) => messages.some((message) => message.type === "project"),
    async () => {
      for (const listener of bed.listeners) listener({ type: "sync", sync: "payers_hook", runId: 1 });
      for (const listener of bed.listeners) listener({ type: "project", fingerprint: "f" });
      await Promise.resolve();
    },
  );
  expect(heard.find((message) => message.type === "sync")).toMatchObject({ run: { runId: 1, delivered: 1 } });
});

test("an engine that never rests is still told of", async () => {
  const stop = new AbortController();
  const timer = setInterval(() => {
    for (const listener of bed.listeners) listener({ type: "project", fingerprint: "f" });
  }, 20);
  try {
    for await (const message of listen(stop.signal)) if (message.type === "project") break;
  } finally {
    clearInterval(timer);
    stop.abort();
  }
});

test("fifty streams are enough; one that closes makes room", async () => {
  const stops = Array.from({ length: 50 }, () => new AbortController());
  await Promise.all(stops.map((stop) => bed.get("/api/stream", { signal: stop.signal })));
  const refused = await bed.get("/api/stream");
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  for (const stop of stops) stop.abort();
});
