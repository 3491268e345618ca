/** A small line without axes. Decoration beside the figure it belongs to, so hidden from screen readers. */
export function Sparkline({
  values: given,
  width = 108,
  height = 26,
}: {
  values: readonly (number | null)[];
  width?: number;
  height?: number;
}) {
  // One value is a level line.
  const values = given.length === 1 ? [...given, ...given] : given;
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return <svg width={width} height={height} aria-hidden="true" focusable="false" />;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const span = high - low || 1;
  const pad = 3;
  const points = values.flatMap((value, index) =>
    value === null
      ? []
      : [
          [
            pad + (index / (values.length - 1)) * (width - 2 * pad),
            high === low ? height / 2 : height - pad - ((value - low) / span) * (height - 2 * pad),
          ] as const,
        ],
  );
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const last = points.at(-1);
  const first = points[0];
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false" style={{ display: "block" }}>
      {first !== undefined && last !== undefined ? (
        <polygon points={`${first[0]},${height} ${line} ${last[0]},${height}`} fill="var(--series-1)" opacity={0.1} />
      ) : null}
      <polyline points={line} fill="none" stroke="var(--series-1)" strokeWidth={1.5} strokeLinejoin="round" strokeLinecap="round" />
      {last === undefined ? null : <circle cx={last[0]} cy={last[1]} r={2.2} fill="var(--series-1)" />}
    </svg>
  );
}
