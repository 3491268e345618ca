import { isUtf8 } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { join, sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { type CheckedSegment, type DamagedLine, storable } from "./sealed-segments.js";

const linesAtOnce = 500;

/**
 * Looks at every line of a segment by itself, with the warehouse's own reader as the judge, and hands back a copy of the
 * segment without the lines that it cannot read. Slow, and only for segments that a bulk read could not take whole.
 */
export async function brokenLines(connection: Connection, checked: CheckedSegment, scratchDir: string): Promise<CheckedSegment> {
  const good: Buffer[] = [];
  const damaged: DamagedLine[] = [...checked.damaged];
  const bad = (line: Buffer, detail: string) => damaged.push({ reason: "bad_json", detail, body: storable(line.toString("utf8")) });
  for (const lines of chunks(linesOf(await readFile(checked.file)), linesAtOnce)) {
    const readable = lines.filter((line) => isUtf8(line) && !line.includes(0));
    for (const line of lines) if (!readable.includes(line)) bad(line, "the line is not UTF-8 text");
    const invalid = await invalidOnes(connection, readable);
    readable.forEach((line, index) => {
      if (invalid.has(index)) bad(line, "the warehouse cannot read this line as JSON");
      else good.push(line, newline);
    });
  }
  const file = path.join(scratchDir, `${checked.segment.name}.readable.ndjson`);
  await writeFile(file, Buffer.concat(good));
  return { ...checked, file, damaged };
}

const newline = Buffer.from("\n");

async function invalidOnes(connection: Connection, lines: readonly Buffer[]): Promise<Set<number>> {
  if (lines.length === 0) return new Set();
  const values = join(lines.map((line, index) => sql`(${index}, ${line.toString("utf8")})`));
  const rows = await connection.read<{ place: number }>(
    sql`/* load: lines that are no JSON */ SELECT place FROM (VALUES ${values}) AS v(place, line) WHERE NOT ${connection.dialect.jsonValid(sql`line`)}`,
  );
  return new Set(rows.map((row) => row.place));
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(10, at);
    const stop = end === -1 ? bytes.length : end;
    if (stop > at) lines.push(bytes.subarray(at, stop));
    at = stop + 1;
  }
  return lines;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}
