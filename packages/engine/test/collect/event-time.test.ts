import { expect, test } from "vitest";
import { instantOf, isoOf } from "../../src/base/instant.js";
import { eventTime, readInstant } from "../../src/collect/protocol/event-time.js";

const received = instantOf("2026-03-01T12:00:00.000Z");
const at = (text: string) => instantOf(text);

test.each<[string, unknown, string | undefined, string, string]>([
  ["a right clock", "2026-03-01T11:59:58.000Z", "2026-03-01T11:59:59.500Z", "2026-03-01T11:59:58.500000Z", ""],
  ["a clock an hour ahead", "2026-03-01T12:59:58.000Z", "2026-03-01T13:00:00.000Z", "2026-03-01T11:59:58.000000Z", ""],
  ["a clock years behind", "2001-01-01T00:00:00.000Z", "2001-01-01T00:00:10.000Z", "2026-03-01T11:59:50.000000Z", ""],
  ["no sentAt: the client's time", "2026-02-01T00:00:00.123Z", undefined, "2026-02-01T00:00:00.123000Z", ""],
  ["no sentAt, four minutes ahead", "2026-03-01T12:04:00.000Z", undefined, "2026-03-01T12:04:00.000000Z", ""],
  ["no sentAt, a day ahead", "2026-03-02T12:00:00.000Z", undefined, "2026-03-01T12:00:00.000000Z", "clamped"],
  ["sent before it happened", "2026-03-01T13:00:00.000Z", "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000000Z", "clamped"],
  ["no time at all", undefined, "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000000Z", ""],
  ["nonsense", "yesterday-ish", undefined, "2026-03-01T12:00:00.000000Z", "unreadable"],
  ["microseconds", "2026-03-01T11:00:00.123456Z", undefined, "2026-03-01T11:00:00.123456Z", ""],
  ["a zone", "2026-03-01T12:00:00+02:00", undefined, "2026-03-01T10:00:00.000000Z", ""],
])("%s", (_, original, sent, timestamp, flag) => {
  const time = eventTime(original, sent === undefined ? undefined : at(sent), received);
  expect([isoOf(time.timestamp), time.flag]).toEqual([timestamp, flag]);
});

test.each<[unknown, string | undefined]>([
  ["2026-03-01T12:00:00.123Z", "2026-03-01T12:00:00.123000Z"],
  ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000000Z"],
  ["2026-03-01 12:00:00", "2026-03-01T12:00:00.000000Z"],
  ["2026-03-01T12:00", "2026-03-01T12:00:00.000000Z"],
  ["2026-03-01", "2026-03-01T00:00:00.000000Z"],
  ["2026-02-30T12:00:00.000Z", "2026-03-02T12:00:00.000000Z"],
  ["2026-03-01T25:00:00.000Z", undefined],
  ["2026-03-01T1x:00:00.000Z", undefined],
  [1_772_366_400, "2026-03-01T12:00:00.000000Z"],
  [1_772_366_400_123, "2026-03-01T12:00:00.123000Z"],
  [Number.NaN, undefined],
  [1e300, undefined],
  ["-271821-04-20T00:00:00Z", undefined],
  [{}, undefined],
  ["", undefined],
])("readInstant(%j)", (value, expected) => {
  const instant = readInstant(value);
  expect(instant === undefined ? undefined : isoOf(instant)).toBe(expected);
});
