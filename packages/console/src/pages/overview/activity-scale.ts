/**
 * The height that bars are drawn to. One burst (an import, a history) would press every other minute flat: where the
 * largest is far beyond the second, bars are drawn to the second and the largest is cut off, and says so.
 */
export interface Scale {
  readonly top: number;
  /** Value of the bar that is cut off, null where none is. */
  readonly cut: number | null;
}

const burstFactor = 6;
const headroom = 1.25;

export function scaleOf(values: readonly number[]): Scale {
  const [largest = 0, second = 0] = [...values].sort((a, b) => b - a);
  if (second > 0 && largest > second * burstFactor) return { top: second * headroom, cut: largest };
  return { top: Math.max(1, largest), cut: null };
}
