/**
 * Instants are whole microseconds since 1970-01-01T00:00:00Z in a JavaScript number (exact until the year 2255).
 * Nothing in Cambium asks for the time: it is handed in by whoever owns the clock.
 */
export type Instant = number;

export type Clock = () => Instant;

export const microsPerSecond = 1_000_000;
export const microsPerHour = 3_600 * microsPerSecond;
export const microsPerDay = 24 * microsPerHour;

export const systemClock: Clock = () => Date.now() * 1000;

export function instantOf(date: Date | string): Instant {
  const millis = typeof date === "string" ? Date.parse(date) : date.getTime();
  if (Number.isNaN(millis)) throw new RangeError(`not a date: ${String(date)}`);
  const micros = typeof date === "string" ? /\.\d{3}(\d{1,3})/.exec(date)?.[1] : undefined;
  return millis * 1000 + (micros === undefined ? 0 : Number(micros.padEnd(3, "0")));
}

/** `2026-03-01T12:00:00.123456Z`: always six decimals, always Z. */
export function isoOf(instant: Instant): string {
  const millis = Math.floor(instant / 1000);
  const micros = String(instant - millis * 1000).padStart(3, "0");
  return `${new Date(millis).toISOString().slice(0, -1)}${micros}Z`;
}
