import { type Instant, microsPerSecond } from "../base/instant.js";

/** A key that was quiet for so long may send this many seconds' worth of events at once. */
const burstSeconds = 10;
/** Client libraries wait as long as they are told up to this. */
const waitSecondsMax = 300;

interface Budget {
  /** Events that may still come; below zero after a batch that was larger. */
  events: number;
  at: Instant;
}

/**
 * How many events a second each write key may send. A request is taken while anything of its key's budget is left, whole,
 * however large: a batch larger than the budget would otherwise be refused for ever. What it took too much is waited off.
 */
export class RateLimits {
  readonly #perSecond: number | undefined;
  readonly #budgets = new Map<string, Budget>();

  /** Undefined: no limit. */
  constructor(perSecond: number | undefined) {
    this.#perSecond = perSecond;
  }

  /** Seconds that the key has to wait before it may send again; 0 if it may now. */
  secondsToWait(key: string, now: Instant): number {
    if (this.#perSecond === undefined) return 0;
    const { events } = this.#budgetOf(key, this.#perSecond, now);
    return events > 0 ? 0 : Math.min(waitSecondsMax, Math.max(1, Math.ceil((1 - events) / this.#perSecond)));
  }

  take(key: string, events: number, now: Instant): void {
    if (this.#perSecond !== undefined) this.#budgetOf(key, this.#perSecond, now).events -= events;
  }

  #budgetOf(key: string, perSecond: number, now: Instant): Budget {
    const most = perSecond * burstSeconds;
    const known = this.#budgets.get(key);
    if (known === undefined) {
      const budget = { events: most, at: now };
      this.#budgets.set(key, budget);
      return budget;
    }
    // A clock that was set back takes nothing away.
    known.events = Math.min(most, known.events + (Math.max(0, now - known.at) / microsPerSecond) * perSecond);
    known.at = now;
    return known;
  }
}
