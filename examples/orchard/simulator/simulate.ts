import { meter, workspaceDay } from "./billing.js";
import { communityDay } from "./community.js";
import { createDevice } from "./create.js";
import { fromWidget } from "./faulty.js";
import type { Sending, SegmentMessage } from "./message.js";
import { model } from "./model.js";
import { createOutbox } from "./outbox.js";
import { personDay } from "./people.js";
import { populate } from "./populate.js";
import { random as stream } from "./random.js";
import { salesDay } from "./sales.js";
import { teamDay } from "./teams.js";
import { createTally, type Truth } from "./truth.js";
import { visitors } from "./visits.js";
import { dayMs, type World } from "./world.js";

/**
 * Orchard, simulated: a pure function from seed, size and time range to the messages its clients send, in the order in
 * which they reach the collector. It asks no clock and no other randomness; the same options give the same bytes.
 */
export interface SimulationOptions {
  readonly seed: string;
  /** The moment the history ends, in microseconds since 1970. */
  readonly until: number;
  /** Length of the history. */
  readonly days?: number;
  /** About how many users there will be at the end; everything else follows. */
  readonly users?: number;
}

export interface Orchard {
  /** The history, once: `days` days that end at `until`. */
  history(): Iterable<Sending>;
  /** What follows, without end, re-timed to about `perSecond` messages a second from `from` (microseconds) on. Call it after the history was read. */
  live(options: { from: number; perSecond?: number }): Iterable<Sending>;
  /** What is true about everything sent until now. */
  truth(): Truth;
}

export function orchard(options: SimulationOptions): Orchard {
  const { seed, until, days = 90, users = model.referenceUsers } = options;
  const world = createWorld(seed, Math.floor(until / 1000) - days * dayMs, days, users / model.referenceUsers);
  const untilMs = world.startMs + days * dayMs;
  return {
    *history() {
      if (world.day !== 0) throw new RangeError("the history of an orchard can be read once; create another with the same options");
      populate(world);
      while (world.day < days) yield* day(world, untilMs);
    },
    *live({ from, perSecond = 12 }) {
      if (world.day < days) throw new RangeError("read the history before the live traffic");
      yield* retimed(world, from, perSecond);
    },
    truth: () => world.tally.truth(world),
  };
}

/** The history's transmissions. Read `orchard()` instead when the truth or live traffic is wanted, too. */
export const simulate = (options: SimulationOptions): Iterable<Sending> => orchard(options).history();

/** Live traffic that continues the history of the same options: lives through the history silently first (seconds). */
export function* live(options: SimulationOptions & { from: number; perSecond?: number }): Iterable<Sending> {
  const world = orchard(options);
  for (const sending of world.history()) void sending;
  yield* world.live(options);
}

function createWorld(seed: string, startMs: number, days: number, scale: number): World {
  return {
    seed,
    days,
    startMs,
    scale,
    epoch: "",
    day: 0,
    accounts: [],
    users: [],
    strangers: Array.from({ length: Math.round(model.community.strangers * scale) }, (_, index) => {
      const random = stream(seed, "stranger", index);
      return { login: `dev-${random.hex(1)}`, random };
    }),
    agenda: new Map(),
    widget: stream(seed, "widget"),
    outbox: createOutbox(startMs, stream(seed, "network")),
    tally: createTally(),
    mailNames: new Set(),
    kioskLeft: Math.max(2, Math.round(model.shared.kioskUsers * scale)),
    pairsLeft: Math.max(1, Math.round(model.shared.pairs * scale)),
    kiosk: createDevice(stream(seed, "kiosk"), "tablet"),
  };
}

/** One day: what was arranged, then everybody's day; yields what reaches the collector before the day (or history) ends. */
function* day(world: World, untilMs = Infinity): Iterable<Sending> {
  for (const account of world.accounts) for (const workspace of account.workspaces) meter(world, workspace);
  visitors(world);
  for (const task of world.agenda.get(world.day) ?? []) task();
  world.agenda.delete(world.day);
  for (let index = 0, many = world.users.length; index < many; index += 1) personDay(world, world.users[index]!);
  for (let index = 0, many = world.accounts.length; index < many; index += 1) {
    const account = world.accounts[index]!;
    teamDay(world, account);
    for (const workspace of account.workspaces) workspaceDay(world, workspace);
    salesDay(world, account);
  }
  communityDay(world);
  runLateTasks(world);
  for (const sending of world.outbox.take(world.day)) {
    if (sending.at >= untilMs) break;
    world.tally.sent(sending);
    yield sending;
    const extra = fromWidget(world.widget, sending);
    if (extra === undefined) continue;
    world.tally.sent(extra);
    yield extra;
  }
  world.day += 1;
}

/** Tasks that the day itself arranged for today: an invitation accepted within the hour, a ticket resolved. */
function runLateTasks(world: World): void {
  for (let tasks = world.agenda.get(world.day); tasks !== undefined; tasks = world.agenda.get(world.day)) {
    world.agenda.delete(world.day);
    for (const task of tasks) task();
  }
}

/** Days of the model, played at another speed: order and delays stay, gaps are drawn for the wanted rate. */
function* retimed(world: World, fromMicros: number, perSecond: number): Iterable<Sending> {
  world.epoch = `live-${fromMicros}`;
  for (const account of world.accounts) account.random = stream(world.seed, world.epoch, "account", account.number);
  const random = stream(world.seed, world.epoch, "pace");
  let at = Math.floor(fromMicros / 1000);
  while (true) {
    for (const sending of day(world)) {
      at += Math.round(random.exponential(1000 / perSecond));
      yield { ...sending, at, message: moved(sending, at) };
    }
  }
}

function moved({ at, skewMs, message }: Sending, now: number): SegmentMessage {
  const age = at + skewMs - Date.parse(message.timestamp);
  return { ...message, timestamp: new Date(now + skewMs - age).toISOString() };
}
