import { randomBytes } from "node:crypto";
import { CambiumError } from "../../base/errors.js";
import { type Instant, isoOf } from "../../base/instant.js";
import { join, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { loads } from "../../warehouse/tables/ops.js";
import { arrivals, incoming } from "../../warehouse/tables/shipping.js";
import type { Connection, Row } from "../../warehouse/warehouse.js";
import { type SegmentFile, checkSegment, removeFiles, sealedSegments } from "../load/sealed-segments.js";
import { shippable } from "./shippable.js";

export interface ShipSettings {
  readonly spoolDir: string;
  /** Where copies of damaged segments go. */
  readonly scratchDir: string;
  readonly now: Instant;
  /** A segment that cannot be read was kept aside. */
  readonly onUnreadable?: (segment: string, message: string) => void;
}

export interface ShipSummary {
  readonly segments: number;
  readonly bytes: number;
  /** Sealed and still here. */
  readonly remaining: { readonly segments: number; readonly bytes: number };
}

/** Shipped with one arrival; the rest stays for the next call. */
const segmentsPerTripMax = 50;
const bytesPerTripMax = 64_000_000;

/**
 * Ships sealed segments of this machine's spool into the warehouse, oldest first: their lines as they are into
 * `raw.incoming`, each segment under an attempt of its own; once all are seen there, one insert into `ops.arrivals`; once
 * that is seen there, the files are deleted. Whoever dies in between leaves lines of an attempt that no arrival names, and
 * the next one ships the segment under another attempt; or a file whose arrival is there, which is only deleted.
 */
export async function shipSegments(connection: Connection, settings: ShipSettings): Promise<ShipSummary> {
  const sealed = await sealedSegments(settings.spoolDir);
  const trip = takeTrip(sealed);
  const there = await arrived(connection, trip);
  await removeFiles(trip.filter(({ name }) => there.has(name)).map(({ file }) => file));
  const remaining = { segments: sealed.length - trip.length, bytes: bytesOf(sealed) - bytesOf(trip) };
  const shipped: Row[] = [];
  const copies: string[] = [];
  for (const segment of trip.filter(({ name }) => !there.has(name))) {
    const checked = await checkSegment(segment, settings.scratchDir);
    if ("unreadable" in checked) {
      if (checked.unreadable !== "") settings.onUnreadable?.(segment.name, checked.unreadable);
      continue;
    }
    const { file, lines, events } = await shippable(checked, settings.scratchDir);
    copies.push(segment.file, checked.file, file);
    const attempt = randomBytes(8).toString("hex");
    await connection.appendLines(incoming, "line", file, { segment: segment.name, attempt });
    await assertThere(connection, segment.name, attempt, lines);
    shipped.push({
      segment: segment.name,
      node: segment.node,
      attempt,
      events,
      bytes: segment.bytes,
      arrived_at: isoOf(settings.now),
      waiting_segments: remaining.segments,
      waiting_bytes: remaining.bytes,
    });
  }
  if (shipped.length > 0) await connection.append(arrivals, shipped);
  const seen = await arrived(connection, trip);
  const lost = shipped.filter(({ segment }) => !seen.has(String(segment)));
  if (lost.length > 0)
    throw new CambiumError("WAREHOUSE_FAILED", `the arrival of segment ${String(lost[0]?.["segment"])} was written and is not there`);
  await removeFiles(copies);
  return { segments: shipped.length, bytes: shipped.reduce((sum, { bytes }) => sum + Number(bytes), 0), remaining };
}

function takeTrip(sealed: readonly SegmentFile[]): SegmentFile[] {
  const trip: SegmentFile[] = [];
  for (const segment of sealed.slice(0, segmentsPerTripMax)) {
    if (trip.length > 0 && bytesOf(trip) + segment.bytes > bytesPerTripMax) break;
    trip.push(segment);
  }
  return trip;
}

function bytesOf(segments: readonly SegmentFile[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Names of those that have arrived, loaded meanwhile or not. */
async function arrived(connection: Connection, segments: readonly SegmentFile[]): Promise<Set<string>> {
  if (segments.length === 0) return new Set();
  const names = join(segments.map(({ name }) => sql`${name}`));
  const rows = await connection.read<{ segment: string }>(sql`/* ship: what has arrived */
SELECT segment FROM ${nameOf(arrivals)} WHERE segment IN (${names}) UNION SELECT segment FROM ${nameOf(loads)} WHERE segment IN (${names})`);
  return new Set(rows.map(({ segment }) => segment));
}

async function assertThere(connection: Connection, segment: string, attempt: string, lines: number): Promise<void> {
  const found = await connection.first<{ n: number }>(sql`/* ship: lines of a segment */
SELECT count(*) AS n FROM ${nameOf(incoming)} WHERE segment = ${segment} AND attempt = ${attempt}`);
  if (found?.n !== lines) {
    const message = `segment ${segment} has ${lines} lines, but ${found?.n ?? 0} of them are in the warehouse`;
    throw new CambiumError("WAREHOUSE_FAILED", message);
  }
}
