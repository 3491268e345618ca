import { type Sql, join, sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { loads } from "../../warehouse/tables/ops.js";
import { arrivals, incoming, shippingTables } from "../../warehouse/tables/shipping.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { LineSource } from "./line-source.js";
import { type DamagedLine, type SegmentFile, storable } from "./sealed-segments.js";

/**
 * Segments that collectors elsewhere have shipped (`collect/ship/`): an arrival says that all lines of one are in
 * `raw.incoming`, under the attempt that it names. Several attempts of one segment hold the same lines; the first by name
 * is taken. Here a segment's `file` is its attempt.
 */

/** Arrivals that are looked at together. */
const arrivalsMax = 1_000;
/** So many segments that were taken in leave together: a delete costs the same for one. */
const takenKept = 500;
/** Lines of a segment that are looked at one by one, at most; a segment is smaller. */
const brokenLinesMax = 100_000;

interface Arrival extends SegmentFile {
  readonly events: number;
}

export interface ShippedLines extends LineSource {
  /** Removes what was taken in, however little that is. */
  sweep(connection: Connection): Promise<void>;
}

export function shippedLines(): ShippedLines {
  const inspected = new Set<string>();
  /** Loaded and still in the tables. */
  const taken = new Set<string>();
  let events = new Map<string, number>();

  const sweep = async (connection: Connection, where: Sql) => {
    await sweepTaken(connection, where);
    taken.clear();
    inspected.clear();
  };
  return {
    async waiting(connection) {
      // What earlier ones left behind is not looked at again and again.
      if (taken.size >= takenKept) await sweep(connection, arrived);
      const found = await connection.read<Arrival>(sql`/* load: segments that have arrived */
SELECT segment AS name, min(node) AS node, min(attempt) AS file, max(bytes) AS bytes, max(events) AS events
FROM ${nameOf(arrivals)} GROUP BY segment ORDER BY min(arrived_at), segment LIMIT ${arrivalsMax + takenKept}`);
      const waiting = found.filter(({ name }) => !taken.has(name));
      events = new Map(waiting.map((arrival) => [arrival.file, arrival.events]));
      return waiting;
    },
    check: (segment) =>
      Promise.resolve({ segment, file: segment.file, events: events.get(segment.file) ?? 0, lineBytesMax: 0, damaged: [] }),
    lend(connection, checked, work) {
      const attempts = checked.map(({ file }) => file);
      const suspect = attempts.filter((attempt) => inspected.has(attempt));
      const readable =
        suspect.length === 0 ? sql`` : sql` AND (attempt NOT IN (${texts(suspect)}) OR ${connection.dialect.jsonValid(sql`line`)})`;
      const lines = sql`SELECT attempt AS file, line FROM ${nameOf(incoming)}
WHERE segment IN (${texts(checked.map(({ segment }) => segment.name))}) AND attempt IN (${texts(attempts)})${readable}`;
      return work((shape) => connection.dialect.linesAs(lines, shape));
    },
    async inspect(connection, checked) {
      const broken = await connection.read<{ line: string }>(sql`/* load: lines that are no JSON */
SELECT line FROM ${nameOf(incoming)} WHERE segment = ${checked.segment.name} AND attempt = ${checked.file} AND NOT ${connection.dialect.jsonValid(sql`line`)} LIMIT ${brokenLinesMax}`);
      inspected.add(checked.file);
      const detail = "the warehouse cannot read this line as JSON";
      return { ...checked, damaged: broken.map(({ line }): DamagedLine => ({ reason: "bad_json", detail, body: storable(line) })) };
    },
    taken(segments) {
      for (const { name } of segments) taken.add(name);
      return Promise.resolve();
    },
    sweep: (connection) => sweep(connection, sql`${arrived} UNION ${shipped}`),
  };
}

const arrived = sql`SELECT segment FROM ${nameOf(arrivals)}`;
/** Attempts without an arrival among them: reading this takes longer. */
const shipped = sql`SELECT segment FROM ${nameOf(incoming)}`;

/** Whatever a published load has taken in goes, arrival last: without it lines would stay for ever. May run at any time, by anybody. */
async function sweepTaken(connection: Connection, where: Sql): Promise<void> {
  const gone = await connection.read<{ segment: string }>(sql`/* shipped segments that are loaded */
SELECT DISTINCT segment FROM (${where}) AS s WHERE segment IN (SELECT segment FROM ${nameOf(loads)}) LIMIT ${arrivalsMax + takenKept}`);
  if (gone.length === 0) return;
  const loaded = sql`segment IN (${texts(gone.map(({ segment }) => segment))})`;
  for (const table of shippingTables) await connection.run(connection.dialect.deleteWhere(table, loaded));
}

function texts(values: readonly string[]) {
  return join(values.map((value) => sql`${value}`));
}
