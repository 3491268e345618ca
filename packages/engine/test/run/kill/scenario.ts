import { runSync } from "../../../src/activate/run.js";
import { webhookDestination } from "../../../src/activate/destinations/webhook/webhook.js";
import type { Instant } from "../../../src/base/instant.js";
import { LoadMemory } from "../../../src/collect/load/load-memory.js";
import { spoolLines } from "../../../src/collect/load/line-source.js";
import { loadSegments } from "../../../src/collect/load/load-segments.js";
import { prepareProperties } from "../../../src/collect/load/typed-properties.js";
import { propertiesRead } from "../../../src/project/compile/properties-read.js";
import type { Project } from "../../../src/project/project.js";
import { runCycle } from "../../../src/run/cycle.js";
import { maintain } from "../../../src/run/maintain.js";
import { createTables } from "../../../src/warehouse/create-tables.js";
import { openWarehouse, type WarehouseSettings } from "../../../src/warehouse/open-warehouse.js";
import type { Connection, Warehouse } from "../../../src/warehouse/warehouse.js";
import { testProject } from "../../support/project.js";
import { counted } from "./counted.js";

/**
 * What the kill suites run: a turn loads what is in the spool, turns the cycle, delivers, and now and then changes
 * definitions and adds up old rows. The same turn again settles whatever a death has left undone.
 */
export interface Turn {
  readonly number: number;
  readonly now: Instant;
  readonly spoolDir: string;
  /** Where deliveries go. */
  readonly url: string;
}

const definitions = {
  "traits/all.yml": `
- { name: paid, entity: [user, workspace, account], type: count, event: Paid }
- { name: paid_7d, entity: [user, workspace], type: count, event: Paid, within: 7 days }
- { name: paid_5h, entity: user, type: count, event: Paid, within: 5 hours }
- { name: revenue, entity: [user, workspace], type: sum, event: Paid, property: amount, where: [{ property: amount, gt: 0 }] }
- { name: favourite, entity: user, type: most_frequent, event: Paid, property: item, min: 1 }
- { name: last_item, entity: user, type: last, event: Paid, property: item }
- { name: plan, entity: user, type: profile }
- { name: exact, entity: user, type: count, event: Paid, within: 30 hours, exact: true }
- { name: members, entity: workspace, type: rollup, from: user, roll: count }
- { name: changing, entity: user, type: count, event: Paid, where: [{ property: item, is: a }] }
`,
  "scores/user.yml": `
name: user_score
entity: user
components:
  - { name: usage, weight: 60, log: { trait: paid_7d, from: 0, to: 10 } }
  - { name: habit, weight: 40, milestone: { trait: last_item, is: a } }
buckets: { cold: 0, hot: 40 }
`,
  "audiences/active.yml": `{ name: active, entity: user, where: { any: [{ score: user_score, gte: 20 }, { trait: plan, is: team }] } }`,
  "audiences/nested.yml": `{ name: nested, entity: user, where: { all: [{ audience: active }, { trait: revenue, gte: 10 }] } }`,
};

/** Other columns, one of them of another type, another score, and one trait less. */
const redefined = {
  ...definitions,
  "traits/all.yml": definitions["traits/all.yml"]
    .replace("type: count, event: Paid, where: [{ property: item, is: a }] }", "type: last, event: Paid, property: mood }")
    .replace(/^.*paid_5h.*$/m, "- { name: paid_9h, entity: user, type: count, event: Paid, within: 9 hours }"),
  "scores/user.yml": definitions["scores/user.yml"].replace("name: habit", "name: custom"),
};

/** Definitions change with every so many turns. */
const turnsPerDefinition = 6;
const turnsPerMaintenance = 4;

export function projectOf({ number, url }: Pick<Turn, "number" | "url">): Project {
  return testProject({
    ...(Math.floor(number / turnsPerDefinition) % 2 === 0 ? definitions : redefined),
    "destinations/hook.yml": `{ name: hook, type: webhook, settings: { url: "${url}" }, allow: ["${new URL(url).host}"] }`,
    "syncs/people.yml": `{ name: people, from: { entity: user }, destination: hook, mode: mirror, mapping: { id: key, paid: paid, score: user_score } }`,
    "syncs/members.yml": `{ name: members, from: { audience: active }, destination: hook, mode: add_remove, mapping: { id: key } }`,
  });
}

export const kinds = ["user", "workspace", "account"];

/** A process from its start to its end or death; `beforeEach` as in `counted`. */
export async function live(settings: WarehouseSettings, turn: Turn, beforeEach: () => void = () => undefined): Promise<void> {
  const warehouse = await openWarehouse(settings);
  const sessions: Connection[] = [];
  const connect = async () => {
    const session = await warehouse.connect();
    sessions.push(session);
    return session;
  };
  try {
    // As every start does; no statement of it is one to die at.
    await createTables(await connect(), kinds, kinds.slice(1));
    await runTurn(counted({ ...warehouse, connect }, beforeEach), turn);
  } finally {
    // An embedded engine that is opened twice in one process would not know of itself.
    for (const session of sessions) await session.close().catch(() => undefined);
    await warehouse.close().catch(() => undefined);
  }
}

async function runTurn(warehouse: Warehouse, turn: Turn): Promise<void> {
  const { number, now, spoolDir } = turn;
  const project = projectOf(turn);
  const connection = await warehouse.connect();
  const typed = await prepareProperties(connection, propertiesRead(project), now);
  const memory = new LoadMemory();
  const source = spoolLines(spoolDir, warehouse.scratchDir);
  for (;;) {
    const { loadId } = await loadSegments(connection, project, { source, now, typed, memory });
    if (loadId === undefined) break;
  }
  await runCycle(connection, project, { now, typed: new Map(typed.map(({ path, column }) => [path, column])) });
  if (number % turnsPerMaintenance === 0) await maintain(connection, project);
  const destination = webhookDestination();
  for (const sync of project.syncs) {
    const result = await runSync(connection, project, sync, { now, clock: () => now, destinations: () => destination, confirm: true });
    // What a death left waiting is due at once.
    if (result.remaining !== 0) throw new Error(`${sync.name}: ${result.message ?? "rows remain"}`);
  }
  await destination.close?.();
}
