import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { DestinationRow, RowOutcome } from "../../../src/activate/destination.js";
import { runSync } from "../../../src/activate/run.js";
import { instantOf, isoOf, microsPerHour } from "../../../src/base/instant.js";
import { prepareProperties } from "../../../src/collect/load/typed-properties.js";
import { propertiesRead } from "../../../src/project/compile/properties-read.js";
import { runCycle } from "../../../src/run/cycle.js";
import { ModelUpdates } from "../../../src/run/model-updates.js";
import { typedInUse } from "../../../src/run/typed-in-use.js";
import { createTables } from "../../../src/warehouse/create-tables.js";
import { ledger } from "../../../src/warehouse/tables/ops.js";
import type { Connection } from "../../../src/warehouse/warehouse.js";
import { memoryDestination, optionsFor } from "../../activate/support.js";
import { files } from "../../support/definitions.js";
import { type TestEvent, appendLoad } from "../../support/events.js";
import { defaultFiles, testProject } from "../../support/project.js";

/** A project with every kind of definition, and weeks of its life: what a copy must carry. */
export const worldFiles: Readonly<Record<string, string>> = {
  ...files,
  "models/people.sql":
    "SELECT user_id AS person, count(*) AS calls, max(received_at) AS newest FROM raw.events WHERE user_id IS NOT NULL GROUP BY user_id",
  "models/kept.sql": "{{ config(materialized='table') }} SELECT person, calls FROM {{ ref('people') }}",
  "destinations/tool.yml": "{ name: tool, type: webhook, settings: { url: 'http://127.0.0.1/' } }",
  "syncs/users.yml":
    "{ name: users, from: { entity: user }, destination: tool, mode: mirror, mapping: { plan: plan, revenue: revenue, average: average, items: items, seen: first_paid, score: user_score, inside: active } }",
  "syncs/members.yml":
    "{ name: members, from: { audience: active }, destination: tool, mode: add_remove, mapping: { last: last_item, days: days } }",
  "syncs/log.yml":
    "{ name: log, from: { changes: active }, destination: tool, mode: append, mapping: { what: change, who: key, when: happened_at } }",
  "syncs/people.yml": "{ name: people, from: { model: kept }, key: person, destination: tool, mode: upsert, mapping: { calls: calls } }",
};

export const project = testProject(worldFiles);

/** The same project as a folder. */
export async function worldFolder(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-world-"));
  for (const [file, text] of Object.entries({ ...defaultFiles, ...worldFiles })) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), text);
  }
  return dir;
}

const start = instantOf("2026-03-20T12:00:00Z");
const names = ["u1", "zoë@é", "a'b\\c", "日本😀", "x".repeat(300), "u6", "u7", "u8"];
const items = ["a", "b", "", "é😀", "a'\\\"", "c\nd", "1.5"];

/** Events of a load, the same ones whenever asked. */
export function eventsOf(load: number, users = names.length): TestEvent[] {
  const at = start + load * 7 * microsPerHour;
  return Array.from({ length: users }, (_, index) => index).flatMap((index): TestEvent[] => {
    const user = names[index % names.length] as string;
    const who = index < names.length ? user : `${user}-${index}`;
    const n = load * 13 + index * 7;
    const base = { user: who, ...(index % 3 === 0 && { group: `w${index % 4}` }), received: at + index };
    return [
      {
        ...base,
        id: `m${load}-${index}`,
        event: "Paid",
        at: at - (n % 90) * microsPerHour,
        properties: { amount: (n % 50) + 0.25, item: items[n % items.length] as string },
      },
      ...(n % 4 === 0 ? [{ ...base, id: `l${load}-${index}`, event: "Left", at: at - microsPerHour }] : []),
      ...(n % 5 === 0
        ? [
            {
              ...base,
              id: `i${load}-${index}`,
              type: "identify" as const,
              at,
              traits: { plan: ["free", "team", "é'"][n % 3] as string, email: `${index}@x.com` },
            },
          ]
        : []),
      ...(n % 6 === 0
        ? [
            {
              id: `a${load}-${index}`,
              anonymous: `anon${index}`,
              user: who,
              event: "Paid",
              at: -5,
              received: at,
              properties: { amount: 1, item: "old" },
            },
          ]
        : []),
    ];
  });
}

export const momentOf = (load: number) => start + load * 7 * microsPerHour + 60_000_000;

/** A load as the loader leaves it. */
async function loadAs(connection: Connection, load: number, users: number | undefined): Promise<void> {
  const events = eventsOf(load, users);
  await appendLoad(connection, project, load, events, momentOf(load));
  const none = { duplicates: 0, quarantined: 0, changed: 0, delivered: 0, failed: 0, skipped: 0 };
  const counts = { accepted: events.length, stored: events.length, ...none };
  await connection.append(ledger, [{ happened_at: isoOf(momentOf(load)), hop: "collect", ref: `s${load}`, ...counts }]);
}

/** One load, its cycle and models. */
export async function live(connection: Connection, load: number, users?: number) {
  const typed = await prepareProperties(connection, propertiesRead(project), momentOf(load));
  await loadAs(connection, load, users);
  await new ModelUpdates().update(connection, project, momentOf(load), { force: true });
  return runCycle(connection, project, { now: momentOf(load), typed: new Map(typed.map(({ path, column }) => [path, column])) });
}

/** A cycle over what is there, as a process does that was just started. */
export async function liveOn(connection: Connection, load: number, users?: number) {
  await loadAs(connection, load, users);
  await new ModelUpdates().update(connection, project, momentOf(load), { force: true });
  return runCycle(connection, project, { now: momentOf(load), typed: await typedInUse(connection, project) });
}

/** Runs every sync once; what the tool took, by sync. Rows that `answer` refuses or puts off stay open. */
export async function deliver(connection: Connection, load: number, answer?: (row: DestinationRow) => RowOutcome) {
  let now = momentOf(load);
  const time = { clock: () => (now += 1) };
  const sent: Record<string, DestinationRow[]> = {};
  for (const sync of project.syncs) {
    const tool = memoryDestination(answer);
    await runSync(connection, project, sync, optionsFor(tool.destination, time));
    sent[sync.name] = tool.received.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }
  return sent;
}

/** Weeks of life: everything delivered but what the tool refused or put off, and what the last cycle changed. */
export async function fill(connection: Connection, users?: number): Promise<void> {
  const kinds = project.entities.map((entity) => entity.kind);
  await createTables(
    connection,
    kinds,
    kinds.filter((kind) => kind !== "user"),
  );
  for (const load of [1, 2, 3]) await live(connection, load, users);
  await deliver(connection, 3, ({ key }) =>
    key === "u6"
      ? { outcome: "failed", status: 422, reason: "no" }
      : key === "u7"
        ? { outcome: "retry", reason: "later" }
        : { outcome: "delivered" },
  );
  await live(connection, 4, 3);
}
