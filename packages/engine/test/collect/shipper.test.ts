import { readdir } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Shipper, keepShipping } from "../../src/collect/ship/shipper.js";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, writeKey } from "./support.js";

/** The loop that ships, with a warehouse that comes and goes. */

let bench: Bench;
let shipper: Shipper | undefined;
beforeEach(async () => {
  bench = await collectBench();
});
afterEach(async () => {
  await shipper?.close();
  await bench.close();
});

const send = (id: string) => bench.post("/v1/track", { event: "Sent", userId: "u", messageId: id, writeKey });
const spooled = async () => (await readdir(bench.collector.spool.dir)).filter((file) => /\.ndjson$/.test(file)).length;

test("segments wait while the warehouse is away, and all of them arrive when it is there", async () => {
  const said: string[] = [];
  let isAway = true;
  let connections = 0;
  const start = () =>
    keepShipping({
      spoolDir: bench.spoolDir,
      scratchDir: bench.scratchDir,
      clock: () => 0,
      connect() {
        if (isAway) return Promise.reject(new Error("nobody answers"));
        connections += 1;
        return Promise.resolve({ connection: bench.connection, close: () => Promise.resolve() });
      },
      onEvent: (sentence) => said.push(sentence),
    });
  shipper = start();
  await send("one");
  await bench.collector.spool.sealNow();
  await expect.poll(() => said).toEqual([expect.stringContaining("nobody answers")]);
  // Ending while it is away loses nothing.
  await shipper.close();
  expect(await spooled()).toBe(1);
  await send("two");
  await bench.collector.spool.sealNow();
  isAway = false;
  shipper = start();
  await expect.poll(spooled).toBe(0);
  await send("three");
  await bench.collector.spool.sealNow();
  await expect.poll(spooled).toBe(0);
  expect(connections).toBe(1);
  // What is sealed last goes along with the end.
  await send("four");
  await bench.collector.spool.sealNow();
  await shipper.close();
  expect(await bench.connection.first(sql`SELECT count(*) AS n, sum(events) AS events FROM ops.arrivals`)).toEqual({ n: 4, events: 4 });
});
