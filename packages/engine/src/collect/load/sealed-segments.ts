import { readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../../base/errors.js";
import { type Walk, walkFrames } from "../spool/frame.js";
import { sealedSuffix } from "../spool/node-folder.js";
import { readWhole } from "../spool/whole-segment.js";

/** A sealed segment on disk. */
export interface SegmentFile {
  readonly name: string;
  readonly node: string;
  readonly file: string;
  readonly bytes: number;
}

/** What checking a segment found. `file` is what can be read in bulk: the segment itself, or a copy without its damage. */
export interface CheckedSegment {
  readonly segment: SegmentFile;
  readonly file: string;
  /** Events that intact frames promise. */
  readonly events: number;
  readonly lineBytesMax: number;
  readonly damaged: readonly DamagedLine[];
}

export interface DamagedLine {
  readonly reason: "bad_checksum" | "bad_json";
  readonly detail: string;
  readonly body: string;
}

/** All sealed segments of all collectors, oldest first within each. */
export async function sealedSegments(spoolDir: string): Promise<SegmentFile[]> {
  const found: SegmentFile[] = [];
  for (const node of await folders(spoolDir)) {
    const dir = path.join(spoolDir, node);
    for (const entry of await entries(dir)) {
      if (!entry.endsWith(sealedSuffix)) continue;
      const file = path.join(dir, entry);
      const size = await stat(file).then(
        (info) => info.size,
        () => undefined,
      );
      if (size !== undefined) found.push({ name: entry.slice(0, -sealedSuffix.length), node, file, bytes: size });
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Verifies every checksum. A whole segment is read where it lies; of a damaged one the intact frames are copied to the
 * scratch folder, and the lines of the rest are handed back for quarantine. A segment that cannot be read at all is moved
 * aside (`.unreadable`), so that it holds up nothing and can be given back by hand.
 */
export async function checkSegment(segment: SegmentFile, scratchDir: string): Promise<CheckedSegment | { unreadable: string }> {
  let bytes: Buffer;
  try {
    const whole = await readWhole(segment.file);
    if (whole !== undefined) {
      const lineBytesMax = Math.max(lineBytesMin, whole.frameBytesMax);
      return { segment, file: segment.file, events: whole.events, lineBytesMax, damaged: [] };
    }
    bytes = await readFile(segment.file);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return { unreadable: "" };
    await rename(segment.file, `${segment.file}.unreadable`).catch(() => undefined);
    return { unreadable: messageOf(thrown) };
  }
  const walk = walkFrames(bytes);
  const events = walk.frames.reduce((sum, frame) => sum + (frame.intact ? frame.events : 0), 0);
  const lineBytesMax = walk.frames.reduce((max, frame) => Math.max(max, frame.end - frame.dataStart), lineBytesMin);
  const file = path.join(scratchDir, `${segment.name}.repaired${sealedSuffix}`);
  await writeFile(
    file,
    Buffer.concat(walk.frames.filter((frame) => frame.intact).map((frame) => bytes.subarray(frame.dataStart, frame.end))),
  );
  return { segment, file, events, lineBytesMax, damaged: damagedLines(bytes, walk) };
}

/** Readers allocate a few times this, so it follows what is there; no line of a small segment is longer. */
const lineBytesMin = 1_000_000;
const damagedBodyMax = 1_000_000;

function damagedLines(bytes: Buffer, walk: Walk): DamagedLine[] {
  const broken = walk.frames.filter((frame) => !frame.intact).map((frame) => ({ start: frame.dataStart, end: frame.end }));
  return [...broken, ...walk.gaps].flatMap(({ start, end }) =>
    bytes
      .toString("utf8", start, end)
      .split("\n")
      .filter((line) => line !== "")
      .map((line): DamagedLine => ({
        reason: "bad_checksum",
        detail: `bytes ${start} to ${end} of the segment do not match their checksum`,
        body: storable(line),
      })),
  );
}

/** Text that a table can hold, whatever the bytes were. */
export function storable(text: string): string {
  // The round trip through UTF-8 replaces halves of surrogate pairs.
  return Buffer.from(text.slice(0, damagedBodyMax).replaceAll("\0", "\uFFFD"), "utf8").toString("utf8");
}

async function folders(spoolDir: string): Promise<string[]> {
  const found = await readdir(spoolDir, { withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** A folder that vanishes meanwhile has no segments. */
async function entries(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}

export async function removeFiles(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
}
