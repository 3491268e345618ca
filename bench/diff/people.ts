import { type Sync, sync } from "../../packages/engine/src/project/kinds/sync.js";
import { projectFromFiles } from "../../packages/engine/src/project/load-project.js";
import type { Project } from "../../packages/engine/src/project/project.js";
import { type Sql, sql } from "../../packages/engine/src/warehouse/sql.js";
import type { Connection } from "../../packages/engine/src/warehouse/warehouse.js";

/** A model of as many people as asked for, twelve columns each, the key a text, and the sync that mirrors it; the same on every engine. */
export const columns = ["plan", "country", "seats", "mrr", "logins", "score", "active", "first_seen", "last_seen", "email", "company"];

const people = sql`models.people`;
const blockRows = 1_000_000;

export function peopleProject(): Project {
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

export function peopleSync({ syncs }: Project): Sync {
  return syncs[0] as Sync;
}

export async function fillPeople(connection: Connection, rows: number): Promise<void> {
  const { dialect } = connection;
  await connection.run(dialect.createSchema("models"));
  await connection.stage("bench_ticks", { i: Float64Array.from({ length: blockRows }, (_, index) => index) });
  const text = (prefix: string, number: Sql) => sql`${prefix} || CAST(${number} AS VARCHAR)`;
  for (let done = 0; done < rows; done += blockRows) {
    const i = sql`(i + ${done})`;
    const block = sql`SELECT ${text("user-", i)} AS id, ['free', 'pro', 'team'][1 + ${i} % 3] AS plan, ${text("C", sql`${i} % 200`)} AS country,
CAST(${i} % 50 AS BIGINT) AS seats, CAST(${i} % 1000 AS DECIMAL(18,4)) AS mrr, CAST(${i} % 97 AS BIGINT) AS logins, ${i} % 1000 / 10.0 AS score, ${i} % 4 = 0 AS active,
${dialect.timestampOf(sql`1700000000000000 + ${i} * 1000000`)} AS first_seen, ${dialect.timestampOf(sql`1750000000000000 + ${i} * 1000`)} AS last_seen,
'u' || CAST(${i} AS VARCHAR) || '@example.com' AS email, ${text("Company ", sql`CAST(floor(${i} / 20) AS BIGINT)`)} AS company
FROM bench_ticks WHERE i < ${Math.min(blockRows, rows - done)}`;
    await connection.run(done === 0 ? dialect.createTableAs(people, block) : sql`INSERT INTO ${people} ${block}`);
  }
}

/** One in a hundred changed, one in a thousand new, one in a thousand gone, scattered as they would be; how many that makes. */
export async function changePeople(connection: Connection, rows: number): Promise<number> {
  const { dialect } = connection;
  const chance = dialect.hash64(sql`id`);
  const changed = sql`models.people_changed`;
  const listed = (id: Sql, logins: Sql) =>
    sql`SELECT ${id} AS id, plan, country, seats, mrr, ${logins} AS logins, score, active, first_seen, last_seen, email, company FROM ${people}`;
  await connection.run(
    dialect.createTableAs(
      changed,
      sql`SELECT * FROM (${listed(sql`id`, sql`CAST(CASE WHEN ${chance} % 100 = 7 THEN logins + 1000 ELSE logins END AS BIGINT)`)}) AS kept WHERE ${chance} % 1000 <> 500
UNION ALL SELECT * FROM (${listed(sql`'new-' || id`, sql`logins`)}) AS added WHERE ${dialect.hash64(sql`substr(id, 5)`)} % 1000 = 501`,
    ),
  );
  await connection.run(dialect.createTableAs(people, sql`SELECT * FROM ${changed}`));
  const isNew = dialect.startsWith(sql`id`, sql`'new-'`);
  const count = await connection.first<{ changed: number; added: number; kept: number }>(
    sql`SELECT ${dialect.filtered(sql`count(*)`, sql`logins >= 1000`)} AS changed, ${dialect.filtered(sql`count(*)`, isNew)} AS added,
${dialect.filtered(sql`count(*)`, sql`NOT ${isNew}`)} AS kept FROM ${people}`,
  );
  if (count === undefined) throw new Error("the model has no rows");
  return count.changed + count.added + rows - count.kept;
}
