import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { liveTraffic, seedOrchard } from "../start.js";
import type { Truth } from "../simulator/truth.js";

/** A collector that only remembers what it was sent. */
let server = createServer();
let url = "";
let stateDir = "";
let ids: string[] = [];

beforeEach(async () => {
  ids = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { batch } = JSON.parse(Buffer.concat(chunks).toString()) as { batch: { messageId: string }[] };
      ids.push(...batch.map((message) => message.messageId));
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stateDir = await mkdtemp(path.join(os.tmpdir(), "cambium-start-"));
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(stateDir, { recursive: true, force: true });
});

const now = Date.UTC(2026, 2, 10) * 1000;
/** Message ids of a world: those of its events, and those of what its faulty widget sends. */
const distinct = ({ unique, faulty }: Truth) => unique + Object.values(faulty).reduce((sum, count) => sum + count, 0);
const options = () => ({ url, stateDir, now, seed: "start", days: 20, users: 200 });

describe("starting the example", () => {
  it("sends the history once, with the truth beside it; a second start sends nothing and continues the same world", async () => {
    const fractions: number[] = [];
    const first = await seedOrchard({ ...options(), onProgress: ({ fraction }) => void fractions.push(fraction) });
    expect(first.sent.messages).toBe(first.truth.sent);
    expect(ids.length).toBe(first.truth.sent);
    expect(new Set(ids).size).toBe(distinct(first.truth));
    expect(fractions.at(-1)).toBeGreaterThan(0.9);
    expect((JSON.parse(await readFile(first.truthFile, "utf8")) as Truth).unique).toBe(first.truth.unique);
    const second = await seedOrchard({ ...options(), now: now + 86_400_000_000 });
    expect(second.sent.messages).toBe(0);
    expect(second.truth).toEqual(first.truth);
  });

  it("sends the same history once more to a warehouse that has seen none of it", async () => {
    const first = await seedOrchard(options());
    const before = new Set(ids);
    ids = [];
    const again = await seedOrchard({ ...options(), now: now + 86_400_000_000, again: true });
    expect(new Set(ids)).toEqual(before);
    expect(again.truth).toEqual(first.truth);
  });

  it("goes on with the same world after an interruption, so that nothing is doubled", async () => {
    const stop = new AbortController();
    const interrupted = seedOrchard({ ...options(), signal: stop.signal, onProgress: ({ fraction }) => fraction > 0.4 && stop.abort() });
    await expect(interrupted).rejects.toThrow();
    const before = new Set(ids);
    expect(before.size).toBeGreaterThan(0);
    ids = [];
    const { truth } = await seedOrchard({ ...options(), now: now + 3_600_000_000 });
    expect(before.size).toBeLessThan(truth.unique);
    expect(new Set([...before, ...ids]).size).toBe(distinct(truth));
  });

  it("keeps live traffic coming at the wanted rate until it is stopped", async () => {
    const { world } = await seedOrchard(options());
    const history = new Set(ids);
    ids = [];
    const stop = new AbortController();
    const sending = liveTraffic({
      world,
      url,
      perSecond: 400,
      signal: stop.signal,
      onSent: (messages) => messages >= 300 && stop.abort(),
    });
    expect(await sending).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(300);
    expect(ids.filter((id) => history.has(id)).length).toBeLessThan(ids.length / 10);
  });
});
