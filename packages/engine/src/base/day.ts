import type { Instant } from "./instant.js";

/** `2026-03-29`: the local date of an instant in an IANA zone. */
export function dayText(instant: Instant, timezone: string): string {
  const parts = formatter(timezone).formatToParts(new Date(Math.floor(instant / 1000)));
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}`;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, year: "numeric", month: "2-digit", day: "2-digit" });
  formatters.set(timezone, made);
  return made;
}
