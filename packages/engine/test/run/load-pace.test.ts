import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LoadPace, loadEveryMs, loadWhileCyclingMs, worthLoadingBytes } from "../../src/run/load-pace.js";

/** Each case tells at which milliseconds loads start when somebody asks for one after another. */

const atRest = () => false;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function asked(pace: LoadPace): Promise<() => number | undefined> {
  let startedAt: number | undefined;
  const began = performance.now();
  void pace.turn().then(() => (startedAt = performance.now() - began));
  await vi.advanceTimersByTimeAsync(0);
  return () => startedAt;
}

test("the first load starts at once, the next one its time later, and after a quiet time at once again", async () => {
  const pace = new LoadPace(() => Promise.resolve(1_000), atRest);
  expect((await asked(pace))()).toBe(0);
  await vi.advanceTimersByTimeAsync(100);
  const second = await asked(pace);
  await vi.advanceTimersByTimeAsync(loadEveryMs - 101);
  pace.look();
  await vi.advanceTimersByTimeAsync(0);
  expect(second()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(second()).toBe(loadEveryMs - 100);
  await vi.advanceTimersByTimeAsync(loadEveryMs);
  expect((await asked(pace))()).toBe(0);
});

test("much that is sealed is loaded without waiting, also when it comes meanwhile", async () => {
  let bytes = worthLoadingBytes;
  const pace = new LoadPace(() => Promise.resolve(bytes), atRest);
  for (let load = 0; load < 3; load += 1) expect((await asked(pace))()).toBe(0);
  bytes = 0;
  const next = await asked(pace);
  await vi.advanceTimersByTimeAsync(50);
  expect(next()).toBeUndefined();
  bytes = worthLoadingBytes;
  pace.look();
  await vi.advanceTimersByTimeAsync(0);
  expect(next()).toBe(50);
});

test("closing lets go whoever waits", async () => {
  const pace = new LoadPace(() => Promise.resolve(0), atRest);
  await asked(pace);
  const waiting = pace.turn();
  await vi.advanceTimersByTimeAsync(1);
  pace.close();
  expect(await waiting).toBe(false);
  expect(await pace.turn()).toBe(false);
});

test("what is sealed while the folder is looked at is seen", async () => {
  const answers = [0, worthLoadingBytes];
  const pace = new LoadPace(() => {
    pace.look();
    return Promise.resolve(answers.shift() ?? 0);
  }, atRest);
  await pace.turn();
  expect((await asked(pace))()).toBe(0);
});

test("a folder that cannot be read is the loop's error", async () => {
  const pace = new LoadPace(() => Promise.reject(new Error("no such folder")), atRest);
  await pace.turn();
  await expect(pace.turn()).rejects.toThrow("no such folder");
});

test("while a cycle runs loads wait for its end, but not for ever", async () => {
  let isCycling = false;
  const pace = new LoadPace(
    () => Promise.resolve(1_000),
    () => isCycling,
  );
  await pace.turn();
  isCycling = true;
  const second = await asked(pace);
  await vi.advanceTimersByTimeAsync(loadEveryMs + 50);
  expect(pace.isOpen).toBe(false);
  expect(second()).toBeUndefined();
  isCycling = false;
  expect(pace.isOpen).toBe(true);
  pace.look();
  await vi.advanceTimersByTimeAsync(0);
  expect(second()).toBe(loadEveryMs + 50);
  isCycling = true;
  const third = await asked(pace);
  await vi.advanceTimersByTimeAsync(loadWhileCyclingMs);
  expect(third()).toBe(loadWhileCyclingMs);
});
