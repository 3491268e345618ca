import type { AudienceDetail } from "../../../../engine/src/server/contract.js";
import { formatCount, formatSigned } from "../../format/numbers.js";
import { formatClock, formatDate, formatExact } from "../../format/times.js";
import { useRef } from "react";
import { Chart, axes } from "../../parts/chart.js";
import { useTimezone } from "../../parts/time.js";

/** Shorter spans are labelled by the time of day. */
const clockSpanMs = 2 * 86_400_000;

/** Size after each cycle that changed it, as steps: between two changes the size did not move. */
export function SizeChart({ audience }: { audience: AudienceDetail }) {
  const timezone = useTimezone();
  const sizes = [...audience.sizes].sort((a, b) => (a.at < b.at ? -1 : 1));
  const first = sizes[0];
  const last = sizes.at(-1);
  const now = useRef(Date.now()).current;
  const short = first !== undefined && now - Date.parse(first.at) < clockSpanMs;
  const labelOf = (at: number): string => (short ? formatClock(at, timezone).slice(0, 5) : formatDate(at, timezone));
  return (
    <Chart
      height={240}
      summary={`Size of ${audience.title}: from ${formatCount(first?.size)} to ${formatCount(last?.size)} members over ${sizes.length} changes.`}
      table={{
        head: ["When", "Members", "Entered", "Left"],
        rows: [...sizes]
          .reverse()
          .map((point) => [
            formatExact(Date.parse(point.at), timezone),
            formatCount(point.size),
            formatCount(point.entered),
            formatCount(point.left),
          ]),
      }}
      option={(palette) => {
        const { category, value, tooltip, grid } = axes(palette);
        return {
          grid,
          tooltip: {
            ...tooltip,
            formatter: (points: unknown) => {
              const index = Array.isArray(points) ? (points[0] as { dataIndex?: number } | undefined)?.dataIndex : undefined;
              const point = index === undefined ? undefined : (sizes[index] ?? last);
              if (point === undefined) return "";
              return `${formatExact(Date.parse(point.at), timezone)}<br/><b>${formatCount(point.size)}</b> members (${formatSigned(point.entered)} / ${formatSigned(-point.left)})`;
            },
          },
          xAxis: {
            type: "time",
            ...category,
            splitLine: { show: false },
            axisLabel: { color: palette.faint, fontSize: 12, hideOverlap: true, formatter: (at: number) => labelOf(at) },
          },
          yAxis: { type: "value", minInterval: 1, scale: true, ...value },
          series: [
            {
              type: "line",
              step: "end",
              name: "Members",
              // The size holds until now.
              data: [
                ...sizes.map((point) => [Date.parse(point.at), point.size]),
                ...(last === undefined ? [] : [[Math.max(now, Date.parse(last.at)), last.size]]),
              ],
              symbol: "none",
              lineStyle: { color: palette.series[0], width: 2 },
              itemStyle: { color: palette.series[0] },
              areaStyle: { color: palette.series[0], opacity: 0.1 },
            },
          ],
        };
      }}
    />
  );
}
