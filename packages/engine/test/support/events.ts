import { hash64, idOf } from "../../src/base/hash.js";
import { isoOf } from "../../src/base/instant.js";
import { groupIdOf } from "../../src/project/group-key.js";
import { factIdentifier } from "../../src/project/identifier-value.js";
import { type Project, groupKinds } from "../../src/project/project.js";
import { groupColumn } from "../../src/warehouse/create-tables.js";
import { type Sql, join, name, sql } from "../../src/warehouse/sql.js";
import { columnNames } from "../../src/warehouse/table.js";
import { loads } from "../../src/warehouse/tables/ops.js";
import { events as eventsTable } from "../../src/warehouse/tables/raw.js";
import type { Cell, Connection } from "../../src/warehouse/warehouse.js";

/** An event as a test writes it. Only `id` is needed; `at` and `received` are instants (µs), `received` follows `at`. */
export interface TestEvent {
  readonly id: string;
  readonly load?: number;
  readonly type?: "track" | "identify" | "group" | "page" | "screen" | "alias";
  readonly event?: string;
  readonly user?: string;
  readonly anonymous?: string;
  readonly email?: string;
  /** `groupId` of a group call, `context.groupId` of any other. */
  readonly group?: string;
  /** `previousId` of an alias call. */
  readonly previous?: string;
  readonly at?: number;
  readonly received?: number;
  readonly properties?: Readonly<Record<string, Cell>>;
  readonly traits?: Readonly<Record<string, Cell>>;
  readonly context?: Readonly<Record<string, Cell>>;
}

/** Writes events as the loader does, the owner and the named groups filled in by the same rules. */
export async function appendEvents(connection: Connection, project: Project, events: readonly TestEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { dialect } = connection;
  const raw = events.map((event) => rowOf(event));
  // First under a load of their own, then once more as the loader would have them.
  await connection.append(
    eventsTable,
    raw.map((row) => ({ ...row, load_id: -Number(row["load_id"]) })),
  );
  const owner = factIdentifier(dialect, project.identifiers, {
    user_id: sql`e.user_id`,
    anonymous_id: sql`e.anonymous_id`,
    email: sql`e.email`,
  });
  const groups = groupKinds(project).map((entity) => [groupColumn(entity.kind), groupIdOf(dialect, project, entity)] as const);
  const filled = new Map<string, Sql>([["load_id", sql`-e.load_id`], ["identifier_id", owner], ...groups]);
  const columns = [...columnNames(eventsTable), ...groups.map(([column]) => column)];
  await connection.run(
    sql`INSERT INTO raw.events (${join(columns.map((column) => name(column)))})
SELECT ${join(columns.map((column) => filled.get(column) ?? sql`e.${name(column)}`))} FROM raw.events AS e WHERE e.load_id < 0`,
  );
  await connection.run(dialect.deleteWhere(eventsTable, sql`load_id < 0`));
}

/** A load of these events, all stored. */
export async function appendLoad(
  connection: Connection,
  project: Project,
  load: number,
  events: readonly TestEvent[],
  at = 0,
): Promise<void> {
  await appendEvents(
    connection,
    project,
    events.map((event) => ({ ...event, load })),
  );
  await recordLoad(connection, load, events.length, at);
}

/** The row of a load that stored so many events, which publishes them. */
export async function recordLoad(connection: Connection, load: number, stored: number, at = 0): Promise<void> {
  await connection.append(loads, [
    {
      load_id: load,
      segment: `s${load}`,
      node: "n",
      accepted: stored,
      stored,
      duplicates: 0,
      quarantined: 0,
      bytes: 1,
      loaded_at: isoOf(at),
      seconds: 0,
    },
  ]);
}

/** Id of a user identifier or a group, as text. */
export const id = idOf;

function rowOf(event: TestEvent): Record<string, Cell> {
  const type = event.type ?? "track";
  const at = event.at ?? event.received ?? 0;
  const received = event.received ?? at;
  return {
    load_id: event.load ?? 1,
    message_id: event.id,
    message_hash: hash64(event.id),
    source: "web",
    type,
    event: event.event ?? (type === "track" ? "Something Done" : null),
    user_id: event.user ?? null,
    anonymous_id: event.anonymous ?? null,
    email: event.email ?? null,
    group_id: event.group ?? null,
    previous_id: event.previous ?? null,
    identifier_id: null,
    timestamp: isoOf(at),
    received_at: isoOf(received),
    sent_at: null,
    original_timestamp: null,
    time_flag: null,
    properties: event.properties === undefined ? null : JSON.stringify(event.properties),
    traits: event.traits === undefined ? null : JSON.stringify(event.traits),
    context: JSON.stringify({
      ...event.context,
      ...(event.group !== undefined && type !== "group" && { groupId: event.group }),
    }),
    integrations: null,
  };
}
