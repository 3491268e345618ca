import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Sending, SegmentMessage } from "../simulator/message.js";
import { defaultLimits } from "../../../packages/engine/src/collect/limits.js";
import { eventProblem } from "../../../packages/engine/src/collect/protocol/event-problem.js";
import { textOf } from "../simulator/send-history.js";
import { zeroId } from "../simulator/emit.js";
import { live, orchard, simulate } from "../simulator/simulate.js";

/** Small worlds: a hundred and fifty people, thirty days. */
const until = Date.UTC(2026, 2, 10, 14, 30) * 1000;
const small = { seed: "test", until, days: 30, users: 400 };

function world(options = small) {
  const simulated = orchard(options);
  const all = [...simulated.history()];
  const sendings = all.filter((sending) => sending.fault === undefined);
  return { all, sendings, messages: sendings.map((sending) => sending.message), truth: simulated.truth(), simulated };
}

const take = <Item>(items: Iterable<Item>, many: number): Item[] => {
  const taken: Item[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === many) break;
  }
  return taken;
};

describe("the simulator", () => {
  const { all, sendings, messages, truth } = world();

  it("gives the same bytes for the same options, and others for another seed", () => {
    expect(JSON.stringify([...simulate(small)])).toBe(JSON.stringify(all));
    expect(JSON.stringify(take(simulate({ ...small, seed: "other" }), 50))).not.toBe(JSON.stringify(all.slice(0, 50)));
  });

  it("sends in the order of arrival, within the history", () => {
    const start = until / 1000 - 30 * 86_400_000;
    let before = start;
    for (const { at } of all) {
      expect(at).toBeGreaterThanOrEqual(before);
      before = at;
    }
    expect(before).toBeLessThan(until / 1000);
    expect(before).toBeGreaterThan(until / 1000 - 3_600_000);
  });

  it("counts what it sent: messages, duplicates, types, events, users, groups, money", () => {
    const first = new Map<string, SegmentMessage>();
    for (const message of messages) if (!first.has(message.messageId)) first.set(message.messageId, message);
    const unique = [...first.values()];
    const count = (keys: (string | undefined)[]) => {
      const counts: Record<string, number> = {};
      for (const key of keys) if (key !== undefined) counts[key] = (counts[key] ?? 0) + 1;
      return counts;
    };
    expect(truth.sent).toBe(all.length);
    expect(truth.unique).toBe(unique.length);
    expect(truth.duplicates).toBe(sendings.length - truth.unique);
    expect(truth.faulty).toEqual(count(all.map((sending) => sending.fault)));
    expect(truth.duplicates).toBeGreaterThan(20);
    expect(truth.byType).toEqual(count(unique.map((message) => message.type)));
    expect(truth.byEvent).toEqual(count(unique.map((message) => message.event)));
    expect(truth.users).toBe(new Set(unique.flatMap((message) => message.userId ?? [])).size);
    expect(truth.users).toBeGreaterThan(200);
    const revenue = unique
      .filter((message) => message.event === "Payment Succeeded")
      .reduce((sum, { properties }) => sum + Number(properties?.["amount"]), 0);
    // Invoices of the last hours may still be under way.
    expect(Math.abs(truth.revenue - revenue)).toBeLessThan(0.02 * truth.revenue + 1);
  });

  it("sends a few that are no events, each with what the collector says of it", () => {
    const faulty = all.filter((sending) => sending.fault !== undefined);
    expect(faulty.length / all.length).toBeGreaterThan(0.0003);
    expect(faulty.length / all.length).toBeLessThan(0.001);
    for (const sending of faulty) {
      const sent = JSON.parse(textOf(sending, () => 0)) as Record<string, unknown>;
      expect(eventProblem(sent, String(sent["type"]), defaultLimits)?.reason).toBe(sending.fault);
    }
    for (const sending of sendings.slice(0, 500)) {
      expect(eventProblem({ ...sending.message }, sending.message.type, defaultLimits)).toBeUndefined();
    }
  });

  it("resends duplicates unchanged", () => {
    const texts = new Map<string, string>();
    for (const message of messages) {
      const text = JSON.stringify(message);
      expect(texts.get(message.messageId) ?? text).toBe(text);
      texts.set(message.messageId, text);
    }
  });

  it("keeps the rules of Segment's specification", () => {
    for (const message of messages) expect(problemsOf(message)).toEqual([]);
  });

  it("knows who is who: links, phones, community identities and what must not be linked", () => {
    const { identity } = truth;
    const anonymous = Object.values(identity.anonymousIds).flat();
    expect(new Set(anonymous).size).toBe(anonymous.length);
    expect(anonymous.some((id) => id.startsWith("github:"))).toBe(true);
    expect(anonymous.some((id) => id.startsWith("slack:"))).toBe(true);
    expect(anonymous).not.toContain(zeroId);
    expect(messages.some((message) => message.anonymousId === zeroId)).toBe(true);
    expect(identity.merges).toBeGreaterThan(20);
    expect(identity.refused).toBeGreaterThan(0);
    expect(identity.sharedDevices.length).toBeGreaterThan(0);
    const { identifiers } = identity;
    expect(identity.profiles).toBeGreaterThanOrEqual(identifiers["user_id"]!);
    expect(identity.profiles).toBeLessThan(identifiers["user_id"]! + identifiers["anonymous_id"]!);
  });

  it("has late messages, wrong clocks that say so, and visits before sign-up", () => {
    const late = sendings.filter(({ at, skewMs, message }) => at + skewMs - Date.parse(message.timestamp) > 3_600_000);
    expect(late.length / sendings.length).toBeGreaterThan(0.001);
    const wrong = sendings.filter(({ skewMs }) => skewMs !== 0);
    expect(wrong.length).toBeGreaterThan(10);
    const firstSeen = new Map<string, boolean>();
    for (const { anonymousId, userId } of messages) {
      if (anonymousId !== undefined && !firstSeen.has(anonymousId)) firstSeen.set(anonymousId, userId === undefined);
    }
    expect([...firstSeen.values()].filter(Boolean).length).toBeGreaterThan(100);
  });

  it("shows the planted effects", () => {
    const { experiment, channels } = truth;
    expect(experiment.trueLift).toBeGreaterThan(0.06);
    expect(channels.ship_faster.signUps / channels.ship_faster.visitors).toBeGreaterThan(
      channels.world_tour.signUps / channels.world_tour.visitors,
    );
    expect(truth.overage.length).toBeGreaterThan(0);
    for (const workspace of truth.overage) expect(truth.minutes[workspace]).toBeGreaterThan(0);
  });

  it("has weeks, days and a few who do very much", () => {
    const zone = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", weekday: "short", hour: "numeric", hourCycle: "h23" });
    const actions = messages.filter((message) => message.event === "Feature Used");
    const parts = actions.map((message) => zone.format(new Date(message.timestamp)));
    const share = (pattern: RegExp) => parts.filter((part) => pattern.test(part)).length / parts.length;
    expect(share(/^(Sat|Sun)/)).toBeLessThan(0.15);
    expect(share(/(09|1\d)$/)).toBeGreaterThan(0.5);
    const perUser = new Map<string, number>();
    for (const { userId } of actions) perUser.set(userId!, (perUser.get(userId!) ?? 0) + 1);
    const sorted = [...perUser.values()].sort((one, other) => other - one);
    const top = sorted.slice(0, Math.ceil(sorted.length / 10)).reduce((sum, value) => sum + value, 0);
    expect(top / actions.length).toBeGreaterThan(0.25);
  });
});

describe("the world that npm start sends", () => {
  it("is as large as promised, and has the workspaces that the manual list excludes", async () => {
    const list = await readFile(path.resolve(import.meta.dirname, "../lists/do-not-upsell.csv"), "utf8");
    const excluded = [...list.matchAll(/^(ws_\w+),/gm)].map((match) => match[1] ?? "");
    expect(excluded.length).toBe(5);
    const simulated = orchard({ seed: "orchard", until });
    for (const sending of simulated.history()) void sending;
    const truth = simulated.truth();
    expect(truth.users).toBeGreaterThanOrEqual(5_000);
    expect(truth.workspaces).toBeGreaterThanOrEqual(800);
    expect(truth.accounts).toBeGreaterThanOrEqual(500);
    expect(truth.unique).toBeGreaterThanOrEqual(500_000);
    expect(truth.overage.length).toBeGreaterThan(40);
    expect(truth.activeDeals.length).toBeGreaterThan(8);
    for (const id of excluded) expect(truth.parents).toHaveProperty(id);
    const rate = (arm: "control" | "treatment") => truth.experiment.converted[arm] / truth.experiment.exposed[arm];
    expect(rate("treatment") - rate("control")).toBeGreaterThan(0.02);
    const { ship_faster: works, world_tour: fails } = truth.channels;
    expect(works.activated / works.visitors).toBeGreaterThan(3 * (fails.activated / fails.visitors));
  });
});

describe("live traffic", () => {
  const from = until + 60_000_000;

  it("continues the same world at the wanted rate, with its own message ids and current timestamps", () => {
    const { simulated, messages, truth } = world();
    const next = take(simulated.live({ from, perSecond: 10 }), 2_000);
    const known = new Set(messages.map((message) => message.messageId));
    const fresh = next.filter(({ message }) => !known.has(message.messageId));
    expect(fresh.length).toBeGreaterThan(1_900);
    const seconds = (next.at(-1)!.at - from / 1000) / 1000;
    expect(2_000 / seconds).toBeGreaterThan(9);
    expect(2_000 / seconds).toBeLessThan(11);
    const age = ({ at, skewMs, message }: Sending) => at + skewMs - Date.parse(message.timestamp);
    expect(next.filter((sending) => age(sending) < 60_000).length).toBeGreaterThan(1_800);
    expect(simulated.truth().sent).toBeGreaterThanOrEqual(truth.sent + 2_000);
    for (const { message, fault } of next) if (fault === undefined) expect(problemsOf(message)).toEqual([]);
  });

  it("is the same again from the same moment, and different from another", () => {
    const texts = (moment: number) => JSON.stringify(take(live({ ...small, days: 5, users: 120, from: moment }), 300));
    expect(texts(from)).toBe(texts(from));
    expect(texts(from)).not.toBe(texts(from + 1_000_000));
  });
});

/** What Segment's specification asks of a message. */
function problemsOf(message: SegmentMessage): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => void (holds || problems.push(`${message.type} ${message.messageId}: ${what}`));
  must(message.messageId.length > 0 && message.messageId.length < 100, "messageId has 1 to 99 characters");
  must(message.userId !== undefined || message.anonymousId !== undefined, "userId or anonymousId");
  must(message.userId !== "" && message.anonymousId !== "", "no empty ids");
  must(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(message.timestamp), "ISO-8601 timestamp");
  must((message.type === "track") === (message.event !== undefined), "track has an event, others none");
  must((message.type === "group") === (message.groupId !== undefined), "group has a groupId");
  must(message.type !== "identify" || message.traits !== undefined, "identify has traits");
  must(message.type === "identify" || message.type === "group" || message.properties !== undefined, "properties");
  must(message.context["library"] !== undefined, "context.library");
  must(JSON.stringify(message).length < 32_000, "at most 32 KB");
  const email = message.traits?.["email"];
  must(email === undefined || /^[a-z0-9.]+@[a-z0-9-]+\.example$/.test(String(email)), `an invented e-mail address: ${String(email)}`);
  return problems;
}
