import { CambiumError } from "../../base/errors.js";

/** Questions in one query at most, and questions that may wait for the next. */
const batchMax = 500;
const waitingMax = 10_000;

interface Asked<K, V> {
  readonly key: K;
  resolve(value: V): void;
  reject(thrown: unknown): void;
}

/** Gathers questions while one query runs and answers them all with the next: many askers never mean many queries. */
export class Batch<K, V> {
  readonly #work: (keys: readonly K[]) => Promise<V[]>;
  #waiting: Asked<K, V>[] = [];
  #running: Promise<void> | undefined;

  /** `work` answers in the order of its keys. */
  constructor(work: (keys: readonly K[]) => Promise<V[]>) {
    this.#work = work;
  }

  ask(key: K): Promise<V> {
    if (this.#waiting.length >= waitingMax) return Promise.reject(new CambiumError("BUSY", `${waitingMax} reads wait already`));
    const answer = new Promise<V>((resolve, reject) => void this.#waiting.push({ key, resolve, reject }));
    this.#running ??= this.#run();
    return answer;
  }

  /** Resolves when nothing is asked any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // One turn of the event loop gathers what arrived together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchMax);
      try {
        const values = await this.#work(batch.map((asked) => asked.key));
        batch.forEach((asked, index) => asked.resolve(values[index] as V));
      } catch (thrown) {
        for (const asked of batch) asked.reject(thrown);
      }
    }
    this.#running = undefined;
  }
}
