import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Sync } from "../project/kinds/sync.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type DeliverOptions, deliverBatch } from "./deliver.js";
import type { Destination, DestinationRow, RequestTrace } from "./destination.js";
import { fieldTypesOf } from "./field-types.js";
import type { Known } from "./known.js";
import type { Mapping } from "./mapping.js";
import { Pacer, realTime } from "./pacer.js";
import { noRows, pageOf } from "./pages.js";
import { type SyncPlan, planSync } from "./plan.js";
import { type RunOptions, type RunResult, resultOf } from "./run-result.js";
import { nextRunId } from "./run-row.js";
import { fillKnownSecrets } from "./secrets.js";
import { startSync } from "./start.js";

const dryRunRowsMax = 100;

/** The difference and the exact requests of its first rows, with nothing sent and nothing kept. `guarded`: why a run would stop. */
export async function dryRun(
  connection: Connection,
  project: Project,
  sync: Sync,
  options: RunOptions,
  guarded: (plan: SyncPlan) => string | undefined,
  parts: { definition: DestinationDefinition; destination: Destination; action: string; mapping: Mapping },
): Promise<RunResult> {
  const { definition, destination, action, mapping } = parts;
  const { head, full, known } = await startSync(connection, project, sync, mapping, options.now, { dryRun: true });
  const plan = await planSync(connection, project, sync, options.now, { head, mapping, known, full: full || options.full === true });
  const fieldTypes = await fieldTypesOf(connection, project, sync, mapping, options.now);
  const page =
    plan.rows === 0
      ? noRows
      : await pageOf(connection, mapping, sync, await nextRunId(connection, sync), 0, dryRunRowsMax, { dryRun: true });
  const unchanged = await countUnchanged(connection, sync, plan, known);
  const filled = fillKnownSecrets(definition.name, definition.settings, options.env ?? process.env);
  const pacer = new Pacer(undefined, realTime);
  const deliver: DeliverOptions = {
    sync,
    mapping,
    destination,
    action,
    filled,
    allow: definition.allow,
    pacer,
    clock: options.clock,
    dryRun: true,
    signal: options.signal,
    assertMaySend: () => undefined,
    fieldTypes,
  };
  const spec = destination.spec.actions.find((candidate) => candidate.name === action);
  const batchRows = Math.min(sync.batch_rows ?? dryRunRowsMax, spec?.batchRowsMax ?? dryRunRowsMax);
  const traces: RequestTrace[] = [];
  const rows: DestinationRow[] = [];
  const problems: { key: string; reason: string }[] = [];
  for (let start = 0; start < page.planned.length; start += batchRows) {
    const batch = await deliverBatch(deliver, page.planned.slice(start, start + batchRows), page.sources.slice(start, start + batchRows));
    traces.push(...batch.traces);
    batch.rows.forEach(({ key, sent }, index) => {
      const outcome = batch.outcomes[index];
      if (sent !== undefined) rows.push(sent);
      if (outcome?.outcome === "failed") problems.push({ key, reason: outcome.reason });
    });
  }
  return { ...resultOf(sync, "dry_run", undefined, plan, 0, traces), preview: { unchanged, rows, problems, guarded: guarded(plan) } };
}

/** Rows that the destination has and that the run would leave as they are; a log has none. */
async function countUnchanged(connection: Connection, sync: Sync, plan: SyncPlan, { confirmed }: Known): Promise<number> {
  if ("changes" in sync.from) return 0;
  const row = await connection.first<{ n: number }>(
    sql`/* rows that ${sync.name} has confirmed */ SELECT count(fingerprint) AS n FROM ${confirmed}`,
  );
  return (row?.n ?? 0) - plan.changed - plan.removed;
}
