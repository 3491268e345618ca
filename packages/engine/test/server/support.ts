import { type Instant, instantOf, isoOf, microsPerDay, microsPerHour } from "../../src/base/instant.js";
import type { Project } from "../../src/project/project.js";
import { runCycle } from "../../src/run/cycle.js";
import { explain } from "../../src/run/explain.js";
import type { VerifyAnswer } from "../../src/server/contract.js";
import type { EngineEvent, EngineView } from "../../src/server/engine-view.js";
import { type Server, startServer } from "../../src/server/start-server.js";
import { ledger, loads, requests, syncRows, syncRuns, syncState, deliveries } from "../../src/warehouse/tables/ops.js";
import { quarantine } from "../../src/warehouse/tables/raw.js";
import type { Connection, Warehouse } from "../../src/warehouse/warehouse.js";
import { type TestEvent, appendEvents, id } from "../support/events.js";
import { testProject } from "../support/project.js";
import { testWarehouse, testWarehouses } from "../support/warehouse.js";

/** A server over a small company: events through the real cycle, sync outcomes written as a run writes them. */

export const token = "a-token-for-tests";
export const noon = instantOf("2026-03-10T12:00:00Z");

const definitions = {
  "cambium.yml": `
name: test
title: Test company
timezone: Europe/Berlin
entities:
  user: {}
  workspace: { parent: account, id: [properties.workspace_id, context.groupId], parent_id: [traits.account_id] }
  account: { id: [properties.account_id] }
`,
  "traits/all.yml": `
- { name: paid, title: Payments, entity: [user, workspace, account], type: count, event: Paid }
- { name: revenue, entity: [user, workspace], type: sum, event: Paid, property: amount }
- { name: plan, entity: [user, workspace], type: profile }
- { name: name, entity: [user, workspace], type: profile }
- { name: email, entity: user, type: profile }
- { name: items, entity: user, type: unique_list, event: Paid, property: item }
- { name: last_paid, entity: user, type: last_seen, event: Paid }
`,
  "scores/activation.yml": `
name: activation
entity: user
title: Activation
groups: { usage: { title: Usage } }
components:
  - { name: payments, group: usage, weight: 60, linear: { trait: paid, from: 0, to: 4 } }
  - { name: team_plan, weight: 40, milestone: { trait: plan, is: team } }
buckets: { cold: 0, warm: 40, hot: 70 }
`,
  "audiences/payers.yml": `{ name: payers, title: Payers, entity: user, where: { trait: paid, gt: 0 } }`,
  "audiences/team_payers.yml": `{ name: team_payers, entity: user, where: { all: [{ audience: payers }, { trait: plan, is: team }] } }`,
  "audiences/never_computed.yml": `{ name: big_spaces, entity: workspace, where: { trait: revenue, gt: 1000 } }`,
  "destinations/hook.yml": `{ name: hook, type: webhook, title: A hook, settings: { url: "https://example.com/hook", secret: "\${HOOK_SECRET}" } }`,
  "syncs/payers_hook.yml": `
name: payers_hook
from: { audience: payers }
destination: hook
mapping: { id: key, payments: paid }
`,
};

const hour = microsPerHour;
const day = microsPerDay;

export const history: TestEvent[] = [
  { id: "a1", type: "page", anonymous: "anon-1", at: noon - 9 * day, context: { ip: "192.0.2.1" } },
  {
    id: "a2",
    type: "identify",
    anonymous: "anon-1",
    user: "u1",
    email: "ada@example.com",
    at: noon - 8 * day,
    traits: { plan: "free", name: "Ada Example", email: "ada@example.com" },
  },
  { id: "g1", type: "group", user: "u1", group: "w1", at: noon - 8 * day + 1, traits: { name: "First space", account_id: "acc" } },
  { id: "t1", event: "Paid", user: "u1", group: "w1", at: noon - 7 * day, properties: { amount: 10.5, item: "b" } },
  { id: "t2", event: "Paid", user: "u1", group: "w1", at: noon - 2 * day, properties: { amount: 20, item: "a" } },
  { id: "t3", event: "Clicked 100%", anonymous: "anon-1", at: noon - 3 * hour, properties: { text: "it's a 'quoted' \"text\"" } },
  { id: "i2", type: "identify", user: "u1", at: noon - hour, traits: { plan: "team" } },
  { id: "u2", event: "Paid", user: "u2", group: "w1", at: noon - 6 * day, properties: { amount: 100, item: "z" } },
  { id: "u3", type: "identify", user: "u3/with slash", at: noon - 5 * day, traits: { name: "Zoë", plan: "free" } },
];

export interface Testbed {
  readonly server: Server;
  readonly connection: Connection;
  readonly warehouse: Warehouse;
  readonly project: Project;
  readonly calls: string[];
  readonly listeners: Set<(event: EngineEvent) => void>;
  /** Puts further definitions in force, as saving their files does. */
  redefine(files: Readonly<Record<string, string>>): void;
  /** Loads events and turns the loop, as the engine does; tells the server. */
  turn(loadId: number, events: readonly TestEvent[], now?: Instant): Promise<void>;
  get(path: string, init?: RequestInit): Promise<Response>;
  json<T>(path: string, init?: RequestInit): Promise<T>;
  close(): Promise<void>;
}

const project = testProject(definitions);

const filledWarehouse = testWarehouses(async (connection) => {
  for (const [load, events, now] of [
    [1, history.slice(0, 4), noon - 6 * day],
    [2, history.slice(4), noon],
  ] as const) {
    await appendLoad(connection, load, events, now);
    await runCycle(connection, project, { now });
  }
  await appendSync(connection);
});

export async function testServer(options: { consoleDir?: string; empty?: boolean; host?: string } = {}): Promise<Testbed> {
  const { warehouse, connection, close } = await (options.empty === true ? testWarehouse() : filledWarehouse());
  const state = { project };
  const listeners = new Set<(event: EngineEvent) => void>();
  const calls: string[] = [];
  const clock = { now: noon };
  const engine = engineOf(
    warehouse,
    connection,
    () => state.project,
    listeners,
    calls,
    () => clock.now,
  );
  const turn = async (loadId: number, events: readonly TestEvent[], now = clock.now) => {
    clock.now = now;
    await appendLoad(connection, loadId, events, now);
    const { cycleId } = await runCycle(connection, state.project, { now });
    for (const listener of listeners) listener({ type: "load", loadId });
    for (const listener of listeners) listener({ type: "cycle", cycleId });
  };
  const server = await startServer({
    engine,
    port: 0,
    token,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.consoleDir === undefined ? {} : { consoleDir: options.consoleDir }),
  });
  const get = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) },
    });
  return {
    server,
    connection,
    warehouse,
    project,
    calls,
    listeners,
    redefine(files) {
      state.project = testProject({ ...definitions, ...files });
      for (const listener of listeners) listener({ type: "project", fingerprint: state.project.fingerprint });
    },
    turn,
    get,
    async json<T>(path: string, init?: RequestInit) {
      const response = await get(path, init);
      const body: unknown = await response.json();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
      return body as T;
    },
    async close() {
      await server.close();
      await close();
    },
  };
}

function engineOf(
  warehouse: Warehouse,
  connection: Connection,
  project: () => Project,
  listeners: Set<(event: EngineEvent) => void>,
  calls: string[],
  clock: () => Instant,
): EngineView {
  const result = (sync: string, what: string) => {
    calls.push(`${what} ${sync}`);
    return Promise.resolve({ sync, accepted: true, sentence: `${what} asked`, run: null });
  };
  const verified: VerifyAnswer = { ok: true, seconds: 0, checks: [] };
  return {
    warehouse,
    clock,
    version: "0.0.0-test",
    startedAt: noon - hour,
    project,
    explain: (request) => explain(connection, project(), request),
    verify: ({ kind }) => {
      calls.push(`verify ${kind ?? "all"}`);
      return Promise.resolve(verified);
    },
    dryRun: (sync) => {
      calls.push(`dry-run ${sync}`);
      return Promise.resolve({
        sync,
        added: 2,
        changed: 0,
        removed: 0,
        unchanged: 0,
        requests: [],
        requestsTotal: 1,
        rows: [],
        problems: [],
        guard: null,
      });
    },
    runSync: (sync) => result(sync, "run"),
    confirmSync: (sync) => result(sync, "confirm"),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    live: () => ({ loops: [{ name: "cycle", state: "idle", since: noon }] }),
  };
}

async function appendLoad(connection: Connection, loadId: number, events: readonly TestEvent[], now: Instant): Promise<void> {
  await appendEvents(
    connection,
    project,
    events.map((event) => ({ ...event, load: loadId })),
  );
  const counts = { accepted: events.length + 2, stored: events.length, duplicates: 1, quarantined: 1 };
  await connection.append(loads, [
    {
      load_id: loadId,
      segment: `s${loadId}`,
      node: "n",
      ...counts,
      bytes: 1000,
      first_received_at: isoOf(now - 2_000_000),
      last_received_at: isoOf(now - 1_000_000),
      loaded_at: isoOf(now - 500_000),
      seconds: 0.25,
    },
  ]);
  await connection.append(quarantine, [
    {
      load_id: loadId,
      segment: `s${loadId}`,
      line: 3,
      source: "web",
      received_at: isoOf(now),
      message_id: null,
      reason: "bad_json",
      detail: "Unexpected end",
      body: `{"half":`,
    },
  ]);
  await connection.append(ledger, [
    { happened_at: isoOf(now), hop: "collect", ref: `s${loadId}`, ...counts, changed: 0, delivered: 0, failed: 0, skipped: 0 },
  ]);
}

/** One run of the sync: u1 delivered, u2 refused, a third waits. */
async function appendSync(connection: Connection): Promise<void> {
  const sync = "payers_hook";
  const outcomes = { delivered: 1, failed: 1, skipped: 0 };
  await connection.append(syncRuns, [
    {
      sync,
      run_id: 1,
      started_at: isoOf(noon),
      finished_at: isoOf(noon + 1_000_000),
      state: "done",
      definition: "d",
      to_cycle: 2,
      added: 2,
      changed: 0,
      removed: 0,
      ...outcomes,
      message: null,
    },
  ]);
  await connection.append(ledger, [
    {
      happened_at: isoOf(noon),
      hop: `sync:${sync}`,
      ref: "1",
      accepted: 0,
      stored: 0,
      duplicates: 0,
      quarantined: 0,
      changed: 2,
      ...outcomes,
    },
  ]);
  const delivery = { sync, run_id: 1, happened_at: isoOf(noon), change: "add", cycle_id: 2, request_id: "r1" };
  await connection.append(deliveries, [
    {
      ...delivery,
      key: "u1",
      entity_id: await entityOf(connection, "u1"),
      outcome: "delivered",
      status: 200,
      reason: null,
      payload: JSON.stringify({ id: "u1" }),
    },
    {
      ...delivery,
      key: "u2",
      entity_id: await entityOf(connection, "u2"),
      outcome: "failed",
      status: 422,
      reason: "no e-mail",
      payload: null,
    },
  ]);
  await connection.append(requests, [
    {
      request_id: "r1",
      sync,
      run_id: 1,
      happened_at: isoOf(noon),
      method: "POST",
      url: "https://example.com/hook",
      request_headers: JSON.stringify({ "webhook-signature": "redacted" }),
      request_body: "[]",
      status: 207,
      response_headers: JSON.stringify({ "content-type": "application/json" }),
      response_body: "{}",
      millis: 12.5,
      error: null,
    },
  ]);
  await connection.append(syncRows, [
    {
      sync,
      row_id: "1",
      key: "u2",
      change: "add",
      state: "failed",
      attempts: 1,
      first_run: 1,
      next_at: null,
      status: 422,
      reason: "no e-mail",
      updated_at: isoOf(noon),
    },
    {
      sync,
      row_id: "2",
      key: "u9",
      change: "add",
      state: "waiting",
      attempts: 2,
      first_run: 1,
      next_at: isoOf(noon + 60_000_000),
      status: 503,
      reason: "busy",
      updated_at: isoOf(noon),
    },
  ]);
  const state = syncState(sync);
  for (const statement of connection.dialect.createTable(state)) await connection.run(statement);
  await connection.append(state, [{ row_id: "1", key: "u1", entity_id: null, fingerprint: "1", confirmed_at: isoOf(noon), run_id: 1 }]);
}

export async function entityOf(connection: Connection, key: string): Promise<string> {
  const { name, sql } = await import("../../src/warehouse/sql.js");
  const row = await connection.first<{ id: string }>(
    sql`SELECT ${connection.dialect.idText(sql`entity_id`)} AS id FROM ${name("growth", "user_entities")} WHERE key = ${key}`,
  );
  return row?.id ?? id("user_id", key);
}
