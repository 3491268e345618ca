/** How numbers are written everywhere in the console: one place, so that two pages never disagree. */

const locale = "en";
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const free = new Intl.NumberFormat(locale, { maximumFractionDigits: 4 });
const short = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });

export const none = "–";

export function formatCount(value: number | null | undefined): string {
  return value === null || value === undefined ? none : whole.format(value);
}

/** 1.2K, 3.4M: only where the exact count stands in a tooltip or beside it. */
export function formatShort(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

/** Scores are stored unrounded and shown with one decimal. */
export function formatScore(value: number | null | undefined): string {
  return value === null || value === undefined ? none : oneDecimal.format(value);
}

export function formatNumber(value: number): string {
  return free.format(value);
}

export function formatPercent(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${share === 0 || share >= 0.1 ? whole.format(share * 100) : oneDecimal.format(share * 100)} %`;
}

export function formatSigned(value: number): string {
  return value > 0 ? `+${whole.format(value)}` : value < 0 ? `−${whole.format(-value)}` : "0";
}

/** 0.4 ms, 12 ms, 1.3 s, 4 min 5 s. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.001) return seconds === 0 ? "0 ms" : "< 1 ms";
  if (seconds < 0.9995) return `${whole.format(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${whole.format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${whole.format(bytes)} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? oneDecimal.format(value) : whole.format(value)} ${units[unit] ?? ""}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
