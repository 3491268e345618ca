/**
 * Texts by slot in a few large buffers outside the JavaScript heap, so that a million of them cost their bytes and
 * nothing for the garbage collector. Bounded: what does not fit is not kept, and the caller reads it from the warehouse.
 */

const blockBytes = 8 * 1024 * 1024;
/** A longer text (a trait that lists thousands of things) is not worth the room. */
const textBytesMax = 64 * 1024;

export class TextStore {
  readonly #bytesMax: number;
  readonly #blocks: Buffer[] = [];
  /** Position of a slot's text over all blocks, plus one; 0 where there is none. */
  #starts: Float64Array;
  #lengths: Uint32Array;
  #used = 0;
  #garbage = 0;

  constructor(slots: number, bytesMax: number) {
    this.#starts = new Float64Array(slots);
    this.#lengths = new Uint32Array(slots);
    this.#bytesMax = bytesMax;
  }

  get(slot: number): string | undefined {
    const start = (this.#starts[slot] ?? 0) - 1;
    if (start < 0) return undefined;
    const length = this.#lengths[slot] ?? 0;
    const at = start % blockBytes;
    return length === 0 ? "" : this.#blocks[Math.floor(start / blockBytes)]?.toString("utf8", at, at + length);
  }

  set(slot: number, text: string): void {
    this.delete(slot);
    this.#grow(slot);
    const length = Buffer.byteLength(text);
    if (length > textBytesMax) return;
    const left = this.#blocks.length * blockBytes - this.#used;
    // A text never crosses the end of a block.
    const start = left < length ? this.#blocks.length * blockBytes : this.#used;
    if (start + length > this.#bytesMax) return;
    if (left < length) this.#blocks.push(Buffer.allocUnsafeSlow(blockBytes));
    this.#blocks.at(-1)?.write(text, start % blockBytes, "utf8");
    this.#used = start + length;
    this.#starts[slot] = start + 1;
    this.#lengths[slot] = length;
  }

  delete(slot: number): void {
    if ((this.#starts[slot] ?? 0) === 0) return;
    this.#garbage += this.#lengths[slot] ?? 0;
    this.#starts[slot] = 0;
  }

  /** Bytes of replaced texts: when they outweigh the others, the owner builds itself anew. */
  get wasteful(): boolean {
    return this.#garbage > blockBytes && this.#garbage > this.#used / 2;
  }

  get bytes(): number {
    return this.#blocks.length * blockBytes + this.#starts.byteLength + this.#lengths.byteLength;
  }

  #grow(slot: number): void {
    if (slot < this.#starts.length) return;
    const slots = Math.max(slot + 1, Math.ceil(this.#starts.length * 1.25) + 64);
    const starts = new Float64Array(slots);
    starts.set(this.#starts);
    const lengths = new Uint32Array(slots);
    lengths.set(this.#lengths);
    this.#starts = starts;
    this.#lengths = lengths;
  }
}
