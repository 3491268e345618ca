import { formatScore } from "../format/numbers.js";

/** A score as a growth ring: the living part is as long as the score is high. */
export function ScoreRing({ value, size = 92 }: { value: number | null; size?: number }) {
  const stroke = size / 11;
  const radius = size / 2 - stroke / 2 - 1;
  const around = 2 * Math.PI * radius;
  const share = Math.max(0, Math.min(100, value ?? 0)) / 100;
  return (
    <svg
      width={size}
      height={size}
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={value === null ? "No score" : `${formatScore(value)} of 100`}
    >
      <circle cx={size / 2} cy={size / 2} r={radius} fill="none" stroke="var(--paper-deep)" strokeWidth={stroke} />
      <circle cx={size / 2} cy={size / 2} r={radius - stroke * 1.1} fill="none" stroke="var(--line)" strokeWidth={1} />
      {share === 0 ? null : (
        <circle
          cx={size / 2}
          cy={size / 2}
          r={radius}
          fill="none"
          stroke="var(--green-live)"
          strokeWidth={stroke}
          strokeLinecap="round"
          strokeDasharray={`${around * share} ${around}`}
          transform={`rotate(-90 ${size / 2} ${size / 2})`}
        />
      )}
      <text
        x="50%"
        y="50%"
        dy="0.34em"
        textAnchor="middle"
        fill="var(--ink)"
        style={{ fontFamily: "var(--font-display)", fontSize: size / 3.6, letterSpacing: "-0.02em", fontVariantNumeric: "lining-nums" }}
      >
        {formatScore(value)}
      </text>
    </svg>
  );
}

/** The same in a table cell: number and a short bar. */
export function ScoreCell({ value }: { value: number | null }) {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 8, justifyContent: "flex-end" }}>
      <span className="num">{formatScore(value)}</span>
      <span
        data-phone="hide"
        style={{ width: 44, height: 5, borderRadius: 99, background: "var(--paper-deep)", overflow: "hidden", flex: "none" }}
        aria-hidden="true"
      >
        <span
          style={{ display: "block", width: `${Math.max(0, Math.min(100, value ?? 0))}%`, height: "100%", background: "var(--series-1)" }}
        />
      </span>
    </span>
  );
}
