/**
 * Collects the bytes of spool lines in one buffer: text of Latin-1 characters, and pieces of the request as they came.
 * Buffers go round: memory that is fresh from the operating system costs as much as half of the parsing.
 */
export class LineWriter {
  #buffer: Buffer;
  #at = 0;

  constructor(bytesExpected: number) {
    this.#buffer = take(bytesExpected);
  }

  text(latin1: string): void {
    this.#makeRoom(latin1.length);
    this.#at += this.#buffer.write(latin1, this.#at, "latin1");
  }

  bytes(source: Buffer, start: number, end: number): void {
    this.#makeRoom(end - start);
    this.#at += source.copy(this.#buffer, this.#at, start, end);
  }

  /** A head, with the digits of `value` (sixteen) put in: most lines of a request differ in no more. */
  numbered(head: NumberedHead, value: number): void {
    this.bytes(head.bytes, 0, head.bytes.length);
    const start = this.#at - head.bytes.length + head.digitsAt;
    const high = Math.floor(value / halfOf);
    writeDigits(this.#buffer, start, high);
    writeDigits(this.#buffer, start + halfDigits, value - high * halfOf);
  }

  /** The end of an event's line: a closing brace and a line break, without the cost of a text. */
  endLine(): void {
    this.#makeRoom(2);
    this.#buffer[this.#at] = 125;
    this.#buffer[this.#at + 1] = 10;
    this.#at += 2;
  }

  written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** Gives the memory back; nobody may look at what was written any more. */
  release(): void {
    give(this.#buffer);
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = take((this.#at + bytes) * 2);
    this.#buffer.copy(larger, 0, 0, this.#at);
    give(this.#buffer);
    this.#buffer = larger;
  }
}

/** What lines begin with, but for a number of sixteen digits: microseconds since 1970 have as many from 2001 to 2286. */
export interface NumberedHead {
  readonly bytes: Buffer;
  readonly digitsAt: number;
}

export function numberedHead(before: string, behind: string): NumberedHead {
  return { bytes: Buffer.from(before + "0".repeat(2 * halfDigits) + behind, "latin1"), digitsAt: before.length };
}

export function hasSixteenDigits(value: number): boolean {
  return value >= 1e15 && value < 1e16;
}

/** In halves, because V8 divides small integers several times as fast as large numbers. */
const halfDigits = 8;
const halfOf = 1e8;

function writeDigits(target: Buffer, start: number, half: number): void {
  let left = half;
  for (let at = start + halfDigits - 1; at >= start; at -= 1) {
    const rest = (left / 10) | 0;
    target[at] = 48 + left - rest * 10;
    left = rest;
  }
}

const smallestBits = 12;
/** Larger buffers are rare and left to the garbage collector. */
const largestBits = 20;
const keptPerSize = 32;
const free: Buffer[][] = Array.from({ length: largestBits + 1 }, () => []);

function take(bytes: number): Buffer {
  const bits = Math.max(smallestBits, Math.ceil(Math.log2(bytes)));
  return free[bits]?.pop() ?? Buffer.allocUnsafeSlow(2 ** bits);
}

function give(buffer: Buffer): void {
  const kept = free[Math.log2(buffer.length)];
  if (kept !== undefined && kept.length < keptPerSize) kept.push(buffer);
}
