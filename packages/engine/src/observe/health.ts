/** When a number is worth a warning. Thresholds in one place, each with its unit; pure functions over plain data. */

export interface Health {
  readonly state: "ok" | "warn" | "error";
  readonly sentence: string;
}

export const behindSecondsWarn = 10;
export const behindSecondsError = 120;
/** Share of accepted events in quarantine. */
export const quarantinedShareWarn = 0.01;

const order = { ok: 0, warn: 1, error: 2 } as const;

export function worst(parts: readonly Health[], fine: string): Health {
  const bad = parts.filter((part) => part.state !== "ok").toSorted((a, b) => order[b.state] - order[a.state]);
  return bad[0] ?? { state: "ok", sentence: fine };
}

/** Health of a hop from what waits before it. */
export function healthOfBacklog(backlog: number | null, behindSeconds: number | null, unit: string): Health {
  if (backlog === null || backlog === 0 || behindSeconds === null) return { state: "ok", sentence: "Nothing waits." };
  const sentence = `${counted(backlog, unit)} waiting, the oldest for ${seconds(behindSeconds)}.`;
  if (behindSeconds >= behindSecondsError) return { state: "error", sentence };
  return { state: behindSeconds >= behindSecondsWarn ? "warn" : "ok", sentence };
}

/** `0.4 s`, `12 s`, `3 min`, `5 h`, `2 days`. */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86_400)} days`;
}

/** `1 row`, `12,000 rows`. */
export function counted(count: number, unit: string): string {
  return `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;
}
