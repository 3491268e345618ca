import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises";
import { sendBatches, type SendProgress } from "../../packages/engine/src/collect/send-batches.js";
import type { Sending } from "./simulator/message.js";
import { sendHistory, textOf } from "./simulator/send-history.js";
import { orchard, type Orchard, type SimulationOptions } from "./simulator/simulate.js";
import type { Truth } from "./simulator/truth.js";

/**
 * What `npm start` does with the example: send the history once (a start that was interrupted goes on with the same
 * world, so that nothing is doubled), write the truth beside it, then keep live traffic coming.
 */
export interface SeedOptions {
  /** Where the collector listens. */
  readonly url: string;
  /** The project's state folder: `examples/orchard/.cambium`. */
  readonly stateDir: string;
  /** The moment the history ends if it was not sent before, in microseconds since 1970. */
  readonly now: number;
  readonly seed?: string;
  readonly days?: number;
  readonly users?: number;
  readonly signal?: AbortSignal;
  /** Send the history again, though an earlier start has: the warehouse is another one. Messages keep their ids. */
  readonly again?: boolean;
  /** `fraction` of the history that has been sent. */
  onProgress?(progress: SendProgress & { readonly fraction: number }): void;
}

export interface SeededOrchard {
  /** The world at the history's end: hand it to `liveTraffic`. */
  readonly world: Orchard;
  readonly truth: Truth;
  readonly truthFile: string;
  /** What was sent now; zero messages when an earlier start had sent everything. */
  readonly sent: SendProgress;
  readonly seconds: number;
}

/** Stand-ins for the secrets that the example's destinations name; requests go to the local receiver. */
export const exampleSecrets: Readonly<Record<string, string>> = {
  ORCHARD_WEBHOOK_SECRET: `whsec_${Buffer.from("an example secret, not a real one").toString("base64")}`,
  ORCHARD_HUBSPOT_TOKEN: "example-hubspot-token",
  ORCHARD_CUSTOMERIO_KEY: "example-customerio-key",
  ORCHARD_LAUNCHDARKLY_KEY: "example-launchdarkly-key",
};

export const historyWriteKey = "orchard-history";
export const liveWriteKey = "orchard-live";
/** Messages made in one go while the event loop waits. */
const silentChunk = 5_000;
const liveTickMs = 250;
/** Live messages sent in one tick at most: after the machine slept, what was missed comes in portions. */
const liveBurstMax = 5_000;

export async function seedOrchard(options: SeedOptions): Promise<SeededOrchard> {
  const { url, stateDir, signal } = options;
  const state = await readState(stateDir, options);
  const world = orchard(state.simulation);
  const started = performance.now();
  await mkdir(stateDir, { recursive: true });
  let sent: SendProgress = { messages: 0, requests: 0, retries: 0, bytes: 0 };
  if (state.complete && options.again !== true) {
    await liveThrough(world);
  } else {
    await writeWhole(stateFile(stateDir), JSON.stringify({ ...state, complete: false }));
    const followed = follow(world.history(), state.simulation);
    sent = await sendHistory({
      url,
      writeKey: historyWriteKey,
      messages: followed.messages,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (progress) => options.onProgress?.({ ...progress, fraction: followed.fraction() }),
    });
  }
  const truth = world.truth();
  const truthFile = path.join(stateDir, "truth.json");
  await writeWhole(truthFile, JSON.stringify({ ...state.simulation, ...truth }));
  await writeWhole(stateFile(stateDir), JSON.stringify({ ...state, complete: true }));
  return { world, truth, truthFile, sent, seconds: (performance.now() - started) / 1000 };
}

/** Sends live traffic until `signal` aborts; resolves with what was sent. A collector that is away is waited for. */
export async function liveTraffic(options: {
  readonly world: Orchard;
  readonly url: string;
  readonly perSecond?: number;
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly nowMs?: () => number;
  onSent?(messages: number): void;
}): Promise<number> {
  const { world, url, perSecond = 12, signal, nowMs = Date.now } = options;
  const coming = world.live({ from: nowMs() * 1000, perSecond })[Symbol.iterator]();
  let next: Sending = coming.next().value as Sending;
  let sent = 0;
  while (!signal.aborted) {
    const due: string[] = [];
    const now = nowMs();
    for (; next.at <= now && due.length < liveBurstMax; next = coming.next().value as Sending) due.push(textOf(next, nowMs));
    try {
      if (due.length > 0)
        sent += (await sendBatches(due, { url, writeKey: liveWriteKey, attemptsMax: Infinity, inFlight: 1, signal })).messages;
      options.onSent?.(sent);
      await sleep(liveTickMs, undefined, { signal });
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }
  return sent;
}

/** Passes messages through and knows how far the history has come. */
function follow(messages: Iterable<Sending>, { until, days = 90 }: SimulationOptions): { messages: Iterable<Sending>; fraction(): number } {
  const span = days * 86_400_000;
  const start = until / 1000 - span;
  let at = start;
  function* followed(): Iterable<Sending> {
    for (const sending of messages) {
      at = sending.at;
      yield sending;
    }
  }
  return { messages: followed(), fraction: () => Math.min(1, (at - start) / span) };
}

/** Brings a world to the end of its history without sending anything. */
async function liveThrough(world: Orchard): Promise<void> {
  let count = 0;
  for (const sending of world.history()) {
    void sending;
    count += 1;
    if (count % silentChunk === 0) await breathe();
  }
}

interface State {
  readonly simulation: SimulationOptions;
  readonly complete: boolean;
}

const stateFile = (stateDir: string) => path.join(stateDir, "orchard.json");

/** The world of an earlier start, so that a second start continues it instead of sending another one. */
async function readState(stateDir: string, { seed = "orchard", now, days, users }: SeedOptions): Promise<State> {
  const text = await readFile(stateFile(stateDir), "utf8").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return undefined;
    throw thrown;
  });
  if (text !== undefined) return JSON.parse(text) as State;
  const simulation = { seed, until: now, ...(days === undefined ? {} : { days }), ...(users === undefined ? {} : { users }) };
  return { simulation, complete: false };
}

/** Never half a file: written beside, then renamed. */
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}
