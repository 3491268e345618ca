import fc from "fast-check";
import { expect, test } from "vitest";
import { Batch } from "../../src/server/read-model/batch.js";
import { KindModel } from "../../src/server/read-model/kind-model.js";
import { SortedIds } from "../../src/server/read-model/sorted-ids.js";
import { TextStore } from "../../src/server/read-model/text-store.js";
import { inTurns } from "../../src/server/read-model/turns.js";

/** The pieces that the decision reads are made of. */

const ids = fc
  .uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxLength: 200 })
  .map((list) => list.toSorted((a, b) => (a < b ? -1 : 1)));

test("sorted ids find each id at its place, and nothing else", () => {
  fc.assert(
    fc.property(ids, fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (list, other) => {
      const sorted = new SortedIds(BigInt64Array.from(list));
      list.forEach((id, place) => {
        expect(sorted.indexOf(id)).toBe(place);
        expect(sorted.at(place)).toBe(id);
      });
      expect(sorted.indexOf(other)).toBe(list.indexOf(other));
    }),
  );
});

test("texts come back as they were set, replaced and deleted", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.option(fc.string({ unit: "grapheme", maxLength: 40 })))), (steps) => {
      const store = new TextStore(3, 64 * 1024 * 1024);
      const expected = new Map<number, string>();
      for (const [slot, text] of steps) {
        if (text === null) {
          store.delete(slot);
          expected.delete(slot);
        } else {
          store.set(slot, text);
          expected.set(slot, text);
        }
      }
      for (let slot = 0; slot <= 50; slot += 1) expect(store.get(slot)).toBe(expected.get(slot));
    }),
  );
});

test("a full store keeps what it has and takes nothing more", () => {
  const store = new TextStore(10, 100);
  store.set(0, "a".repeat(60));
  store.set(1, "b".repeat(60));
  expect(store.get(0)).toBe("a".repeat(60));
  expect(store.get(1)).toBeUndefined();
});

test("members and holdouts are bits of their own", () => {
  const audiences = Array.from({ length: 70 }, (_, index) => `a${index}`);
  const model = new KindModel(
    { kind: "user", audiences, scores: [], traits: [] },
    BigInt64Array.from([5n, 9n]),
    new BigInt64Array(0),
    new Int32Array(0),
    1000,
  );
  model.setMember(1, 0, true, false);
  model.setMember(1, 31, true, false);
  model.setMember(1, 69, true, true);
  expect(model.audiencesOf(1)).toEqual(["a0", "a31"]);
  expect(model.audiencesOf(0)).toEqual([]);
  expect(model.isMember(1, 69)).toEqual({ member: true, heldOut: true });
  model.setMember(1, 31, false, false);
  expect(model.audiencesOf(1)).toEqual(["a0"]);
});

test("entities that come later, merge and vanish keep their subjects right", () => {
  const model = new KindModel(
    { kind: "user", audiences: ["a"], scores: [], traits: [] },
    BigInt64Array.from([5n, 9n]),
    BigInt64Array.from([5n, 7n, 9n]),
    Int32Array.from([0, 0, 1]),
    1000,
  );
  const later = model.add(20n);
  model.setMember(later, 0, true, false);
  expect([later, model.size]).toEqual([2, 3]);
  model.remove(model.slotOfEntity(9n), later);
  expect(model.slotOfSubject(9n)).toBe(later);
  model.remove(later, 0);
  expect(model.slotOfSubject(9n)).toBe(0);
  expect(model.slotOfSubject(7n)).toBe(0);
  expect(model.size).toBe(1);
  model.remove(0);
  expect(model.slotOfSubject(7n)).toBe(-1);
});

test("questions that come while one is answered share the next query", async () => {
  const asked: number[][] = [];
  const batch = new Batch<number, number>((keys) => {
    asked.push([...keys]);
    return Promise.resolve(keys.map((key) => key * 2));
  });
  const first = Promise.all([batch.ask(1), batch.ask(2)]);
  expect(await first).toEqual([2, 4]);
  expect(await batch.ask(3)).toBe(6);
  expect(asked).toEqual([[1, 2], [3]]);
});

test("a failed query fails its questions and no others", async () => {
  let fails = true;
  const batch = new Batch<number, number>((keys) => (fails ? Promise.reject(new Error("down")) : Promise.resolve([...keys])));
  await expect(batch.ask(1)).rejects.toThrow("down");
  fails = false;
  expect(await batch.ask(2)).toBe(2);
});

test("many places are handled once each, and others have their turn in between", async () => {
  const places: number[] = [];
  const seenByOthers: number[] = [];
  const look = () => {
    seenByOthers.push(places.length);
    if (places.length < 2_000) setImmediate(look);
  };
  setImmediate(look);
  await inTurns(2_000, (place) => void places.push(place));
  expect(places).toEqual(Array.from({ length: 2_000 }, (_, place) => place));
  expect(new Set(seenByOthers).size).toBeGreaterThan(2);
});
