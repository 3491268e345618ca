import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Instant, systemClock } from "../../src/base/instant.js";
import { type Collector, type CollectorOptions, startCollector } from "../../src/collect/collector.js";
import { spoolLines } from "../../src/collect/load/line-source.js";
import { type LoadSettings, type LoadSummary, loadSegments } from "../../src/collect/load/load-segments.js";
import { type MessageFilter, emptyMessageFilter, fillMessageFilter } from "../../src/collect/load/message-filter.js";
import type { Project } from "../../src/project/project.js";
import { sql } from "../../src/warehouse/sql.js";
import type { Connection, Row } from "../../src/warehouse/warehouse.js";
import { testProject } from "../support/project.js";
import { type TestWarehouse, testWarehouse } from "../support/warehouse.js";

export const writeKey = "test-key";

/** A collector in this process and a warehouse to load into; close it when done. */
export interface Bench {
  readonly collector: Collector;
  readonly connection: Connection;
  readonly project: Project;
  readonly spoolDir: string;
  readonly scratchDir: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Seals what is open and loads everything. */
  load(settings?: Partial<LoadSettings>): Promise<LoadSummary[]>;
  events(): Promise<Row[]>;
  quarantined(): Promise<Row[]>;
  restart(options?: Partial<CollectorOptions>): Promise<void>;
  close(): Promise<void>;
}

export async function collectBench(
  options: Partial<CollectorOptions> = {},
  project: Project = testProject(),
  open: () => Promise<Pick<TestWarehouse, "connection" | "close">> = testWarehouse,
): Promise<Bench> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-collect-"));
  const spoolDir = path.join(dir, "spool");
  const scratchDir = path.join(dir, "scratch");
  await mkdir(scratchDir);
  const { connection, close } = await open();
  const start = (more: Partial<CollectorOptions> = {}) =>
    startCollector({ spoolDir, sources: [{ name: "web", writeKeys: [writeKey] }], segmentAgeMaxMs: 20, ...options, ...more });
  let collector = await start();
  return {
    get collector() {
      return collector;
    },
    connection,
    project,
    spoolDir,
    scratchDir,
    post: (where, body, headers = {}) =>
      fetch(collector.url + where, {
        method: "POST",
        body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
        headers,
      }),
    async load(settings = {}) {
      await collector.spool.sealNow();
      return loadAll(connection, project, { source: spoolLines(spoolDir, scratchDir), now: systemClock(), ...settings });
    },
    events: () => connection.read(sql`SELECT * FROM raw.events ORDER BY received_at, message_id`),
    quarantined: () => connection.read(sql`SELECT * FROM raw.quarantine ORDER BY segment, line`),
    async restart(more) {
      await collector.close();
      collector = await start(more);
    },
    async close() {
      await collector.close();
      await close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Loads until nothing is left. */
export async function loadAll(connection: Connection, project: Project, settings: LoadSettings): Promise<LoadSummary[]> {
  const summaries: LoadSummary[] = [];
  for (;;) {
    const summary = await loadSegments(connection, project, settings);
    if (summary.loadId === undefined) return summaries;
    summaries.push(summary);
  }
}

/** A filter that knows everything stored so far. */
export async function filledFilter(connection: Connection): Promise<MessageFilter> {
  const filter = await emptyMessageFilter(connection);
  await fillMessageFilter(connection, filter);
  return filter;
}

export function total(summaries: readonly LoadSummary[]): { accepted: number; stored: number; duplicates: number; quarantined: number } {
  const sum = (field: "accepted" | "stored" | "duplicates" | "quarantined") => summaries.reduce((all, summary) => all + summary[field], 0);
  return { accepted: sum("accepted"), stored: sum("stored"), duplicates: sum("duplicates"), quarantined: sum("quarantined") };
}

/** A clock that stands still until it is moved. */
export function testClock(start: Instant): { now(): Instant; set(instant: Instant): void } {
  let current = start;
  return { now: () => current, set: (instant) => void (current = instant) };
}
