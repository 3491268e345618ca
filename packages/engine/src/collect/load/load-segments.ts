import path from "node:path";
import { type Instant, isoOf } from "../../base/instant.js";
import type { Project } from "../../project/project.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { ledger, loads } from "../../warehouse/tables/ops.js";
import { events, quarantine } from "../../warehouse/tables/raw.js";
import type { Connection, Row } from "../../warehouse/warehouse.js";
import { brokenLines } from "./broken-lines.js";
import { keepFirst } from "./duplicates.js";
import { type TypedProperty, eventColumns, incomingQuery, lineShape } from "./incoming.js";
import type { MessageFilter } from "./message-filter.js";
import { LoadMemory } from "./load-memory.js";
import {
  type CheckedSegment,
  type DamagedLine,
  type SegmentFile,
  checkSegment,
  removeFiles,
  sealedSegments,
  storable,
} from "./sealed-segments.js";

export interface LoadSettings {
  readonly spoolDir: string;
  /** Where repaired copies of damaged segments go. */
  readonly scratchDir: string;
  readonly now: Instant;
  /** Properties with a column of their own, as `prepareProperties` made them. */
  readonly typed?: readonly TypedProperty[];
  /** From `buildMessageFilter`; without it every load is compared with the whole history. */
  readonly filter?: MessageFilter;
  /** What earlier loads of this process learned; without it everything is read again. Whoever hands it in closes it. */
  readonly memory?: LoadMemory;
  /** Taken in one transaction; the rest stays for the next call. */
  readonly segmentsMax?: number;
  readonly bytesMax?: number;
}

export interface LoadSummary {
  /** Undefined when there was nothing to load. */
  readonly loadId: number | undefined;
  readonly segments: number;
  readonly accepted: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Sealed segments that this call left for the next one. */
  readonly remaining: number;
}

const segmentsPerLoadMax = 200;
const bytesPerLoadMax = 200_000_000;

/**
 * Takes sealed spool segments into the warehouse: events into `raw.events` once by `messageId` over the whole history,
 * everything else into `raw.quarantine` with the reason, the counts into `ops.loads` and `ops.ledger`, all in one
 * transaction; then the segments are deleted. A segment that is already in `ops.loads` is only deleted, so that dying at
 * any moment neither loses nor doubles an event. accepted = stored + duplicates + quarantined, for each segment.
 */
export async function loadSegments(connection: Connection, project: Project, settings: LoadSettings): Promise<LoadSummary> {
  const started = performance.now();
  const session: Session = { connection, project, settings, memory: settings.memory ?? new LoadMemory() };
  const waiting = await withoutLoaded(session, await sealedSegments(settings.spoolDir));
  const batch = takeBatch(waiting, settings);
  const loaded = batch.length === 0 ? [] : await loadTogetherOrAlone(session, batch);
  const counts = loaded.flatMap((one) => one.counts);
  const total = (field: "accepted" | "stored" | "duplicates" | "quarantined") => counts.reduce((sum, count) => sum + count[field], 0);
  return {
    loadId: loaded.at(-1)?.loadId,
    segments: counts.length,
    accepted: total("accepted"),
    stored: total("stored"),
    duplicates: total("duplicates"),
    quarantined: total("quarantined"),
    bytes: counts.reduce((sum, { segment }) => sum + segment.bytes, 0),
    seconds: seconds(started),
    remaining: waiting.length - batch.length,
  };
}

/** What every step of a load needs. */
interface Session {
  readonly connection: Connection;
  readonly project: Project;
  readonly settings: LoadSettings;
  readonly memory: LoadMemory;
}

/** Where several fail together, each is tried alone: a segment that the warehouse cannot take holds up no other. */
async function loadTogetherOrAlone(session: Session, batch: readonly SegmentFile[]): Promise<Loaded[]> {
  try {
    return [await loadBatch(session, batch)];
  } catch (together) {
    if (batch.length === 1) throw together;
    const loaded: Loaded[] = [];
    // The error may have come after the commit.
    for (const segment of await withoutLoaded(session, batch)) {
      const alone = await loadBatch(session, [segment]).catch(() => undefined);
      if (alone !== undefined) loaded.push(alone);
    }
    // The cause lies not in one of them; and what keeps failing is reported again by the next call, when it is alone.
    if (loaded.length === 0) throw together;
    return loaded;
  }
}

interface Loaded {
  readonly loadId: number;
  readonly counts: readonly SegmentCounts[];
}

async function loadBatch(session: Session, batch: readonly SegmentFile[]): Promise<Loaded> {
  const started = performance.now();
  const { connection, settings, memory } = session;
  const checked: CheckedSegment[] = [];
  const unreadable: { segment: SegmentFile; message: string }[] = [];
  for (const segment of batch) {
    const outcome = await checkSegment(segment, settings.scratchDir);
    if (!("unreadable" in outcome)) checked.push(outcome);
    else if (outcome.unreadable !== "") unreadable.push({ segment, message: outcome.unreadable });
  }
  const loaded = await remembering(memory, () =>
    connection.transaction(async () => {
      const loadId = await memory.nextLoad(connection);
      await quarantineUnreadable(connection, loadId, unreadable);
      const outcome = await loadChecked(session, loadId, checked);
      await recordCounts(connection, settings.now, loadId, outcome.counts, started);
      return { loadId, ...outcome };
    }),
  );
  loaded.committed();
  memory.committed(
    loaded.loadId,
    loaded.counts.map(({ segment }) => segment.name),
  );
  await removeFiles([...checked.map(({ segment }) => segment.file), ...checked.map(({ file }) => file)]);
  return loaded;
}

/** An error may come after the commit as well as before it: whatever was known is read again. */
async function remembering<T>(memory: LoadMemory, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    memory.forget();
    throw thrown;
  }
}

/** Counts of one segment. */
interface SegmentCounts {
  readonly segment: SegmentFile;
  readonly accepted: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly first: string | null;
  readonly last: string | null;
}

/** `committed` is to be called when the transaction is. */
async function loadChecked(
  { connection, project, settings, memory }: Session,
  loadId: number,
  checked: readonly CheckedSegment[],
): Promise<{ counts: SegmentCounts[]; committed: () => void }> {
  if (checked.length === 0) return { counts: [], committed: () => undefined };
  const typed = await memory.typedColumns(connection, settings.typed ?? []);
  const read = async (segments: readonly CheckedSegment[]) => {
    const files = segments.map(({ file }) => file);
    const lineBytesMax = Math.max(...segments.map((segment) => segment.lineBytesMax));
    await connection.withNdjson(files, lineShape, lineBytesMax, (lines) =>
      connection.run(connection.dialect.tempTable("incoming", incomingQuery(connection.dialect, project, typed, lines, loadId))),
    );
    return readCounts(connection);
  };
  let current = checked;
  let found = await read(current);
  // Checksums held, yet lines are missing or unreadable: what broke them was written that way. Look at each line.
  const suspect = current.filter((segment) => !addsUp(segment, found.get(segment.file)));
  if (suspect.length > 0) {
    const inspected = new Map<CheckedSegment, CheckedSegment>();
    for (const segment of suspect) inspected.set(segment, await brokenLines(connection, segment, settings.scratchDir));
    current = current.map((segment) => inspected.get(segment) ?? segment);
    found = await read(current);
  }
  const stored = await storeEvents(connection, eventColumns(project, typed), loadId, settings.filter);
  await storeQuarantine(connection, loadId, current, found);
  const events = [...found.values()].reduce((sum, file) => sum + file.events, 0);
  const committed = await memory.properties.observe(connection, events, settings.now);
  const counts = current.map(({ segment, file, damaged }): SegmentCounts => {
    const lines = found.get(file) ?? noLines;
    const kept = stored === undefined ? lines.events : (stored.get(file) ?? 0);
    const quarantined = lines.quarantined + lines.broken + damaged.length;
    return {
      segment,
      accepted: lines.events + quarantined,
      stored: kept,
      duplicates: lines.events - kept,
      quarantined,
      first: lines.first,
      last: lines.last,
    };
  });
  return { counts, committed };
}

interface FileCounts {
  readonly file: string;
  readonly events: number;
  readonly quarantined: number;
  readonly broken: number;
  readonly first: string | null;
  readonly last: string | null;
}

const noLines = { events: 0, quarantined: 0, broken: 0, first: null, last: null };

async function readCounts(connection: Connection): Promise<Map<string, FileCounts>> {
  const { filtered } = connection.dialect;
  const rows = await connection.read<FileCounts>(
    sql`/* load: what the lines turned out to be */
SELECT file, ${filtered(sql`count(*)`, sql`state = 'event'`)} AS events, ${filtered(sql`count(*)`, sql`state = 'quarantined'`)} AS quarantined,
  ${filtered(sql`count(*)`, sql`state = 'broken'`)} AS broken, min(received_at) AS first, max(received_at) AS last
FROM incoming GROUP BY file`,
  );
  return new Map(rows.map((row) => [row.file, row]));
}

function addsUp(segment: CheckedSegment, found: FileCounts | undefined): boolean {
  return (found?.broken ?? 0) === 0 && (found?.events ?? 0) + (found?.quarantined ?? 0) === segment.events;
}

/** Inserts what is new; returns how many rows each file gave, or undefined when that was all of its events. */
async function storeEvents(
  connection: Connection,
  columns: readonly string[],
  loadId: number,
  filter: MessageFilter | undefined,
): Promise<Map<string, number> | undefined> {
  const into = join(columns.map((column) => name(column)));
  const insert = (from: Sql) =>
    connection.run(sql`/* load: store events */ INSERT INTO ${nameOf(events)} (${into}) SELECT ${into} FROM ${from}`);
  const perhaps = filter?.add(
    await connection.integers(sql`/* load: message hashes */ SELECT message_hash FROM incoming WHERE state = 'event'`),
  );
  if (perhaps === 0) {
    await insert(sql`incoming WHERE state = 'event'`);
    return undefined;
  }
  const { plain, first } = await keepFirst(connection, loadId, perhaps);
  await insert(plain);
  await insert(first);
  const counts = await countByFile(connection, plain);
  for (const [file, count] of await countByFile(connection, first)) counts.set(file, (counts.get(file) ?? 0) + count);
  return counts;
}

async function countByFile(connection: Connection, from: Sql): Promise<Map<string, number>> {
  const rows = await connection.read<{ file: string; n: number }>(
    sql`/* load: rows of each file */ SELECT file, count(*) AS n FROM ${from} GROUP BY file`,
  );
  return new Map(rows.map((row) => [row.file, row.n]));
}

async function storeQuarantine(
  connection: Connection,
  loadId: number,
  checked: readonly CheckedSegment[],
  counts: ReadonlyMap<string, FileCounts>,
): Promise<void> {
  for (const { segment, file, damaged } of checked) {
    const found = counts.get(file) ?? noLines;
    const lines = found.quarantined + found.broken;
    if (lines > 0) {
      await connection.run(sql`/* load: what cannot be an event */
INSERT INTO ${nameOf(quarantine)} (load_id, segment, line, source, received_at, message_id, reason, detail, body)
SELECT ${loadId}, ${segment.name}, row_number() OVER (ORDER BY received_at, message_id, body), source, received_at, message_id,
  coalesce(reason, 'bad_json'), detail, body
FROM incoming WHERE file = ${file} AND state <> 'event'`);
    }
    await appendQuarantine(connection, loadId, segment, lines, damaged);
  }
}

async function appendQuarantine(
  connection: Connection,
  loadId: number,
  segment: SegmentFile,
  after: number,
  lines: readonly (Omit<DamagedLine, "reason"> & { reason: string })[],
): Promise<void> {
  await connection.append(
    quarantine,
    lines.map((line, index): Row => ({
      load_id: loadId,
      segment: segment.name,
      line: after + index + 1,
      source: null,
      received_at: null,
      message_id: null,
      reason: line.reason,
      detail: line.detail,
      body: line.body,
    })),
  );
}

async function quarantineUnreadable(
  connection: Connection,
  loadId: number,
  segments: readonly { segment: SegmentFile; message: string }[],
): Promise<void> {
  for (const { segment, message } of segments) {
    const aside = `${path.basename(segment.file)}.unreadable`;
    const detail = storable(`${message}; the file was kept as ${aside}: make it readable and rename it back to load it`);
    await appendQuarantine(connection, loadId, segment, 0, [{ reason: "unreadable_segment", detail, body: "" }]);
  }
}

async function recordCounts(
  connection: Connection,
  now: Instant,
  loadId: number,
  counts: readonly SegmentCounts[],
  started: number,
): Promise<void> {
  const at = isoOf(now);
  await connection.append(
    loads,
    counts.map(({ segment, first, last, ...count }): Row => ({
      load_id: loadId,
      segment: segment.name,
      node: segment.node,
      ...count,
      bytes: segment.bytes,
      first_received_at: first,
      last_received_at: last,
      loaded_at: at,
      seconds: seconds(started),
    })),
  );
  await connection.append(
    ledger,
    counts.map(({ segment, accepted, stored, duplicates, quarantined }): Row => ({
      happened_at: at,
      hop: "collect",
      ref: segment.name,
      accepted,
      stored,
      duplicates,
      quarantined,
      changed: 0,
      delivered: 0,
      failed: 0,
      skipped: 0,
    })),
  );
}

/** Deletes segments whose rows are in already: the engine died between commit and deletion. */
async function withoutLoaded({ connection, memory }: Session, segments: readonly SegmentFile[]): Promise<SegmentFile[]> {
  if (segments.length === 0) return [];
  const loaded = await memory.takenIn(connection, segments);
  if (loaded.size === 0) return [...segments];
  await removeFiles(segments.filter((segment) => loaded.has(segment.name)).map((segment) => segment.file));
  return segments.filter((segment) => !loaded.has(segment.name));
}

function takeBatch(
  segments: readonly SegmentFile[],
  { segmentsMax = segmentsPerLoadMax, bytesMax = bytesPerLoadMax }: LoadSettings,
): SegmentFile[] {
  const batch: SegmentFile[] = [];
  let bytes = 0;
  for (const segment of segments.slice(0, segmentsMax)) {
    bytes += segment.bytes;
    if (batch.length > 0 && bytes > bytesMax) break;
    batch.push(segment);
  }
  return batch;
}

function seconds(started: number): number {
  return (performance.now() - started) / 1000;
}
