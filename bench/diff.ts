import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { planSync } from "../packages/engine/src/activate/plan.js";
import { compileMapping } from "../packages/engine/src/activate/mapping.js";
import { startSync } from "../packages/engine/src/activate/start.js";
import { readHead } from "../packages/engine/src/activate/head.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { join, name, sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../packages/engine/src/warehouse/warehouse.js";
import { changePeople, columns, fillPeople, peopleProject, peopleSync } from "./diff/people.js";
import { table } from "./table.js";

/**
 * The difference of a large sync (a model with twelve columns, its key a text): with one row in a hundred changed, and
 * with none. The limit, measured beside it, is the bare statement: the
 * model's rows hashed and joined with a stored table of ids and hashes, and nothing else.
 */
export interface DiffBench {
  readonly rows: number;
  readonly changedRows: number;
  readonly baselineSeconds: number;
  readonly changedSeconds: number;
  readonly unchangedSeconds: number;
  readonly joinSeconds: number;
  /** Processor seconds of the same passes: what a busy machine inflates less than the clock's. */
  readonly cpu: { readonly changed: number; readonly unchanged: number; readonly join: number };
  /** The join's share of the difference, by processor seconds; the aim is 0.5. */
  readonly ratio: number;
  readonly ratioUnchanged: number;
}

const passes = 3;

export async function bench(): Promise<void> {
  const found = await measureDiff();
  const seconds = (value: number) => `${value.toFixed(2)} s`;
  table(
    ["what", "figure", "goal"],
    [
      ["a join of stored and computed hashes (limit)", seconds(found.joinSeconds), ""],
      [
        `difference of ${found.rows.toLocaleString("en")} rows, ${found.changedRows.toLocaleString("en")} changed (${Math.round(found.ratio * 100)} % by processor time)`,
        `${seconds(found.changedSeconds)} = ${Math.round((found.joinSeconds / found.changedSeconds) * 100)} % of the limit`,
        "≤ 2.5 s, ≥ 50 %",
      ],
      [
        `the same, nothing changed (${Math.round(found.ratioUnchanged * 100)} % by processor time)`,
        `${seconds(found.unchangedSeconds)} = ${Math.round((found.joinSeconds / found.unchangedSeconds) * 100)} % of the limit`,
        "≤ 1.5 s",
      ],
      ["first run: everything is noted as wanted", seconds(found.baselineSeconds), ""],
    ],
  );
}

export async function measureDiff(rows = 10_000_000): Promise<DiffBench> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-diff-"));
  const warehouse = await openDuckdb({ file: path.join(dir, "bench.duckdb"), scratchDir: path.join(dir, "scratch") });
  try {
    const connection = await warehouse.connect();
    await createTables(connection, ["user"], []);
    const project = peopleProject();
    const definition = peopleSync(project);
    await fillPeople(connection, rows);
    await warehouse.checkpoint();
    const mapping = compileMapping(definition);
    const baseline = await measure(() => startSync(connection, project, definition, mapping, now));
    await warehouse.checkpoint();
    const head = await readHead(connection, definition.name);
    const plan = () => planSync(connection, project, definition, now, { head, mapping, full: true });
    const unchanged = await best(async () => {
      const { rows: found } = await plan();
      if (found !== 0) throw new Error(`${found} rows differ where none should`);
    });
    const changedRows = await changePeople(connection, rows);
    await prepareJoin(connection);
    await warehouse.checkpoint();
    const changed = await best(async () => {
      const { rows: found } = await plan();
      if (found !== changedRows) throw new Error(`${found} rows differ, not ${changedRows}`);
    });
    const bare = await best(() => bareJoin(connection));
    await connection.close();
    return {
      rows,
      changedRows,
      baselineSeconds: baseline.wall,
      changedSeconds: changed.wall,
      unchangedSeconds: unchanged.wall,
      joinSeconds: bare.wall,
      cpu: { changed: changed.cpu, unchanged: unchanged.cpu, join: bare.cpu },
      ratio: bare.cpu / changed.cpu,
      ratioUnchanged: bare.cpu / unchanged.cpu,
    };
  } finally {
    await warehouse.close();
    await rm(dir, { recursive: true, force: true });
  }
}

const now = 1_800_000_000_000_000;
/** Ids and hashes of the model's rows, by the shortest way there is. */
const hashed = sql`SELECT hash(id) >> 1 AS id, hash(id, ${join(columns.map((column) => name(column)))}) >> 1 AS h FROM models.people`;

async function prepareJoin(connection: Connection): Promise<void> {
  await connection.run(
    sql`CREATE OR REPLACE TABLE bare_new AS SELECT hash(id) >> 1 AS id, hash(id, plan, logins, seats) >> 1 AS h FROM models.people`,
  );
  await connection.run(sql`CREATE OR REPLACE TABLE bare_old AS SELECT id, CASE WHEN id % 100 = 7 THEN h + 1 ELSE h END AS h FROM bare_new`);
}

async function bareJoin(connection: Connection): Promise<void> {
  await connection.run(
    sql`CREATE OR REPLACE TEMP TABLE bare AS SELECT coalesce(a.id, b.id) AS id FROM (${hashed}) AS a FULL OUTER JOIN bare_old AS b ON a.id = b.id WHERE a.h IS DISTINCT FROM b.h`,
  );
}

interface Taken {
  readonly wall: number;
  readonly cpu: number;
}

async function measure(work: () => Promise<unknown>): Promise<Taken> {
  const started = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - started) / 1000, cpu: (user + system) / 1_000_000 };
}

async function best(work: () => Promise<unknown>): Promise<Taken> {
  const taken: Taken[] = [];
  for (let pass = 0; pass < passes; pass += 1) taken.push(await measure(work));
  return { wall: Math.min(...taken.map((one) => one.wall)), cpu: Math.min(...taken.map((one) => one.cpu)) };
}
