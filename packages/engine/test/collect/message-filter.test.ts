import { expect, test } from "vitest";
import { MessageFilter, emptyMessageFilter, fillMessageFilter } from "../../src/collect/load/message-filter.js";
import { collectBench, filledFilter, total, writeKey } from "./support.js";

function hashes(from: number, to: number): BigInt64Array {
  // Spread like real hashes, the same every time, never twice (an odd factor).
  return BigInt64Array.from({ length: to - from }, (_, index) => BigInt.asUintN(63, BigInt(from + index + 1) * 0x9e3779b97f4a7c15n));
}

test("what was added is always known, what was not hardly ever, however far it grows", async () => {
  const filter = new MessageFilter(0);
  const wrong = (await filter.add(hashes(0, 3_000_000))).length;
  expect(wrong).toBeLessThan(30);
  expect(filter.size).toBe(3_000_000 - wrong);
  expect(await filter.add(hashes(0, 3_000_000))).toHaveLength(3_000_000);
  expect((await filter.add(hashes(3_000_000, 3_500_000))).length).toBeLessThan(10);
  expect(filter.bytes / filter.size).toBeLessThan(5);
  expect((await filter.add(hashes(3_500_000, 6_000_000))).length).toBeLessThan(50);
  expect(await filter.add(hashes(1_000_000, 1_000_003))).toEqual([...hashes(1_000_000, 1_000_003)]);
});

test("a hash twice in one list is perhaps known the second time", async () => {
  const filter = new MessageFilter(10);
  const [first = 0n, second = 0n] = hashes(0, 2);
  expect(await filter.add(BigInt64Array.from([first, second, first, 0n, 0n]))).toEqual([first, 0n]);
});

const event = (id: string) => ({ type: "track", event: "Sent", userId: "u", messageId: id });

test.each([["with a filter"], ["without"]])("duplicates are dropped over the whole history, %s", async (how) => {
  const bench = await collectBench({ segmentAgeMaxMs: 100_000 });
  let filter = how === "without" ? undefined : await filledFilter(bench.connection);
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
    filter = await filledFilter(bench.connection);
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

test("while the filter is being filled, what is not in it yet is looked up", async () => {
  const bench = await collectBench({ segmentAgeMaxMs: 100_000 });
  const send = (...ids: string[]) => bench.post("/v1/batch", { batch: ids.map(event), writeKey });
  await send("a", "b");
  await bench.load();
  const filter = await emptyMessageFilter(bench.connection);
  await send("a", "c");
  expect(total(await bench.load({ filter }))).toEqual({ accepted: 2, stored: 1, duplicates: 1, quarantined: 0 });
  // Stopped before it began: still nothing that could be relied on.
  await fillMessageFilter(bench.connection, filter, () => true);
  expect(filter.isComplete).toBe(false);
  const filling = fillMessageFilter(bench.connection, filter);
  await send("b", "c", "d");
  expect(total(await bench.load({ filter }))).toEqual({ accepted: 3, stored: 1, duplicates: 2, quarantined: 0 });
  await filling;
  expect(filter.isComplete).toBe(true);
  await send("a", "b", "c", "d", "e");
  expect(total(await bench.load({ filter }))).toEqual({ accepted: 5, stored: 1, duplicates: 4, quarantined: 0 });
  await bench.close();
});
