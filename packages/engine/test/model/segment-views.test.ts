import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CycleWindow } from "../../src/base/cycle.js";
import { hash64 } from "../../src/base/hash.js";
import { instantOf, isoOf } from "../../src/base/instant.js";
import { columnName, propertyColumns, viewName } from "../../src/model/segment-layout.js";
import { SeenCalls, segmentViews } from "../../src/model/segment-views.js";
import { render, sql } from "../../src/warehouse/sql.js";
import { properties } from "../../src/warehouse/tables/ops.js";
import { events } from "../../src/warehouse/tables/raw.js";
import { recordLoad } from "../support/events.js";
import { testWarehouse } from "../support/warehouse.js";

let warehouse: Awaited<ReturnType<typeof testWarehouse>>;
beforeAll(async () => {
  warehouse = await testWarehouse();
});
afterAll(() => warehouse.close());

const start = instantOf("2026-03-01T12:00:00Z");
const window = (toLoad: number): CycleWindow => ({ cycleId: 1, now: start, previousNow: 0, fromLoad: 0, toLoad });
let sent = 0;

function event(load: number, type: string, fields: Readonly<Record<string, string | null>>) {
  sent += 1;
  const at = isoOf(start + sent * 1_000_000);
  const row = Object.fromEntries(Object.keys(events.columns).map((column) => [column, null as string | number | null]));
  return {
    ...row,
    load_id: load,
    message_id: `m${sent}`,
    message_hash: hash64(`m${sent}`),
    source: "web",
    type,
    timestamp: at,
    received_at: at,
    ...fields,
  };
}

const property = (name: string, of: string, type: string) => ({
  event: of,
  property: name,
  type,
  column: null,
  seen: 1,
  first_seen: isoOf(start),
  last_seen: isoOf(start),
  example: null,
});

test("calls appear in Segment's tables, each event in a view of its own with typed properties", async () => {
  const { connection } = warehouse;
  await recordLoad(connection, 1, 9);
  await connection.append(events, [
    event(1, "track", {
      event: "Signed Up",
      user_id: "u1",
      properties: JSON.stringify({ plan: "pro", seatCount: 3, user_id: "x", nested: { a: [1] }, isTrial: true }),
      context: JSON.stringify({ campaign: { name: "spring" }, page: { url: "https://example.com/" }, library: { name: "analytics.js" } }),
    }),
    event(1, "track", { event: "signed_up", user_id: "u2", properties: JSON.stringify({ plan: "free" }) }),
    event(1, "track", { event: "Tracks", user_id: "u2" }),
    event(1, "track", { event: "2FA Enabled", user_id: "u2" }),
    event(1, "identify", { user_id: "u1", traits: JSON.stringify({ email: "a@example.com", age: 30 }) }),
    event(1, "identify", { user_id: "u1", traits: JSON.stringify({ age: 31 }) }),
    event(1, "group", { user_id: "u1", group_id: "g1", traits: JSON.stringify({ name: "Acme" }) }),
    event(1, "page", { event: "Home", anonymous_id: "a1", properties: JSON.stringify({ category: "docs", path: "/" }) }),
    event(1, "alias", { user_id: "u1", previous_id: "a1" }),
  ]);
  await connection.append(properties, [
    property("plan", "Signed Up", "text"),
    property("plan", "signed_up", "text"),
    property("seatCount", "Signed Up", "number"),
    property("user_id", "Signed Up", "text"),
    property("nested", "Signed Up", "object"),
    property("isTrial", "Signed Up", "boolean"),
    property("email", "identify", "text"),
    property("age", "identify", "number"),
    property("name", "group", "text"),
    property("category", "Home", "text"),
    property("path", "Home", "text"),
  ]);
  expect(await segmentViews(connection, window(1))).toBe("built");
  const names = await connection.read<{ name: string }>(sql`SELECT name FROM ${connection.dialect.tablesOf("segment")} AS t ORDER BY 1`);
  expect(names.map(({ name }) => name)).toEqual([
    "_2fa_enabled",
    "_tracks",
    "accounts",
    "aliases",
    "groups",
    "identifies",
    "pages",
    "screens",
    "signed_up",
    "tracks",
    "users",
  ]);
  expect(
    await connection.read(
      sql`SELECT id, user_id, event, event_text, plan, seat_count, _user_id, nested, is_trial, context_campaign_name, context_page_url FROM segment.signed_up ORDER BY id`,
    ),
  ).toEqual([
    {
      id: "m1",
      user_id: "u1",
      event: "signed_up",
      event_text: "Signed Up",
      plan: "pro",
      seat_count: 3,
      _user_id: "x",
      nested: '{"a":[1]}',
      is_trial: true,
      context_campaign_name: "spring",
      context_page_url: "https://example.com/",
    },
    expect.objectContaining({ id: "m2", event: "signed_up", event_text: "signed_up", plan: "free", seat_count: null }),
  ]);
  expect(await connection.read(sql`SELECT event, event_text FROM segment.tracks ORDER BY id`)).toEqual([
    { event: "signed_up", event_text: "Signed Up" },
    { event: "signed_up", event_text: "signed_up" },
    { event: "_tracks", event_text: "Tracks" },
    { event: "_2fa_enabled", event_text: "2FA Enabled" },
  ]);
  expect(await connection.read(sql`SELECT id, email, age FROM segment.users`)).toEqual([{ id: "u1", email: "a@example.com", age: 31 }]);
  expect(await connection.read(sql`SELECT id, name FROM segment.accounts`)).toEqual([{ id: "g1", name: "Acme" }]);
  expect(await connection.read(sql`SELECT anonymous_id, name, category, path FROM segment.pages`)).toEqual([
    { anonymous_id: "a1", name: "Home", category: "docs", path: "/" },
  ]);
  expect(await connection.read(sql`SELECT user_id, previous_id FROM segment.aliases`)).toEqual([{ user_id: "u1", previous_id: "a1" }]);
});

test("they are made again when an event or a property is new, and only then", async () => {
  const { connection } = warehouse;
  expect(await segmentViews(connection, window(1))).toBe("kept");
  await connection.append(events, [event(2, "track", { event: "Signed Up", user_id: "u3" })]);
  await recordLoad(connection, 2, 1);
  expect(await segmentViews(connection, window(2))).toBe("kept");
  await connection.append(events, [event(3, "track", { event: "Logged Out", user_id: "u3" })]);
  await recordLoad(connection, 3, 1);
  expect(await segmentViews(connection, window(3))).toBe("built");
  expect(await connection.read(sql`SELECT user_id FROM segment.logged_out`)).toEqual([{ user_id: "u3" }]);
  await connection.append(properties, [property("reason", "Logged Out", "text")]);
  expect(await segmentViews(connection, window(3))).toBe("built");
  expect(await connection.read(sql`SELECT reason FROM segment.logged_out`)).toEqual([{ reason: null }]);
});

test("which events there are is read once: then only what was loaded since", async () => {
  const { connection } = warehouse;
  const calls = new SeenCalls();
  const names = async (load: number) => (await calls.upTo(connection, load)).map((call) => call.event ?? call.type);
  expect(await names(2)).not.toContain("Logged Out");
  const read = vi.spyOn(connection, "read");
  expect(await names(3)).toEqual(expect.arrayContaining(["Signed Up", "Home", "Logged Out"]));
  expect(read.mock.calls.map(([query]) => render(query, connection.dialect.quoting))).toEqual([
    expect.stringMatching(/load_id > 2\S* AND load_id <= 3/),
  ]);
  vi.restoreAllMocks();
});

describe("names are Segment's", () => {
  test.each([
    ["Signed Up", "signed_up"],
    ["CStringRef", "cstring_ref"],
    ["samPLE", "sam_ple"],
    ["2FA Enabled", "_2fa_enabled"],
    ["users", "_users"],
    ["日本", "_"],
  ])("%s → %s", (event, view) => {
    expect(viewName(event)).toBe(view);
  });

  test("a property never hides a column of the call, and two that come to one name share the first's", () => {
    expect(columnName("userId")).toBe("_user_id");
    expect(columnName("1st")).toBe("_1st");
    expect(
      propertyColumns([
        { event: "e", property: "planName", kinds: ["text"] },
        { event: "e", property: "plan_name", kinds: ["text", "number"] },
      ]),
    ).toEqual([{ column: "plan_name", path: ["planName"], type: "text" }]);
  });
});
