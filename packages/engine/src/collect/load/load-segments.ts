import { type Instant, isoOf } from "../../base/instant.js";
import type { Project } from "../../project/project.js";
import { type Sql, sql } from "../../warehouse/sql.js";
import { ledger, loads } from "../../warehouse/tables/ops.js";
import type { Connection, Row } from "../../warehouse/warehouse.js";
import { type TypedProperty, eventColumns, eventRows } from "./event-rows.js";
import type { LineSource } from "./line-source.js";
import { LoadMemory } from "./load-memory.js";
import type { MessageFilter } from "./message-filter.js";
import { quarantineLines, quarantineUnreadable } from "./quarantine-lines.js";
import type { CheckedSegment, SegmentFile } from "./sealed-segments.js";
import { headShape, headsQuery, lineShape } from "./spool-line.js";
import { storeEvents } from "./store-events.js";

export interface LoadSettings {
  /** Where segments come from. */
  readonly source: LineSource;
  readonly now: Instant;
  /** Properties with a column of their own, as `prepareProperties` made them. */
  readonly typed?: readonly TypedProperty[];
  /** What `fillMessageFilter` fills; without it every load is compared with the whole history. */
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
 * Takes sealed segments into the warehouse: events into `raw.events` once by `messageId` over the whole history,
 * everything else into `raw.quarantine` with the reason, the counts into `ops.loads` and `ops.ledger`, all in one
 * transaction; then the segments are deleted. A segment that is already in `ops.loads` is only deleted, so that dying at
 * any moment neither loses nor doubles an event. accepted = stored + duplicates + quarantined, for each segment.
 */
export async function loadSegments(connection: Connection, project: Project, settings: LoadSettings): Promise<LoadSummary> {
  const started = performance.now();
  const session: Session = { connection, project, settings, memory: settings.memory ?? new LoadMemory() };
  const waiting = await withoutLoaded(session, await settings.source.waiting(connection));
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
    const outcome = await settings.source.check(segment);
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
  await settings.source.taken(
    checked.map(({ segment }) => segment),
    checked,
  );
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

interface Stored {
  readonly counts: readonly SegmentCounts[];
  /** To be called when the transaction is committed. */
  readonly committed: () => void;
}

async function loadChecked(session: Session, loadId: number, checked: readonly CheckedSegment[], inspected = false): Promise<Stored> {
  if (checked.length === 0) return { counts: [], committed: () => undefined };
  const { connection, settings } = session;
  const outcome = await settings.source.lend(connection, checked, async (lines) => {
    await connection.run(connection.dialect.tempTable("incoming", headsQuery(connection.dialect, lines(headShape))));
    const found = await readCounts(connection);
    const suspect = inspected ? [] : checked.filter((segment) => !addsUp(segment, found.get(segment.file)));
    return suspect.length > 0 ? { suspect } : storeLines(session, loadId, checked, found, lines(lineShape));
  });
  if (!("suspect" in outcome)) return outcome;
  // Checksums held, yet lines are missing or unreadable: what broke them was written that way. Look at each line.
  const readable = new Map<CheckedSegment, CheckedSegment>();
  for (const segment of outcome.suspect) readable.set(segment, await settings.source.inspect(connection, segment));
  const again = checked.map((segment) => readable.get(segment) ?? segment);
  return loadChecked(session, loadId, again, true);
}

async function storeLines(
  { connection, project, settings, memory }: Session,
  loadId: number,
  checked: readonly CheckedSegment[],
  found: ReadonlyMap<string, FileCounts>,
  lines: Sql,
): Promise<Stored> {
  const typed = await memory.typedColumns(connection, settings.typed ?? []);
  const events = {
    loadId,
    count: [...found.values()].reduce((sum, file) => sum + file.events, 0),
    columns: eventColumns(project, typed),
    rows: (wanted: Sql) => eventRows(connection.dialect, project, typed, lines, loadId, wanted),
  };
  const stored = await storeEvents(connection, events, settings.filter);
  const counts: SegmentCounts[] = [];
  for (const { segment, file, damaged } of checked) {
    const { events, quarantined, broken, first, last } = found.get(file) ?? noLines;
    await quarantineLines(connection, loadId, segment, file, quarantined + broken, damaged);
    const kept = stored === undefined ? events : (stored.get(file) ?? 0);
    const refused = quarantined + broken + damaged.length;
    counts.push({ segment, accepted: events + refused, stored: kept, duplicates: events - kept, quarantined: refused, first, last });
  }
  const total = counts.reduce((sum, count) => sum + count.stored, 0);
  return { counts, committed: await memory.properties.observe(connection, loadId, total, settings.now) };
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
async function withoutLoaded({ connection, memory, settings }: Session, segments: readonly SegmentFile[]): Promise<SegmentFile[]> {
  if (segments.length === 0) return [];
  const loaded = await memory.takenIn(connection, segments);
  if (loaded.size === 0) return [...segments];
  await settings.source.taken(segments.filter((segment) => loaded.has(segment.name)));
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
