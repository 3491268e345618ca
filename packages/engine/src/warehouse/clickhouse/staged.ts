import { type Sql, join, name, sql, trustedSql } from "../sql.js";
import { termOfStatement } from "./statement-number.js";
import { type Layout, engineOf } from "./layout.js";
import { type StoredTable, type TableName, nameOfTable, pathOf, stagedName } from "./stored-table.js";
import { hiddenColumns } from "./tables.js";

/**
 * SQL over rows that wait for their commit. Beside each table that a transaction writes stands one of the same columns in
 * the schema `staged`, in a partition for each transaction: dropping a transaction's rows is dropping its partitions. In
 * the staged rows of current state the newest of a key holds, as in the table itself, gone ones included. A delete of rows
 * that were only added is staged as well: a row marked gone for each set of values that its condition found, of the columns
 * that the condition reads; one for all where it reads none.
 */

/** A delete that a transaction made of rows that were only added: the columns it compares (none: all), and its number. */
export interface StagedDelete {
  readonly columns: readonly string[];
  readonly version: string;
}

/** What a transaction did to one table so far. */
export interface Change {
  readonly table: StoredTable;
  readonly txn: string;
  /** The table's columns as the transaction sees them. */
  readonly columns: ReadonlyMap<string, string>;
  /** Those of them that the table itself has not got yet, or with other values: dropped and made again. */
  readonly absent: ReadonlySet<string>;
  readonly deletes: readonly StagedDelete[];
  /** Rows were staged. */
  readonly isStaged: boolean;
}

export function createStaged(layout: Layout, { schema, table, columns, key, isState }: StoredTable): Sql {
  const listed = [...columns].map(([column, type]) => sql`${name(column)} ${trustedSql(type)}`);
  const own = stagedName({ schema, table });
  const engine = isState ? engineOf(layout, own, sql`ReplacingMergeTree`, [sql`_version`]) : engineOf(layout, own, sql`MergeTree`);
  // Gone rows stay, so that what they stand for is left out of the table itself. Nothing is merged that goes in a moment.
  return sql`CREATE TABLE IF NOT EXISTS ${nameOfTable(own)} (${join([...listed, ...hiddenColumns.staged])})
ENGINE = ${engine} PARTITION BY _txn ORDER BY (${names(key)})
SETTINGS max_bytes_to_merge_at_max_space_in_pool = 1`;
}

/** What the transaction sees in place of the table. */
export function overlay({ table, txn, columns, absent, deletes, isStaged }: Change): Sql {
  const listed = names([...columns.keys()]);
  const stored = join(
    [...columns].map(([column, type]) => (absent.has(column) ? sql`CAST(NULL AS ${trustedSql(type)}) AS ${name(column)}` : name(column))),
  );
  const staged = nameOfTable(stagedName(table));
  const from = nameOfTable(table);
  if (!isStaged) return sql`SELECT ${stored} FROM ${from}`;
  if (table.isState) {
    return sql`SELECT ${stored} FROM ${from} WHERE ${tuple(table.key)} NOT IN (SELECT ${names(table.key)} FROM ${staged} WHERE _txn = ${trustedSql(txn)})
UNION ALL SELECT ${listed} FROM ${staged} WHERE _txn = ${trustedSql(txn)} AND _deleted = 0`;
  }
  const kept = deletes.map((each) => sql`NOT ${isDeleted(table, txn, each)}`);
  return sql`SELECT ${stored} FROM ${from}${kept.length === 0 ? sql`` : sql` WHERE ${join(kept, " AND ")}`}
UNION ALL SELECT ${listed} FROM ${staged} WHERE ${stagedRows({ table, txn, deletes })}`;
}

/** Rows that the transaction added to a table of added rows and did not delete again. */
function stagedRows({ table, txn, deletes }: Pick<Change, "table" | "txn" | "deletes">): Sql {
  const kept = deletes.map((each) => sql` AND (_version > ${trustedSql(each.version)} OR NOT ${isDeleted(table, txn, each)})`);
  return sql`_txn = ${trustedSql(txn)} AND _deleted = 0${join(kept, "")}`;
}

/** True of rows that were there before the delete and that its condition meant. */
function isDeleted(table: TableName, txn: string, { columns, version }: StagedDelete): Sql {
  if (columns.length === 0) return sql`TRUE`;
  return sql`(${tuple(columns)} IN (SELECT ${names(columns)} FROM ${nameOfTable(stagedName(table))} WHERE _txn = ${trustedSql(txn)} AND _deleted = 1 AND _version = ${trustedSql(version)}))`;
}

/** Keeper holds a replicated delete with all that it lists, and takes no more than a megabyte. */
const listedMax = 5_000;

/**
 * The same as conditions that list what they mean: each replica deletes by itself, and might not have the staged rows yet,
 * or no longer. Only a scalar subquery runs once, where it was asked; its list stands in the statement that replicas get.
 */
function isListed(table: TableName, txn: string, { columns, version }: StagedDelete, gone: number): Sql[] {
  if (columns.length === 0) return [sql`TRUE`];
  const parts = Math.ceil(gone / listedMax);
  return Array.from({ length: parts }, (_, part) => {
    const some = parts === 1 ? sql`` : sql` AND cityHash64(${names(columns)}) % ${parts} = ${part}`;
    return sql`${tuple(columns)} IN identity((SELECT groupUniqArray(${tuple(columns)}) FROM ${nameOfTable(stagedName(table))} WHERE _txn = ${trustedSql(txn)} AND _deleted = 1 AND _version = ${trustedSql(version)}${some}))`;
  });
}

/** Stages a delete of rows that were only added. */
export function stageDelete(table: TableName, columns: readonly string[], seen: Sql, condition: Sql): Sql {
  const into = sql`/* rows to go */ INSERT INTO ${nameOfTable(stagedName(table))}`;
  if (columns.length === 0) return sql`${into} (_gone) SELECT 1 FROM ${seen} WHERE ${condition} LIMIT 1`;
  return sql`${into} (${names(columns)}, _gone) SELECT DISTINCT ${names(columns)}, 1 FROM ${seen} WHERE ${condition}`;
}

/** How many rows a transaction staged for a table: to add (or to replace by key), to take away. */
export function countStaged({ table, txn, deletes }: Change): Sql {
  const counts = deletes.length === 0 ? sql`count() AS rows, 0 AS gone` : sql`countIf(_deleted = 0) AS rows, countIf(_deleted = 1) AS gone`;
  return sql`SELECT ${pathOf(table)} AS path, ${counts} FROM ${nameOfTable(stagedName(table))} WHERE _txn = ${trustedSql(txn)}`;
}

/**
 * Brings a transaction's rows into the table itself. Every statement may run again, in this order, and does nothing once a
 * newer writer has taken a term of this `lease`.
 */
export function publishRows(
  layout: Layout,
  { table, txn, columns, deletes }: Change,
  staged: { rows: number; gone: number },
  lease: string,
): Sql[] {
  const into = nameOfTable(table);
  const listed = names([...columns.keys()]);
  if (table.isState) {
    if (staged.rows === 0) return [];
    return [
      sql`/* publish current state */ INSERT INTO ${into} (${listed}, _version, _deleted) SELECT ${listed}, _version, _deleted FROM ${nameOfTable(stagedName(table))}
WHERE _txn = ${trustedSql(txn)} AND ${inForce(lease)}`,
    ];
  }
  const gone =
    layout.cluster === undefined
      ? [
          join(
            deletes.map((each) => isDeleted(table, txn, each)),
            " OR ",
          ),
        ]
      : deletes.flatMap((each) => isListed(table, txn, each, staged.gone));
  return [
    ...(staged.gone === 0
      ? []
      : gone.map((rows) => sql`/* rows to go */ DELETE FROM ${into} WHERE ${inForce(lease)} AND _txn < ${trustedSql(txn)} AND (${rows})`)),
    ...(staged.rows === 0
      ? []
      : [
          sql`/* publish rows */ INSERT INTO ${into} (${listed}, _txn) SELECT ${listed}, _txn FROM ${nameOfTable(stagedName(table))}
WHERE ${stagedRows({ table, txn, deletes })} AND ${inForce(lease)}`,
        ]),
  ];
}

/** Takes away what a publication that was cut off has already added: rows of current state need no such thing. */
export function unpublishRows(table: TableName, txn: string, lease: string): Sql {
  return sql`/* publish anew */ DELETE FROM ${nameOfTable(table)} WHERE ${inForce(lease)} AND _txn = ${trustedSql(txn)}`;
}

/** True while no newer writer than the statement's own has taken the lease; decided where the statement is sent, once. */
export function inForce(lease: string): Sql {
  return sql`(SELECT max(term) = ${termOfStatement} FROM ops.terms WHERE lease = ${lease})`;
}

export function names(columns: readonly string[]): Sql {
  return join(columns.map((column) => name(column)));
}

function tuple(columns: readonly string[]): Sql {
  return sql`(${names(columns)})`;
}
