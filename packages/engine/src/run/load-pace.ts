/**
 * When the next load may start. What is loaded while a cycle runs waits for the next one, so a load then makes nothing
 * fresher and takes the cycle's time: it comes when the cycle has ended, with everything sealed by then, or after
 * `loadWhileCyclingMs`, since people look at events as well. Otherwise the first load after a quiet time starts at once and
 * the next `loadEveryMs` after the start of the one before, unless so much is sealed that a load is worth its price.
 */
export const loadEveryMs = 400;
export const loadWhileCyclingMs = 1_000;
export const worthLoadingBytes = 4_000_000;

export class LoadPace {
  #sealedBytes: () => Promise<number>;
  #isCycling: () => boolean;
  #startedAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  /** Something was sealed, or a cycle ended, since this was last looked at. */
  #more = false;
  #closed = false;

  constructor(sealedBytes: () => Promise<number>, isCycling: () => boolean) {
    this.#sealedBytes = sealedBytes;
    this.#isCycling = isCycling;
  }

  /** Resolves when a load may start, and counts it as started; false once this is closed. One caller at a time. */
  async turn(): Promise<boolean> {
    while (!this.#closed) {
      this.#more = false;
      if (this.#wait() <= 0 || (await this.#sealedBytes()) >= worthLoadingBytes) {
        this.#startedAt = performance.now();
        return true;
      }
      if (!this.#more) await this.#sleep(this.#wait());
    }
    return false;
  }

  /** Nothing but somebody asking is missing for a load to start. */
  get isOpen(): boolean {
    return this.#wait() <= 0;
  }

  /** More was sealed, or a cycle ended: whoever waits looks again. */
  look(): void {
    this.#more = true;
    this.#wake?.();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.look();
  }

  #wait(): number {
    return this.#startedAt + (this.#isCycling() ? loadWhileCyclingMs : loadEveryMs) - performance.now();
  }

  async #sleep(millis: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, Math.ceil(millis)));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
