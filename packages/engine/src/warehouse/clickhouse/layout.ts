import { type Sql, join, name, sql } from "../sql.js";
import { rawTables } from "../tables/raw.js";
import type { TableName } from "./stored-table.js";

/**
 * Where tables stand: on one server, or on every node of a cluster (docs/decisions/020). There a table is replicated to
 * all nodes, so that each answers every join of the loop by itself; what is `sharded` is split over the cluster's shards in
 * local tables, with a Distributed table over them under the table's own name. Statements are written for one server and
 * `spread.ts` has them reach every node; only engines are chosen here.
 */
export interface Layout {
  readonly prefix: string;
  /** As the server's configuration calls it (`remote_servers`); undefined on one server. */
  readonly cluster: string | undefined;
}

const keeperRoot = "/clickhouse/cambium";

/** One replication group for all nodes, each of them a replica; on one server the plain engine. */
export function engineOf({ prefix, cluster }: Layout, { schema, table }: TableName, engine: Sql, args: readonly Sql[] = []): Sql {
  if (cluster === undefined) return called(engine, args);
  return called(sql`Replicated${engine}`, [sql`${`${keeperRoot}/${prefix}${schema}/${table}`}`, sql`'{shard}-{replica}'`, ...args]);
}

/** The same for a table that takes another's place: for a while both stand, so each has a path of its own. */
export function replaceableEngineOf({ prefix }: Layout, { schema, table }: TableName): Sql {
  return called(sql`ReplicatedMergeTree`, [sql`${`${keeperRoot}/${prefix}${schema}/${table}/{uuid}`}`, sql`'{shard}-{replica}'`]);
}

/** A replication group for each shard. */
export function shardEngineOf({ prefix }: Layout, { schema, table }: TableName): Sql {
  return called(sql`ReplicatedMergeTree`, [sql`${`${keeperRoot}/${prefix}${schema}/${table}/{shard}`}`, sql`'{replica}'`]);
}

/** What stands in front of the shards' tables. */
export function distributedEngineOf({ prefix, cluster = "" }: Layout, local: TableName, column: string): Sql {
  return called(sql`Distributed`, [sql`${cluster}`, sql`${`${prefix}${local.schema}`}`, sql`${local.table}`, name(column)]);
}

function called(engine: Sql, args: readonly Sql[]): Sql {
  return args.length === 0 ? engine : sql`${engine}(${join(args)})`;
}

const shardedTables = new Set(rawTables.filter((spec) => "sharded" in spec).map((spec) => `${spec.schema}.${spec.table}`));

/** Its rows are split over shards. */
export function isSharded({ cluster }: Layout, { schema, table }: TableName): boolean {
  return cluster !== undefined && shardedTables.has(`${schema}.${table}`);
}

/** A statement that reads a table which is split over shards. */
export function readsShards({ cluster }: Layout, text: string): boolean {
  return cluster !== undefined && splitTable.test(text);
}

const splitTable = new RegExp(
  [...shardedTables]
    .map((table) => table.replace(".", String.raw`"\s*\.\s*"?`))
    .join("|")
    .concat(String.raw`\b`),
);

/** The shards' own tables in a schema. */
export function localTables(layout: Layout, schema: string): string[] {
  return rawTables.filter((spec) => spec.schema === schema && isSharded(layout, spec)).map((spec) => localOf(spec).table);
}

/** Where a shard keeps its rows of a table. */
export function localOf({ schema, table }: TableName): TableName {
  return { schema, table: `${table}_local` };
}
