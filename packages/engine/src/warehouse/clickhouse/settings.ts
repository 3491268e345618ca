import type { ClickHouseSettings } from "@clickhouse/client";

/**
 * What makes ClickHouse's SQL mean what the standard and our other engine mean, sent with every statement. Each says why.
 */
export const sessionSettings: ClickHouseSettings = {
  // An outer join's missing side is null, not 0 or ''.
  join_use_nulls: 1,
  // sum, min, max … of nothing are null; count stays 0.
  aggregate_functions_null_for_empty: 1,
  // CAST(NULL AS String) is null of that type; without, it is an error.
  cast_keep_nullable: 1,
  // UNION alone means UNION DISTINCT.
  union_default_mode: "DISTINCT",
  // `SELECT max(x) AS x … WHERE x > 1` filters the column, not the aggregate.
  prefer_column_name_to_alias: 1,
  // A null for a column that allows none is an error, never a silent default.
  insert_null_as_default: 0,
  input_format_null_as_default: 0,
  // Tables of current state show each key once, at its newest, removed keys not at all.
  final: 1,
  // A delete or update is done when its statement returns.
  mutations_sync: "1",
  lightweight_deletes_sync: "1",
  // What a mutation's subquery said counts: it runs once, where it was asked.
  mutations_execute_subqueries_on_initiator: 1,
  // Instants before 1970 and after 2106 keep their type in toStartOfHour and its like.
  enable_extended_results_for_datetime_functions: 1,
  // ISO text as JavaScript writes it (T, Z, any number of decimals).
  date_time_input_format: "best_effort",
  date_time_output_format: "simple",
  session_timezone: "UTC",
  // NOT EXISTS with a column of the outer query.
  enable_analyzer: 1,
  allow_experimental_correlated_subqueries: 1,
  // Joins stand in the order that they are meant in: the planner's own once began with a cross join of 330 million rows.
  query_plan_optimize_join_order_limit: "0",
  // Statements that list thousands of ids, or define hundreds of traits.
  max_query_size: "67108864",
  max_ast_elements: "1000000",
  max_expanded_ast_elements: "5000000",
  max_ast_depth: "10000",
  max_parser_depth: "10000",
  // 64-bit whole numbers and decimals leave as text: JSON numbers would round them.
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  output_format_json_quote_denormals: 1,
  output_format_json_named_tuples_as_objects: 1,
  // JSON text is stored and compared as such.
  output_format_json_escape_forward_slashes: 0,
  output_format_decimal_trailing_zeros: 1,
};

/** Of files that carry rows elsewhere: read once, soon, row groups side by side. */
export const parquetSettings: ClickHouseSettings = {
  output_format_parquet_compression_method: "zstd",
  output_format_parquet_row_group_size: "122880",
  output_format_parquet_write_bloom_filter: 0,
  output_format_parquet_write_page_index: 0,
};

/** On a cluster (docs/decisions/020): who talks to one node sees there what it wrote, and what it wrote outlives a node. */
export const clusterSettings: ClickHouseSettings = {
  // What is answered stands on most nodes. Several such inserts into one table may be under way.
  insert_quorum: "auto",
  // Means something where `oneAtATime` is written: there no replica answers before it has all that was acknowledged.
  select_sequential_consistency: "1",
  // Two inserts of the same rows are two: what must come once is told apart by keys and transactions, not by its bytes.
  insert_deduplicate: 0,
  // Rows of a Distributed table are in their shards when the statement returns.
  distributed_foreground_insert: 1,
  // A join of several Distributed tables is made where it was asked; others say GLOBAL (`global-joins.ts`).
  distributed_product_mode: "global",
  // An answer without the rows of a shard would be a wrong one.
  skip_unavailable_shards: 0,
  // A node that is away is named after a minute, and the statement fails: what it makes must stand on all.
  distributed_ddl_task_timeout: "60",
  distributed_ddl_output_mode: "throw",
};

/** Into a table that tells who may write: inserts come one after the other, and reads wait for no replica that lacks one. */
export const oneAtATime: ClickHouseSettings = { insert_quorum_parallel: 0 };

/**
 * For raw rows. Another process, or another node, takes up what a row elsewhere (a load, an arrival) says is there: what is
 * written or changed is on each of its replicas before that is said.
 */
export function onAllReplicas(replicas: number): ClickHouseSettings {
  return { insert_quorum: String(replicas), mutations_sync: "2", lightweight_deletes_sync: "2", alter_sync: "2" };
}

/** For what is tried on every node that answers, and needs no other: a node that is away for so long is left out. */
export const whereverItAnswers: ClickHouseSettings = {
  distributed_ddl_task_timeout: "5",
  distributed_ddl_output_mode: "null_status_on_timeout",
};
