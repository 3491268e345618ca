import { type Sql, join, name, sql, trustedSql } from "../sql.js";
import { type TableSpec, columnNames, nameOf } from "../table.js";
import { type Layout, distributedEngineOf, engineOf, isSharded, localOf, shardEngineOf } from "./layout.js";
import { numberOfStatement, txnOfStatement } from "./statement-number.js";
import { nameOfTable } from "./stored-table.js";
import { columnTypeOf } from "./types.js";

/**
 * Tables and how their rows change. Rows that are only added stand in a MergeTree. Current state stands in a
 * ReplacingMergeTree: a change adds the row's new version, a removal adds a version that is gone, and reads see the newest
 * of each key (`final` in `settings.ts`). The version is the statement's number, so a row that an older writer adds late
 * never covers a younger one (see `statement-number.ts`). Rows that were only added know the transaction they came with.
 */

const versionColumns = [
  sql`_gone UInt8 EPHEMERAL 0`,
  sql`_version UInt64 MATERIALIZED ${numberOfStatement}`,
  sql`_deleted UInt8 MATERIALIZED _gone`,
];
const txnColumn = sql`_txn UInt64 MATERIALIZED ${txnOfStatement}`;

/** Columns that no `SELECT *` shows, of current state, of rows that are only added, and of both while they are staged. */
export const hiddenColumns = { state: versionColumns, added: [txnColumn], staged: [...versionColumns, txnColumn] };

/**
 * What nothing could be computed from again: an insert is on the disk when it is answered, as it is on the other engine,
 * and only then do collectors forget a segment.
 */
const durableSchemas = ["raw", "ops"];
const durable = sql` SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;

export function createTable(layout: Layout, spec: TableSpec): Sql[] {
  const columns = Object.entries(spec.columns).map(([column, type]) => sql`${name(column)} ${trustedSql(columnTypeOf(type))}`);
  const isState = spec.appended !== true;
  const hidden = isState ? hiddenColumns.state : hiddenColumns.added;
  const order = join((isState ? spec.key : (spec.order ?? spec.key)).map((column) => name(column)));
  const database = sql`CREATE DATABASE IF NOT EXISTS ${schemaOf(spec)}`;
  if (isSharded(layout, spec)) {
    const local = localOf(spec);
    return [
      database,
      sql`CREATE TABLE IF NOT EXISTS ${nameOfTable(local)} (${join([...columns, ...hidden])})
ENGINE = ${shardEngineOf(layout, local)} ORDER BY (${order})${durable} COMMENT ${`what one shard has of: ${spec.purpose}`}`,
      sql`CREATE TABLE IF NOT EXISTS ${nameOf(spec)} (${join(columns)})
ENGINE = ${distributedEngineOf(layout, local, spec.sharded ?? "")} COMMENT ${spec.purpose}`,
    ];
  }
  const engine = isState
    ? engineOf(layout, spec, sql`ReplacingMergeTree`, [sql`_version`, sql`_deleted`])
    : engineOf(layout, spec, sql`MergeTree`);
  return [
    database,
    sql`CREATE TABLE IF NOT EXISTS ${nameOf(spec)} (${join([...columns, ...hidden])})
ENGINE = ${engine} ORDER BY (${order})${durableSchemas.includes(spec.schema) ? durable : sql``} COMMENT ${spec.purpose}`,
  ];
}

function schemaOf(spec: TableSpec): Sql {
  return { parts: nameOf(spec).parts.slice(0, 1) };
}

export function upsert(spec: TableSpec, source: Sql, columns: readonly string[] = columnNames(spec)): Sql[] {
  const names = join(columns.map((column) => name(column)));
  if (columnNames(spec).every((column) => columns.includes(column))) {
    return [sql`INSERT INTO ${nameOf(spec)} (${names}) SELECT ${names} FROM (${source}) AS s`];
  }
  const on = join(
    spec.key.map((column) => sql`t.${name(column)} = s.${name(column)}`),
    " AND ",
  );
  const replaced = join(columns.map((column) => sql`s.${name(column)} AS ${name(column)}`));
  return [sql`INSERT INTO ${nameOf(spec)} SELECT t.* REPLACE (${replaced}) FROM ${nameOf(spec)} AS t RIGHT JOIN (${source}) AS s ON ${on}`];
}

export function deleteWhere(spec: TableSpec, condition: Sql): Sql {
  if (spec.appended === true)
    return isAll(condition) ? sql`TRUNCATE TABLE ${nameOf(spec)}` : sql`DELETE FROM ${nameOf(spec)} WHERE ${condition}`;
  const key = join(spec.key.map((column) => name(column)));
  return sql`INSERT INTO ${nameOf(spec)} (${key}, _gone) SELECT ${key}, 1 FROM ${nameOf(spec)} WHERE ${condition}`;
}

function isAll({ parts }: Sql): boolean {
  return parts.every((part) => "text" in part && /^\s*TRUE\s*$/i.test(part.text));
}

export function updateWhere(spec: TableSpec, values: Readonly<Record<string, Sql>>, condition: Sql): Sql {
  const set = join(Object.entries(values).map(([column, value]) => sql`${name(column)} = ${value}`));
  if (spec.appended === true) return sql`ALTER TABLE ${nameOf(spec)} UPDATE ${set} WHERE ${condition}`;
  const replaced = join(Object.entries(values).map(([column, value]) => sql`${value} AS ${name(column)}`));
  return sql`INSERT INTO ${nameOf(spec)} SELECT t.* REPLACE (${replaced}) FROM (SELECT * FROM ${nameOf(spec)} WHERE ${condition}) AS t`;
}
