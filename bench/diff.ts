import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { planSync } from "../packages/engine/src/activate/plan.js";
import { compileMapping } from "../packages/engine/src/activate/mapping.js";
import { startSync } from "../packages/engine/src/activate/start.js";
import { readHead } from "../packages/engine/src/activate/head.js";
import { type Sync, sync } from "../packages/engine/src/project/kinds/sync.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import type { Project } from "../packages/engine/src/project/project.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { join, name, sql } from "../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../packages/engine/src/warehouse/warehouse.js";
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
    const project = benchProject();
    const [definition] = project.syncs as [Sync];
    await fillModel(connection, rows);
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
    const changedRows = await changeModel(connection, rows);
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
const columns = ["plan", "country", "seats", "mrr", "logins", "score", "active", "first_seen", "last_seen", "email", "company"];

function benchProject(): Project {
  const project = projectFromFiles(
    { "cambium.yml": "name: bench\nentities:\n  user: {}\n", "sources/web.yml": "name: web\nwrite_keys: [k]\n" },
    "/bench",
  );
  const mapping = Object.fromEntries(columns.map((column) => [column, column]));
  return {
    ...project,
    syncs: [
      sync.parse({
        name: "people",
        from: { model: "people" },
        destination: "none",
        mode: "mirror",
        key: "id",
        first_run: "new",
        mapping: { id: "id", ...mapping },
      }),
    ],
  };
}

async function fillModel(connection: Connection, rows: number): Promise<void> {
  await connection.run(sql`CREATE SCHEMA IF NOT EXISTS models`);
  await connection.run(sql`CREATE OR REPLACE TABLE models.people AS SELECT 'user-' || i AS id, ['free', 'pro', 'team'][1 + i % 3] AS plan, 'C' || (i % 200) AS country,
i % 50 AS seats, CAST(i % 1000 AS DECIMAL(18,4)) AS mrr, i % 97 AS logins, (i % 1000) / 10.0 AS score, i % 4 = 0 AS active,
make_timestamp(1700000000000000 + i * 1000000) AS first_seen, make_timestamp(1750000000000000 + i * 1000) AS last_seen, 'u' || i || '@example.com' AS email, 'Company ' || (i // 20) AS company
FROM range(${rows}) AS r(i)`);
}

/** One in a hundred changed, one in a thousand new, one in a thousand gone; scattered, as they would be. */
async function changeModel(connection: Connection, rows: number): Promise<number> {
  await connection.run(sql`CREATE OR REPLACE TABLE models.people AS
SELECT * REPLACE (CASE WHEN hash(id) % 100 = 7 THEN logins + 1000 ELSE logins END AS logins) FROM models.people WHERE hash(id) % 1000 <> 500
UNION ALL SELECT * REPLACE ('new-' || id AS id) FROM models.people WHERE hash(id) % 1000 = 501`);
  const count = await connection.first<{ n: number }>(
    sql`SELECT (SELECT count(*) FROM models.people WHERE logins >= 1000) + (SELECT count(*) FROM models.people WHERE starts_with(id, 'new-') AND logins < 1000) + (${rows} - (SELECT count(*) FROM models.people WHERE NOT starts_with(id, 'new-'))) AS n`,
  );
  return count?.n ?? 0;
}

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
