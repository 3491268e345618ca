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
  // A delete or update is done when its statement returns, on all replicas.
  mutations_sync: "2",
  lightweight_deletes_sync: "2",
  alter_sync: "2",
  // Replicas agree on what a mutation's subquery said: it runs once, where it was asked.
  mutations_execute_subqueries_on_initiator: 1,
  // The insert of a moment ago is seen, also on another replica.
  insert_quorum: "auto",
  select_sequential_consistency: "1",
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
export const parquetSettings = {
  output_format_parquet_compression_method: "zstd",
  output_format_parquet_row_group_size: 122_880,
  output_format_parquet_write_bloom_filter: 0,
  output_format_parquet_write_page_index: 0,
};
