import type { Instant } from "../base/instant.js";
import { type CycleFigures, type DecideFigures, type LoadFigures, type SyncFigures, ageSeconds } from "./figures.js";
import { type Health, counted, healthOfBacklog, quarantinedShareWarn, worst } from "./health.js";

/** The six hops of the loop, made of figures: pure, so that every threshold can be tested without a warehouse. */

export type HopName = "collect" | "load" | "identify" | "measure" | "decide" | "activate";

export interface Hop {
  readonly name: HopName;
  readonly title: string;
  readonly count: number;
  readonly unit: string;
  readonly ratePerSecond: number | null;
  readonly lagSeconds: number | null;
  readonly newestAt: string | null;
  readonly behindSeconds: number | null;
  readonly backlog: number | null;
  readonly lastSeconds: number | null;
  readonly health: Health;
  readonly facts: { label: string; value: number; unit: string | null }[];
}

/** What only the running engine knows; absent when the warehouse is looked at by itself. */
export interface LiveFigures {
  /** Events or bytes accepted and not yet loaded. */
  readonly spool?: { readonly segments: number; readonly bytes: number; readonly oldestAt: string | null } | undefined;
  /** State of the engine's loops. */
  readonly loops?: readonly LoopState[] | undefined;
}

export interface LoopState {
  readonly name: "load" | "cycle" | "sync";
  readonly state: "idle" | "running" | "failed";
  readonly since: Instant;
  readonly message?: string | undefined;
}

export interface Figures {
  readonly now: Instant;
  readonly loads: LoadFigures;
  readonly cycle: CycleFigures | undefined;
  readonly backlog: { events: number; oldestLoadedAt: string | null; newestSeenAt: string | null };
  readonly entities: ReadonlyMap<string, number>;
  readonly decided: DecideFigures;
  readonly syncs: readonly SyncFigures[];
  readonly deliveredLastMinute: number;
  readonly live: LiveFigures;
}

export function hopsOf(figures: Figures): Hop[] {
  return [collect(figures), load(figures), identify(figures), measure(figures), decide(figures), activate(figures)];
}

const fact = (label: string, value: number, unit: string | null = null) => ({ label, value, unit });

function collect({ loads, now, live }: Figures): Hop {
  const share = loads.accepted === 0 ? 0 : loads.quarantined / loads.accepted;
  const quarantine: Health = {
    state: share >= quarantinedShareWarn ? "warn" : "ok",
    sentence: `${(share * 100).toFixed(1)} % of the accepted events are in quarantine.`,
  };
  return {
    name: "collect",
    title: "Collect",
    count: loads.accepted,
    unit: "events",
    ratePerSecond: loads.newestLoadedAt === null ? null : loads.acceptedLastMinute / 60,
    lagSeconds: ageSeconds(now, loads.newestReceivedAt),
    newestAt: loads.newestReceivedAt,
    behindSeconds: 0,
    backlog: null,
    lastSeconds: null,
    health: worst([quarantine], "Events are accepted."),
    facts: [
      fact("duplicates", loads.duplicates),
      fact("quarantined", loads.quarantined),
      ...(live.spool === undefined ? [] : [fact("in the spool", live.spool.bytes, "bytes")]),
    ],
  };
}

function load({ loads, now, live }: Figures): Hop {
  const behindSeconds = live.spool === undefined ? null : live.spool.segments === 0 ? 0 : ageSeconds(now, live.spool.oldestAt);
  const backlog = live.spool?.segments ?? null;
  return {
    name: "load",
    title: "Load",
    count: loads.stored,
    unit: "events",
    ratePerSecond: loads.newestLoadedAt === null ? null : loads.storedLastMinute / 60,
    lagSeconds: ageSeconds(now, loads.newestReceivedAt),
    newestAt: loads.newestLoadedAt,
    behindSeconds,
    backlog,
    lastSeconds: loads.lastSeconds,
    health: worst([loopHealth(live, "load"), healthOfBacklog(backlog, behindSeconds, "segment")], "Everything accepted is stored."),
    facts: [],
  };
}

/** Identify, measure and decide are one transaction: they share what waits, and differ in what they made. */
function cycleHop(figures: Figures, own: Pick<Hop, "name" | "title" | "count" | "unit" | "ratePerSecond" | "facts">): Hop {
  const { now, backlog, cycle, live } = figures;
  const behindSeconds = backlog.events === 0 ? 0 : ageSeconds(now, backlog.oldestLoadedAt);
  return {
    ...own,
    lagSeconds: ageSeconds(now, backlog.newestSeenAt),
    newestAt: cycle?.now ?? null,
    behindSeconds,
    backlog: backlog.events,
    lastSeconds: cycle === undefined ? null : secondsOf(cycle.steps, own.name),
    health: worst([loopHealth(live, "cycle"), healthOfBacklog(backlog.events, behindSeconds, "event")], "Up to date with what is stored."),
  };
}

function identify(figures: Figures): Hop {
  const profiles = figures.entities.get("user") ?? 0;
  const groups = [...figures.entities].filter(([kind]) => kind !== "user");
  return cycleHop(figures, {
    name: "identify",
    title: "Identify",
    count: profiles,
    unit: "profiles",
    ratePerSecond: null,
    facts: [fact("merges", figures.decided.merges), ...groups.map(([kind, count]) => fact(kind, count))],
  });
}

function measure(figures: Figures): Hop {
  const count = [...figures.entities.values()].reduce((sum, n) => sum + n, 0);
  const cycleSeconds = figures.cycle === undefined ? [] : [fact("whole cycle", figures.cycle.seconds, "seconds")];
  return cycleHop(figures, { name: "measure", title: "Measure", count, unit: "entities", ratePerSecond: null, facts: cycleSeconds });
}

function decide(figures: Figures): Hop {
  return cycleHop(figures, {
    name: "decide",
    title: "Decide",
    count: figures.decided.changes,
    unit: "changes",
    ratePerSecond: figures.decided.newestChangeAt === null ? null : figures.decided.changesLastMinute / 60,
    facts: [fact("audience members", figures.decided.members)],
  });
}

function activate({ now, syncs, deliveredLastMinute, live }: Figures): Hop {
  const total = (of: (sync: SyncFigures) => number) => syncs.reduce((sum, sync) => sum + of(sync), 0);
  const waiting = total((sync) => sync.waiting);
  const oldest = syncs.map((sync) => sync.oldestWaitingAt).filter((at) => at !== null);
  const finished = syncs.map((sync) => sync.finishedAt).filter((at) => at !== null);
  const newestAt = finished.toSorted().at(-1) ?? null;
  const behindSeconds = waiting === 0 ? 0 : ageSeconds(now, oldest.toSorted()[0] ?? null);
  return {
    name: "activate",
    title: "Activate",
    count: total((sync) => sync.delivered),
    unit: "rows",
    ratePerSecond: newestAt === null ? null : deliveredLastMinute / 60,
    lagSeconds: ageSeconds(now, newestAt),
    newestAt,
    behindSeconds,
    backlog: waiting,
    lastSeconds: null,
    health: worst(
      [loopHealth(live, "sync"), ...syncs.map(syncHealth), healthOfBacklog(waiting, behindSeconds, "row")],
      "Everything decided is delivered.",
    ),
    facts: [
      fact(
        "failed",
        total((sync) => sync.failed),
      ),
      fact(
        "skipped",
        total((sync) => sync.skipped),
      ),
      fact(
        "refused now",
        total((sync) => sync.refused),
      ),
    ],
  };
}

/** Of one sync: stopped ones are errors, refused or waiting rows are warnings. */
export function syncHealth(sync: SyncFigures): Health {
  const because = sync.message === null ? "" : ` ${sync.message}`;
  if (sync.state === "guarded") return { state: "warn", sentence: `Sync ${sync.sync} waits for your confirmation.${because}` };
  if (sync.state === "paused") return { state: "error", sentence: `Sync ${sync.sync} pauses: its destination does not answer.${because}` };
  if (sync.state === "crashed")
    return { state: "warn", sentence: `The last run of sync ${sync.sync} was cut off; the next one picks up.${because}` };
  if (sync.state === "failed") return { state: "error", sentence: `The last run of sync ${sync.sync} failed.${because}` };
  if (sync.refused > 0)
    return { state: "warn", sentence: `${counted(sync.refused, "row")} of sync ${sync.sync} refused by its destination.` };
  return { state: "ok", sentence: "Its destination is up to date." };
}

function loopHealth(live: LiveFigures, name: LoopState["name"]): Health {
  const loop = live.loops?.find((candidate) => candidate.name === name);
  if (loop?.state !== "failed") return { state: "ok", sentence: "Runs." };
  return { state: "error", sentence: `The ${name} loop failed and tries again: ${loop.message ?? "no message"}` };
}

/** Which steps of a cycle belong to which hop: `identify`, `measure`, `user traits`, `user scores`, … */
const stepsOfHop: Partial<Record<HopName, RegExp>> = {
  identify: /^identify$/,
  measure: /^measure$| (traits|roll-ups)$/,
  decide: / (scores|audiences)$/,
};

function secondsOf(steps: string, hop: HopName): number | null {
  const own = parseSteps(steps).filter((step) => stepsOfHop[hop]?.test(step.name) === true);
  return own.length === 0 ? null : own.reduce((sum, step) => sum + step.seconds, 0);
}

export interface Step {
  readonly name: string;
  /** After the cycle's start. */
  readonly startedAfter: number | null;
  readonly seconds: number;
  readonly rows: number | null;
}

/** Steps of `ops.cycles`: a list of `{name, startedAfter, seconds, rows}`. What is not one is left out. */
export function parseSteps(text: string): Step[] {
  const parsed: unknown = JSON.parse(text);
  return Array.isArray(parsed) ? parsed.flatMap((step: unknown) => stepOf(step)) : [];
}

function stepOf(step: unknown): Step[] {
  if (typeof step !== "object" || step === null || !("name" in step) || typeof step.name !== "string") return [];
  const seconds = "seconds" in step && typeof step.seconds === "number" ? step.seconds : 0;
  const startedAfter = "startedAfter" in step && typeof step.startedAfter === "number" ? step.startedAfter : null;
  const rows = "rows" in step && typeof step.rows === "number" ? step.rows : null;
  return [{ name: step.name, startedAfter, seconds, rows }];
}
