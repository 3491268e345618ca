import type { NdjsonShape } from "../../warehouse/dialect.js";
import type { Sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { brokenLines } from "./broken-lines.js";
import { type CheckedSegment, type SegmentFile, checkSegment, removeFiles, sealedSegments } from "./sealed-segments.js";

/**
 * Where a load takes segments from: this machine's spool (here), or what collectors elsewhere have shipped into the
 * warehouse (`shipped-lines.ts`). A load is the same for both.
 */
export interface LineSource {
  /** All that wait, oldest first within each collector; those taken in before may be among them. */
  waiting(connection: Connection): Promise<SegmentFile[]>;
  /** What a segment promises, damage found; `unreadable` is empty where it is gone. */
  check(segment: SegmentFile): Promise<CheckedSegment | { unreadable: string }>;
  /** Lends their lines to statements; the column `file` is each one's `file`. */
  lend<T>(connection: Connection, checked: readonly CheckedSegment[], work: (lines: (shape: NdjsonShape) => Sql) => Promise<T>): Promise<T>;
  /** The same without the lines that the warehouse cannot read: they are among the damaged ones. Slow. */
  inspect(connection: Connection, checked: CheckedSegment): Promise<CheckedSegment>;
  /** Their events are in, committed: nobody needs them any more. */
  taken(segments: readonly SegmentFile[], checked?: readonly CheckedSegment[]): Promise<void>;
}

/** `scratchDir` is where repaired copies of damaged segments go. */
export function spoolLines(spoolDir: string, scratchDir: string): LineSource {
  return {
    waiting: () => sealedSegments(spoolDir),
    check: (segment) => checkSegment(segment, scratchDir),
    lend: (connection, checked, work) =>
      connection.withNdjson(
        checked.map(({ file }) => file),
        Math.max(...checked.map((segment) => segment.lineBytesMax)),
        work,
      ),
    inspect: (connection, checked) => brokenLines(connection, checked, scratchDir),
    taken: (segments, checked = []) => removeFiles([...segments, ...checked].map(({ file }) => file)),
  };
}
