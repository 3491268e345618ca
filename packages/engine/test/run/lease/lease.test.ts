import { describe, expect, test } from "vitest";
import { CambiumError } from "../../../src/base/errors.js";
import { LeaseKeeper } from "../../../src/run/lease/lease-keeper.js";
import { deliverForMs, renewEveryMs, takeOverAfterMs } from "../../../src/run/lease/lease-times.js";
import { standBy } from "../../../src/run/lease/stand-by.js";
import type { Lease, LeaseSeen, LeaseWatch } from "../../../src/warehouse/lease.js";
import { seeded } from "../../support/seeded.js";
import { Program, World } from "./world.js";

/** A lease in a warehouse that several programs ask, each request on its way for a while. */
class Warehouse {
  seen: LeaseSeen | undefined;
  isAway = false;

  watch(program: Program, latency: () => number): LeaseWatch {
    return { read: () => this.#ask(program, latency, () => this.seen), close: () => Promise.resolve() };
  }

  async take(program: Program, latency: () => number, holder: string): Promise<Lease & { release(): Promise<void> }> {
    let before: LeaseSeen | undefined;
    // The term is taken with one statement and what stood before it is read with the next: nobody renews it in between.
    const term = await this.#ask(program, latency, () => {
      before = this.seen;
      this.seen = { term: String(Number(before?.term ?? 0) + 1), renewals: 0, released: false, holder };
      return this.seen.term;
    });
    await this.#ask(program, latency, () => undefined);
    const write = (released: boolean) =>
      this.#ask(program, latency, () => {
        if (this.seen?.term === term) this.seen = { ...this.seen, renewals: this.seen.renewals + 1, released };
      });
    return {
      term,
      before,
      renew: async () => {
        await write(false);
        const newest = await this.#ask(program, latency, () => this.seen?.term);
        if (newest !== term) throw new CambiumError("WAREHOUSE_TAKEN_OVER", "another has it");
      },
      release: () => write(true),
    };
  }

  async #ask<T>(program: Program, latency: () => number, effect: () => T): Promise<T> {
    const answer = await program.ask(latency(), latency(), () => (this.isAway ? undefined : { value: effect() }));
    if (answer === undefined) throw new CambiumError("WAREHOUSE_UNREACHABLE", "away");
    return answer.value;
  }
}

interface Node {
  readonly name: string;
  readonly program: Program;
  keeper?: LeaseKeeper | undefined;
  release?: () => Promise<void>;
}

/** As `cambium engine`: stands by, has the lease, loses it, stands by again. */
function start(world: World, warehouse: Warehouse, name: string, latency: () => number, rate = 1): Node {
  const program = new Program(world, rate);
  const node: Node = { name, program };
  const live = async () => {
    for (;;) {
      const waitedOut = await standBy(warehouse.watch(program, latency), { whenHeld: "wait", time: program.time });
      const lease = await warehouse.take(program, latency, name).catch(() => undefined);
      if (lease === undefined) continue;
      node.release = lease.release;
      await new Promise<void>((resolve) => {
        LeaseKeeper.open(lease, { waitedOut, time: program.time, onLost: () => resolve() }).then(
          (keeper) => (node.keeper = keeper),
          () => resolve(),
        );
      });
      node.keeper = undefined;
    }
  };
  void live();
  return node;
}

const mayDeliver = (nodes: readonly Node[]) => nodes.filter(({ program, keeper }) => program.isRunning && keeper?.isHeld === true);
const quick = () => 5;

describe("a lease", () => {
  test("of nobody is taken at once, and kept", async () => {
    const world = new World();
    const warehouse = new Warehouse();
    const node = start(world, warehouse, "a", quick);
    await world.until(200);
    expect(mayDeliver([node])).toEqual([node]);
    await world.until(600_000, () => void (world.now > 200 && expect(node.keeper?.isHeld).toBe(true)));
    expect(warehouse.seen?.renewals).toBeGreaterThan(600_000 / renewEveryMs - 5);
  });

  test("of one that died goes to a standby within 15 s; of one that let go, at its next look", async () => {
    for (const at of [20_000, 20_700, 21_400, 22_100, 22_900]) {
      const world = new World();
      const warehouse = new Warehouse();
      const first = start(world, warehouse, "a", quick);
      await world.until(1_000);
      const second = start(world, warehouse, "b", quick);
      await world.until(at);
      expect(mayDeliver([first, second])).toEqual([first]);
      first.program.die();
      await world.until(at + 6_000);
      expect(mayDeliver([first, second])).toEqual([]);
      await world.until(at + 12_000);
      expect(mayDeliver([first, second])).toEqual([second]);
      const third = start(world, warehouse, "c", quick);
      await world.until(at + 40_000);
      await Promise.race([second.release?.(), world.until(at + 41_000)]);
      second.program.die();
      await world.until(at + 42_000);
      expect(mayDeliver([second, third])).toEqual([third]);
    }
  });

  test("is nobody's to deliver by while the warehouse is away, and goes on with it", async () => {
    const world = new World();
    const warehouse = new Warehouse();
    const node = start(world, warehouse, "a", quick);
    await world.until(30_000);
    const right = node.keeper?.signal;
    warehouse.isAway = true;
    await world.until(30_000 + deliverForMs - renewEveryMs - 100);
    expect([node.keeper?.isHeld, right?.aborted]).toEqual([true, false]);
    await world.until(30_000 + deliverForMs + 100);
    expect([node.keeper?.isHeld, right?.aborted]).toEqual([false, true]);
    expect(() => node.keeper?.assertHeld()).toThrow(/could not renew/);
    warehouse.isAway = false;
    await world.until(60_000);
    expect([node.keeper?.isHeld, node.keeper?.signal.aborted]).toEqual([true, false]);
  });

  test("is over for one that was stopped, at the moment it wakes up", async () => {
    const world = new World();
    const warehouse = new Warehouse();
    const first = start(world, warehouse, "a", quick);
    await world.until(1_000);
    const second = start(world, warehouse, "b", quick);
    await world.until(20_000);
    const { keeper } = first;
    first.program.stopFor(60_000);
    await world.until(79_999);
    expect(mayDeliver([first, second])).toEqual([second]);
    await world.until(80_000);
    expect([first.program.isRunning, keeper?.isHeld]).toEqual([true, false]);
    await world.until(81_000);
    expect(() => keeper?.assertHeld()).toThrow(/another has it/);
    // It is a standby now.
    second.program.die();
    await world.until(95_000);
    expect(mayDeliver([first, second])).toEqual([first]);
  });

  test("that lives is not for who does not want to wait", async () => {
    const world = new World();
    const warehouse = new Warehouse();
    start(world, warehouse, "a", quick);
    await world.until(1_000);
    const program = new Program(world);
    const refused = standBy(warehouse.watch(program, quick), { whenHeld: "fail", time: program.time }).catch((thrown: unknown) => thrown);
    await world.until(1_000 + takeOverAfterMs);
    expect(await refused).toMatchObject({ code: "WAREHOUSE_HELD", message: expect.stringContaining("a") as string });
  });
});

test("two never may deliver at once, whatever stops, dies, is slow or runs fast, and a quiet hour has one that may", async () => {
  let takeOvers = 0;
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = seeded(seed);
    const world = new World();
    const warehouse = new Warehouse();
    // Mostly some milliseconds; now and then a request hangs for seconds.
    let isCalm = false;
    const latency = () => (random() < 0.03 && !isCalm ? random() * 6_000 : 1 + random() * 80);
    const nodes: Node[] = [];
    const add = () => nodes.push(start(world, warehouse, `n${nodes.length}`, latency, 0.95 + random() * 0.1));
    for (let count = 0; count < 3; count += 1) add();
    const check = () => {
      const now = mayDeliver(nodes);
      if (now.length > 1) expect.fail(`seed ${seed}, ${world.now} ms: ${now.map(({ name }) => name).join(" and ")} may deliver`);
    };
    let last: string | undefined;
    for (let moment = 0; moment < 900_000;) {
      moment += random() * 15_000;
      await world.until(moment, check);
      const alive = nodes.filter(({ program }) => program.isRunning);
      const one = alive[Math.floor(random() * alive.length)];
      const holder = mayDeliver(nodes)[0];
      if (holder !== undefined && holder.name !== last) takeOvers += 1;
      last = holder?.name ?? last;
      const what = random();
      if (what < 0.45) (holder ?? one)?.program.stopFor(random() * 40_000);
      else if (what < 0.6) one?.program.stopFor(random() * 20_000);
      else if (what < 0.75) {
        (holder ?? one)?.program.die();
        add();
      } else if (what < 0.85) {
        warehouse.isAway = true;
        world.at(moment + random() * 20_000, () => void (warehouse.isAway = false));
      }
    }
    isCalm = true;
    await world.until(world.now + 200_000, check);
    expect(mayDeliver(nodes)).toHaveLength(1);
  }
  expect(takeOvers).toBeGreaterThan(60);
});
