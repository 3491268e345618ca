/**
 * The identity graph's rules as a pure function over dense integers: observations in, profiles, merges and refusals out.
 * It never reads a warehouse or a clock; the SQL around it maps ids to dense numbers and back.
 *
 * ## The algorithm (Segment's documented one)
 * Observations are taken in order. The identifiers that came together on one event are looked up:
 * - none is known → they become a new profile, named after the oldest of them;
 * - one profile is known → the others join it;
 * - several are known → they merge into the one whose naming identifier is oldest.
 * Before that, merge protection: where the outcome would hold more identifiers of a type than its limit allows, the
 * identifier of the weakest priority is dropped from the event (and listed as refused), and the rest is tried again.
 *
 * ## Exact meaning of the limit
 * A type exceeds its limit when the outcome's count is above the limit *and* above that of the fullest profile taking
 * part: a profile that is already over (a limit was lowered; an alias) still takes what adds nothing to that type.
 * Profiles only grow, so with limits "ever" a refused set stays refused and an accepted set stays together: seeing the
 * same set again changes nothing, and its first occurrence is all that matters. Limits by week, month or year count the
 * identifiers first seen within that time before the event; there, the first occurrence of each day matters.
 *
 * ## A fact always has an owner
 * The event's facts belong to its first identifier. If that one was dropped and is in no profile yet, it becomes a
 * profile of its own.
 *
 * ## Alias
 * `previousId` may be a user id or an anonymous id: whichever is known at that moment is linked, an unknown one counts as
 * anonymous. An alias says on purpose that two user ids are one person: it may bring a profile to `aliasedMax` of them.
 *
 * Example, limit of user_id 1: {a1}, {u1,a1}, {u2,a1} gives profile a1 = {a1,u1}; the third event meets a1's profile and
 * the new u2: two user ids, so a1 (weakest) is dropped, and u2 becomes a profile of its own. A shared device never
 * joins two people.
 */

export interface TypeRule {
  readonly type: string;
  readonly limit: number;
  /** Microseconds that the limit looks back; Infinity for "ever". */
  readonly window: number;
  /** 1 is the strongest: dropped last. */
  readonly priority: number;
}

export interface GraphRules {
  /** In fact order: an observation's slots 0 … n−1 are these types; slots n and n+1 are an alias' previousId. */
  readonly types: readonly TypeRule[];
  /** Index of user_id in `types`. */
  readonly userType: number;
  /** User ids that aliases may bring together in one profile. */
  readonly aliasedMax: number;
}

/** Identifiers in play, numbered by age: the smaller number was seen first. */
export interface Graph {
  readonly types: Uint8Array;
  /** Instant each was first seen. */
  readonly seen: Float64Array;
  /** The identifier that names its profile, −1 while in none. */
  readonly root: Int32Array;
}

/** Some observations, in order. `slots` holds `types.length + 2` identifiers each, −1 for none. */
export interface ObservationChunk {
  /** Number of the first one. */
  readonly start: number;
  readonly count: number;
  readonly slots: Int32Array;
  readonly received: Float64Array;
}

export interface Outcome {
  /** Parallel lists. */
  readonly merges: { observation: number[]; loser: number[]; winner: number[] };
  /** `type` is the one whose limit was hit; `profile` is where the rest of the event went. */
  readonly refusals: { observation: number[]; identifier: number[]; type: number[]; profile: number[] };
}

export interface Resolver {
  take(chunk: ObservationChunk): void;
  /** Profile of every identifier now (the naming identifier, −1 for none), with what happened on the way. */
  finish(): Outcome & { readonly root: Int32Array };
}

/** Starts from the profiles in `graph`; the given arrays are not changed. */
export function resolver(rules: GraphRules, graph: Graph): Resolver {
  const width = rules.types.length;
  const size = graph.types.length;
  const parent = Int32Array.from(graph.root);
  const next = Int32Array.from({ length: size }, (_, index) => index);
  const counts = new Int32Array(size * width);
  const outcome: Outcome = {
    merges: { observation: [], loser: [], winner: [] },
    refusals: { observation: [], identifier: [], type: [], profile: [] },
  };
  for (let id = 0; id < size; id += 1) {
    const root = parent[id] as number;
    if (root === -1) continue;
    counts[root * width + typeOf(id)] = (counts[root * width + typeOf(id)] as number) + 1;
    if (id !== root) splice(root, id);
  }

  function typeOf(id: number): number {
    return graph.types[id] as number;
  }

  /** Joins the rings of two profiles (or a profile and a single identifier). */
  function splice(a: number, b: number): void {
    const after = next[a] as number;
    next[a] = next[b] as number;
    next[b] = after;
  }

  function rootOf(start: number): number {
    let id = start;
    if (parent[id] === -1) return -1;
    while (parent[id] !== id) {
      parent[id] = parent[parent[id] as number] as number;
      id = parent[id] as number;
    }
    return id;
  }

  function countIn(root: number, type: number, since: number): number {
    if (since === -Infinity) return counts[root * width + type] as number;
    let count = 0;
    let id = root;
    do {
      if (typeOf(id) === type && (graph.seen[id] as number) > since) count += 1;
      id = next[id] as number;
    } while (id !== root);
    return count;
  }

  /** The type that the union of these would have too many of, −1 for none. */
  function exceeded(kept: readonly number[], received: number, isAlias: boolean): number {
    const roots = [...new Set(kept.map(rootOf))].filter((root) => root !== -1);
    const fresh = kept.filter((id) => parent[id] === -1);
    if (roots.length + fresh.length < 2) return -1;
    return rules.types.findIndex((rule, type) => {
      const limit = isAlias && type === rules.userType ? Math.max(rule.limit, rules.aliasedMax) : rule.limit;
      const since = received - rule.window;
      const each = roots.map((root) => countIn(root, type, since));
      const total = each.reduce((sum, count) => sum + count, fresh.filter((id) => typeOf(id) === type).length);
      return total > limit && total > Math.max(0, ...each);
    });
  }

  function weakest(kept: readonly number[]): number {
    const priority = (id: number) => (rules.types[typeOf(id)] as TypeRule).priority;
    return kept.reduce((worst, id) => (priority(id) >= priority(worst) ? id : worst));
  }

  /** Makes one profile of these; the oldest naming identifier stays. */
  function unite(kept: readonly number[], observation: number): number {
    const roots = [...new Set(kept.map(rootOf))].filter((root) => root !== -1).sort((a, b) => a - b);
    const fresh = kept.filter((id) => parent[id] === -1).sort((a, b) => a - b);
    const winner = roots[0] ?? (fresh[0] as number);
    for (const loser of roots.slice(1)) {
      parent[loser] = winner;
      splice(winner, loser);
      for (let type = 0; type < width; type += 1) {
        counts[winner * width + type] = (counts[winner * width + type] as number) + (counts[loser * width + type] as number);
      }
      outcome.merges.observation.push(observation);
      outcome.merges.loser.push(loser);
      outcome.merges.winner.push(winner);
    }
    for (const id of fresh) {
      parent[id] = winner;
      if (id !== winner) splice(winner, id);
      counts[winner * width + typeOf(id)] = (counts[winner * width + typeOf(id)] as number) + 1;
    }
    return winner;
  }

  /** The distinct identifiers of an observation; of an alias' two candidates those that are known. */
  function identifiersOf(chunk: ObservationChunk, index: number): number[] {
    const at = index * (width + 2);
    const ids: number[] = [];
    for (let slot = 0; slot < width; slot += 1) ids.push(chunk.slots[at + slot] as number);
    const asUser = chunk.slots[at + width] as number;
    const asAnonymous = chunk.slots[at + width + 1] as number;
    const isUser = asUser !== -1 && parent[asUser] !== -1;
    if (isUser) ids.push(asUser);
    if (asAnonymous !== -1 && (!isUser || parent[asAnonymous] !== -1)) ids.push(asAnonymous);
    return [...new Set(ids)].filter((id) => id !== -1);
  }

  function take(chunk: ObservationChunk): void {
    for (let index = 0; index < chunk.count; index += 1) {
      const observation = chunk.start + index;
      const all = identifiersOf(chunk, index);
      const owner = all[0];
      if (owner === undefined) continue;
      const isAlias = chunk.slots[index * (width + 2) + width] !== -1 || chunk.slots[index * (width + 2) + width + 1] !== -1;
      let kept = all;
      const refused: { id: number; type: number }[] = [];
      for (;;) {
        const type = exceeded(kept, chunk.received[index] as number, isAlias);
        if (type === -1) break;
        const dropped = weakest(kept);
        refused.push({ id: dropped, type });
        kept = kept.filter((id) => id !== dropped);
      }
      const profile = unite(kept, observation);
      if (parent[owner] === -1) unite([owner], observation);
      for (const { id, type } of refused) {
        outcome.refusals.observation.push(observation);
        outcome.refusals.identifier.push(id);
        outcome.refusals.type.push(type);
        outcome.refusals.profile.push(profile);
      }
    }
  }

  return {
    take,
    finish: () => ({ ...outcome, root: Int32Array.from({ length: size }, (_, id) => rootOf(id)) }),
  };
}
