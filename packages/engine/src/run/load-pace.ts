/**
 * When the next load may start. A cycle over what was loaded takes longer than the moments between two loads, so loads that
 * follow each other closely cost their fixed price and make nothing fresher. The first load after a quiet time starts at
 * once; the next waits until `loadEveryMs` after the start of the one before, unless so much is sealed that a load is
 * worth its price.
 */
export const loadEveryMs = 400;
export const worthLoadingBytes = 4_000_000;

export class LoadPace {
  #sealedBytes: () => Promise<number>;
  #startedAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  /** Something was sealed since the folder was last looked at. */
  #more = false;
  #closed = false;

  constructor(sealedBytes: () => Promise<number>) {
    this.#sealedBytes = sealedBytes;
  }

  /** Resolves when a load may start, and counts it as started; false once this is closed. One caller at a time. */
  async turn(): Promise<boolean> {
    while (!this.#closed) {
      const left = this.#startedAt + loadEveryMs - performance.now();
      this.#more = false;
      if (left <= 0 || (await this.#sealedBytes()) >= worthLoadingBytes) {
        this.#startedAt = performance.now();
        return true;
      }
      if (!this.#more) await this.#sleep(left);
    }
    return false;
  }

  /** More was sealed: whoever waits looks at it. */
  look(): void {
    this.#more = true;
    this.#wake?.();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.look();
  }

  async #sleep(millis: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(millis));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
