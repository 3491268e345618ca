/**
 * Looks in the warehouse for segments that collectors elsewhere have shipped: nothing there can call us. One small query,
 * often while some arrive, seldom while nobody ships.
 */
export const lookEveryMs = 400;
export const lookEveryQuietMs = 2_000;
const quietAfterMs = 60_000;
const retryAfterMs = 5_000;

export interface ArrivalWatch {
  close(): Promise<void>;
}

/** `look` says whether something waits, and has it taken. */
export function watchArrivals(look: () => Promise<boolean>, onError: (thrown: unknown) => void): ArrivalWatch {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let closed = false;
  let lastAt = performance.now();
  const turn = async () => {
    let wait = retryAfterMs;
    try {
      if (await look()) lastAt = performance.now();
      wait = performance.now() - lastAt < quietAfterMs ? lookEveryMs : lookEveryQuietMs;
    } catch (thrown) {
      if (!closed) onError(thrown);
    }
    if (!closed) lookIn(wait);
  };
  const lookIn = (millis: number) => {
    timer = setTimeout(() => (looking = turn()), millis);
  };
  lookIn(0);
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      return looking;
    },
  };
}
