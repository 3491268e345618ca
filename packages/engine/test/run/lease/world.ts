import type { LeaseTime } from "../../../src/run/lease/lease-times.js";

/** Time that passes when told, and programs in it that can be stopped, wake up late, or die. */
export class World {
  now = 0;
  #queue: { at: number; order: number; work: () => void }[] = [];
  #order = 0;

  at(moment: number, work: () => void): void {
    this.#queue.push({ at: moment, order: (this.#order += 1), work });
  }

  /** Everything up to a moment happens, in order. `after` is called behind each event. */
  async until(moment: number, after: () => void = () => undefined): Promise<void> {
    for (;;) {
      this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#queue[0];
      if (next === undefined || next.at > moment) break;
      this.#queue.shift();
      this.now = Math.max(this.now, next.at);
      next.work();
      // Whatever waits for promises goes on before the next event.
      await new Promise((resolve) => void setImmediate(resolve));
      after();
    }
    this.now = moment;
  }
}

export class Program {
  readonly time: LeaseTime;
  #world: World;
  #stoppedUntil = 0;
  #dead = false;
  #stoppedWork: (() => void)[] = [];

  /** `rate` is how fast its clock runs. */
  constructor(world: World, rate = 1) {
    this.#world = world;
    this.time = {
      nowMs: () => world.now * rate,
      after: (millis, work) => {
        let isOff = false;
        world.at(world.now + Math.max(0, millis) / rate, () => this.run(() => void (isOff || work())));
        return () => void (isOff = true);
      },
    };
  }

  get isRunning(): boolean {
    return !this.#dead && this.#world.now >= this.#stoppedUntil;
  }

  /** As SIGSTOP, and SIGCONT later. */
  stopFor(millis: number): void {
    this.#stoppedUntil = this.#world.now + millis;
    this.#world.at(this.#stoppedUntil, () => {
      for (const work of this.#stoppedWork.splice(0)) this.run(work);
    });
  }

  /** As kill -9. */
  die(): void {
    this.#dead = true;
  }

  run(work: () => void): void {
    if (this.#dead) return;
    if (this.isRunning) work();
    else this.#stoppedWork.push(work);
  }

  /** Something that the warehouse does when the request has come there, and its answer. */
  ask<T>(there: number, back: number, effect: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#world.at(this.#world.now + there, () => {
        const answer = effect();
        this.#world.at(this.#world.now + back, () => this.run(() => resolve(answer)));
      });
    });
  }
}
