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
