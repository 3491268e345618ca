import { isUtf8 } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { storable } from "../load/sealed-segments.js";
import type { CheckedSegment, DamagedLine } from "../load/sealed-segments.js";

/**
 * A checked segment as a file whose lines can all be stored as text. Of a whole segment that is the file itself. Lines that
 * were damaged become lines of the spool's own for what is quarantined (`spool/frame.ts`), so that whoever loads the
 * segment needs to know of no damage; so do lines that are no text.
 */
export interface Shippable {
  readonly file: string;
  readonly lines: number;
  /** Events and quarantined ones that the lines hold. */
  readonly events: number;
}

export async function shippable({ segment, file, events, damaged }: CheckedSegment, scratchDir: string): Promise<Shippable> {
  const bytes = await readFile(file);
  if (damaged.length === 0 && isText(bytes)) return { file, lines: linesIn(bytes).length, events };
  const lines = linesIn(bytes);
  const bad = lines.filter((line) => !isText(line));
  const gone = [
    ...damaged,
    ...bad.map((line): DamagedLine => ({
      reason: "bad_json",
      detail: "the line is not UTF-8 text",
      body: storable(line.toString("utf8")),
    })),
  ];
  const kept = [...lines.filter(isText), ...gone.map(quarantinedLine)];
  const copy = path.join(scratchDir, `${segment.name}.shipped.ndjson`);
  await writeFile(copy, Buffer.concat(kept.flatMap((line) => [line, newline])));
  return { file: copy, lines: kept.length, events: events + damaged.length };
}

const newline = Buffer.from("\n");

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

function quarantinedLine({ reason, detail, body }: DamagedLine): Buffer {
  return Buffer.from(JSON.stringify({ q: reason, d: detail, b: body }));
}

function linesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const stop = end === -1 ? bytes.length : end;
    if (stop > at) lines.push(bytes.subarray(at, stop));
    at = stop + 1;
  }
  return lines;
}
