import type { BucketView } from "../../../../engine/src/server/contract.js";
import { spaced } from "../../format/conditions.js";
import { formatCount, formatNumber, formatPercent } from "../../format/numbers.js";
import parts from "../../parts/parts.module.css";

/** From bare wood to the living ring: a higher bucket is greener. */
function shade(index: number, count: number): string {
  const share = count <= 1 ? 100 : 18 + (82 * index) / (count - 1);
  return `color-mix(in oklab, var(--series-1) ${share.toFixed(0)}%, var(--line-strong))`;
}

/** How many entities stand in each bucket: one bar, and the same in figures. */
export function Buckets({ buckets, figures = true }: { buckets: readonly BucketView[]; figures?: boolean }) {
  const ordered = [...buckets].sort((a, b) => a.from - b.from);
  const total = ordered.reduce((sum, bucket) => sum + bucket.count, 0);
  if (ordered.length === 0) return <p className="faint">No buckets are defined.</p>;
  return (
    <div>
      <div className={parts["shares"]} aria-hidden="true">
        {ordered.map((bucket, index) =>
          bucket.count === 0 ? null : (
            <span key={bucket.name} style={{ flexGrow: bucket.count, background: shade(index, ordered.length) }} />
          ),
        )}
      </div>
      <ul className={parts["legend"]}>
        {ordered.map((bucket, index) => (
          <li key={bucket.name}>
            <span className={parts["swatch"]} style={{ background: shade(index, ordered.length) }} aria-hidden="true" />
            <span>{spaced(bucket.name)}</span>
            <span className="num soft">{formatCount(bucket.count)}</span>
            {figures && total > 0 ? (
              <span className="num faint">
                {formatPercent(bucket.count / total)}, from {formatNumber(bucket.from)}
              </span>
            ) : null}
          </li>
        ))}
      </ul>
    </div>
  );
}
