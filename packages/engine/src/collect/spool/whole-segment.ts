import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { headerAt, headerBytesMax } from "./frame.js";

export interface WholeSegment {
  readonly events: number;
  /** No line is longer. */
  readonly frameBytesMax: number;
}

/** Read at once, into the same memory: fresh memory for a whole segment costs more than reading it. */
const pieceBytesUsual = 1_000_000;

/**
 * Reads a segment once, in pieces, and verifies every checksum; undefined as soon as anything is not as its frames
 * promise (`walkFrames` then finds out what). Errors of reading are the caller's.
 */
export async function readWhole(file: string, pieceBytes = pieceBytesUsual): Promise<WholeSegment | undefined> {
  const handle = await open(file);
  try {
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    const walk = new PieceWalk();
    for (let kept = 0; ;) {
      const { bytesRead } = await handle.read(buffer, kept, pieceBytes - kept);
      const filled = kept + bytesRead;
      const rest = walk.take(buffer.subarray(0, filled), bytesRead === 0);
      if (rest === undefined) return undefined;
      if (bytesRead === 0) return { events: walk.events, frameBytesMax: walk.frameBytesMax };
      buffer.copyWithin(0, filled - rest, filled);
      kept = rest;
    }
  } finally {
    await handle.close();
  }
}

/** Where a walk over frames stands between two pieces: within a frame, so many of its bytes to come, or before a header. */
class PieceWalk {
  events = 0;
  frameBytesMax = 0;
  #left = 0;
  #sum = 0;
  #promised = 0;

  /** Goes on with a piece. Returns how many of its last bytes the next one must begin with, undefined if something is wrong. */
  take(piece: Buffer, isLast: boolean): number | undefined {
    let at = 0;
    for (;;) {
      const end = Math.min(piece.length, at + this.#left);
      if (end > at) this.#sum = crc32(piece.subarray(at, end), this.#sum);
      this.#left -= end - at;
      at = end;
      if (this.#left > 0) return isLast ? undefined : 0;
      if (this.#sum !== this.#promised) return undefined;
      const rest = piece.length - at;
      if (rest === 0 || (rest < headerBytesMax && !isLast)) return rest;
      const header = headerAt(piece, at);
      if (header === undefined) return undefined;
      at += header.length;
      this.events += header.events;
      this.frameBytesMax = Math.max(this.frameBytesMax, header.bytes);
      this.#left = header.bytes;
      this.#sum = 0;
      this.#promised = header.checksum;
    }
  }
}
