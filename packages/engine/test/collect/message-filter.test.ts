import { expect, test } from "vitest";
import { MessageFilter, buildMessageFilter } from "../../src/collect/load/message-filter.js";
import { collectBench, total, writeKey } from "./support.js";

function hashes(from: number, to: number): BigInt64Array {
  // Spread like real hashes, the same every time, never twice (an odd factor).
  return BigInt64Array.from({ length: to - from }, (_, index) => BigInt.asUintN(63, BigInt(from + index + 1) * 0x9e3779b97f4a7c15n));
}

test("what was added is always known, what was not hardly ever, however far it grows", () => {
  const filter = new MessageFilter(0);
  expect(filter.add(hashes(0, 3_000_000))).toBe(0);
  expect(filter.size).toBe(3_000_000);
  expect(filter.add(hashes(0, 3_000_000))).toBe(3_000_000);
  expect(filter.add(hashes(3_000_000, 3_500_000))).toBeLessThan(3);
  expect(filter.bytes / filter.size).toBeLessThan(10);
});

test("a hash twice in one list counts once as perhaps known", () => {
  const filter = new MessageFilter(10);
  const [first = 0n, second = 0n] = hashes(0, 2);
  expect(filter.add(BigInt64Array.from([first, second, first, 0n, 0n]))).toBe(2);
});

const event = (id: string) => ({ type: "track", event: "Sent", userId: "u", messageId: id });

test.each([["with a filter"], ["without"]])("duplicates are dropped over the whole history, %s", async (how) => {
  const bench = await collectBench({ segmentAgeMaxMs: 100_000 });
  let filter = how === "without" ? undefined : await buildMessageFilter(bench.connection);
  const load = () => bench.load(filter === undefined ? {} : { filter });
  await bench.post("/v1/batch", { batch: [event("a"), event("b"), event("a")], writeKey });
  expect(total(await load())).toEqual({ accepted: 3, stored: 2, duplicates: 1, quarantined: 0 });
  for (let n = 0; n < 5; n += 1) {
    await bench.post("/v1/batch", { batch: [event(`n${n}`)], writeKey });
    await load();
  }
  await bench.post("/v1/batch", { batch: [event("a"), event("c"), event("c"), event("b")], writeKey });
  expect(total(await load())).toEqual({ accepted: 4, stored: 1, duplicates: 3, quarantined: 0 });
  // After a restart the filter is built from what is stored.
  if (filter !== undefined) {
    filter = await buildMessageFilter(bench.connection);
    expect(filter.size).toBe(8);
  }
  await bench.post("/v1/batch", { batch: [event("c"), event("d")], writeKey });
  expect(total(await load())).toEqual({ accepted: 2, stored: 1, duplicates: 1, quarantined: 0 });
  expect((await bench.events()).map((row) => row["message_id"])).toHaveLength(9);
  await bench.close();
});

test("of several copies the earliest received is kept", async () => {
  let now = 2_000_000;
  const bench = await collectBench({ segmentAgeMaxMs: 100_000, clock: () => (now -= 1000) });
  for (const plan of ["late", "early"]) await bench.post("/v1/track", { ...event("x"), properties: { plan }, writeKey });
  expect(total(await bench.load())).toEqual({ accepted: 2, stored: 1, duplicates: 1, quarantined: 0 });
  expect(await bench.events()).toMatchObject([{ properties: '{"plan":"early"}' }]);
  await bench.close();
});
