/**
 * Bounds how many statements run at once. DuckDB's queries occupy libuv's threads: with as many queries as threads,
 * one `fdatasync` waited 8.9 s (measured), so the gate stays two below the pool.
 */
export class Gate {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#free = max;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    else this.#free -= 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
