import { crc32 } from "node:zlib";

/**
 * How events lie in a segment file. A segment is lines of JSON (so that a warehouse reads it in bulk as it is), grouped
 * in frames: one frame is what one commit made durable. A frame opens with a header line that says how many events and
 * bytes follow and their CRC-32, so a reader can walk the file without parsing it, tell a torn tail from damage, and
 * go on behind damage.
 *
 *     {"k":1,"n":2,"b":311,"c":3735928559}      header: 2 events in the next 311 bytes
 *     {"r":…,"s":"web","x":…,"o":…,"y":"track","e":{…}}
 *     {"r":…,"q":"no_identity","l":17,"b":"{…}"}
 *
 * Fields of an event line: `r` received, `x` sent, `o` original timestamp (µs); `t` the event's timestamp where it is not
 * `r − (x − o)` (`o` without `x`, `r` without `o`), with `f`, the flag that says why; `s` source; `y` type of call; `m` the
 * message id when the collector gave one; `e` the event's own bytes. Of a quarantined one: `r`, `s`, `q` reason,
 * `d` detail, `b` body as text, `m` message id.
 */
export interface Frame {
  /** Offset of the header line. */
  readonly start: number;
  /** Offset of the first event line. */
  readonly dataStart: number;
  readonly end: number;
  readonly events: number;
  readonly intact: boolean;
}

export interface Walk {
  readonly frames: readonly Frame[];
  /** Bytes that belong to no frame: damage to a header, or a torn tail. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
  /** End of the last complete frame. */
  readonly end: number;
  /** A last frame whose bytes are not all there: its events were never acknowledged. */
  readonly torn: boolean;
}

/** Longest header line: three ten-digit numbers and the keys. */
export const headerBytesMax = 80;
const headerStart = Buffer.from('{"k":1,"n":');
const headerPattern = /^\{"k":1,"n":(\d{1,10}),"b":(\d{1,10}),"c":(\d{1,10})\}\n/;

export function frameHeader(events: number, chunks: readonly Buffer[]): Buffer {
  let checksum = 0;
  let bytes = 0;
  for (const chunk of chunks) {
    checksum = crc32(chunk, checksum);
    bytes += chunk.length;
  }
  return Buffer.from(`{"k":1,"n":${events},"b":${bytes},"c":${checksum}}\n`, "latin1");
}

/** Finds every frame of a segment and says which are intact. Never throws, whatever the bytes are. */
export function walkFrames(segment: Buffer): Walk {
  const frames: Frame[] = [];
  const gaps: { start: number; end: number }[] = [];
  let at = 0;
  let torn = false;
  while (at < segment.length) {
    const header = readHeader(segment, at);
    if (header?.intact === true) {
      frames.push(header);
      at = header.end;
      continue;
    }
    const next = nextHeader(segment, at + 1);
    if (header !== undefined && header.end <= (next ?? segment.length)) {
      // Its lines are damaged, its length is not: it ends where the next one starts.
      frames.push(header);
      at = header.end;
      continue;
    }
    // A header that promises more than there is: the end of a crash, unless a later frame shows that it is damage.
    if (next === undefined) torn = header !== undefined || segment.length - at < headerBytesMax;
    gaps.push({ start: at, end: next ?? segment.length });
    at = next ?? segment.length;
  }
  return { frames, gaps, end: frames.at(-1)?.end ?? 0, torn };
}

export interface Header {
  /** Bytes of the header line itself. */
  readonly length: number;
  readonly events: number;
  readonly bytes: number;
  readonly checksum: number;
}

/** The header line that starts at `at`, if one does. */
export function headerAt(bytes: Buffer, at: number): Header | undefined {
  const found = headerPattern.exec(bytes.toString("latin1", at, Math.min(bytes.length, at + headerBytesMax)));
  if (found === null) return undefined;
  const [line, events, length, checksum] = found;
  return { length: line.length, events: Number(events), bytes: Number(length), checksum: Number(checksum) };
}

function readHeader(segment: Buffer, start: number): Frame | undefined {
  const header = headerAt(segment, start);
  if (header === undefined) return undefined;
  const dataStart = start + header.length;
  const end = dataStart + header.bytes;
  const intact = end <= segment.length && crc32(segment.subarray(dataStart, end)) === header.checksum;
  return { start, dataStart, end, events: header.events, intact };
}

/** The next place where an intact frame starts. */
function nextHeader(segment: Buffer, from: number): number | undefined {
  for (let at = segment.indexOf(headerStart, from); at !== -1; at = segment.indexOf(headerStart, at + 1)) {
    if (readHeader(segment, at)?.intact === true) return at;
  }
  return undefined;
}
