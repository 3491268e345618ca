import type { Sync } from "../../project/kinds/sync.js";
import { type SyncFigures, syncFigures } from "../../observe/figures.js";
import { syncHealth } from "../../observe/hops.js";
import { join, name, sql } from "../../warehouse/sql.js";
import type { RequestRow, SyncDetail, SyncList, SyncRequest, SyncRun, SyncSummary } from "../contract.js";
import type { Reads } from "../reads.js";
import { definitionView, titled, versionsOf } from "./definitions.js";
import { kindOfSync, readDeliveries } from "./deliveries.js";
import { jsonOf, limitOf, lowerStarts, notFound, pageOf, where } from "./rows.js";
import { readSyncRuns } from "./runs.js";

/** Syncs: where each stands, what its runs did, which rows failed and why, and the requests behind them. */

const runsMax = 50;
const requestsMax = 50;
const errorsMax = 50;
/** Runs whose deliveries the grouped errors and outcomes look at. */
const recentRuns = 200;

export function findSync(reads: Reads, syncName: string): Sync {
  const sync = reads.project.syncs.find((candidate) => candidate.name === syncName);
  if (sync === undefined) throw notFound(`sync ${syncName}`);
  return sync;
}

export async function syncList(reads: Reads): Promise<SyncList> {
  const { syncs } = reads.project;
  const [figures, runs, confirmed] = await Promise.all([allFigures(reads), lastRuns(reads), confirmedRows(reads, syncs)]);
  return { syncs: syncs.map((sync) => summaryOf(reads, sync, figures.get(sync.name), runs.get(sync.name), confirmed.get(sync.name) ?? 0)) };
}

export async function syncDetail(reads: Reads, syncName: string, request: SyncRequest): Promise<SyncDetail> {
  const sync = findSync(reads, syncName);
  const destination = reads.project.destinations.find((candidate) => candidate.name === sync.destination);
  const [figures, confirmed, runs, outcomes, errors, deliveries, requests, versions] = await Promise.all([
    allFigures(reads),
    confirmedRows(reads, [sync]),
    readSyncRuns(reads, [sql`sync = ${sync.name}`], runsMax),
    readOutcomes(reads, sync.name),
    readErrors(reads, sync.name),
    deliveriesPage(reads, sync.name, request),
    readRequests(reads, sync.name, request.run),
    versionsOf(reads),
  ]);
  return {
    ...summaryOf(reads, sync, figures.get(sync.name), runs[0], confirmed.get(sync.name) ?? 0),
    runs,
    outcomes,
    errors,
    deliveries,
    requests,
    definition: definitionView("sync", sync, kindOfSync(reads.project, sync), versions),
    destinationDefinition:
      destination === undefined
        ? null
        : definitionView("destination", destination, null, versions, { ...destination, settings: Object.keys(destination.settings) }),
  };
}

async function allFigures(reads: Reads): Promise<Map<string, SyncFigures>> {
  const rows = await reads.once("sync-figures", () => reads.use((connection) => syncFigures(connection)));
  return new Map(rows.map((row) => [row.sync, row]));
}

async function lastRuns(reads: Reads): Promise<Map<string, SyncRun>> {
  const newest = sql`(sync, run_id) IN (SELECT sync, max(run_id) FROM ops.sync_runs GROUP BY sync)`;
  const runs = await readSyncRuns(reads, [newest], 1000);
  return new Map(runs.map((run) => [run.sync, run]));
}

/** Rows that each destination holds now, by the sync's own state table. */
async function confirmedRows(reads: Reads, syncs: readonly Sync[]): Promise<Map<string, number>> {
  const parts = [];
  for (const sync of syncs) {
    if (!(await reads.exists("ops", `sync_state_${sync.name}`))) continue;
    parts.push(sql`SELECT ${sync.name} AS sync, count(fingerprint) AS n FROM ${name("ops", `sync_state_${sync.name}`)}`);
  }
  if (parts.length === 0) return new Map();
  const rows = await reads.read<{ sync: string; n: number }>(sql`/* rows confirmed by destinations */ ${join(parts, " UNION ALL ")}`);
  return new Map(rows.map((row) => [row.sync, row.n]));
}

function summaryOf(
  reads: Reads,
  sync: Sync,
  figures: SyncFigures | undefined,
  lastRun: SyncRun | undefined,
  confirmed: number,
): SyncSummary {
  const destination = reads.project.destinations.find((candidate) => candidate.name === sync.destination);
  const state = sync.enabled ? (figures?.state ?? lastRun?.state ?? "never") : "disabled";
  return {
    name: sync.name,
    title: titled(sync, sync.name),
    description: sync.description ?? null,
    enabled: sync.enabled,
    mode: sync.mode,
    from: fromText(sync),
    entity: kindOfSync(reads.project, sync),
    destination: {
      name: sync.destination,
      title: titled(destination, sync.destination),
      type: destination?.type ?? "unknown",
      action: sync.action ?? null,
    },
    state,
    health: figures === undefined ? { state: "ok", sentence: sync.enabled ? "Has not run yet." : "Switched off." } : syncHealth(figures),
    lastRun: lastRun ?? null,
    confirmed,
    waiting: figures?.waiting ?? 0,
    refused: figures?.refused ?? 0,
    delivered: figures?.delivered ?? 0,
    failed: figures?.failed ?? 0,
    skipped: figures?.skipped ?? 0,
  };
}

function fromText(sync: Sync): string {
  const { from } = sync;
  if ("entity" in from) return `entity ${from.entity}`;
  if ("audience" in from) return `audience ${from.audience}`;
  return "model" in from ? `model ${from.model}` : `changes of ${from.changes}`;
}

const recent = (sync: string) =>
  sql`sync = ${sync} AND run_id IN (SELECT run_id FROM ops.sync_runs WHERE sync = ${sync} ORDER BY run_id DESC LIMIT ${recentRuns})`;

function readOutcomes(reads: Reads, sync: string): Promise<SyncDetail["outcomes"]> {
  return reads.read<SyncDetail["outcomes"][number]>(
    sql`/* outcomes of a sync's recent runs */ SELECT outcome, count(*) AS count FROM ops.deliveries WHERE ${recent(sync)} GROUP BY outcome ORDER BY count(*) DESC, outcome`,
  );
}

function readErrors(reads: Reads, sync: string): Promise<SyncDetail["errors"]> {
  const { dialect } = reads;
  return reads.read<SyncDetail["errors"][number]>(
    sql`/* why rows were not delivered */ SELECT coalesce(reason, 'no reason given') AS reason, outcome, count(*) AS count, max(happened_at) AS "newestAt",
  ${dialect.argMax(sql`key`, sql`happened_at`)} AS "exampleKey", ${dialect.argMax(sql`status`, sql`happened_at`)} AS status
FROM ops.deliveries WHERE ${recent(sync)} AND outcome <> 'delivered' GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT ${errorsMax}`,
  );
}

async function deliveriesPage(reads: Reads, sync: string, request: SyncRequest): Promise<SyncDetail["deliveries"]> {
  const conditions = [sql`sync = ${sync}`];
  if (request.outcome !== undefined) conditions.push(sql`outcome = ${request.outcome}`);
  if (request.reason !== undefined) conditions.push(sql`reason = ${request.reason}`);
  if (request.key !== undefined && request.key !== "") conditions.push(lowerStarts(reads, sql`key`, request.key));
  if (request.run !== undefined) conditions.push(sql`run_id = ${request.run}`);
  const page = request.page ?? 1;
  const total = await reads.count(sql`SELECT key FROM ops.deliveries ${where(conditions)}`);
  return { ...pageOf(page, total), rows: await readDeliveries(reads, conditions, limitOf(page)) };
}

async function readRequests(reads: Reads, sync: string, run: number | undefined): Promise<RequestRow[]> {
  const conditions = [sql`sync = ${sync}`, ...(run === undefined ? [] : [sql`run_id = ${run}`])];
  const rows = await reads.read<RequestRow & { requestHeaders: string; responseHeaders: string | null }>(
    sql`/* requests of a sync, newest first */ SELECT request_id AS "requestId", sync, run_id AS "runId", happened_at AS "happenedAt", method, url,
  request_headers AS "requestHeaders", request_body AS "requestBody", status, response_headers AS "responseHeaders", response_body AS "responseBody", millis, error
FROM ops.requests ${where(conditions)} ORDER BY happened_at DESC, request_id LIMIT ${requestsMax}`,
  );
  return rows.map((row) => ({ ...row, requestHeaders: jsonOf(row.requestHeaders), responseHeaders: jsonOf(row.responseHeaders) }));
}
