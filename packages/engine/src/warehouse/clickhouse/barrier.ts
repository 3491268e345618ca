/**
 * Holds statements back while a commit is brought into the tables, so that within one program it shows whole. Readers
 * are not waited for: a statement keeps the rows that stood when the server began with it.
 */

/** A statement on its way for so long has been begun. */
const begunAfterMs = 100;

export class Barrier {
  #closed: Promise<void> | undefined;
  #underWay = new Set<Promise<unknown>>();

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  async opened(): Promise<void> {
    while (this.#closed !== undefined) await this.#closed;
  }

  /** A statement that is sent while the barrier is open. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    const settled = running.catch(() => undefined);
    this.#underWay.add(settled);
    try {
      return await running;
    } finally {
      this.#underWay.delete(settled);
    }
  }

  /** Runs `work` while no statement of others begins. */
  async closed<T>(work: () => Promise<T>): Promise<T> {
    await this.opened();
    let open: () => void = () => undefined;
    this.#closed = new Promise((resolve) => {
      open = resolve;
    });
    try {
      await this.#begun();
      return await work();
    } finally {
      this.#closed = undefined;
      open();
    }
  }

  async #begun(): Promise<void> {
    if (this.#underWay.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise((resolve) => {
      timer = setTimeout(resolve, begunAfterMs);
    });
    await Promise.race([Promise.all(this.#underWay), waited]);
    clearTimeout(timer);
  }
}
