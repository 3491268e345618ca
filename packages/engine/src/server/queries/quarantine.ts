import { z } from "zod";
import { CambiumError } from "../../base/errors.js";
import { published } from "../../warehouse/published.js";
import { sql } from "../../warehouse/sql.js";
import type { QuarantinePage, QuarantineRequest } from "../contract.js";
import type { Reads } from "../reads.js";
import { cursorOf, cursorParts, where } from "./rows.js";

/** What was accepted but cannot be an event: counts by reason, and the rows, newest first. */

const rowsDefault = 50;
/** Characters of a body that are shown. */
const bodyCharsMax = 4000;
const cursor = z.tuple([z.number().int(), z.string().max(1000), z.number().int()]);

export async function quarantine(reads: Reads, request: QuarantineRequest): Promise<QuarantinePage> {
  const limit = request.limit ?? rowsDefault;
  const conditions = [published()];
  if (request.reason !== undefined) conditions.push(sql`reason = ${request.reason}`);
  if (request.before !== undefined) {
    const parsed = cursor.safeParse(cursorParts(request.before));
    if (!parsed.success) throw new CambiumError("BAD_REQUEST", "`before` is not a cursor of an earlier answer");
    const [load, segment, line] = parsed.data;
    conditions.push(
      sql`(load_id < ${load} OR (load_id = ${load} AND (segment < ${segment} OR (segment = ${segment} AND line < ${line}))))`,
    );
  }
  const reasons = await reads.read<QuarantinePage["reasons"][number]>(
    sql`/* quarantine by reason */ SELECT reason, count(*) AS count, max(received_at) AS "newestAt" FROM raw.quarantine
WHERE ${published()} GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 100`,
  );
  const rows = await reads.read<QuarantinePage["rows"][number]>(
    sql`/* quarantined rows, newest first */ SELECT load_id AS "loadId", segment, line, source, received_at AS "receivedAt", message_id AS "messageId",
  reason, detail, substr(body, 1, ${bodyCharsMax}) AS body
FROM raw.quarantine ${where(conditions)} ORDER BY load_id DESC, segment DESC, line DESC LIMIT ${limit}`,
  );
  const last = rows.at(-1);
  return { reasons, rows, next: last !== undefined && rows.length === limit ? cursorOf([last.loadId, last.segment, last.line]) : null };
}
