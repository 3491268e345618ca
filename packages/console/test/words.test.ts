import { describe, expect, it } from "vitest";
import type { AudienceSummary, EventRow, Json } from "../../engine/src/server/contract.js";
import { type Words, wordsOf } from "../src/format/conditions.js";
import { formatCount, formatPercent, formatScore, formatSeconds } from "../src/format/numbers.js";
import { formatAgo } from "../src/format/times.js";
import { traitWords } from "../src/format/trait-words.js";
import { ancestors, nest } from "../src/pages/audiences/nesting.js";
import { addNewest, addOlder, emptyFeed, matches, release, startFeed } from "../src/pages/events/event-feed.js";
import { scaleOf } from "../src/pages/overview/activity-scale.js";
import { place, secondsByStage } from "../src/pages/runs/stages.js";

/** What the console says and orders without a browser. */

describe("conditions in words", () => {
  const flat = (words: Words): string =>
    [words.text, words.audience, ...(words.children.length > 0 ? [`[${words.children.map(flat).join("; ")}]`] : [])]
      .filter((part) => part !== undefined)
      .join(" ");

  const cases: [Json, string][] = [
    [{ trait: "plan", is: "free" }, "plan is free"],
    [{ trait: "email", exists: false }, "email is not set"],
    [{ trait: "seats", between: [2, 5] }, "seats is between 2 and 5"],
    [{ score: "user_activation", bucket: "hot" }, "score user activation is in bucket hot"],
    [{ event: "Deployed", count: { gte: 3 }, within: "7 days" }, "“Deployed” at least 3 times within 7 days"],
    [{ event: "*", count: { gte: 1 } }, "any event at least once"],
    [{ event: ["A", "B"], where: [{ property: "amount", gt: 10 }] }, "“A” or “B” where amount is more than 10 happened"],
    [{ not: { any: [{ trait: "a", is: 1 }, { audience: "b" }] } }, "none of [a is 1; is in audience b]"],
    [
      { sequence: [{ event: "A" }, { event: "B" }], within: "3 days" },
      "in this order within 3 days [first “A” happened; then “B” happened]",
    ],
    [{ all: [{ not: { audience: "x" } }] }, "all of [not: is in audience x]"],
  ];
  it.each(cases)("%j", (condition, expected) => {
    expect(flat(wordsOf(condition))).toBe(expected);
  });
});

describe("numbers and times", () => {
  it("writes them the same everywhere", () => {
    expect([
      formatSeconds(0),
      formatSeconds(0.0004),
      formatSeconds(0.0121),
      formatSeconds(0.9999),
      formatSeconds(75.2),
      formatSeconds(3700),
    ]).toEqual(["0 ms", "< 1 ms", "12 ms", "1.0 s", "75 s", "1 h 1 min"]);
    expect([formatScore(71.44), formatScore(null), formatCount(1234567), formatPercent(0.0004), formatPercent(0.5)]).toEqual([
      "71.4",
      "–",
      "1,234,567",
      "< 0.1 %",
      "50 %",
    ]);
    const now = Date.parse("2026-03-10T12:00:00Z");
    expect([1, 30, 90, 7200, 86_400 * 30].map((seconds) => formatAgo(now - seconds * 1000, now))).toEqual([
      "now",
      "30 s ago",
      "1 min ago",
      "2 h ago",
      "8 Feb",
    ]);
  });

  it("tells what a trait is", () => {
    expect(traitWords("count", { event: ["A", "B", "C", "D", "E"], within: "7 days" })).toBe(
      "count of “A”, “B”, “C” or 2 more events within 7 days",
    );
    expect(traitWords("rollup", { roll: "sum", trait: "deploys_7d", from: "user" })).toBe("sum of deploys 7d over its users");
  });
});

describe("nesting of audiences", () => {
  const audience = (name: string, size: number, parents: string[] = []): AudienceSummary => ({
    name,
    title: name,
    entity: "workspace",
    description: null,
    version: 1,
    size,
    heldOut: 0,
    entered: 0,
    left: 0,
    updatedAt: null,
    parents,
    children: [],
    syncs: [],
    recent: [],
  });
  const list = [
    audience("hot", 3, ["open"]),
    audience("all", 20),
    audience("open", 9, ["all"]),
    audience("a", 1, ["b"]),
    audience("b", 1, ["a"]),
  ];

  it("puts each below what it lies within, and lists rings too", () => {
    expect(nest(list).map((row) => `${row.depth}${row.audience.name}`)).toEqual(["0all", "1open", "2hot", "0a", "0b"]);
    expect(ancestors(list, "hot").map((each) => each.name)).toEqual(["all", "open"]);
    expect(ancestors(list, "gone")).toEqual([]);
  });
});

describe("the feed of events", () => {
  const row = (messageId: string, receivedAt: string, event = "Paid"): EventRow => ({
    messageId,
    loadId: 1,
    source: "web",
    type: "track",
    event,
    userId: "u1",
    anonymousId: null,
    email: null,
    groupId: null,
    timestamp: receivedAt,
    receivedAt,
    sentAt: null,
    timeFlag: null,
    properties: { plan: "Team" },
    traits: null,
    context: null,
    integrations: null,
  });

  it("shows each event once, newest first, and holds while paused", () => {
    const start = startFeed([row("b", "2"), row("a", "1"), row("a", "1")]);
    const live = addNewest(start, [row("b", "2"), row("c", "3"), row("d", "4")], 7, false);
    expect(live.rows.map((each) => each.messageId)).toEqual(["d", "c", "b", "a"]);
    expect([...live.fresh]).toEqual(["d", "c"]);
    const paused = addNewest(live, [row("e", "5")], 0, true);
    expect(paused.rows).toEqual(live.rows);
    expect(release(paused).rows[0]?.messageId).toBe("e");
    expect(addOlder(live, [row("a", "1"), row("0", "0")]).rows.map((each) => each.messageId)).toEqual(["d", "c", "b", "a", "0"]);
    expect(live.unseen).toBe(7);
    expect(emptyFeed.rows).toEqual([]);
  });

  it("filters what arrives as the engine filters what is stored", () => {
    expect(matches(row("a", "1"), { user: "u1", text: "team" })).toBe(true);
    expect(matches(row("a", "1"), { event: "paid" })).toBe(false);
    expect(matches(row("a", "1"), { source: "server" })).toBe(false);
  });
});

describe("scales and stages", () => {
  it("cuts a burst off and says so", () => {
    expect(scaleOf([10, 12, 77_000])).toEqual({ top: 15, cut: 77_000 });
    expect(scaleOf([10, 12])).toEqual({ top: 12, cut: null });
    expect(scaleOf([])).toEqual({ top: 1, cut: null });
    expect(scaleOf([0, 5])).toEqual({ top: 5, cut: null });
  });

  it("places steps where they ran", () => {
    const steps = [
      { name: "identify", startedAfter: 0.5, seconds: 1, rows: null },
      { name: "user traits", startedAfter: null, seconds: 2, rows: 3 },
      { name: "workspace traits", startedAfter: 4, seconds: 1, rows: 3 },
    ];
    expect(place(steps).map((step) => [step.stage, step.from])).toEqual([
      ["identify", 0.5],
      ["traits", 1.5],
      ["traits", 4],
    ]);
    expect(secondsByStage(steps)).toEqual([
      { stage: "identify", seconds: 1 },
      { stage: "traits", seconds: 3 },
    ]);
  });
});
