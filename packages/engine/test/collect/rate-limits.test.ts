import { afterEach, expect, test } from "vitest";
import { instantOf, microsPerSecond } from "../../src/base/instant.js";
import { type Bench, collectBench, testClock, writeKey } from "./support.js";

const start = instantOf("2026-03-01T12:00:00Z");
let bench: Bench;
afterEach(() => bench.close());

async function limited(eventsPerSecondMax?: number) {
  const clock = testClock(start);
  const sources = [{ name: "web", writeKeys: [writeKey, "other-key"] }];
  bench = await collectBench({ clock: clock.now, sources, ...(eventsPerSecondMax !== undefined && { eventsPerSecondMax }) });
  let sent = 0;
  const send = async (events: number, key = writeKey) => {
    const batch = Array.from({ length: events }, () => ({ type: "track", event: "Sent", userId: "u", messageId: `m${(sent += 1)}` }));
    const answer = await bench.post("/v1/batch", { batch, writeKey: key });
    return [answer.status, answer.headers.get("retry-after")];
  };
  return { send, pass: (seconds: number) => clock.set(clock.now() + seconds * microsPerSecond), clock };
}

test("a key that sends more than its share is told how long to wait, and others are not", async () => {
  const { send, pass } = await limited(10);
  expect(await send(60)).toEqual([200, null]);
  expect(await send(39)).toEqual([200, null]);
  expect(await send(1)).toEqual([200, null]);
  expect(await send(1)).toEqual([429, "1"]);
  expect(await send(1, "other-key")).toEqual([200, null]);
  pass(0.5);
  expect(await send(5)).toEqual([200, null]);
  expect(await send(1)).toEqual([429, "1"]);
  pass(3600);
  expect(await send(100)).toEqual([200, null]);
  expect(await send(1)).toEqual([429, "1"]);
  expect((await bench.load()).reduce((sum, load) => sum + load.stored, 0)).toBe(60 + 39 + 1 + 1 + 5 + 100);
});

test("a batch larger than any share is taken once and waited off, at most five minutes a time", async () => {
  const { send, pass, clock } = await limited(2);
  expect(await send(61)).toEqual([200, null]);
  expect(await send(1)).toEqual([429, "21"]);
  pass(20);
  expect(await send(1)).toEqual([429, "1"]);
  pass(1);
  expect(await send(2_000)).toEqual([200, null]);
  expect(await send(1)).toEqual([429, "300"]);
  // A clock that is set back neither gives nor takes.
  clock.set(start);
  expect(await send(1)).toEqual([429, "300"]);
});

test("pictures count, too", async () => {
  await limited(1);
  const data = Buffer.from(JSON.stringify({ event: "Opened", userId: "u", writeKey })).toString("base64");
  const statuses: number[] = [];
  for (let n = 0; n < 11; n += 1)
    statuses.push((await fetch(`${bench.collector.url}/v1/pixel/track?data=${encodeURIComponent(data)}`)).status);
  expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
});

test("there is no limit unless somebody sets one", async () => {
  const { send } = await limited();
  for (let n = 0; n < 3; n += 1) expect(await send(5_000)).toEqual([200, null]);
});
