import { setImmediate as nextTurn } from "node:timers/promises";
import { sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";

/**
 * Which message ids were ever stored, in less than four bytes each: hash tables of 24-bit fingerprints with open
 * addressing. "No" is certain; "perhaps" is wrong about once in a million and is looked up in the warehouse. So the cost of
 * telling duplicates over the whole history is a few cache misses an event, instead of a join with everything ever stored.
 *
 * A table's size is fixed; when all are full, another a quarter as large as all of them takes over, and a look-up asks
 * every one (three more tables each time the history doubles). A restart puts everything into one.
 */
export class MessageFilter {
  /** Newest first. */
  #tables: Table[];
  #isComplete: boolean;

  /** Empty, with room for so many. `isComplete`: nothing is stored yet that this does not know. */
  constructor(expected: number, isComplete = true) {
    this.#tables = [new Table(Math.max(tableKeysMin, Math.ceil(expected * roomToGrow)))];
    this.#isComplete = isComplete;
  }

  get size(): number {
    return this.#tables.reduce((sum, table) => sum + table.size, 0);
  }

  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, 0);
  }

  /** While it is being filled with the history, a hash that it does not know proves nothing. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  completed(): void {
    this.#isComplete = true;
  }

  /** Notes all these hashes and returns those that were perhaps there before (earlier in the same list included). */
  async add(hashes: BigInt64Array): Promise<bigint[]> {
    const suspects: bigint[] = [];
    for (let from = 0; from < hashes.length; from += hashesPerTurn) {
      if (from > 0) await nextTurn();
      this.#addPiece(hashes.subarray(from, from + hashesPerTurn), suspects);
    }
    return suspects;
  }

  #addPiece(hashes: BigInt64Array, suspects: bigint[]): void {
    const words = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2);
    for (let at = 0; at < words.length; at += 2) {
      const low = words[at] as number;
      const high = words[at + 1] as number;
      let newest = this.#tables[0] as Table;
      if (newest.full) {
        newest = new Table(Math.max(tableKeysMin, Math.ceil(this.size * growth)));
        this.#tables.unshift(newest);
      }
      let known = false;
      for (let index = 1; index < this.#tables.length && !known; index += 1) known = (this.#tables[index] as Table).has(low, high);
      if (known || newest.add(low, high)) suspects.push(hashes[at / 2] as bigint);
    }
  }
}

const tableKeysMin = 1_000_000;
/** Of the history at the start. */
const roomToGrow = 1.05;
/** Of all tables, where they are full. */
const growth = 0.25;
/** Above this share of used slots, look-ups get long and wrong answers frequent. */
const fillMax = 0.85;
/** About five milliseconds: others wait for their turn meanwhile. */
const hashesPerTurn = 50_000;

/** A slot is 16 bits of the fingerprint in one array and 8 in the other, which is looked at only where the 16 agree. */
class Table {
  size = 0;
  #first: Uint16Array;
  #rest: Uint8Array;
  #keysMax: number;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
    this.#first = new Uint16Array(Math.ceil(keysMax / fillMax));
    this.#rest = new Uint8Array(this.#first.length);
  }

  get full(): boolean {
    return this.size >= this.#keysMax;
  }

  get bytes(): number {
    return this.#first.byteLength + this.#rest.byteLength;
  }

  has(low: number, high: number): boolean {
    return this.#first[this.#find(low, high)] !== 0;
  }

  /** True if it was perhaps there. */
  add(low: number, high: number): boolean {
    const at = this.#find(low, high);
    if (this.#first[at] !== 0) return true;
    this.#first[at] = firstBits(high);
    this.#rest[at] = high >>> 16;
    this.size += 1;
    return false;
  }

  /** The slot of this fingerprint, or the empty one where it would be. */
  #find(low: number, high: number): number {
    const first = this.#first;
    const count = first.length;
    const print = firstBits(high);
    const rest = (high >>> 16) & 0xff;
    // The low word spread evenly over the slots, whatever their number.
    let at = Math.floor((low / 4_294_967_296) * count);
    for (;;) {
      const found = first[at];
      if (found === 0 || (found === print && this.#rest[at] === rest)) return at;
      at += 1;
      if (at === count) at = 0;
    }
  }
}

/** 0 marks an empty slot. */
function firstBits(high: number): number {
  return high & 0xffff || 1;
}

/** Rows read at once while the filter is filled. */
const rowsAtOnce = 1_000_000;

/** A filter for what is stored so far, still to be filled: until it is, loads look everything up. */
export async function emptyMessageFilter(connection: Connection): Promise<MessageFilter> {
  return new MessageFilter((await historySize(connection)).rows, false);
}

/**
 * Fills it with what is stored; reads one column of the history once. Loads may come meanwhile: they note their own
 * messages. `isOver` is asked now and then whether to stop.
 */
export async function fillMessageFilter(connection: Connection, filter: MessageFilter, isOver: () => boolean = () => false): Promise<void> {
  const { rows, last } = await historySize(connection);
  const loadsAtOnce = Math.max(1, Math.floor((rowsAtOnce * Math.max(1, last)) / Math.max(1, rows)));
  for (let from = 0; from <= last; from += loadsAtOnce) {
    if (isOver()) return;
    await filter.add(
      await connection.integers(
        sql`/* load: message hashes of the history */ SELECT message_hash FROM raw.events WHERE load_id >= ${from} AND load_id <= ${Math.min(last, from + loadsAtOnce - 1)}`,
      ),
    );
  }
  filter.completed();
}

async function historySize(connection: Connection): Promise<{ rows: number; last: number }> {
  const found = await connection.first<{ n: number; last: number | null }>(
    sql`/* load: size of the history */ SELECT count(*) AS n, max(load_id) AS last FROM raw.events`,
  );
  return { rows: found?.n ?? 0, last: found?.last ?? 0 };
}
