import { formatCount, plural } from "../../format/numbers.js";
import { formatClock } from "../../format/times.js";
import { useTimezone } from "../../parts/time.js";
import { scaleOf } from "./activity-scale.js";
import style from "./overview.module.css";

/** Events per minute of the last hour as bars, the newest at the right. */
export function Activity({ minutes }: { minutes: readonly { at: string; events: number }[] }) {
  const timezone = useTimezone();
  const scale = scaleOf(minutes.map((minute) => minute.events));
  const total = minutes.reduce((sum, minute) => sum + minute.events, 0);
  const most = Math.max(0, ...minutes.map((minute) => minute.events));
  const clock = (at: string | undefined): string => (at === undefined ? "" : formatClock(Date.parse(at), timezone).slice(0, 5));
  return (
    <figure style={{ margin: 0 }}>
      <div
        role="img"
        aria-label={`${plural(total, "event")} in ${plural(minutes.length, "minute")}, at most ${formatCount(most)} in one.`}
        className={style["bars"]}
      >
        {minutes.map((minute, index) => (
          <span
            key={minute.at}
            title={`${clock(minute.at)}: ${plural(minute.events, "event")}`}
            data-newest={index === minutes.length - 1 || undefined}
            data-cut={minute.events > scale.top || undefined}
            style={{ height: minute.events === 0 ? 1 : `${Math.max(3, Math.min(1, minute.events / scale.top) * 100)}%` }}
          />
        ))}
      </div>
      <figcaption className={`${style["barsCaption"]} num`}>
        <span>{clock(minutes[0]?.at)}</span>
        <span>{scale.cut === null ? `at most ${formatCount(most)} a minute` : `one minute of ${formatCount(scale.cut)} is cut off`}</span>
        <span>{clock(minutes.at(-1)?.at)}</span>
      </figcaption>
    </figure>
  );
}
