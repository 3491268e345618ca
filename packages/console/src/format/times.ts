/** How instants are written everywhere: relative in lists, exact (in the project's zone) on hover. */

const locale = "en-GB";

/** Relative to `now` (both in ms): `now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 days ago`, then a date. */
export function formatAgo(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1000);
  if (seconds < -60) return `in ${spanOf(-seconds)}`;
  if (seconds < 3) return "now";
  if (seconds < 86_400 * 14) return `${spanOf(seconds)} ago`;
  const date = new Date(at);
  const sameYear = date.getUTCFullYear() === new Date(now).getUTCFullYear();
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }).format(date);
}

export function formatExact(at: number, timezone: string): string {
  return `${new Intl.DateTimeFormat(locale, {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    timeZone: timezone,
    hourCycle: "h23",
  }).format(at)} ${timezone}`;
}

export function formatClock(at: number, timezone: string): string {
  return new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZone: timezone,
    hourCycle: "h23",
  }).format(at);
}

/** `21 Nov` of a calendar day `2026-11-21`. */
export function formatDay(day: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" }).format(
    new Date(`${day.slice(0, 10)}T00:00:00Z`),
  );
}

/** `21 Nov` of an instant. */
export function formatDate(at: number, timezone: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: timezone }).format(at);
}

export function formatLongDay(at: number, timezone: string): string {
  return new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: timezone }).format(
    at,
  );
}

function spanOf(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}
