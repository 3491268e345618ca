import { dayText } from "../../../src/base/day.js";
import { type Instant, instantOf, microsPerDay, microsPerHour } from "../../../src/base/instant.js";

/** Instants and days whose place in a zone's calendar engines get wrong, with JavaScript's own time zones as the judge. */
export const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Pacific/Apia",
  "Asia/Kolkata",
  "America/Sao_Paulo",
  "Australia/Lord_Howe",
];

/** Zones had their own minutes and seconds before they were ordered. */
const orderedSince: Readonly<Record<string, string>> = {
  "Pacific/Apia": "1951-01-01",
  "Asia/Kolkata": "1946-01-01",
  "Australia/Lord_Howe": "1982-01-01",
  "America/Sao_Paulo": "1915-01-01",
};

const changes = [
  "2026-03-29",
  "2026-10-25",
  "2026-03-08",
  "2026-11-01",
  "2011-12-29",
  "2011-12-30",
  "2011-12-31",
  "2018-11-04",
  "2018-02-18",
  "2024-02-29",
  "1969-12-31",
  "1970-01-01",
];

export function instantsOf(zone: string): Instant[] {
  const from = instantOf(`${orderedSince[zone] ?? "1901-01-01"}T00:00:00Z`);
  const to = instantOf("2199-12-31T00:00:00Z");
  const spread = Array.from({ length: 300 }, (_, index) => Math.floor(from + ((to - from) * index) / 300) + index * 977);
  const around = changes
    .map((day) => instantOf(`${day}T00:00:00Z`))
    .filter((at) => at > from)
    .flatMap((at) => Array.from({ length: 60 }, (_, hour) => at + (hour - 18) * microsPerHour - 1));
  return [...spread, ...around];
}

/** Days that exist there; the day that a zone skipped has no start. */
export function zoneDays(zone: string): string[] {
  const from = orderedSince[zone] ?? "1901-01-01";
  const spread = Array.from({ length: 120 }, (_, index) =>
    new Date(Date.UTC(1902 + index * 2.4, (index * 5) % 12, 1 + (index % 28))).toISOString().slice(0, 10),
  );
  return [...changes, ...spread].filter((day) => day > from && dayText(startOfDay(day, zone), zone) === day);
}

/** The first instant of a local day, found by halving. */
export function startOfDay(day: string, zone: string): Instant {
  const noon = instantOf(`${day}T12:00:00Z`);
  let before = noon - 2 * microsPerDay;
  let at = noon + 2 * microsPerDay;
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (dayText(middle, zone) < day) before = middle;
    else at = middle;
  }
  return at;
}
