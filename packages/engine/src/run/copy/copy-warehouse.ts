import { mkdir, rm } from "node:fs/promises";
import { CambiumError, messageOf } from "../../base/errors.js";
import type { Clock } from "../../base/instant.js";
import { groupKinds, type Project } from "../../project/project.js";
import { createTables } from "../../warehouse/create-tables.js";
import { copyLog } from "../../warehouse/tables/copy.js";
import { syncHeads } from "../../warehouse/tables/ops.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { kindsOf } from "../derived-tables.js";
import { ModelUpdates } from "../model-updates.js";
import { type ComparedTable, compareTable } from "./compare-tables.js";
import { type CopiedTable, wholeTable } from "./copied-table.js";
import { CopyLog } from "./copy-log.js";
import { type CopyState, type TableState, readCopyState } from "./copy-state.js";
import { type OnProgress, tableProgress } from "./copy-progress.js";
import { type TableCopy, copyTable, plannedTable } from "./copy-table.js";
import { obstacleTo } from "./plan-copy.js";
import { type Side, withSession } from "./side.js";
import { sourceMark } from "./source-mark.js";
import { type SyncNote, hasSyncHashes, headsChange, syncTables } from "./sync-tables.js";
import { tablesIn } from "./tables-in.js";

/**
 * Copies everything that the loop keeps from one warehouse to another, of whatever engine, so that an engine started on the
 * other goes on where the one stopped: raw events, identity, measures, traits, scores, audiences, histories, syncs, ledger.
 * What follows from the rest is made anew there: models, Segment's layout. Nothing may write to either meanwhile.
 *
 * Tables travel in pieces, each noted in the target; until all are there and compared equal, no engine starts on it.
 */
export interface CopySettings {
  readonly source: Side;
  readonly target: Side;
  readonly project: Project;
  readonly clock: Clock;
  readonly scratchDir: string;
  /** Drops what is in the target first. */
  readonly replace: boolean;
  readonly pieceRows?: number | undefined;
  readonly onProgress?: OnProgress;
}

export interface CopyResult {
  readonly tables: readonly ComparedTable[];
  readonly equal: boolean;
  readonly rows: number;
  /** That travelled in this run; an earlier one may have done the rest. */
  readonly bytes: number;
  readonly resumed: boolean;
  readonly leftOut: readonly string[];
  /** Models that cannot be built there, with why. */
  readonly models: readonly string[];
  readonly syncs: readonly SyncNote[];
  readonly seconds: number;
}

export async function copyWarehouse(settings: CopySettings): Promise<CopyResult> {
  const started = performance.now();
  await rm(settings.scratchDir, { recursive: true, force: true });
  await mkdir(settings.scratchDir, { recursive: true });
  try {
    return await withSession(settings.source, (source) =>
      withSession(settings.target, async (target) => {
        const result = await copyBetween(settings, source, target);
        return { ...result, seconds: (performance.now() - started) / 1000 };
      }),
    );
  } finally {
    await rm(settings.scratchDir, { recursive: true, force: true });
  }
}

async function copyBetween(settings: CopySettings, source: Connection, target: Connection): Promise<Omit<CopyResult, "seconds">> {
  const { project } = settings;
  const log = new CopyLog(target, settings.clock);
  const state = await startedFrom(settings, source, target, log);
  const mark = await sourceMark(source);
  await createTables(
    target,
    kindsOf(project),
    groupKinds(project).map((entity) => entity.kind),
  );
  let bytes = 0;
  const copied: { table: CopiedTable; plan: TableState }[] = [];
  const { plain, hashed, leftOut } = await tablesToCopy(source, target, project);
  const present = new Set((await tablesIn(target, kindsOf(project))).tables.map((spec) => spec.table));
  const send = async (table: CopiedTable) => {
    const places = Math.max(plain.length + hashed.length, copied.length + 1);
    const tell = tableProgress(settings.onProgress, { phase: "copy", table: table.label, place: copied.length, places });
    const onPiece = (rows: number, sent: number) => {
      bytes += sent;
      tell.add(rows);
    };
    const copy: TableCopy = { source, target, log, scratchDir: settings.scratchDir, pieceRows: settings.pieceRows, onPiece };
    await createMissing(target, table, present.has(table.spec.table));
    const plan = await plannedTable(copy, table, mark, state?.tables.get(table.label));
    tell.begin(plan.pieces, plan.copied);
    if (!plan.isFinished) await copyTable(copy, table, plan);
    copied.push({ table, plan });
  };
  for (const table of plain) await send(table);
  const models = await buildModels(target, project, settings.clock());
  const notes: SyncNote[] = [];
  const sides = { source, target, project, now: settings.clock(), note: (one: SyncNote) => void notes.push(one) };
  for (const table of await syncTables(sides, hashed)) await send(table);
  await assertUnchanged(source, mark);
  const tables = await compareAll(settings, source, target, log, copied);
  await assertUnchanged(source, mark);
  const equal = tables.every((table) => table.equal);
  if (equal) {
    await log.close();
    await settings.target.warehouse.checkpoint();
  }
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return { tables, equal, rows, bytes, resumed: state !== undefined, leftOut, models, syncs: notes };
}

/** What this copy has done before, once it is noted that it goes on; throws where the target holds something else. */
async function startedFrom(
  { source: from, target: to, project, replace }: CopySettings,
  source: Connection,
  target: Connection,
  log: CopyLog,
): Promise<CopyState | undefined> {
  const state = await readCopyState(target);
  const obstacle = replace ? undefined : await obstacleTo(project, source, target, from.name, state);
  if (obstacle !== undefined) throw new CambiumError("WAREHOUSE_NOT_EMPTY", obstacle);
  const clears = replace || state?.isClearing === true;
  await log.start(from.name, clears);
  if (!clears) return state;
  await to.warehouse.clear(copyLog);
  await log.cleared();
  return undefined;
}

interface TablesToCopy {
  readonly plain: readonly CopiedTable[];
  /** Those whose rows carry hashes that the target does not know. */
  readonly hashed: Parameters<typeof syncTables>[1];
  readonly leftOut: readonly string[];
}

async function tablesToCopy(source: Connection, target: Connection, project: Project): Promise<TablesToCopy> {
  const { tables, leftOut } = await tablesIn(source, kindsOf(project));
  const otherHashes = source.dialect.fingerprintVersion !== target.dialect.fingerprintVersion;
  const plain: CopiedTable[] = [];
  const hashed = tables.filter((spec) => otherHashes && hasSyncHashes(spec));
  for (const spec of tables.filter((each) => !hashed.includes(each))) {
    const change = otherHashes && spec === syncHeads ? headsChange(source, target) : undefined;
    plain.push(wholeTable(spec, await source.columnsOf(spec), [source.dialect, target.dialect], change));
  }
  return { plain, hashed, leftOut };
}

/** Tables that are not there for every project, and columns that were added to any. */
async function createMissing(target: Connection, { spec, added }: CopiedTable, isThere: boolean): Promise<void> {
  if (!isThere) for (const statement of target.dialect.createTable(spec)) await target.run(statement);
  if (added.length === 0) return;
  const present = new Set((await target.columnsOf(spec)).map((column) => column.name));
  for (const column of added) if (!present.has(column.name)) await target.run(target.dialect.addColumn(spec, column.name, column.type));
}

/** Syncs of models read them: they must stand before it is known what those want. */
async function buildModels(target: Connection, project: Project, now: number): Promise<string[]> {
  const failed: string[] = [];
  await new ModelUpdates().update(target, project, now, { force: true, onError: (thrown) => void failed.push(messageOf(thrown)) });
  return failed;
}

async function assertUnchanged(source: Connection, mark: string): Promise<void> {
  if ((await sourceMark(source)) !== mark)
    throw new CambiumError("COPY_SOURCE_CHANGED", "Something wrote to the source while it was copied.");
}

async function compareAll(
  settings: CopySettings,
  source: Connection,
  target: Connection,
  log: CopyLog,
  copied: readonly { table: CopiedTable; plan: TableState }[],
): Promise<ComparedTable[]> {
  const found: ComparedTable[] = [];
  for (const [place, { table, plan }] of copied.entries()) {
    const tell = tableProgress(settings.onProgress, { phase: "compare", table: table.label, place, places: copied.length });
    tell.begin(plan.pieces);
    const compared = await compareTable(source, target, table, plan.pieces, tell.add);
    if (!compared.equal) for (const piece of compared.differing ?? [undefined]) await log.doubted(table.label, piece);
    found.push(compared);
  }
  return found;
}
