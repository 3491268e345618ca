import { CambiumError, messageOf } from "../../base/errors.js";
import { instantOf, isoOf } from "../../base/instant.js";
import { sql } from "../../warehouse/sql.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { DecisionMembership, DecisionProfile, Json } from "../contract.js";
import type { EngineEvent, EngineView } from "../engine-view.js";
import { Batch } from "./batch.js";
import { buildKind } from "./build-kind.js";
import { candidateIds } from "./candidate-ids.js";
import type { KindModel } from "./kind-model.js";
import { readSubjects } from "./read-subjects.js";
import { readNews, refreshKind } from "./refresh-kind.js";
import { readTraits } from "./values.js";

/**
 * Profiles and memberships for products that ask on every request: answered from memory, as of the newest cycle.
 * What is not in memory (an identifier of this very second, traits beyond the bound) is read from the warehouse, many
 * askers with one query. Until it is filled after a start, readers wait; `warm` says when that is.
 */

/** Room for traits over all kinds; the rest of the model is some 60 bytes an entity. */
const textBytesMax = 192 * 1024 * 1024;
/** Changes after which a kind is built anew, so that lookups stay in the sorted arrays. */
const laterMax = 200_000;
/** After a failure (a table that a definition change is just replacing) the next try comes with the next cycle or then. */
const retryAfterMs = 2_000;

interface Point {
  readonly cycleId: number;
  readonly at: string | null;
}

interface Found {
  readonly model: KindModel;
  readonly slot: number;
}

export class ReadModel {
  readonly #engine: EngineView;
  readonly #onError: (where: string, thrown: unknown) => void;
  readonly #filler: Connection;
  readonly #reader: Connection;
  readonly #subjects: Batch<{ kind: string; id: bigint }, bigint | undefined>;
  readonly #traits: Batch<{ kind: string; id: bigint }, string | undefined>;
  #kinds = new Map<string, KindModel>();
  #point: Point = { cycleId: 0, at: null };
  #definitions = "";
  readonly warm: Promise<void>;
  #isWarm = false;
  #filling: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  /** What went wrong the last time, for whoever asks meanwhile. */
  failure: string | undefined;

  private constructor(engine: EngineView, filler: Connection, reader: Connection, onError: (where: string, thrown: unknown) => void) {
    this.#engine = engine;
    this.#onError = onError;
    this.#filler = filler;
    this.#reader = reader;
    this.#subjects = new Batch((asked) => byKind(asked, (kind, ids) => readSubjects(reader, kind, ids)));
    this.#traits = new Batch((asked) =>
      byKind(asked, async (kind, ids) => {
        const layout = this.#kinds.get(kind)?.layout;
        return layout === undefined ? new Map() : readTraits(reader, layout, ids);
      }),
    );
    this.#fill();
    this.warm = this.settled();
  }

  static async open(engine: EngineView, onError: (where: string, thrown: unknown) => void = () => undefined): Promise<ReadModel> {
    return new ReadModel(engine, await engine.warehouse.connect(), await engine.warehouse.connect(), onError);
  }

  changed(event: EngineEvent): void {
    // Other definitions show with the first cycle that computed them.
    if (event.type === "cycle") this.#fill();
  }

  /** Resolves when what was committed before the call is in memory (or could not be read). */
  async settled(): Promise<void> {
    while (this.#filling !== undefined) await this.#filling;
  }

  get asOf(): Point {
    return this.#point;
  }

  get bytes(): number {
    return [...this.#kinds.values()].reduce((sum, model) => sum + model.bytes, 0);
  }

  async profile(kind: string, key: string): Promise<DecisionProfile> {
    const found = await this.#find(kind, key);
    if (found === undefined) throw new CambiumError("NOT_FOUND", `there is no ${kind} ${key}`);
    const { model, slot } = found;
    const text = model.texts.get(slot) ?? (await this.#traits.ask({ kind, id: model.idOfSlot(slot) })) ?? "[]";
    const values = JSON.parse(text) as Json[];
    const traits: Record<string, Json> = {};
    model.layout.traits.forEach((trait, index) => {
      traits[trait.name] = valueOf(trait.type, values[index] ?? null);
    });
    return { kind, key, traits, scores: model.scoresOf(slot), audiences: model.audiencesOf(slot), asOf: this.#point };
  }

  async membership(kind: string, key: string, audience: string): Promise<DecisionMembership> {
    const model = await this.#modelOf(kind);
    const bit = model.layout.audiences.indexOf(audience);
    if (bit < 0) throw new CambiumError("NOT_FOUND", `there is no audience ${audience} of ${kind}`);
    const found = await this.#find(kind, key);
    // Somebody unknown is in no audience: a product asks before it has sent the first event.
    const { member, heldOut } = found === undefined ? { member: false, heldOut: false } : found.model.isMember(found.slot, bit);
    return { kind, key, audience, member: member && !heldOut, heldOut, asOf: this.#point };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.settled();
    await Promise.all([this.#subjects.idle(), this.#traits.idle()]);
    await this.#filler.close();
    await this.#reader.close();
  }

  async #modelOf(kind: string): Promise<KindModel> {
    if (!this.#isWarm) await this.settled();
    const model = this.#kinds.get(kind);
    if (model !== undefined) return model;
    if (this.#isWarm) throw new CambiumError("NOT_FOUND", `there is no entity kind ${kind}`);
    throw new CambiumError("BUSY", `profiles could not be read: ${this.failure ?? "the engine starts"}`);
  }

  async #find(kind: string, key: string): Promise<Found | undefined> {
    const model = await this.#modelOf(kind);
    const candidates: bigint[] = [];
    for (const id of candidateIds(this.#engine.project(), kind, key)) {
      const slot = model.slotOfSubject(id);
      if (slot >= 0) return { model, slot };
      candidates.push(id);
    }
    const entities = await Promise.all(candidates.map((id) => this.#subjects.ask({ kind, id })));
    for (const [index, entity] of entities.entries()) {
      if (entity === undefined) continue;
      const slot = model.slotOfEntity(entity);
      if (slot < 0 || model.isRemoved(slot)) continue;
      model.setSubject(candidates[index] ?? entity, slot);
      return { model, slot };
    }
    return undefined;
  }

  #fill(): void {
    this.#again = true;
    if (this.#filling !== undefined || this.#closed) return;
    this.#filling = this.#fillAll().finally(() => {
      this.#filling = undefined;
      if (this.#again && !this.#closed) this.#fill();
    });
  }

  async #fillAll(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        // One snapshot: what is read belongs to one moment, whatever commits meanwhile.
        await this.#filler.transaction(() => this.#fillOnce());
        this.#isWarm = true;
        this.failure = undefined;
      } catch (thrown) {
        this.failure = messageOf(thrown);
        this.#onError("decision reads", thrown);
        this.#retryLater();
      }
    }
  }

  #retryLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fill(), retryAfterMs);
    this.#timer.unref();
  }

  async #fillOnce(): Promise<void> {
    const project = this.#engine.project();
    const newest = await this.#filler.first<{ cycle_id: number | null; at: string | null; definitions: string | null; full: number }>(
      sql`/* read model: newest cycle */ SELECT max(cycle_id) AS cycle_id, max("now") AS at,
  ${this.#filler.dialect.argMax(sql`definitions`, sql`cycle_id`)} AS definitions,
  ${this.#filler.dialect.filtered(sql`count(*)`, sql`kind = 'full' AND cycle_id > ${this.#point.cycleId}`)} AS full FROM ops.cycles`,
    );
    const upTo = newest?.cycle_id ?? 0;
    const definitions = newest?.definitions ?? "";
    const anew = !this.#isWarm || this.#definitions !== definitions || (newest?.full ?? 0) > 0;
    const kinds = new Map<string, KindModel>();
    const after = this.#point.cycleId;
    const names = project.entities.map(({ kind }) => kind);
    const news = anew ? undefined : await readNews(this.#filler, names, after, upTo);
    for (const kind of names) {
      const known = this.#kinds.get(kind);
      const fresh = news?.get(kind);
      const keep =
        known !== undefined &&
        fresh !== undefined &&
        known.later < laterMax &&
        !known.texts.wasteful &&
        (await refreshKind(this.#filler, known, fresh, after, upTo));
      kinds.set(kind, keep ? known : await buildKind(this.#filler, project, kind, Math.floor(textBytesMax / project.entities.length)));
    }
    this.#kinds = kinds;
    this.#definitions = definitions;
    this.#point = { cycleId: upTo, at: newest?.at ?? null };
  }
}

/** Instants inside JSON are written as the engine prints them: the API has one form for them. */
function valueOf(type: string, value: Json): Json {
  return type === "timestamp" && typeof value === "string" ? isoOf(instantOf(`${value.replace(" ", "T")}Z`)) : value;
}

/** Answers questions about several kinds with one query each, in the order they were asked. */
async function byKind<V>(
  asked: readonly { kind: string; id: bigint }[],
  read: (kind: string, ids: readonly bigint[]) => Promise<Map<bigint, V>>,
): Promise<(V | undefined)[]> {
  const answers = new Map<string, Map<bigint, V>>();
  for (const kind of new Set(asked.map((question) => question.kind))) {
    const ids = asked.filter((question) => question.kind === kind).map((question) => question.id);
    answers.set(kind, await read(kind, [...new Set(ids)]));
  }
  return asked.map(({ kind, id }) => answers.get(kind)?.get(id));
}
