import type { Project } from "../../project/project.js";
import { SortedIds } from "./sorted-ids.js";
import { TextStore } from "./text-store.js";

/**
 * All entities of one kind in memory: a slot each, scores in typed arrays, audiences as a bit each, traits as JSON text.
 * Slots are the places in the sorted ids that it was built with; entities that came later follow after them. Facts only:
 * no SQL here.
 */

export interface KindLayout {
  readonly kind: string;
  /** Bit n is the audience n. */
  readonly audiences: readonly string[];
  readonly scores: readonly { readonly name: string; readonly buckets: readonly string[] }[];
  readonly traits: readonly { readonly name: string; readonly type: string }[];
}

export function layoutOf(
  project: Project,
  kind: string,
  storedTraits: ReadonlyMap<string, string>,
  storedScores: ReadonlySet<string>,
): KindLayout {
  const own = project.traits.filter((trait) => (Array.isArray(trait.entity) ? trait.entity.includes(kind) : trait.entity === kind));
  return {
    kind,
    audiences: project.audiences.filter((audience) => audience.entity === kind).map((audience) => audience.name),
    scores: project.scores
      .filter((score) => score.entity === kind && storedScores.has(score.name))
      .map((score) => ({ name: score.name, buckets: Object.keys(score.buckets ?? {}) })),
    traits: own.flatMap(({ name }) => {
      const type = storedTraits.get(name);
      return type === undefined ? [] : [{ name, type }];
    }),
  };
}

export interface EntityValues {
  /** JSON list in the order of `layout.traits`. */
  readonly traits: string;
  /** In the order of `layout.scores`: NaN where there is none; the bucket's place in its list, counted from 1, else 0. */
  readonly scores: readonly { readonly value: number; readonly bucket: number }[];
}

const gone = -2;

export class KindModel {
  readonly layout: KindLayout;
  readonly texts: TextStore;
  readonly #ids: SortedIds;
  /** Raw subjects (identifiers of users) with their slots; for groups the ids themselves. */
  readonly #subjects: SortedIds;
  readonly #subjectSlots: Int32Array;
  /** What came after the build: entities, and subjects that are new or moved. */
  readonly #laterIds = new Map<bigint, number>();
  readonly #laterList: bigint[] = [];
  readonly #laterSubjects = new Map<bigint, number>();
  /** Slot of the winner for a profile that was merged away, `gone` for one that vanished. */
  readonly #moved = new Map<number, number>();
  readonly #words: number;
  #members: Uint32Array;
  #heldOut: Uint32Array;
  #values: Float64Array;
  #buckets: Uint8Array;
  #slots: number;

  constructor(layout: KindLayout, ids: BigInt64Array, subjects: BigInt64Array, subjectSlots: Int32Array, textBytesMax: number) {
    this.layout = layout;
    this.#ids = new SortedIds(ids);
    this.#subjects = new SortedIds(subjects);
    this.#subjectSlots = subjectSlots;
    this.#slots = ids.length;
    this.#words = Math.max(1, Math.ceil(layout.audiences.length / 32));
    this.texts = new TextStore(ids.length, textBytesMax);
    this.#members = new Uint32Array(ids.length * this.#words);
    this.#heldOut = new Uint32Array(ids.length * this.#words);
    this.#values = new Float64Array(ids.length * layout.scores.length).fill(Number.NaN);
    this.#buckets = new Uint8Array(ids.length * layout.scores.length);
  }

  /** Entities that exist now. */
  get size(): number {
    return this.#slots - this.#moved.size;
  }

  /** What came after the build; many of them make a new build worth it. */
  get later(): number {
    return this.#laterIds.size + this.#laterSubjects.size + this.#moved.size;
  }

  slotOfEntity(id: bigint): number {
    const later = this.#laterIds.get(id);
    return later ?? this.#ids.indexOf(id);
  }

  idOfSlot(slot: number): bigint {
    return slot < this.#ids.length ? this.#ids.at(slot) : (this.#laterList[slot - this.#ids.length] ?? -1n);
  }

  /** Where the facts of a raw subject belong now; −1 where it is unknown. */
  slotOfSubject(id: bigint): number {
    const later = this.#laterSubjects.get(id);
    if (later !== undefined) return this.#follow(later);
    const place = this.#subjects.indexOf(id);
    if (place >= 0) return this.#follow(this.#subjectSlots[place] ?? -1);
    return this.#follow(this.slotOfEntity(id));
  }

  /** Slot of an entity that may be new. */
  add(id: bigint): number {
    const known = this.slotOfEntity(id);
    if (known >= 0) {
      this.#moved.delete(known);
      return known;
    }
    const slot = this.#slots;
    this.#slots += 1;
    this.#reserve(this.#slots);
    this.#laterIds.set(id, slot);
    this.#laterList.push(id);
    return slot;
  }

  setSubject(id: bigint, slot: number): void {
    if (this.slotOfSubject(id) !== slot) this.#laterSubjects.set(id, slot);
  }

  /** The entity is no more; its subjects follow the winner if there is one. */
  remove(slot: number, winner?: number): void {
    if (slot < 0 || slot === winner) return;
    this.#moved.set(slot, winner ?? gone);
    this.texts.delete(slot);
    this.#members.fill(0, slot * this.#words, (slot + 1) * this.#words);
    this.#heldOut.fill(0, slot * this.#words, (slot + 1) * this.#words);
  }

  isRemoved(slot: number): boolean {
    return this.#moved.has(slot);
  }

  set(slot: number, values: EntityValues): void {
    this.texts.set(slot, values.traits);
    values.scores.forEach(({ value, bucket }, index) => {
      const at = slot * values.scores.length + index;
      this.#values[at] = value;
      this.#buckets[at] = bucket;
    });
  }

  setMember(slot: number, bit: number, member: boolean, heldOut: boolean): void {
    const word = slot * this.#words + (bit >>> 5);
    const mask = 1 << (bit & 31);
    this.#members[word] = member ? (this.#members[word] ?? 0) | mask : (this.#members[word] ?? 0) & ~mask;
    this.#heldOut[word] = heldOut && member ? (this.#heldOut[word] ?? 0) | mask : (this.#heldOut[word] ?? 0) & ~mask;
  }

  isMember(slot: number, bit: number): { member: boolean; heldOut: boolean } {
    const word = slot * this.#words + (bit >>> 5);
    const mask = 1 << (bit & 31);
    return { member: ((this.#members[word] ?? 0) & mask) !== 0, heldOut: ((this.#heldOut[word] ?? 0) & mask) !== 0 };
  }

  /** Audiences it is in and may be acted on: those held out are left out. */
  audiencesOf(slot: number): string[] {
    return this.layout.audiences.filter((_, bit) => {
      const { member, heldOut } = this.isMember(slot, bit);
      return member && !heldOut;
    });
  }

  scoresOf(slot: number): Record<string, { value: number | null; bucket: string | null }> {
    const { scores } = this.layout;
    const found: Record<string, { value: number | null; bucket: string | null }> = {};
    scores.forEach((score, index) => {
      const value = this.#values[slot * scores.length + index] ?? Number.NaN;
      const bucket = this.#buckets[slot * scores.length + index] ?? 0;
      if (!Number.isNaN(value)) found[score.name] = { value, bucket: bucket === 0 ? null : (score.buckets[bucket - 1] ?? null) };
    });
    return found;
  }

  get bytes(): number {
    const arrays = [this.#members, this.#heldOut, this.#values, this.#buckets, this.#subjectSlots];
    return this.texts.bytes + (this.#ids.length + this.#subjects.length) * 8 + arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  #follow(slot: number): number {
    let at = slot;
    for (let step = 0; step < 1000; step += 1) {
      const next = this.#moved.get(at);
      if (next === undefined) return at;
      if (next === gone) return -1;
      at = next;
    }
    return -1;
  }

  #reserve(slots: number): void {
    if (slots * this.#words <= this.#members.length) return;
    const room = Math.ceil(slots * 1.25) + 64;
    this.#members = grown(this.#members, new Uint32Array(room * this.#words));
    this.#heldOut = grown(this.#heldOut, new Uint32Array(room * this.#words));
    this.#values = grown(this.#values, new Float64Array(room * this.layout.scores.length).fill(Number.NaN));
    this.#buckets = grown(this.#buckets, new Uint8Array(room * this.layout.scores.length));
  }
}

function grown<T extends Uint32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
