import type { Dialect } from "../../../src/warehouse/dialect.js";
import { type Sql, sql } from "../../../src/warehouse/sql.js";
import type { Row } from "../../../src/warehouse/warehouse.js";

/** Queries over the table `growth.conformance_rows` (`n`, `k`, `v` text, `x` number, `at`), and what they answer everywhere. */
export interface QueryCase {
  readonly what: string;
  readonly query: (dialect: Dialect) => Sql;
  readonly rows: readonly Row[];
}

/** n, k, v, x, at (seconds after 1970). */
export const queryRows: readonly (readonly [number, string, string | null, number | null, number])[] = [
  [1, "a", "b", 1, 30],
  [2, "a", "a", 2, 20],
  [3, "a", null, 10, 10],
  [4, "a", "b", null, 40],
  [5, "b", null, null, 50],
  [6, "c", "é", -1, 60],
];

const rows = sql`growth.conformance_rows`;

export const queryCases: readonly QueryCase[] = [
  {
    what: "aggregates of nothing",
    query: () => sql`SELECT count(*) AS n, sum(x) AS s, min(v) AS a, max(moment) AS b, avg(x) AS m FROM ${rows} WHERE n > 99`,
    rows: [{ n: 0, s: null, a: null, b: null, m: null }],
  },
  {
    what: "aggregates of nulls alone",
    query: () => sql`SELECT count(x) AS n, sum(x) AS s, min(v) AS a FROM ${rows} WHERE k = 'b'`,
    rows: [{ n: 0, s: null, a: null }],
  },
  {
    what: "filtered aggregates",
    query: ({ filtered }) =>
      sql`SELECT ${filtered(sql`count(*)`, sql`x > 1`)} AS n, ${filtered(sql`sum(x)`, sql`x > 1`)} AS s, ${filtered(sql`min(v)`, sql`x > 100`)} AS a, ${filtered(sql`count(*)`, sql`v = 'b'`)} AS b FROM ${rows}`,
    rows: [{ n: 2, s: 12, a: null, b: 2 }],
  },
  { what: "distinct counts", query: () => sql`SELECT count(DISTINCT v) AS n FROM ${rows}`, rows: [{ n: 3 }] },
  {
    what: "value at the largest",
    query: ({ argMax, argMin }) =>
      sql`SELECT k, ${argMax(sql`v`, sql`moment`)} AS newest, ${argMin(sql`v`, sql`moment`)} AS oldest FROM ${rows} GROUP BY k ORDER BY k`,
    rows: [
      { k: "a", newest: "b", oldest: "a" },
      { k: "b", newest: null, oldest: null },
      { k: "c", newest: "é", oldest: "é" },
    ],
  },
  {
    what: "value at the largest: a null place does not count",
    query: ({ argMax }) => sql`SELECT ${argMax(sql`v`, sql`x`)} AS v FROM ${rows} WHERE k = 'a'`,
    rows: [{ v: "a" }],
  },
  {
    what: "quantiles",
    query: ({ quantile }) =>
      sql`SELECT ${quantile(sql`x`, 0.5)} AS half, ${quantile(sql`x`, 0.25)} AS quarter, ${quantile(sql`x`, 0)} AS least, ${quantile(sql`x`, 1)} AS most FROM ${rows} WHERE k = 'a'`,
    rows: [{ half: 2, quarter: 1.5, least: 1, most: 10 }],
  },
  {
    what: "bits that some row has, and none",
    query: ({ bitOr, bit, cast }) =>
      sql`SELECT ${bitOr(bit(cast(sql`x`, "integer")))} AS some, ${bitOr(sql`CASE WHEN k = 'z' THEN ${bit(sql`1`)} END`)} AS none FROM ${rows} WHERE k = 'a'`,
    rows: [{ some: 1030, none: null }],
  },
  {
    what: "quantile of nothing",
    query: ({ quantile }) => sql`SELECT ${quantile(sql`x`, 0.5)} AS half FROM ${rows} WHERE k = 'b'`,
    rows: [{ half: null }],
  },
  {
    what: "lists of distinct texts",
    query: ({ uniqueList }) => sql`SELECT k, ${uniqueList(sql`v`, 10)} AS l FROM ${rows} GROUP BY k ORDER BY k`,
    rows: [
      { k: "a", l: ["a", "b"] },
      { k: "b", l: null },
      { k: "c", l: ["é"] },
    ],
  },
  {
    what: "lists are capped",
    query: ({ uniqueList }) => sql`SELECT ${uniqueList(sql`v`, 2)} AS l FROM ${rows}`,
    rows: [{ l: ["a", "b"] }],
  },
  { what: "nulls come last", query: () => sql`SELECT n FROM ${rows} ORDER BY x, n`, rows: [6, 1, 2, 3, 4, 5].map((n) => ({ n })) },
  {
    what: "nulls come last, downwards too",
    query: () => sql`SELECT n FROM ${rows} ORDER BY x DESC, n`,
    rows: [3, 2, 1, 6, 4, 5].map((n) => ({ n })),
  },
  {
    what: "an outer join's missing side is null",
    query: () =>
      sql`SELECT a.n, b.n AS other, b.k FROM ${rows} AS a LEFT JOIN (SELECT * FROM ${rows} WHERE n > 5) AS b ON b.n = a.n WHERE a.n > 4 ORDER BY a.n`,
    rows: [
      { n: 5, other: null, k: null },
      { n: 6, other: 6, k: "c" },
    ],
  },
  {
    what: "full outer join",
    query: () =>
      sql`SELECT coalesce(a.n, b.n) AS n, a.n IS NULL AS no_left, b.n IS NULL AS no_right FROM (SELECT n FROM ${rows} WHERE n < 3) AS a FULL OUTER JOIN (SELECT n FROM ${rows} WHERE n BETWEEN 2 AND 3) AS b ON a.n = b.n ORDER BY 1`,
    rows: [
      { n: 1, no_left: false, no_right: true },
      { n: 2, no_left: false, no_right: false },
      { n: 3, no_left: true, no_right: false },
    ],
  },
  { what: "nulls do not join", query: () => sql`SELECT count(*) AS n FROM ${rows} AS a JOIN ${rows} AS b ON a.v = b.v`, rows: [{ n: 6 }] },
  {
    what: "a row for which there is none",
    query: () => sql`SELECT n FROM ${rows} AS a WHERE NOT EXISTS (SELECT 1 FROM ${rows} AS b WHERE b.v = a.v AND b.n > a.n) ORDER BY n`,
    rows: [2, 3, 4, 5, 6].map((n) => ({ n })),
  },
  {
    what: "pairs in a list of pairs",
    query: () => sql`SELECT n FROM ${rows} WHERE (k, v) IN (SELECT (k, v) FROM ${rows} WHERE n IN (1, 6)) ORDER BY n`,
    rows: [{ n: 1 }, { n: 4 }, { n: 6 }],
  },
  {
    what: "union drops what is twice",
    query: () => sql`SELECT k FROM ${rows} UNION SELECT k FROM ${rows} ORDER BY k`,
    rows: [{ k: "a" }, { k: "b" }, { k: "c" }],
  },
  {
    what: "row numbers",
    query: () =>
      sql`SELECT n FROM (SELECT n, row_number() OVER (PARTITION BY k ORDER BY moment) AS place FROM ${rows}) AS r WHERE place = 1 ORDER BY n`,
    rows: [{ n: 3 }, { n: 5 }, { n: 6 }],
  },
  {
    what: "the rows before and after",
    query: (dialect) =>
      sql`SELECT n, ${dialect.nextOf(sql`n`, sql`PARTITION BY k ORDER BY n`)} AS next, ${dialect.previousOf(sql`v`, sql`PARTITION BY k ORDER BY n`)} AS previous FROM ${rows} WHERE n < 4 ORDER BY n`,
    rows: [
      { n: 1, next: 2, previous: null },
      { n: 2, next: 3, previous: "b" },
      { n: 3, next: null, previous: "a" },
    ],
  },
  {
    what: "an alias like a column's name",
    query: () => sql`SELECT k, max(n) AS n FROM ${rows} WHERE n < 5 GROUP BY k`,
    rows: [{ k: "a", n: 4 }],
  },
  {
    what: "least and greatest leave nulls out",
    query: () => sql`SELECT least(x, 5) AS a, greatest(x, 5) AS b FROM ${rows} WHERE n IN (3, 4) ORDER BY n`,
    rows: [
      { a: 5, b: 10 },
      { a: 5, b: 5 },
    ],
  },
  {
    what: "rows of a list",
    query: (dialect) =>
      sql`SELECT b.n, i.value AS item FROM ${dialect.unnest(sql`(SELECT n, ${dialect.cast(sql`'{"p":1,"q":2}'`, "json")} AS j FROM ${rows} WHERE n < 3) AS b`, dialect.listHead(dialect.jsonKeys(sql`b.j`), 5), "i")} ORDER BY b.n, item`,
    rows: [
      { n: 1, item: "p" },
      { n: 1, item: "q" },
      { n: 2, item: "p" },
      { n: 2, item: "q" },
    ],
  },
  {
    what: "positions: last and first value",
    query: (dialect) => {
      const at = dialect.position(sql`moment`, sql`moment`, sql`k`, sql`v`);
      return sql`SELECT ${dialect.positionValue(sql`max(${at})`)} AS last, ${dialect.positionValue(sql`min(${at})`)} AS first, ${dialect.positionTimestamp(sql`max(${at})`)} AS at, ${dialect.positionMessageId(sql`max(${at})`)} AS id FROM ${rows} WHERE v IS NOT NULL`;
    },
    rows: [{ last: "é", first: "a", at: "1970-01-01T00:01:00.000000Z", id: "c" }],
  },
  {
    what: "positions: ties go by the next part",
    query: (dialect) => {
      const zero = dialect.timestamp(-2_000_000_000_000_000);
      const at = dialect.position(zero, zero, sql`k || v`, sql`v`);
      return sql`SELECT ${dialect.positionMessageId(sql`max(${at})`)} AS last, ${dialect.positionMessageId(sql`min(${at})`)} AS first, ${dialect.positionTimestamp(sql`max(${at})`)} AS at FROM ${rows} WHERE v IS NOT NULL`;
    },
    rows: [{ last: "cé", first: "aa", at: "1906-08-16T20:26:40.000000Z" }],
  },
  {
    what: "positions: a shorter id comes first",
    query: (dialect) => {
      const zero = dialect.timestamp(0);
      return sql`SELECT ${dialect.position(zero, zero, sql`'a'`, sql`'z'`)} < ${dialect.position(zero, zero, sql`'ab'`, sql`'a'`)} AS shorter, ${dialect.position(zero, zero, sql`'a'`, sql`'b'`)} < ${dialect.position(zero, zero, sql`'a'`, sql`'c'`)} AS smaller`;
    },
    rows: [{ shorter: true, smaller: true }],
  },
  {
    what: "positions without a value",
    query: (dialect) => {
      const at = dialect.position(sql`moment`, sql`moment`, sql`k`, dialect.cast(sql`NULL`, "text"));
      return sql`SELECT ${dialect.positionValue(sql`min(${at})`)} AS v, ${dialect.positionMessageId(sql`min(${at})`)} AS id FROM ${rows}`;
    },
    rows: [{ v: null, id: "a" }],
  },
  {
    what: "fingerprints tell nulls and places apart",
    query: ({ fingerprint }) => sql`SELECT count(DISTINCT f) AS n FROM (SELECT ${fingerprint([sql`v`, sql`x`])} AS f FROM ${rows})  AS q`,
    rows: [{ n: 6 }],
  },
  {
    what: "fingerprints do not depend on the row",
    query: ({ fingerprint }) =>
      sql`SELECT count(DISTINCT ${fingerprint([sql`k`])}) AS n, min(${fingerprint([sql`k`])}) >= 0 AS positive FROM ${rows}`,
    rows: [{ n: 3, positive: true }],
  },
  {
    what: "numbers of the program stay numbers",
    query: () =>
      sql`SELECT ${1} AS one, ${0} AS none, ${255} AS small, ${-5} AS less, ${2 ** 40} AS big, ${1.5} AS half, ${true} AS yes, ${null} AS nothing`,
    rows: [{ one: 1, none: 0, small: 255, less: -5, big: 2 ** 40, half: 1.5, yes: true, nothing: null }],
  },
  {
    what: "hostile names",
    query: () =>
      sql`SELECT ${{ parts: [{ name: "a\"b\\c'd`; --" }] }} AS x FROM (SELECT 1 + ${1} AS ${{ parts: [{ name: "a\"b\\c'd`; --" }] }}) AS t`,
    rows: [{ x: 2 }],
  },
  { what: "zero bytes are dropped", query: () => sql`SELECT ${"a\0b"} AS x`, rows: [{ x: "ab" }] },
];
