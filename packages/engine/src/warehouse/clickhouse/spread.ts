import { type Sql, name, sql } from "../sql.js";
import { type Layout, isSharded, localOf, replaceableEngineOf } from "./layout.js";
import { type TableName, nameOfTable } from "./stored-table.js";
import { type Piece, putTogether, takeApart } from "./tables-named.js";

/**
 * A statement for one server as the statements that have the same effect on all nodes of a cluster, in order. What makes,
 * changes or drops a database, table or view says ON CLUSTER; columns and rows of a replicated table change once, and its
 * replicas tell each other; those of a sharded one change in each shard. Temporary tables stay on the node that the
 * session talks to. All of it may be repeated after a failure halfway.
 */
export function spread(layout: Layout, statement: Sql): Sql[] {
  const { cluster } = layout;
  if (cluster === undefined) return [statement];
  const onCluster = sql` ON CLUSTER ${name(cluster)}`;
  const { verb, pieces, target: index } = takeApart(statement);
  if (index === undefined) return [databaseOnCluster(statement, onCluster)];
  const target = (pieces[index] as { named: TableName }).named;
  const [before, after] = [whole(pieces.slice(0, index)), pieces.slice(index + 1)];
  const on = (table: TableName) => sql`${before}${nameOfTable(table)}${onCluster}${whole(after)}`;
  switch (verb) {
    case "create":
      return queryOf(after) === undefined ? [on(target)] : replaceTable(layout, target, queryOf(after) as Sql, onCluster);
    case "drop":
      return [on(target)];
    case "alter":
      return isSharded(layout, target) ? inOrder(after, on(localOf(target)), on(target)) : [statement];
    case "delete":
    case "truncate":
      return [isSharded(layout, target) ? on(localOf(target)) : statement];
    default:
      return [statement];
  }
}

/** A column that a Distributed table has and a shard has not is an error to whoever reads it. Rows change in shards only. */
function inOrder(after: readonly Piece[], local: Sql, distributed: Sql): Sql[] {
  const [first] = after;
  const what = first !== undefined && "text" in first ? first.text : "";
  if (/^\s*ADD COLUMN\s/i.test(what)) return [local, distributed];
  if (/^\s*DROP COLUMN\s/i.test(what)) return [distributed, local];
  return [local];
}

/** How a table with a query's rows takes the place of another (`createTableAs` of the dialect). */
export const filledTable = " ENGINE = MergeTree ORDER BY tuple() AS ";

function queryOf([first, ...rest]: readonly Piece[]): Sql | undefined {
  return first !== undefined && "text" in first && first.text.startsWith(filledTable)
    ? whole([{ text: first.text.slice(filledTable.length) }, ...rest])
    : undefined;
}

/**
 * CREATE … AS SELECT would run the query on every node, and add each node's rows. The table is made beside the old one,
 * filled once, and both change places.
 */
function replaceTable(layout: Layout, table: TableName, query: Sql, onCluster: Sql): Sql[] {
  const [own, other] = [table, { ...table, table: `${table.table}~new` }];
  const engine = sql`ENGINE = ${replaceableEngineOf(layout, table)} ORDER BY tuple() EMPTY AS ${query}`;
  return [
    sql`CREATE OR REPLACE TABLE ${nameOfTable(other)}${onCluster} ${engine}`,
    sql`INSERT INTO ${nameOfTable(other)} ${query}`,
    sql`CREATE TABLE IF NOT EXISTS ${nameOfTable(own)}${onCluster} ${engine}`,
    sql`EXCHANGE TABLES ${nameOfTable(own)} AND ${nameOfTable(other)}${onCluster}`,
    sql`DROP TABLE IF EXISTS ${nameOfTable(other)}${onCluster} SYNC`,
  ];
}

/** `CREATE DATABASE` and `DROP DATABASE` of the warehouse's own; databases of sessions stay on their node. */
function databaseOnCluster(statement: Sql, onCluster: Sql): Sql {
  const at = statement.parts.findIndex((part) => "schema" in part);
  const before = statement.parts.slice(0, at).map((part) => ("text" in part ? part.text : ""));
  if (at < 0 || !/(?:CREATE|DROP) DATABASE IF (?:NOT )?EXISTS $/.test(before.join(""))) return statement;
  return { parts: [...statement.parts.slice(0, at + 1), ...onCluster.parts, ...statement.parts.slice(at + 1)] };
}

function whole(pieces: readonly Piece[]): Sql {
  return putTogether(pieces, () => undefined);
}
