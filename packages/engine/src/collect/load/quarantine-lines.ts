import path from "node:path";
import { sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { quarantine } from "../../warehouse/tables/raw.js";
import type { Connection, Row } from "../../warehouse/warehouse.js";
import { type DamagedLine, type SegmentFile, storable } from "./sealed-segments.js";

/** Puts the lines of a file of `incoming` that are no events, so many, into quarantine, and behind them those that were damaged. */
export async function quarantineLines(
  connection: Connection,
  loadId: number,
  segment: SegmentFile,
  file: string,
  lines: number,
  damaged: readonly DamagedLine[],
): Promise<void> {
  if (lines > 0) {
    await connection.run(sql`/* load: what cannot be an event */
INSERT INTO ${nameOf(quarantine)} (load_id, segment, line, source, received_at, message_id, reason, detail, body)
SELECT ${loadId}, ${segment.name}, row_number() OVER (ORDER BY received_at, message_id, body), source, received_at, message_id,
  coalesce(reason, 'bad_json'), detail, body
FROM incoming WHERE file = ${file} AND state <> 'event'`);
  }
  await append(connection, loadId, segment, lines, damaged);
}

export async function quarantineUnreadable(
  connection: Connection,
  loadId: number,
  segments: readonly { segment: SegmentFile; message: string }[],
): Promise<void> {
  for (const { segment, message } of segments) {
    const aside = `${path.basename(segment.file)}.unreadable`;
    const detail = storable(`${message}; the file was kept as ${aside}: make it readable and rename it back to load it`);
    await append(connection, loadId, segment, 0, [{ reason: "unreadable_segment", detail, body: "" }]);
  }
}

async function append(
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
