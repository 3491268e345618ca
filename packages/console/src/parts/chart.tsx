import { useComputedColorScheme } from "@mantine/core";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import type { EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useMemo, useRef } from "react";
import style from "./parts.module.css";

/**
 * A chart with a text alternative: a sentence for screen readers, and its data as a table below for everyone. Only the
 * parts of ECharts that are used are in the bundle.
 */
echarts.use([LineChart, BarChart, GridComponent, TooltipComponent, LegendComponent, SVGRenderer]);

export interface Palette {
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly surface: string;
  readonly series: readonly string[];
}

export interface ChartTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export function Chart(props: { height: number; summary: string; option: (palette: Palette) => EChartsCoreOption; table: ChartTable }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts | null>(null);
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  const { option } = props;
  // The scheme decides what the CSS variables say.
  const filled = useMemo(() => ({ scheme, option }), [scheme, option]);

  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const made = echarts.init(element, null, { renderer: "svg" });
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption({ ...base(readPalette()), ...filled.option(readPalette()) }, { notMerge: true });
  }, [filled]);

  return (
    <figure className={style["figure"]}>
      <div ref={host} role="img" aria-label={props.summary} style={{ height: props.height, width: "100%" }} />
      <figcaption>
        <details className={style["asTable"]}>
          <summary>Show as table</summary>
          <div tabIndex={0} role="region" aria-label={`${props.summary} As a table.`}>
            <table className={style["table"]}>
              <thead>
                <tr>
                  {props.table.head.map((head, index) => (
                    <th key={head} scope="col" data-align={index > 0 ? "right" : undefined}>
                      {head}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {props.table.rows.map((row, rowIndex) => (
                  <tr key={rowIndex}>
                    {row.map((cell, index) => (
                      <td key={index} data-align={index > 0 ? "right" : undefined}>
                        {cell}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      </figcaption>
    </figure>
  );
}

function base(palette: Palette): EChartsCoreOption {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    animation: !still,
    animationDuration: 350,
    animationDurationUpdate: 250,
    color: [...palette.series],
    textStyle: { fontFamily: "Hanken Grotesk Variable, sans-serif", color: palette.ink },
  };
}

export function readPalette(): Palette {
  const css = getComputedStyle(document.documentElement);
  const token = (name: string): string => css.getPropertyValue(name).trim();
  return {
    ink: token("--ink"),
    faint: token("--ink-faint"),
    line: token("--line"),
    surface: token("--surface"),
    series: [1, 2, 3, 4, 5, 6].map((index) => token(`--series-${index}`)),
  };
}

/** Axes and tooltip that every chart of the console shares. */
export function axes(palette: Palette): { category: object; value: object; tooltip: object; grid: object } {
  const label = { color: palette.faint, fontSize: 12, hideOverlap: true };
  return {
    category: { axisLine: { lineStyle: { color: palette.line } }, axisTick: { show: false }, axisLabel: label },
    value: { axisLabel: label, splitLine: { lineStyle: { color: palette.line, opacity: 0.7 } }, splitNumber: 4 },
    tooltip: {
      trigger: "axis",
      backgroundColor: palette.surface,
      borderColor: palette.line,
      textStyle: { color: palette.ink, fontSize: 13 },
      axisPointer: { type: "line", lineStyle: { color: palette.faint, type: "dashed" } },
      confine: true,
    },
    grid: { left: 8, right: 14, top: 14, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
  };
}
