import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Receiver, startReceiver } from "../../receiver/receiver.js";
import { startCollector } from "../../../packages/engine/src/collect/collector.js";
import { type Engine, openEngine } from "../../../packages/engine/src/engine.js";
import { ledger } from "../../../packages/engine/src/observe/ledger.js";
import { testModels } from "../../../packages/engine/src/model/test-models.js";
import { sql } from "../../../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../../../packages/engine/src/warehouse/warehouse.js";
import { exampleSecrets, seedOrchard } from "../start.js";
import type { Truth } from "../simulator/truth.js";

/** The whole loop on a small Orchard: real collector, real engine, real destination code, a receiver; compared with the truth. */
const until = Date.UTC(2026, 4, 13, 18) * 1000;
const world = { seed: "loop", days: 45, users: 380 };

let dir = "";
let receiver: Receiver;
let engine: Engine;
let connection: Connection;
let truth: Truth;

beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-orchard-"));
  const example = path.resolve(import.meta.dirname, "..");
  await cp(example, dir, { recursive: true, filter: (file) => !/\.cambium|simulator|test|deliveries/.test(path.relative(example, file)) });
  receiver = await startReceiver();
  for (const name of ["receiver.yml", "outside-tools.yml"]) {
    const file = path.join(dir, "destinations", name);
    await writeFile(file, (await readFile(file, "utf8")).replaceAll("127.0.0.1:4320", receiver.host));
  }
  const clock = () => until + 120_000_000;
  const stateDir = path.join(dir, ".cambium");
  const collector = await startCollector({
    spoolDir: path.join(stateDir, "spool"),
    sources: [{ name: "backend", writeKeys: ["orchard-history"] }],
    clock,
  });
  ({ truth } = await seedOrchard({ url: collector.url, stateDir, now: until, ...world }));
  await collector.close();
  engine = await openEngine({
    dir,
    version: "test",
    clock,
    env: { ...process.env, ...exampleSecrets },
    onError: (where, thrown) => {
      throw new Error(`${where}: ${String(thrown)}`);
    },
  });
  await engine.settle();
  connection = await engine.warehouse.connect();
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await engine?.close();
  await receiver?.close();
  await rm(dir, { recursive: true, force: true });
});

const keys = async (text: ReturnType<typeof sql>): Promise<string[]> =>
  (await connection.read<{ key: string }>(text)).map((row) => row.key).sort();
const number = async (text: ReturnType<typeof sql>): Promise<number> => Number((await connection.first<{ n: number }>(text))?.n);

describe("the loop finds the truth", () => {
  it("stores every event once, and sets aside what is none, with the reason", async () => {
    const loads = await connection.first<{ accepted: number; stored: number; duplicates: number; quarantined: number }>(
      sql`SELECT sum(accepted) AS accepted, sum(stored) AS stored, sum(duplicates) AS duplicates, sum(quarantined) AS quarantined FROM ops.loads`,
    );
    const quarantined = Object.values(truth.faulty).reduce((sum, count) => sum + count, 0);
    expect(quarantined).toBeGreaterThan(5);
    expect(loads).toEqual({ accepted: truth.sent, stored: truth.unique, duplicates: truth.duplicates, quarantined });
    const reasons = await connection.read<{ reason: string; n: number }>(sql`SELECT reason, count(*) AS n FROM raw.quarantine GROUP BY 1`);
    expect(Object.fromEntries(reasons.map((row) => [row.reason, row.n]))).toEqual(truth.faulty);
    const [collect] = await ledger(connection);
    expect(collect).toMatchObject({
      hop: "collect",
      balanced: true,
      terms: [{}, { name: "duplicates" }, { name: "quarantined", value: quarantined }],
    });
  });

  it("puts wrong clocks right", async () => {
    expect(await number(sql`SELECT count(*) AS n FROM raw.events WHERE time_flag IS NOT NULL`)).toBe(0);
    expect(await number(sql`SELECT count(*) AS n FROM raw.events WHERE sent_at IS NOT NULL`)).toBeGreaterThan(0);
    const wrong = sql`SELECT count(*) AS n FROM raw.events WHERE sent_at IS NOT NULL AND abs(epoch(original_timestamp) - epoch(timestamp)) < 60`;
    expect(await number(wrong)).toBeLessThan(await number(sql`SELECT count(*) AS n FROM raw.events WHERE sent_at IS NOT NULL`));
  });

  it("knows as many people as there are", async () => {
    expect(await number(sql`SELECT count(*) AS n FROM growth.user_entities`)).toBe(truth.identity.profiles);
    const users = await number(sql`SELECT count(DISTINCT user_id) AS n FROM raw.events WHERE user_id IS NOT NULL`);
    expect(users).toBe(truth.users);
  });

  it("knows whose the anonymous ids are", async () => {
    const rows = await connection.read<{ anonymous_id: string; key: string }>(
      sql`SELECT i.value AS anonymous_id, e.key FROM growth.identifiers AS i JOIN growth.user_subjects AS s ON s.subject_id = i.identifier_id
JOIN growth.user_entities AS e ON e.entity_id = s.entity_id WHERE i.type = 'anonymous_id'`,
    );
    const owners = new Map(rows.map((row) => [row.anonymous_id, row.key]));
    const shared = new Set(truth.identity.sharedDevices);
    const wrong = Object.entries(truth.identity.anonymousIds).flatMap(([user, ids]) =>
      ids.filter((id) => !shared.has(id) && owners.get(id) !== user),
    );
    expect(wrong).toEqual([]);
  });

  it("knows workspaces, accounts and who belongs to whom", async () => {
    expect(await number(sql`SELECT count(*) AS n FROM growth.workspace_entities`)).toBe(Object.keys(truth.parents).length);
    expect(await number(sql`SELECT count(*) AS n FROM growth.account_entities`)).toBe(truth.accounts);
    const parents = await connection.read<{ key: string; parent: string }>(
      sql`SELECT w.key, a.key AS parent FROM growth.workspace_entities AS w JOIN growth.account_entities AS a ON a.entity_id = w.parent_id`,
    );
    expect(Object.fromEntries(parents.map((row) => [row.key, row.parent]))).toEqual(truth.parents);
  });

  it("knows the members of each workspace, those who were removed left out", async () => {
    const rows = await connection.read<{ workspace: string; user: string }>(
      sql`SELECT w.key AS workspace, u.key AS user FROM growth.memberships AS m JOIN growth.workspace_entities AS w ON w.entity_id = m.group_id
JOIN growth.user_entities AS u ON u.entity_id = m.user_id WHERE m.kind = 'workspace' AND m.valid_to IS NULL`,
    );
    const members: Record<string, string[]> = Object.fromEntries(Object.keys(truth.members).map((workspace) => [workspace, []]));
    for (const { workspace, user } of rows) members[workspace]?.push(user);
    const sorted = (all: Readonly<Record<string, readonly string[]>>) =>
      Object.fromEntries(Object.entries(all).map(([workspace, users]) => [workspace, [...users].sort()]));
    expect(sorted(members)).toEqual(sorted(truth.members));
  });

  it("counts deployments of each user", async () => {
    const rows = await connection.read<{ key: string; deployments: number }>(
      sql`SELECT e.key, t.deployments FROM growth.user_traits AS t JOIN growth.user_entities AS e ON e.entity_id = t.entity_id WHERE t.deployments > 0`,
    );
    const counted = Object.fromEntries(rows.map((row) => [row.key, Number(row.deployments)]));
    const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0);
    expect(sum(counted)).toBe(truth.byEvent["Deployment Created"]);
  });

  it("finds the workspaces in overage, and the nested audiences nest", async () => {
    const inOverage = await keys(
      sql`SELECT e.key FROM growth.workspace_traits AS t JOIN growth.workspace_entities AS e ON e.entity_id = t.entity_id WHERE t.in_overage`,
    );
    // A change of plan moves the limit before the next report of the meter.
    const missing =
      inOverage.filter((key) => !truth.overage.includes(key)).length + truth.overage.filter((key) => !inOverage.includes(key)).length;
    expect(truth.overage.length).toBeGreaterThan(3);
    expect(missing).toBeLessThanOrEqual(Math.ceil(truth.overage.length * 0.2));
    const members = (audience: string) =>
      keys(
        sql`SELECT e.key FROM growth.audience_members AS m JOIN growth.workspace_entities AS e ON e.entity_id = m.entity_id WHERE m.audience = ${audience}`,
      );
    const [outer, middle, inner] = [
      await members("self_serve_in_overage"),
      await members("overage_without_deal"),
      await members("ready_to_upgrade"),
    ];
    expect(outer.length).toBeGreaterThan(0);
    expect(outer.every((key) => inOverage.includes(key))).toBe(true);
    expect(middle.every((key) => outer.includes(key))).toBe(true);
    expect(inner.every((key) => middle.includes(key))).toBe(true);
    const inSales = new Set(truth.activeDeals);
    expect(middle.filter((key) => inSales.has(truth.parents[key]!))).toEqual([]);
  });

  it("adds up the money exactly", async () => {
    const paid = await connection.first<{ total: string }>(
      sql`SELECT CAST(sum(payments_total) AS VARCHAR) AS total FROM growth.account_traits`,
    );
    const sent = await connection.first<{ total: string }>(
      sql`SELECT CAST(sum(CAST(json_extract_string(properties, '$.amount') AS DECIMAL(18, 6))) AS VARCHAR) AS total FROM raw.events WHERE event = 'Payment Succeeded'`,
    );
    expect(Number(paid?.total)).toBe(Number(sent?.total));
  });

  it("gives scores between 0 and 100 to everybody, and fills every audience", async () => {
    for (const score of ["user_activation", "workspace_activation", "account_activation"]) {
      const row = await connection.first<{ low: number; high: number; n: number }>(
        sql`SELECT min(value) AS low, max(value) AS high, count(*) AS n FROM ${{ parts: [{ text: `growth.score_${score}` }] }}`,
      );
      expect(row?.low).toBeGreaterThanOrEqual(0);
      expect(row?.high).toBeGreaterThan(50);
      expect(row?.high).toBeLessThanOrEqual(100);
    }
  });

  it("keeps its models, and they pass their tests", async () => {
    const results = await testModels(connection, engine.project());
    expect(results.length).toBeGreaterThan(5);
    expect(results.filter((result) => result.failing !== 0)).toEqual([]);
    const won = await number(sql`SELECT count(*) AS n FROM models.deals WHERE state = 'won'`);
    expect(won).toBe(truth.byEvent["Deal Won"] ?? 0);
  });

  it("delivers to every destination that is enabled, and the ledger adds up", async () => {
    const runs = await connection.read<{ sync: string; state: string; delivered: number; failed: number; added: number }>(
      sql`SELECT sync, state, delivered, failed, added FROM ops.sync_runs ORDER BY sync`,
    );
    const enabled = engine.project().syncs.filter((sync) => sync.enabled);
    expect(runs.map((run) => run.sync)).toEqual(enabled.map((sync) => sync.name).sort());
    const reasons = await connection.read(sql`SELECT sync, key, reason, status FROM ops.deliveries WHERE outcome <> 'delivered' LIMIT 5`);
    expect(reasons).toEqual([]);
    expect(runs.filter((run) => run.failed > 0)).toEqual([]);
    expect(runs.filter((run) => run.state !== "done")).toEqual([]);
    expect(receiver.requests()).toBeGreaterThan(0);
  });
});
