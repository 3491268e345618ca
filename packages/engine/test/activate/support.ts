import http from "node:http";
import type { AddressInfo } from "node:net";
import { idOf } from "../../src/base/hash.js";
import { type Clock, isoOf } from "../../src/base/instant.js";
import { webhookDestination } from "../../src/activate/destinations/webhook/webhook.js";
import type { Destination, DestinationRow, RowOutcome } from "../../src/activate/destination.js";
import type { RunOptions } from "../../src/activate/run.js";
import { audience } from "../../src/project/kinds/audience.js";
import { config } from "../../src/project/kinds/config.js";
import { destination } from "../../src/project/kinds/destination.js";
import { score } from "../../src/project/kinds/score.js";
import { type Sync, sync } from "../../src/project/kinds/sync.js";
import { trait } from "../../src/project/kinds/trait.js";
import type { Project } from "../../src/project/project.js";
import { join, sql } from "../../src/warehouse/sql.js";
import type { ColumnType } from "../../src/warehouse/table.js";
import { audienceChanges, audienceMembers, changes, entities, score as scoreTable, traits } from "../../src/warehouse/tables/growth.js";
import { cycles } from "../../src/warehouse/tables/ops.js";
import type { Cell, Connection } from "../../src/warehouse/warehouse.js";

/** A small growth project, growth tables filled by hand, and servers to deliver to. */

export function testProject(syncs: readonly Record<string, unknown>[], destinations: readonly Record<string, unknown>[] = []): Project {
  const parsedSyncs = syncs.map((one) => sync.parse(one));
  return {
    dir: "/nowhere",
    config: config.parse({ name: "test" }),
    timezone: "UTC",
    entities: [
      { kind: "user", title: "Person", plural: "People", isGroup: false },
      { kind: "workspace", title: "Workspace", plural: "Workspaces", isGroup: true, parent: "account" },
      { kind: "account", title: "Account", plural: "Accounts", isGroup: true },
    ],
    identifiers: [],
    sources: [],
    traits: [
      trait.parse({ name: "email", entity: "user", type: "profile" }),
      trait.parse({ name: "plan", entity: "user", type: "profile" }),
      trait.parse({ name: "logins", entity: "user", type: "count", event: "Signed In" }),
    ],
    scores: [
      score.parse({
        name: "activation",
        entity: "user",
        components: [{ name: "a", weight: 100, linear: { trait: "logins", from: 0, to: 10 } }],
      }),
    ],
    audiences: [
      audience.parse({ name: "active", entity: "user", where: { trait: "logins", gte: 1 } }),
      audience.parse({ name: "paying", entity: "user", where: { trait: "plan", is: "pro" } }),
    ],
    models: [],
    destinations: destinations.map((one) => destination.parse(one)),
    syncs: parsedSyncs,
    lists: new Map(),
    fingerprint: "test",
    loopFingerprint: "test",
  };
}

export function syncOf(project: Project, index = 0): Sync {
  return project.syncs[index] as Sync;
}

const traitColumns: Record<string, ColumnType> = { email: "text", plan: "text", logins: "integer" };

export async function prepare(connection: Connection): Promise<void> {
  for (const [column, type] of Object.entries(traitColumns))
    await connection.run(connection.dialect.addColumn(traits("user"), column, type));
  for (const statement of connection.dialect.createTable(scoreTable("activation"))) await connection.run(statement);
}

export interface TestUser {
  key: string;
  email?: string | null;
  plan?: string | null;
  logins?: number;
}

export const userId = (key: string) => idOf("user", key);

/** Replaces the users named, and notes them as changed in this cycle. */
export async function putUsers(
  connection: Connection,
  cycle: number,
  users: readonly TestUser[],
  removed: readonly string[] = [],
): Promise<void> {
  const ids = [...users.map((user) => user.key), ...removed].map(userId);
  const at = isoOf(cycle * 1_000_000);
  await connection.transaction(async () => {
    for (const spec of [traits("user"), entities("user"), scoreTable("activation")]) {
      await connection.run(connection.dialect.deleteWhere(spec, idsIn(ids)));
    }
    await connection.append(
      entities("user"),
      users.map((user) => ({ entity_id: userId(user.key), key: user.key, first_seen: at, last_seen: at, parent_id: null })),
    );
    await connection.append(
      { ...traits("user"), columns: { ...traits("user").columns, email: "text?", plan: "text?", logins: "integer?" } },
      users.map((user) => ({
        entity_id: userId(user.key),
        updated_at: at,
        cycle_id: cycle,
        email: user.email ?? null,
        plan: user.plan ?? null,
        logins: user.logins ?? 0,
      })),
    );
    await connection.append(
      scoreTable("activation"),
      users.map((user) => ({
        entity_id: userId(user.key),
        value: Math.min(100, (user.logins ?? 0) * 10),
        bucket: (user.logins ?? 0) >= 5 ? "hot" : "cold",
        version: 1,
        updated_at: at,
        cycle_id: cycle,
      })),
    );
    await noteCycle(connection, cycle, ids);
  });
}

function idsIn(ids: readonly string[]) {
  return ids.length === 0 ? sql`FALSE` : sql`entity_id IN (${join(ids.map((id) => sql`${BigInt(id)}`))})`;
}

async function noteCycle(connection: Connection, cycle: number, ids: readonly string[]): Promise<void> {
  await connection.append(
    changes,
    ids.map((id) => ({ cycle_id: cycle, kind: "user", entity_id: id, reason: "event", message_id: null })),
  );
  const known = await connection.first(sql`SELECT 1 AS one FROM ops.cycles WHERE cycle_id = ${cycle}`);
  if (known !== undefined) return;
  const at = isoOf(cycle * 1_000_000);
  const row: Record<string, Cell> = { cycle_id: cycle, kind: "incremental", started_at: at, now: at, from_load: 0, to_load: 0, events: 1 };
  await connection.append(cycles, [{ ...row, touched: "{}", changed: "{}", steps: "[]", seconds: 0, definitions: "" }]);
}

let nextChange = 1;

/** Members who enter or leave in this cycle, with their log. */
export async function changeAudience(
  connection: Connection,
  cycle: number,
  name: string,
  entered: readonly string[],
  left: readonly string[] = [],
  heldOut: readonly string[] = [],
): Promise<void> {
  const at = isoOf(cycle * 1_000_000);
  const out = new Set(heldOut);
  await connection.transaction(async () => {
    if (left.length > 0)
      await connection.run(connection.dialect.deleteWhere(audienceMembers, sql`audience = ${name} AND ${idsIn(left.map(userId))}`));
    await connection.append(
      audienceMembers,
      entered.map((key) => ({ audience: name, entity_id: userId(key), entered_at: at, cycle_id: cycle, held_out: out.has(key) })),
    );
    const log = (key: string, change: string) => ({
      change_id: nextChange++,
      audience: name,
      entity_id: userId(key),
      change,
      happened_at: at,
      cycle_id: cycle,
      version: 1,
      reason: "event",
      message_id: null,
      held_out: out.has(key),
    });
    await connection.append(audienceChanges, [...entered.map((key) => log(key, "entered")), ...left.map((key) => log(key, "left"))]);
    await noteCycle(connection, cycle, [...entered, ...left].map(userId));
  });
}

/** A clock that a test moves; it also creeps by a microsecond a look, as clocks do. */
export function testClock(start = 1_800_000_000_000_000): { clock: Clock; advance(micros: number): void } {
  let now = start;
  return { clock: () => (now += 1), advance: (micros) => void (now += micros) };
}

/** A destination in memory: what it holds, and whatever a test wants it to answer. */
export function memoryDestination(
  answer: (row: DestinationRow, call: number) => RowOutcome = () => ({ outcome: "delivered", status: 200 }),
) {
  const held = new Map<string, Record<string, unknown>>();
  const received: DestinationRow[] = [];
  const batches: number[] = [];
  // As careful as a destination can be: a change that it has seen is acknowledged and not taken again.
  const seen = new Set<string>();
  const take = (row: DestinationRow) => {
    if (seen.has(row.idempotencyKey)) return;
    seen.add(row.idempotencyKey);
    if (row.change === "remove") held.delete(row.key);
    else held.set(row.key, { ...row.fields });
  };
  let calls = 0;
  const destinationInMemory: Destination = {
    spec: {
      type: "memory",
      title: "Memory",
      settings: [],
      actions: [{ name: "put", title: "Put", fields: [], batchRowsMax: 10, modes: ["upsert", "mirror", "add_remove", "append"] }],
    },
    verify: () => Promise.resolve(),
    deliver(rows) {
      calls += 1;
      batches.push(rows.length);
      return Promise.resolve(
        rows.map((row) => {
          const outcome = answer(row, calls);
          if (outcome.outcome === "delivered") {
            received.push(row);
            take(row);
          }
          return outcome;
        }),
      );
    },
  };
  return { destination: destinationInMemory, held, received, batches, take, calls: () => calls };
}

export function optionsFor(destinationUsed: Destination, time: { clock: Clock }, more: Partial<RunOptions> = {}): RunOptions {
  return { now: time.clock(), clock: time.clock, destinations: () => destinationUsed, env: {}, ...more };
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A local server that records requests and answers as told. */
export async function recordingServer(
  answer: (
    request: Received,
    count: number,
    response: http.ServerResponse,
  ) => { status?: number; headers?: Record<string, string>; body?: string } | undefined,
) {
  const received: Received[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const one: Received = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      received.push(one);
      const reply = answer(one, received.length, response);
      if (reply === undefined) return;
      response.writeHead(reply.status ?? 200, reply.headers ?? {});
      response.end(reply.body ?? "");
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    allow: [`127.0.0.1:${port}`],
    received,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

export { webhookDestination };
