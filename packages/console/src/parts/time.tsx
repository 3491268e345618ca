import { Tooltip } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { useProject } from "../api/queries.js";
import { formatAgo, formatClock, formatExact } from "../format/times.js";

/** One clock for the whole console: every relative time moves with the same tick. */
const tickMs = 2000;
let nowMs = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const each of listeners) each();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}

export function useTimezone(): string {
  return useProject().data?.timezone ?? "UTC";
}

/** Relative, with the exact instant on hover and on focus. */
export function Ago({ at, empty = "never" }: { at: string | null; empty?: string }) {
  const now = useNow();
  const timezone = useTimezone();
  if (at === null) return <span className="faint">{empty}</span>;
  const millis = Date.parse(at);
  return (
    <Tooltip label={formatExact(millis, timezone)}>
      <time dateTime={at} className="num" style={{ whiteSpace: "nowrap", position: "relative", zIndex: 1 }}>
        {formatAgo(millis, now)}
      </time>
    </Tooltip>
  );
}

/** Time of day, with the exact instant on hover. */
export function Clock({ at }: { at: string }) {
  const timezone = useTimezone();
  const millis = Date.parse(at);
  return (
    <Tooltip label={formatExact(millis, timezone)}>
      <time dateTime={at} className="num" style={{ whiteSpace: "nowrap", position: "relative", zIndex: 1 }}>
        {formatClock(millis, timezone)}
      </time>
    </Tooltip>
  );
}
