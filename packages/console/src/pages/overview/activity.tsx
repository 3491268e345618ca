import { formatCount, plural } from "../../format/numbers.js";
import { formatClock } from "../../format/times.js";
import { useTimezone } from "../../parts/time.js";

/** Events per minute of the last hour as bars, the newest at the right. */
export function Activity({ minutes }: { minutes: readonly { at: string; events: number }[] }) {
  const timezone = useTimezone();
  const most = Math.max(1, ...minutes.map((minute) => minute.events));
  const total = minutes.reduce((sum, minute) => sum + minute.events, 0);
  const first = minutes[0];
  const last = minutes.at(-1);
  return (
    <figure style={{ margin: 0 }}>
      <div
        role="img"
        aria-label={`${plural(total, "event")} in ${minutes.length} minutes, at most ${formatCount(most)} in one minute.`}
        style={{ display: "flex", alignItems: "flex-end", gap: 2, height: 72 }}
      >
        {minutes.map((minute, index) => (
          <span
            key={minute.at}
            title={`${formatClock(Date.parse(minute.at), timezone)}: ${plural(minute.events, "event")}`}
            style={{
              flex: "1 1 0",
              minWidth: 1,
              height: `${Math.max(2, (minute.events / most) * 100)}%`,
              borderRadius: "2px 2px 0 0",
              background: index === minutes.length - 1 ? "var(--green-live)" : "color-mix(in srgb, var(--green-live) 48%, var(--surface))",
            }}
          />
        ))}
      </div>
      <figcaption className="faint num" style={{ display: "flex", justifyContent: "space-between", marginTop: 6, fontSize: 12.5 }}>
        <span>{first === undefined ? "" : formatClock(Date.parse(first.at), timezone).slice(0, 5)}</span>
        <span>at most {formatCount(most)} a minute</span>
        <span>{last === undefined ? "" : formatClock(Date.parse(last.at), timezone).slice(0, 5)}</span>
      </figcaption>
    </figure>
  );
}
