import type { CycleWindow } from "../base/cycle.js";
import { type Instant, instantOf, isoOf } from "../base/instant.js";
import { loadLists } from "../decide/load-lists.js";
import { updateAudiences } from "../decide/update-audiences.js";
import { identify } from "../identify/identify.js";
import { closeDay } from "../measure/close-day.js";
import { touchEdges } from "../measure/touch-edges.js";
import { updateComputed } from "../measure/update-computed.js";
import { updateFacts } from "../measure/update-facts.js";
import { touchMembersGroups } from "../measure/touch-rollups.js";
import { updateScores } from "../measure/update-scores.js";
import { comeDue } from "../measure/window.js";
import { updateTraits } from "../measure/update-traits.js";
import type { EventScope, TypedProperties } from "../project/compile/event-predicate.js";
import type { Project } from "../project/project.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import { cycles } from "../warehouse/tables/ops.js";
import { cycleEvents, nobody, touched as touchedTable } from "../warehouse/tables/working.js";
import type { Connection } from "../warehouse/warehouse.js";
import { recordDefinitions } from "./definitions.js";

/**
 * One turn of the loop: who is who, measures, traits, scores, audiences, up to one moment. All of it is one transaction:
 * after a crash the next turn starts from the same watermark.
 */

export interface CycleSummary {
  readonly cycleId: number;
  readonly kind: "incremental" | "full";
  readonly now: Instant;
  readonly events: number;
  readonly merges: number;
  readonly touched: Readonly<Record<string, number>>;
  readonly changed: Readonly<Record<string, number>>;
  readonly scored: number;
  readonly entered: number;
  readonly left: number;
  readonly steps: readonly CycleStep[];
  readonly seconds: number;
  /** When the clock alone makes another cycle necessary (scheduled SQL, exact windows), day and hour edges aside. */
  readonly dueAt: Instant;
}

export interface CycleStep {
  readonly name: string;
  readonly rows: number | null;
  readonly startedAfter: number;
  readonly seconds: number;
}

export interface CycleOptions {
  readonly now: Instant;
  /** Typed copies of properties that the loader keeps: path → column. */
  readonly typed?: TypedProperties;
  /** Look at everyone, as after a definition change. */
  readonly everyone?: boolean;
  /** Up to so many new events are set aside for the cycle's statements, each of which then looks at nothing else. */
  readonly copiedEventsMax?: number;
  readonly onStep?: (step: string) => void;
}

/** The watermark: what the newest cycle has seen. */
export interface Watermark {
  readonly cycleId: number;
  readonly now: Instant;
  readonly toLoad: number;
  readonly definitions: string;
}

export async function readWatermark(connection: Connection, table: Sql = sql`ops.cycles`): Promise<Watermark> {
  const row = await connection.first<{ cycle_id: number; now: string; to_load: number; definitions: string }>(
    sql`/* where the newest cycle stopped */ SELECT cycle_id, now, to_load, definitions FROM ${table} ORDER BY cycle_id DESC LIMIT 1`,
  );
  return row === undefined
    ? { cycleId: 0, now: 0, toLoad: 0, definitions: "" }
    : { cycleId: row.cycle_id, now: instantOf(row.now), toLoad: row.to_load, definitions: row.definitions };
}

export async function runCycle(connection: Connection, project: Project, options: CycleOptions): Promise<CycleSummary> {
  const watermark = await readWatermark(connection);
  const loaded = await connection.first<{ to_load: number }>(
    sql`/* how far loading is */ SELECT coalesce(max(load_id), 0) AS to_load FROM ops.loads`,
  );
  const window: CycleWindow = {
    cycleId: watermark.cycleId + 1,
    // Time never runs backwards for the loop, whatever the machine's clock does.
    now: Math.max(options.now, watermark.now),
    previousNow: watermark.now,
    fromLoad: watermark.toLoad,
    toLoad: Math.max(loaded?.to_load ?? 0, watermark.toLoad),
    redefined: watermark.definitions !== project.loopFingerprint,
  };
  const due = await connection.first<{ n: number }>(
    sql`/* events whose timestamp has come */ SELECT count(*) AS n FROM raw.events AS e WHERE ${comeDue(connection.dialect, window)}`,
  );
  const counted = await connection.first<{ n: number }>(
    sql`/* events of this cycle */ SELECT coalesce(sum(stored), 0) AS n FROM ops.loads WHERE load_id > ${window.fromLoad} AND load_id <= ${window.toLoad}`,
  );
  const deferred = due?.n ?? 0;
  const events = counted?.n ?? 0;
  const copied = window.fromLoad > 0 && events + deferred <= (options.copiedEventsMax ?? copiedEventsMax);
  return connection.transaction(async () => {
    if (copied) await copyEvents(connection, window);
    return turn(connection, project, { ...window, deferred: deferred > 0, copied }, events, options);
  });
}

const copiedEventsMax = 50_000;

async function copyEvents(connection: Connection, window: CycleWindow): Promise<void> {
  const { dialect } = connection;
  const loaded = sql`SELECT * FROM raw.events AS e WHERE e.load_id > ${window.fromLoad} AND e.load_id <= ${window.toLoad}`;
  const due = sql`SELECT * FROM raw.events AS e WHERE ${comeDue(dialect, window)}`;
  await connection.run(sql`/* the events of this cycle */ ${dialect.tempTable(cycleEvents, sql`${loaded} UNION ALL ${due}`)}`);
}

async function turn(
  connection: Connection,
  project: Project,
  window: CycleWindow,
  events: number,
  options: CycleOptions,
): Promise<CycleSummary> {
  const scope: EventScope = { dialect: connection.dialect, now: window.now, timezone: project.timezone, typed: options.typed ?? new Map() };
  const watch = stopwatch(options.onStep);
  const redefined = window.redefined === true;
  await connection.run(sql`/* a new cycle touches nobody yet */ ${connection.dialect.tempTable(touchedTable, nobody(connection.dialect))}`);
  await closeDay(connection, project, window);
  const identity = await watch("identify", () => identify(connection, project, window));
  await watch("measure", () => updateFacts(connection, scope, project, window));
  const versions = await recordDefinitions(connection, project, window);
  if (redefined) await loadLists(connection, project);
  const everyone = (redefined && window.fromLoad > 0) || options.everyone === true;
  const touched: Record<string, number> = {};
  const changed: Record<string, number> = {};
  let scored = 0;
  let dueAt = Infinity;
  const moved = { entered: 0, left: 0 };
  for (const entity of project.entities) {
    const { kind } = entity;
    if (everyone) {
      await connection.run(sql`/* everyone is looked at */ INSERT INTO touched (kind, entity_id, reason, message_id)
SELECT ${kind}, entity_id, 'definition', NULL FROM ${name("growth", `${kind}_entities`)}`);
    }
    const looked = await watch(`${kind} traits`, async () => {
      await touchEdges(connection, scope, project, entity, window);
      dueAt = Math.min(dueAt, await updateComputed(connection, scope, project, entity, window));
      return updateTraits(connection, scope, project, entity, window);
    });
    touched[kind] = looked.touched;
    changed[kind] = looked.changed;
    scored += await watch(`${kind} scores`, () => updateScores(connection, scope, project, entity, window, versions.score, looked));
    const moves = await watch(`${kind} audiences`, () =>
      updateAudiences(connection, scope, project, entity, window, versions.audience, looked),
    );
    moved.entered += moves.entered;
    moved.left += moves.left;
    await watch(`${kind} roll-ups`, () => touchMembersGroups(connection, scope, project, entity, window));
  }
  const { steps, seconds } = watch.done();
  const summary: CycleSummary = {
    cycleId: window.cycleId,
    kind: everyone || window.fromLoad === 0 ? "full" : "incremental",
    now: window.now,
    events,
    merges: identity.merges,
    touched,
    changed,
    scored,
    ...moved,
    steps,
    seconds,
    dueAt,
  };
  await recordCycle(connection, project, window, summary);
  return summary;
}

async function recordCycle(connection: Connection, project: Project, window: CycleWindow, summary: CycleSummary): Promise<void> {
  await connection.append(cycles, [
    {
      cycle_id: window.cycleId,
      kind: summary.kind,
      started_at: isoOf(window.now),
      now: isoOf(window.now),
      from_load: window.fromLoad,
      to_load: window.toLoad,
      events: summary.events,
      touched: JSON.stringify(summary.touched),
      changed: JSON.stringify(summary.changed),
      steps: JSON.stringify(summary.steps),
      seconds: summary.seconds,
      definitions: project.loopFingerprint,
    },
  ]);
}

/** Measures steps by the monotonic clock: durations, never the time of day. */
function stopwatch(onStep: ((step: string) => void) | undefined) {
  const start = performance.now();
  const steps: CycleStep[] = [];
  const watch = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    onStep?.(step);
    const began = performance.now();
    const outcome = await work();
    steps.push({ name: step, rows: null, startedAfter: (began - start) / 1000, seconds: (performance.now() - began) / 1000 });
    return outcome;
  };
  return Object.assign(watch, { done: () => ({ steps, seconds: (performance.now() - start) / 1000 }) });
}
