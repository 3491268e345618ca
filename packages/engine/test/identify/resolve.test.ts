import fc from "fast-check";
import { expect, test } from "vitest";
import { type Graph, type GraphRules, resolver } from "../../src/identify/resolve.js";

const day = 86_400_000_000;

const rules: GraphRules = {
  types: [
    { type: "user_id", limit: 1, window: Infinity, priority: 1 },
    { type: "anonymous_id", limit: 3, window: Infinity, priority: 3 },
    { type: "email", limit: 2, window: 7 * day, priority: 2 },
  ],
  userType: 0,
  aliasedMax: 3,
};

/** An event: identifiers such as `u1`, `a2`, `e0`, and what an alias says was the id before (`1` may be u1 or a1). */
interface Observation {
  readonly ids: readonly string[];
  readonly previous?: string;
  readonly received: number;
}

const typeOf = (id: string) => "uae".indexOf(id.charAt(0));

interface Told {
  readonly profiles: Record<string, string>;
  readonly merges: string[];
  readonly refusals: string[];
}

/**
 * Numbers the identifiers by age, as the SQL around the resolver does, and resolves the observations from `from` on,
 * starting with the given profiles.
 */
function resolve(observations: readonly Observation[], from = 0, start: Readonly<Record<string, string>> = {}): Told {
  const seen = firstSeen(observations);
  const ids = [...seen.keys()];
  const number = new Map(ids.map((id, index) => [id, index]));
  const graph: Graph = {
    types: Uint8Array.from(ids.map(typeOf)),
    seen: Float64Array.from(ids.map((id) => seen.get(id) as number)),
    root: Int32Array.from(ids.map((id) => (start[id] === undefined ? -1 : (number.get(start[id]) as number)))),
  };
  const width = rules.types.length + 2;
  const slots = new Int32Array(observations.length * width).fill(-1);
  observations.forEach(({ ids: own, previous }, index) => {
    for (const id of own) slots[index * width + typeOf(id)] = number.get(id) as number;
    if (previous === undefined) return;
    slots[index * width + 3] = number.get(`u${previous}`) as number;
    slots[index * width + 4] = number.get(`a${previous}`) as number;
  });
  const resolving = resolver(rules, graph);
  resolving.take({
    start: 0,
    count: observations.length - from,
    slots: slots.subarray(from * width),
    received: Float64Array.from(observations.slice(from).map((observation) => observation.received)),
  });
  const { root, merges, refusals } = resolving.finish();
  const name = (n: number | undefined) => ids[n as number] as string;
  return {
    profiles: Object.fromEntries(ids.flatMap((id, n) => (root[n] === -1 ? [] : [[id, name(root[n])]]))),
    merges: merges.loser.map((loser, index) => `${name(loser)}>${name(merges.winner[index])}`),
    refusals: refusals.identifier.map(
      (id, index) => `${name(id)}:${rules.types[refusals.type[index] as number]?.type ?? ""}@${name(refusals.profile[index])}`,
    ),
  };
}

/** Every identifier with the instant it was first seen, in order of age (ties by type, then by name, as in SQL). */
function firstSeen(observations: readonly Observation[]): Map<string, number> {
  const seen = new Map<string, number>();
  for (const { ids, previous, received } of observations) {
    const named = previous === undefined ? ids : [...ids, `u${previous}`, `a${previous}`];
    for (const id of [...named].sort((a, b) => typeOf(a) - typeOf(b) || (a < b ? -1 : 1))) if (!seen.has(id)) seen.set(id, received);
  }
  return seen;
}

const at = (received: number, ...ids: string[]): Observation => ({ received, ids });
const alias = (received: number, user: string, previous: string): Observation => ({ received, ids: [user], previous });

test.each<[title: string, observations: Observation[], profiles: Record<string, string>]>([
  ["identifiers of one event are one profile", [at(1, "u1", "a1")], { u1: "u1", a1: "u1" }],
  ["a sign-up joins the visits before it", [at(1, "a1"), at(2, "u1", "a1"), at(3, "u1", "e1")], { a1: "a1", u1: "a1", e1: "a1" }],
  ["two profiles merge into the older", [at(1, "u1"), at(2, "a1"), at(3, "u1", "a1")], { u1: "u1", a1: "u1" }],
  ["three profiles merge at once", [at(1, "u1"), at(2, "a1"), at(3, "e1"), at(4, "u1", "a1", "e1")], { u1: "u1", a1: "u1", e1: "u1" }],
  [
    "a shared device joins no two people",
    [at(1, "u1", "a1"), at(2, "u2", "a1"), at(3, "u3", "a1")],
    { u1: "u1", a1: "u1", u2: "u2", u3: "u3" },
  ],
  ["the weakest identifier is dropped first", [at(1, "u1", "e1"), at(2, "u2"), at(3, "u2", "a1", "e1")], { u1: "u1", e1: "u1", u2: "u2" }],
  [
    "the fourth device of a person is not linked",
    [at(1, "u1", "a1"), at(2, "u1", "a2"), at(3, "u1", "a3"), at(4, "u1", "a4")],
    { u1: "u1", a1: "u1", a2: "u1", a3: "u1" },
  ],
  [
    "…and is a person of its own once it acts alone",
    [at(1, "u1", "a1"), at(2, "u1", "a2"), at(3, "u1", "a3"), at(4, "u1", "a4"), at(5, "a4")],
    { u1: "u1", a1: "u1", a2: "u1", a3: "u1", a4: "a4" },
  ],
  [
    "a weekly limit lets go after a week",
    [at(1, "u1", "e1"), at(2, "u1", "e2"), at(8 * day, "u1", "e3")],
    { u1: "u1", e1: "u1", e2: "u1", e3: "u1" },
  ],
  ["…and holds within it", [at(1, "u1", "e1"), at(2, "u1", "e2"), at(6 * day, "u1", "e3")], { u1: "u1", e1: "u1", e2: "u1" }],
  ["an alias links an anonymous id", [at(1, "a1"), alias(2, "u1", "1")], { a1: "a1", u1: "a1" }],
  [
    "an alias links a user id, though a profile has only one otherwise",
    [at(1, "u1"), at(2, "u2"), alias(3, "u2", "1")],
    { u1: "u1", u2: "u1" },
  ],
  [
    "…but only so many",
    [at(1, "u1"), at(2, "u2"), at(3, "u3"), at(4, "u4"), alias(5, "u4", "1"), alias(6, "u4", "2"), alias(7, "u4", "3")],
    { u1: "u1", u2: "u1", u3: "u3", u4: "u1" },
  ],
  [
    "a profile that an alias made larger takes other identifiers still",
    [at(1, "u1"), at(2, "u2"), alias(3, "u2", "1"), at(4, "u2", "a7")],
    { u1: "u1", u2: "u1", a7: "u1" },
  ],
])("%s", (_, observations, profiles) => {
  expect(resolve(observations).profiles).toEqual(profiles);
});

test("merges and refusals are told with what happened", () => {
  const told = resolve([at(1, "u1"), at(2, "a1"), at(3, "u1", "a1"), at(4, "u2"), at(5, "u2", "a1")]);
  expect(told.merges).toEqual(["a1>u1"]);
  expect(told.refusals).toEqual(["a1:user_id@u2"]);
});

const observation = fc.record({
  user: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  anonymous: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  email: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
  previous: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined, freq: 8 }),
  wait: fc.integer({ min: 1, max: 3 * day }),
});

const history = fc.array(observation, { minLength: 1, maxLength: 30 }).map((rows) => {
  let received = 0;
  return rows.flatMap((row): Observation[] => {
    received += row.wait;
    const ids = [
      ...(row.user === undefined ? [] : [`u${row.user}`]),
      ...(row.anonymous === undefined ? [] : [`a${row.anonymous}`]),
      ...(row.email === undefined ? [] : [`e${row.email}`]),
    ];
    if (ids.length === 0) return [];
    return [{ ids, received, ...(row.previous !== undefined && row.user !== undefined && { previous: String(row.previous) }) }];
  });
});

/** The rules in the plainest words: profiles are sets, and nothing is counted but by looking. */
function plainly(observations: readonly Observation[]): Told {
  const seen = firstSeen(observations);
  const order = [...seen.keys()];
  const age = (id: string) => order.indexOf(id);
  const profiles = new Map<string, Set<string>>();
  const homeOf = (id: string) => [...profiles].find(([, members]) => members.has(id))?.[0];
  const merges: string[] = [];
  const refusals: string[] = [];
  for (const { ids, previous, received } of observations) {
    const candidates = [...ids].sort((a, b) => typeOf(a) - typeOf(b));
    const owner = candidates[0] as string;
    if (previous !== undefined) {
      if (homeOf(`u${previous}`) !== undefined) candidates.push(`u${previous}`);
      if (homeOf(`u${previous}`) === undefined || homeOf(`a${previous}`) !== undefined) candidates.push(`a${previous}`);
    }
    let kept = [...new Set(candidates)];
    const dropped: [string, string][] = [];
    const tooMany = () =>
      rules.types.find((rule, type) => {
        const parts = [...new Set(kept.map((id) => homeOf(id) ?? `new ${id}`))];
        const counts = parts.map((part) =>
          part.startsWith("new ")
            ? Number(typeOf(part.slice(4)) === type)
            : [...(profiles.get(part) ?? [])].filter((id) => typeOf(id) === type && (seen.get(id) as number) > received - rule.window)
                .length,
        );
        const total = counts.reduce((sum, count) => sum + count, 0);
        const fullest = Math.max(0, ...counts.filter((_, index) => !(parts[index] as string).startsWith("new ")));
        const limit = previous !== undefined && type === 0 ? Math.max(rule.limit, rules.aliasedMax) : rule.limit;
        return parts.length > 1 && total > limit && total > fullest;
      });
    for (let rule = tooMany(); rule !== undefined; rule = tooMany()) {
      const weakest = Math.max(...kept.map((id) => rules.types[typeOf(id)]?.priority ?? 0));
      const victim = kept.findLast((id) => rules.types[typeOf(id)]?.priority === weakest) as string;
      dropped.push([victim, rule.type]);
      kept = kept.filter((id) => id !== victim);
    }
    const homes = [...new Set(kept.map(homeOf))].filter((home) => home !== undefined).sort((a, b) => age(a) - age(b));
    const winner = homes[0] ?? ([...kept].sort((a, b) => age(a) - age(b))[0] as string);
    const members = profiles.get(winner) ?? new Set<string>();
    for (const loser of homes.slice(1)) {
      merges.push(`${loser}>${winner}`);
      for (const id of profiles.get(loser) ?? []) members.add(id);
      profiles.delete(loser);
    }
    for (const id of kept) members.add(id);
    profiles.set(winner, members);
    if (homeOf(owner) === undefined) profiles.set(owner, new Set([owner]));
    for (const [id, type] of dropped) refusals.push(`${id}:${type}@${winner}`);
  }
  return {
    profiles: Object.fromEntries(order.flatMap((id) => (homeOf(id) === undefined ? [] : [[id, homeOf(id) as string]]))),
    merges,
    refusals,
  };
}

test("thousands of random histories come out as the plainest reading of the rules says", () => {
  fc.assert(
    fc.property(history, (observations) => {
      expect(resolve(observations)).toEqual(plainly(observations));
    }),
    { numRuns: 3000 },
  );
});

test("going on from stored profiles is the same as starting over", () => {
  fc.assert(
    fc.property(history, fc.nat(), (observations, cut) => {
      const middle = cut % (observations.length + 1);
      const before = resolve(observations.slice(0, middle));
      const whole = resolve(observations);
      // Ages are those of the whole history, as the warehouse knows them.
      const after = resolve(observations, middle, before.profiles);
      expect(after.profiles).toEqual(whole.profiles);
      expect([...before.merges, ...after.merges]).toEqual(whole.merges);
      expect([...before.refusals, ...after.refusals]).toEqual(whole.refusals);
    }),
    { numRuns: 2000 },
  );
});
