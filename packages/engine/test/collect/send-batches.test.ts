import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { sendBatches } from "../../src/collect/send-batches.js";

type Answer = (request: IncomingMessage, ids: readonly string[], response: ServerResponse) => void;
const ok: Answer = (_request, _ids, response) => void response.end('{"success":true}');

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A collector of the test's own making: answers as told, remembers the ids of what it took. */
async function collector(
  answer: Answer,
): Promise<{ url: string; taken: string[]; requests: { path: string; key: string; sizes: number }[] }> {
  const taken: string[] = [];
  const requests: { path: string; key: string; sizes: number }[] = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks);
      const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
      const { batch } = JSON.parse(text.toString()) as { batch: { messageId: string }[] };
      const ids = batch.map((message) => message.messageId);
      const key = Buffer.from((request.headers.authorization ?? "").slice(6), "base64").toString();
      requests.push({ path: request.url ?? "", key, sizes: batch.length });
      response.on("finish", () => {
        if (response.statusCode < 300) taken.push(...ids);
      });
      answer(request, ids, response);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken, requests };
}

const messages = (many: number) => Array.from({ length: many }, (_, index) => JSON.stringify({ messageId: `m${index}`, type: "track" }));
const idsOf = (many: number) => Array.from({ length: many }, (_, index) => `m${index}`);
const inOrder = (ids: readonly string[]) => [...ids].sort((one, other) => Number(one.slice(1)) - Number(other.slice(1)));

describe("sending in batches", () => {
  it("delivers each message once, with the write key, in bounded batches", async () => {
    const { url, taken, requests } = await collector(ok);
    const seen: number[] = [];
    const sent = await sendBatches(messages(1_234), {
      url,
      writeKey: "key",
      path: "/v1/import",
      batchRowsMax: 100,
      onProgress: (progress) => void seen.push(progress.messages),
    });
    expect(sent).toMatchObject({ messages: 1_234, requests: 13, retries: 0 });
    expect(inOrder(taken)).toEqual(idsOf(1_234));
    expect(new Set(requests.map(({ path, key }) => `${path} ${key}`))).toEqual(new Set(["/v1/import key:"]));
    expect(Math.max(...requests.map((request) => request.sizes))).toBe(100);
    expect(seen.at(-1)).toBe(1_234);
  });

  it("bounds the bytes of a request, too, and takes gzip and async messages", async () => {
    const { url, taken, requests } = await collector(ok);
    const padding = "x".repeat(10_000);
    async function* source() {
      for (const id of idsOf(20)) yield JSON.stringify({ messageId: id, padding });
    }
    await sendBatches(source(), { url, writeKey: "key", batchBytesMax: 50_000, gzip: true });
    expect(inOrder(taken)).toEqual(idsOf(20));
    expect(Math.max(...requests.map((request) => request.sizes))).toBeLessThanOrEqual(5);
  });

  it.each([
    ["503 with Retry-After", (response: ServerResponse) => void response.writeHead(503, { "retry-after": "0.01" }).end()],
    ["429", (response: ServerResponse) => void response.writeHead(429).end("slow down")],
    ["a reset connection", (response: ServerResponse) => void response.socket?.resetAndDestroy()],
  ])("sends the same batch again after %s", async (_name, refuse) => {
    let turn = 0;
    const { url, taken } = await collector((request, ids, response) => {
      turn += 1;
      if (turn % 3 === 1) refuse(response);
      else ok(request, ids, response);
    });
    const sent = await sendBatches(messages(40), { url, writeKey: "key", batchRowsMax: 10, inFlight: 2 });
    expect(inOrder(taken)).toEqual(idsOf(40));
    expect(sent.messages).toBe(40);
    expect(sent.retries).toBeGreaterThan(0);
  });

  it("counts a batch once whose answer was lost: the ids are the same", async () => {
    const received: string[][] = [];
    const { url } = await collector((request, ids, response) => {
      received.push([...ids]);
      if (received.length === 1) response.socket?.resetAndDestroy();
      else ok(request, ids, response);
    });
    await sendBatches(messages(5), { url, writeKey: "key" });
    expect(received).toEqual([idsOf(5), idsOf(5)]);
  });

  it("gives up at once when the collector refuses for good, and says what it answered", async () => {
    const { url } = await collector((_request, _ids, response) => void response.writeHead(401).end("unknown write key"));
    await expect(sendBatches(messages(5), { url, writeKey: "wrong" })).rejects.toThrow(/401: unknown write key/);
  });

  it("gives up after the last try when nobody listens, and stops when told to", async () => {
    const { url } = await collector(ok);
    server?.close();
    await expect(sendBatches(messages(1), { url, writeKey: "key", attemptsMax: 2 })).rejects.toMatchObject({
      code: "COLLECTOR_UNREACHABLE",
    });
    const stop = new AbortController();
    const sending = sendBatches(messages(1), { url, writeKey: "key", attemptsMax: Infinity, signal: stop.signal });
    stop.abort();
    await expect(sending).rejects.toThrow(/abort/i);
  });

  it("never asks for more messages than it can send", async () => {
    let given = 0;
    let answered = 0;
    const { url } = await collector((request, ids, response) => {
      answered += ids.length;
      ok(request, ids, response);
    });
    let ahead = 0;
    function* source() {
      for (const message of messages(2_000)) {
        given += 1;
        ahead = Math.max(ahead, given - answered);
        yield message;
      }
    }
    await sendBatches(source(), { url, writeKey: "key", batchRowsMax: 50, inFlight: 2 });
    expect(ahead).toBeLessThanOrEqual(50 * 4);
  });
});
