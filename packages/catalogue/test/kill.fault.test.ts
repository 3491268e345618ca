import { afterAll, beforeAll, expect, test } from "vitest";
import type { DestinationRow, RowOutcome } from "../src/engine.js";
import { type Catalogue, openCatalogue } from "../src/index.js";
import { seeded } from "../../engine/test/support/seeded.js";
import { within } from "../../engine/test/support/within.js";
import { contextOf, rowOf } from "./support/context.js";
import { type ToolServer, toolServer } from "./support/tools.js";

/**
 * `kill -9` of the child at random, seeded moments while rows are on their way. A sync's loop is played here: rows that
 * answer "retry" go again. At the end every row has been delivered, no row is without an outcome, and what was reported
 * as delivered is at the tool.
 */

const rounds = Number(process.env["CAMBIUM_FAULT_ROUNDS"] ?? 100);
const rowsPerRound = 120;
const tries = 40;

let catalogue: Catalogue;
let tools: ToolServer;
beforeAll(async () => {
  tools = await toolServer();
  catalogue = openCatalogue({ environment: {}, redirectTo: tools.url, callsPerChildMax: 25 });
});
afterAll(async () => {
  await catalogue.close();
  await tools[Symbol.asyncDispose]();
});

const subjects = {
  // batches, one request each
  customerio: {
    requests: 3,
    action: "createUpdatePerson",
    settings: { siteId: "site", apiKey: "key" },
    row: (id: string) => rowOf(id, { id, email: `${id}@example.com` }),
    arrived: () => (tools.records("customerio")["people"] ?? []).map((person) => String(person["id"])),
  },
  // batches, three requests each
  hubspot: {
    requests: 4,
    action: "upsertContact",
    settings: { access_token: "token" },
    row: (id: string) => rowOf(id, { email: `${id}@example.com`, firstname: id }),
    arrived: () =>
      (tools.records("hubspot")["contacts"] ?? []).map((contact) => String((contact["properties"] as { firstname?: string }).firstname)),
  },
  // one row at a time, two requests each
  intercom: {
    requests: 240,
    action: "identifyContact",
    settings: { access_token: "token" },
    row: (id: string) => rowOf(id, { role: "user", external_id: id, email: `${id}@example.com` }),
    arrived: () => (tools.records("intercom")["contacts"] ?? []).map((contact) => String(contact["external_id"])),
  },
} as const;

test.each(Object.entries(subjects))("%s: killed at random moments, every row ends delivered", async (slug, subject) => {
  const random = seeded(slug.length * 7919);
  let kills = 0;
  let retried = 0;
  for (let round = 0; round < rounds / 3; round += 1) {
    let requestsLeft = 0;
    tools.fresh(() => {
      requestsLeft -= 1;
      if (requestsLeft === 0) setTimeout(() => (kills += killAll()), random() * 3);
      return undefined;
    });
    const all = Array.from({ length: rowsPerRound }, (_, index) => subject.row(`r${round}-${index}`));
    let waiting: DestinationRow[] = all;
    const delivered = new Set<string>();
    for (let attempt = 0; attempt < tries && waiting.length > 0; attempt += 1) {
      const delivery = catalogue.destination(slug).deliver(waiting, contextOf({ action: subject.action, settings: subject.settings }));
      // At some request of this try, or while the process starts; the last tries are left alone.
      requestsLeft = attempt < 3 ? 1 + Math.floor(random() * subject.requests) : 0;
      const atStart = attempt === 1 && random() < 0.3 ? setTimeout(() => (kills += killAll()), random() * 60) : undefined;
      const outcomes: RowOutcome[] = await within(90, `the outcomes of round ${round}, try ${attempt}, after ${kills} kills`, delivery);
      clearTimeout(atStart);
      expect(outcomes).toHaveLength(waiting.length);
      const again: DestinationRow[] = [];
      for (const [index, row] of waiting.entries()) {
        const outcome = outcomes[index]?.outcome;
        expect(["delivered", "retry"], JSON.stringify(outcomes[index])).toContain(outcome);
        if (outcome === "delivered") delivered.add(row.key);
        else again.push(row);
      }
      retried += again.length;
      waiting = again;
    }
    expect(waiting).toEqual([]);
    expect(delivered.size).toBe(rowsPerRound);
    const arrived = subject.arrived();
    expect(new Set(arrived)).toEqual(new Set(all.map((row) => row.key)));
    expect(arrived).toHaveLength(rowsPerRound); // upserts: twice on the way is once at the tool
  }
  console.log(`${slug}: ${Math.ceil(rounds / 3)} rounds, ${kills} kills, ${retried} rows sent again`);
  expect(kills).toBeGreaterThan(0);
});

/** Returns how many processes it killed. */
function killAll(): number {
  let killed = 0;
  for (const pid of catalogue.processIds()) {
    try {
      process.kill(pid, "SIGKILL");
      killed += 1;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // ended by itself meanwhile
    }
  }
  return killed;
}
