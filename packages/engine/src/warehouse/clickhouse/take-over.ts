import type { ClickhouseDialect } from "./dialect.js";
import { type Sql, join, name, render, sql, trustedSql } from "../sql.js";
import { nameOf } from "../table.js";
import { closures, commits } from "./commit-tables.js";
import type { Server } from "./server.js";
import { whereverItAnswers } from "./settings.js";
import { commentOf, termOf, termOfProcess } from "./statement-number.js";
import { nameOfTable, stagedSchema } from "./stored-table.js";
import type { Term } from "./terms.js";

/**
 * What a new holder of a lease does before it writes: statements of earlier holders are stopped, the last commit that
 * counts of each is written down, so that a later one of a holder that wakes up is void, and the one that may not be
 * published whole is found. A holder's first commit says that it has done all this, so none before it is looked at again.
 */

/** The statements of the commit to publish again, as `ops.commits` has them; undefined where there is none. */
export async function closeEarlierTerms(
  server: Server,
  dialect: ClickhouseDialect,
  { term, lease, next }: Term,
): Promise<string | undefined> {
  const text = (statement: Sql) => render(statement, dialect.quoting);
  const run = (statement: Sql) => server.run(text(statement), { comment: commentOf(next()) });
  const { cluster } = dialect.layout;
  const everywhere = cluster === undefined ? sql`` : sql` ON CLUSTER ${name(cluster)}`;
  await server.run(
    text(
      sql`/* statements of earlier holders */ KILL QUERY${everywhere} WHERE user = ${server.user} AND ${termOfProcess} IN (${earlier(term, lease)}) SYNC`,
    ),
    { comment: commentOf(next()), ...(cluster !== undefined && { settings: whereverItAnswers }) },
  );
  if (cluster !== undefined) await catchUp(server, dialect);
  const rows = await server.read(
    text(sql`/* what earlier holders committed */ SELECT toString(t.term), c.number, x.last_number FROM (${earlier(term, lease)}) AS t
LEFT JOIN (SELECT term, max(number) AS number FROM ${nameOf(commits)} GROUP BY term) AS c ON c.term = t.term
LEFT JOIN (SELECT term, min(last_number) AS last_number FROM ${nameOf(closures)} GROUP BY term) AS x ON x.term = t.term
ORDER BY t.term DESC`),
  );
  const open: Sql[] = [];
  for (const [earlierTerm, number, closedAt] of rows) {
    const last = Number(closedAt ?? number ?? 0);
    const of = BigInt(String(earlierTerm));
    if (closedAt === null) open.push(sql`(${of}, ${last}, ${term})`);
    if (last === 0) continue;
    await close(run, open);
    const [found] = await server.read(
      text(sql`/* its last commit */ SELECT redo FROM ${nameOf(commits)} WHERE term = ${of} AND number = ${last} LIMIT 1`),
    );
    return String(found?.[0]);
  }
  await close(run, open);
  return undefined;
}

const replicatedSchemas = ["raw", "growth", "ops", stagedSchema];

/** Has this node take in what others acknowledged; its own term came after all that may still count. */
async function catchUp(server: Server, { layout, quoting }: ClickhouseDialect): Promise<void> {
  const databases = join(replicatedSchemas.map((schema) => sql`${layout.prefix + schema}`));
  const found = await server.read(
    render(sql`/* tables with replicas */ SELECT database, table FROM system.replicas WHERE database IN (${databases})`, quoting),
  );
  await Promise.all(
    found.map(([database, table]) => server.run(render(sql`SYSTEM SYNC REPLICA ${name(String(database), String(table))}`, quoting))),
  );
}

async function close(run: (statement: Sql) => Promise<unknown>, open: readonly Sql[]): Promise<void> {
  if (open.length === 0) return;
  await run(
    sql`/* later commits of theirs are void */ INSERT INTO ${nameOf(closures)} (term, last_number, closed_by) SELECT * FROM VALUES(${"term Int64, last_number Int64, closed_by Int64"}, ${join(open)})`,
  );
}

/** Staged rows of earlier holders, which nobody needs once their last commits are published. */
export async function dropEarlierStaged(
  server: Server,
  dialect: ClickhouseDialect,
  prefix: string,
  { term, lease, next }: Term,
): Promise<void> {
  const text = (statement: Sql) => render(statement, dialect.quoting);
  const found = await server.read(
    text(sql`/* staged rows of earlier holders */ SELECT table, groupUniqArray(partition_id) FROM system.parts
WHERE active AND database = ${`${prefix}${stagedSchema}`} AND ${termOf(sql`toUInt64OrZero(partition_id)`)} IN (${earlier(term, lease)}) GROUP BY table`),
  );
  for (const [table, txns] of found) {
    const drop = dropStaged(nameOfTable({ schema: stagedSchema, table: String(table) }), (txns as unknown[]).map(String));
    await server.run(text(drop), { comment: commentOf(next()) });
  }
}

/** Drops all rows that these transactions staged in a table. */
export function dropStaged(staged: Sql, txns: readonly string[]): Sql {
  return sql`/* rows that wait for nothing */ ALTER TABLE ${staged} ${join(txns.map((txn) => sql`DROP PARTITION ${trustedSql(txn)}`))}`;
}

function earlier(term: bigint, lease: string): Sql {
  return sql`SELECT DISTINCT term FROM ops.terms WHERE lease = ${lease} AND term < ${term}`;
}
