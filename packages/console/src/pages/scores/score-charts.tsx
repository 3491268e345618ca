import type { ScoreDetail } from "../../../../engine/src/server/contract.js";
import { formatCount, formatScore } from "../../format/numbers.js";
import { formatDay } from "../../format/times.js";
import { Chart, axes } from "../../parts/chart.js";

const height = 260;

export function DistributionChart({ score }: { score: ScoreDetail }) {
  const bins = score.histogram;
  const most = bins.reduce((best, bin) => (bin.count > best.count ? bin : best), bins[0] ?? { from: 0, to: 5, count: 0 });
  return (
    <Chart
      height={height}
      summary={`Distribution of ${score.title}: most ${score.entity}s, ${formatCount(most.count)}, have ${most.from} to ${most.to} points.`}
      table={{ head: ["Points", "Entities"], rows: bins.map((bin) => [`${bin.from}–${bin.to}`, formatCount(bin.count)]) }}
      option={(palette) => {
        const { category, value, tooltip, grid } = axes(palette);
        return {
          grid,
          tooltip: { ...tooltip, axisPointer: { type: "shadow" }, valueFormatter: (count: unknown) => formatCount(Number(count)) },
          xAxis: {
            type: "category",
            data: bins.map((bin) => `${bin.from}`),
            ...category,
          },
          yAxis: { type: "value", minInterval: 1, ...value },
          series: [
            {
              type: "bar",
              name: `${score.entity}s`,
              data: bins.map((bin) => bin.count),
              barCategoryGap: "14%",
              itemStyle: { color: palette.series[0], borderRadius: [3, 3, 0, 0] },
            },
          ],
        };
      }}
    />
  );
}

type Day = ScoreDetail["trend"][number];

export function TrendChart({ score }: { score: ScoreDetail }) {
  const days = score.trend;
  const first = days[0];
  const last = days.at(-1);
  return (
    <Chart
      height={height}
      summary={`${score.title} by day: the median went from ${formatScore(first?.p50)} on ${first?.day ?? ""} to ${formatScore(last?.p50)} on ${last?.day ?? ""}.`}
      table={{
        head: ["Day", "Entities", "Average", "10 %", "25 %", "Median", "75 %", "90 %"],
        rows: days.map((day) => [
          formatDay(day.day),
          formatCount(day.count),
          ...[day.average, day.p10, day.p25, day.p50, day.p75, day.p90].map(formatScore),
        ]),
      }}
      option={(palette) => {
        const { category, value, tooltip, grid } = axes(palette);
        const green = palette.series[0];
        // A band is an invisible line with a filled one stacked on it.
        const band = (name: string, low: (day: Day) => number | null, high: (day: Day) => number | null, opacity: number) => [
          {
            type: "line",
            stack: name,
            data: days.map(low),
            lineStyle: { opacity: 0 },
            symbol: "none",
            silent: true,
            tooltip: { show: false },
          },
          {
            type: "line",
            stack: name,
            data: days.map((day) => difference(high(day), low(day))),
            lineStyle: { opacity: 0 },
            symbol: "none",
            silent: true,
            areaStyle: { color: green, opacity },
            tooltip: { show: false },
          },
        ];
        return {
          grid,
          tooltip: {
            ...tooltip,
            formatter: (points: unknown) => tooltipOf(days, points),
          },
          xAxis: { type: "category", boundaryGap: false, data: days.map((day) => formatDay(day.day)), ...category },
          yAxis: { type: "value", ...value, min: 0, max: 100, interval: 25 },
          series: [
            ...band(
              "outer",
              (day) => day.p10,
              (day) => day.p90,
              0.1,
            ),
            ...band(
              "inner",
              (day) => day.p25,
              (day) => day.p75,
              0.16,
            ),
            {
              type: "line",
              name: "Median",
              data: days.map((day) => day.p50),
              symbol: "none",
              lineStyle: { color: green, width: 2.2 },
              itemStyle: { color: green },
            },
            {
              type: "line",
              name: "Average",
              data: days.map((day) => day.average),
              symbol: "none",
              lineStyle: { color: palette.series[1], width: 1.6, type: [5, 4] },
              itemStyle: { color: palette.series[1] },
            },
          ],
        };
      }}
    />
  );
}

function difference(high: number | null, low: number | null): number | null {
  return high === null || low === null ? null : high - low;
}

/** Built from numbers and dates of ours only, so nothing in it needs escaping. */
function tooltipOf(days: readonly Day[], points: unknown): string {
  const index = Array.isArray(points) ? (points[0] as { dataIndex?: number } | undefined)?.dataIndex : undefined;
  const day = index === undefined ? undefined : days[index];
  if (day === undefined) return "";
  const line = (label: string, shown: string): string =>
    `<div style="display:flex;justify-content:space-between;gap:18px"><span>${label}</span><b>${shown}</b></div>`;
  return [
    `<div>${formatDay(day.day)}</div>`,
    line("Median", formatScore(day.p50)),
    line("Average", formatScore(day.average)),
    line("Middle half", `${formatScore(day.p25)} – ${formatScore(day.p75)}`),
    line("Middle 80 %", `${formatScore(day.p10)} – ${formatScore(day.p90)}`),
    line("Scored", formatCount(day.count)),
  ].join("");
}
