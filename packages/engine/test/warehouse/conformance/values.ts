import type { Dialect } from "../../../src/warehouse/dialect.js";
import { type Sql, sql } from "../../../src/warehouse/sql.js";
import type { ColumnType } from "../../../src/warehouse/table.js";
import type { Cell } from "../../../src/warehouse/warehouse.js";

/**
 * What each function of a dialect makes of a value: the column of this type goes in, the cell comes out, the same on every
 * engine. Values travel through a table, so that writing and reading them back is part of every case.
 */
export interface ValueCases {
  readonly what: string;
  readonly input: ColumnType;
  readonly of: (dialect: Dialect, value: Sql) => Sql;
  /** What goes in and what comes out; a third item is what another engine answers instead, where that is known and accepted. */
  readonly cases: readonly (readonly [input: Cell, output: Cell, known?: Readonly<Record<string, Cell>>])[];
}

const same = (values: readonly Cell[]): ValueCases["cases"] => values.map((value) => [value, value]);

const hostile = [
  "",
  " ",
  "'",
  '"',
  "\\",
  "\\'",
  "`",
  "a'; DROP TABLE raw.events; --",
  "{x:String} ? $1 :y %s",
  "/* */ -- #",
  "é日本😀\u2028",
  "a\nb\tc\rd",
  "\u0001\u001f\u007f",
  "x".repeat(100_000),
];

const identity = (_: Dialect, value: Sql) => value;

export const valueCases: readonly ValueCases[] = [
  { what: "text is kept", input: "text", of: identity, cases: same([null, ...hostile]) },
  {
    what: "whole numbers are kept",
    input: "integer",
    of: identity,
    cases: same([null, 0, -1, 255, 256, Number.MAX_SAFE_INTEGER, "9223372036854775807", "-9223372036854775808"]),
  },
  { what: "doubles are kept", input: "double", of: identity, cases: same([null, 0, -1.5, 0.1, 1e300, 5e-324, 1.7976931348623157e308]) },
  {
    what: "decimals are kept",
    input: "decimal",
    of: identity,
    cases: [
      ...same([null, 0, 1.5, -0.0001, 99999999999.1234]),
      ["99999999999999.9999", "99999999999999.9999"],
      ["-99999999999999.9999", "-99999999999999.9999"],
    ],
  },
  { what: "truth is kept", input: "boolean", of: identity, cases: same([null, true, false]) },
  {
    what: "instants are kept",
    input: "timestamp",
    of: identity,
    cases: same([
      null,
      "1900-01-01T00:00:00.000000Z",
      "1969-12-31T23:59:59.999999Z",
      "1970-01-01T00:00:00.000000Z",
      "2026-03-29T01:30:00.123456Z",
      "2199-12-31T23:59:59.999999Z",
    ]),
  },
  {
    what: "dates are kept",
    input: "date",
    of: identity,
    cases: same([null, "1900-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "2199-12-31"]),
  },
  {
    what: "JSON is kept as text",
    input: "json",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: same([null, "{}", "[]", '"x"', "5", "true", '{"a":{"b":[1,"é"]}}']),
  },
  { what: "lists are kept", input: "text[]", of: identity, cases: same([null, [], ["a"], ["", "'", "é", "a,b", "]"]]) },

  {
    what: "text as whole number",
    input: "text",
    of: (dialect, value) => dialect.tryCast(value, "integer"),
    cases: [
      [null, null],
      ["7", 7],
      ["-7", -7],
      ["+7", 7],
      [" 7 ", 7],
      ["1.5", 2],
      ["-1.5", -2],
      ["1e3", 1000],
      ["9223372036854775807", "9223372036854775807"],
      ["9223372036854775808", null],
      ["", null],
      ["x", null],
      ["7x", null],
      ["true", null],
      ["1,5", null],
    ],
  },
  {
    what: "text as double",
    input: "text",
    of: (dialect, value) => dialect.tryCast(value, "double"),
    cases: [
      [null, null],
      ["1.5", 1.5],
      [" 1.5 ", 1.5],
      [".5", 0.5],
      ["5.", 5],
      ["-1e-7", -1e-7],
      ["0.1", 0.1],
      ["1e-400", 0],
      ["", null],
      ["abc", null],
      ["1,5", null],
      ["1d", null],
      ["--1", null],
      ["1.2.3", null],
    ],
  },
  {
    what: "text as decimal",
    input: "text",
    of: (dialect, value) => dialect.tryCast(value, "decimal"),
    cases: [
      [null, null],
      ["1.2345", 1.2345],
      ["1.23456", 1.2346],
      ["1.23454", 1.2345],
      ["1.23455", 1.2346],
      ["-1.23455", -1.2346],
      ["1e3", 1000],
      ["1e-5", 0],
      [" 1 ", 1],
      [".5", 0.5],
      ["99999999999999.9999", "99999999999999.9999"],
      ["99999999999999.99999", null],
      ["100000000000000", null],
      ["1e400", null],
      ["inf", null],
      ["nan", null],
      ["", null],
      ["x", null],
    ],
  },
  {
    what: "text as truth",
    input: "text",
    of: (dialect, value) => dialect.tryCast(value, "boolean"),
    cases: [
      [null, null],
      ["true", true],
      ["True", true],
      ["t", true],
      ["1", true],
      ["yes", true],
      ["false", false],
      ["f", false],
      ["0", false],
      ["no", false],
      ["2", null],
      ["on", null],
      ["", null],
    ],
  },
  {
    what: "text as instant: with an offset it is that instant",
    input: "text",
    of: (dialect, value) => dialect.tryCast(value, "timestamp"),
    cases: [
      [null, null],
      ["2026-01-02", "2026-01-02T00:00:00.000000Z"],
      ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"],
      ["2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.123456Z"],
      ["2026-01-02 03:04:05.5", "2026-01-02T03:04:05.500000Z"],
      ["2026-01-02 03:04", "2026-01-02T03:04:00.000000Z"],
      ["2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000000Z"],
      ["2026-01-02T03:04:05.123-05:30", "2026-01-02T08:34:05.123000Z"],
      ["1905-01-02 03:04:05", "1905-01-02T03:04:05.000000Z"],
      ["2026-02-30", null],
      ["2026-13-02", null],
      ["1767322800", null],
      ["20260102", null],
      ["Jan 2 2026", null],
      ["", null],
      ["x", null],
    ],
  },
  {
    what: "text as date",
    input: "text",
    of: (dialect, value) => dialect.tryCast(value, "date"),
    cases: [
      [null, null],
      ["2026-01-02", "2026-01-02"],
      ["2026-1-2", "2026-01-02"],
      ["2026/01/02", "2026-01-02"],
      ["2026-01-02T03:04:05Z", "2026-01-02"],
      ["1905-12-31", "1905-12-31"],
      ["2026-02-30", null],
      ["", null],
      ["x", null],
    ],
  },
  {
    what: "double as decimal",
    input: "double",
    of: (dialect, value) => dialect.tryCast(value, "decimal"),
    cases: [
      [null, null],
      [1.5, 1.5],
      [1.00005, 1.0001],
      [1e30, null],
      [-0.00004, 0],
    ],
  },
  {
    what: "double as whole number",
    input: "double",
    of: (dialect, value) => dialect.cast(value, "integer"),
    cases: [
      [null, null],
      [1.4, 1],
      [1.6, 2],
      [2.5, 2],
      [-1.6, -2],
    ],
  },
  {
    what: "decimal as whole number",
    input: "decimal",
    of: (dialect, value) => dialect.cast(value, "integer"),
    cases: [
      [null, null],
      [1.4, 1],
      [2.5, 3],
      [-2.5, -3],
    ],
  },
  {
    what: "text as decimal, sure",
    input: "text",
    of: (dialect, value) => dialect.cast(value, "decimal"),
    cases: [
      [null, null],
      ["1.23455", 1.2346],
    ],
  },
  {
    what: "double as text",
    input: "double",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: [
      [null, null],
      [1.5, "1.5"],
      [100_000, "100000.0"],
      [0.1, "0.1"],
      [-3, "-3.0"],
    ],
  },
  {
    what: "decimal as text",
    input: "decimal",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: [
      [null, null],
      [1.5, "1.5000"],
      [-3, "-3.0000"],
    ],
  },
  {
    what: "whole number as text",
    input: "integer",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: [
      [null, null],
      [5, "5"],
      ["-9223372036854775808", "-9223372036854775808"],
    ],
  },
  {
    what: "truth as text",
    input: "boolean",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: [
      [null, null],
      [true, "true"],
      [false, "false"],
    ],
  },
  {
    what: "instant as text",
    input: "timestamp",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: [
      [null, null],
      ["2026-01-01T00:00:00.000000Z", "2026-01-01 00:00:00"],
      ["2026-01-01T10:20:30.120000Z", "2026-01-01 10:20:30.12"],
    ],
  },
  {
    what: "date as text",
    input: "date",
    of: (dialect, value) => dialect.cast(value, "text"),
    cases: [
      [null, null],
      ["2026-01-01", "2026-01-01"],
    ],
  },
  {
    what: "id as text",
    input: "integer",
    of: (dialect, value) => dialect.idText(value),
    cases: [
      [null, null],
      ["9223372036854775807", "9223372036854775807"],
    ],
  },

  {
    what: "list length",
    input: "text[]",
    of: (dialect, value) => dialect.listLength(value),
    cases: [
      [null, null],
      [[], 0],
      [["a", "b"], 2],
    ],
  },
  {
    what: "list contains",
    input: "text[]",
    of: (dialect, value) => dialect.listContains(value, sql`'b'`),
    cases: [
      [null, null],
      [[], false],
      [["a"], false],
      [["a", "b"], true],
    ],
  },

  {
    what: "contains",
    input: "text",
    of: (dialect, value) => dialect.contains(value, sql`${"b%"}`),
    cases: [
      [null, null],
      ["ab%c", true],
      ["abc", false],
      ["AB%", false],
      ["", false],
    ],
  },
  {
    what: "starts with",
    input: "text",
    of: (dialect, value) => dialect.startsWith(value, sql`${"é"}`),
    cases: [
      [null, null],
      ["éa", true],
      ["aé", false],
      ["", false],
    ],
  },
  {
    what: "ends with",
    input: "text",
    of: (dialect, value) => dialect.endsWith(value, sql`${"_x"}`),
    cases: [
      [null, null],
      ["a_x", true],
      ["abx", false],
    ],
  },
  {
    what: "lower case",
    input: "text",
    of: (dialect, value) => dialect.lower(value),
    cases: [
      [null, null],
      ["ÀÉ Ж", "àé ж"],
      ["ZOË@EXAMPLE.COM", "zoë@example.com"],
    ],
  },
  {
    what: "length in characters",
    input: "text",
    of: (dialect, value) => dialect.textLength(value),
    cases: [
      [null, null],
      ["", 0],
      ["é😀", 2],
      ["abc", 3],
    ],
  },
  {
    what: "the first characters",
    input: "text",
    of: (dialect, value) => dialect.textHead(value, 2),
    cases: [
      [null, null],
      ["é😀x", "é😀"],
      ["a", "a"],
    ],
  },
  {
    what: "trim",
    input: "text",
    of: (_, value) => sql`trim(${value})`,
    cases: [
      [null, null],
      ["  a b  ", "a b"],
      ["", ""],
    ],
  },
  {
    what: "patterns",
    input: "text",
    of: (dialect, value) => dialect.matches(value, "^(a|\\d+)'?$"),
    cases: [
      [null, null],
      ["a", true],
      ["12", true],
      ["a'", true],
      ["ba", false],
      ["", false],
    ],
  },
  {
    what: "patterns find a part, without case where asked",
    input: "text",
    of: (dialect, value) => dialect.matches(value, "(?i)TEST"),
    cases: [
      ["my test", true],
      ["TEST", true],
      ["tes", false],
    ],
  },

  {
    what: "JSON of text",
    input: "text",
    of: (dialect, value) => dialect.toJson(value),
    cases: [
      [null, null],
      ["a", '"a"'],
      ['"\\/é', '"\\"\\\\/é"'],
      ["", '""'],
    ],
  },
  {
    what: "JSON of whole numbers",
    input: "integer",
    of: (dialect, value) => dialect.toJson(value),
    cases: [
      [null, null],
      [5, "5"],
      ["9223372036854775807", "9223372036854775807"],
    ],
  },
  {
    what: "JSON of truth",
    input: "boolean",
    of: (dialect, value) => dialect.toJson(value),
    cases: [
      [null, null],
      [true, "true"],
    ],
  },
  {
    what: "is it JSON",
    input: "text",
    of: (dialect, value) => dialect.jsonValid(value),
    cases: [
      ['{"a":1}', true],
      ["5", true],
      ['"x"', true],
      ["", false],
      ["{", false],
      ["{} x", false],
      ["nope", false],
      ['{"a":"\\ud800"}', false],
    ],
  },

  {
    what: "start of the hour",
    input: "timestamp",
    of: (dialect, value) => dialect.hour(value),
    cases: [
      ["1969-12-31T23:59:59.999999Z", "1969-12-31T23:00:00.000000Z"],
      ["1969-12-31T23:00:00.000000Z", "1969-12-31T23:00:00.000000Z"],
      [null, null],
      ["2026-03-29T01:59:59.999999Z", "2026-03-29T01:00:00.000000Z"],
      ["1905-01-01T00:30:00.000000Z", "1905-01-01T00:00:00.000000Z"],
      ["2150-07-01T23:00:00.000000Z", "2150-07-01T23:00:00.000000Z"],
    ],
  },
  {
    what: "days later",
    input: "date",
    of: (dialect, value) => dialect.addDays(value, 3),
    cases: [
      [null, null],
      ["2026-02-26", "2026-03-01"],
      ["1969-12-30", "1970-01-02"],
    ],
  },
  { what: "days earlier", input: "date", of: (dialect, value) => dialect.addDays(value, -28), cases: [["2026-03-01", "2026-02-01"]] },
  {
    what: "microseconds later",
    input: "timestamp",
    of: (dialect, value) => dialect.addMicros(value, 1),
    cases: [
      [null, null],
      ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z"],
    ],
  },
  {
    what: "days earlier, in microseconds",
    input: "timestamp",
    of: (dialect, value) => dialect.addMicros(value, -90 * 86_400_000_000),
    cases: [["2026-03-29T01:30:00.123456Z", "2025-12-29T01:30:00.123456Z"]],
  },
  {
    what: "days between",
    input: "date",
    of: (dialect, value) => dialect.daysBetween(value, dialect.date("2026-03-01")),
    cases: [
      [null, null],
      ["2026-03-01", 0],
      ["2026-02-27", 2],
      ["2026-03-03", -2],
      ["1900-01-01", 46_080],
    ],
  },
  {
    what: "microseconds between",
    input: "timestamp",
    of: (dialect, value) => dialect.microsBetween(value, dialect.timestamp(0)),
    cases: [
      [null, null],
      ["1970-01-01T00:00:00.000001Z", -1],
      ["1900-01-01T00:00:00.000000Z", 2_208_988_800_000_000],
    ],
  },
  {
    what: "an instant from microseconds",
    input: "integer",
    of: (dialect, value) => dialect.timestampOf(value),
    cases: [
      [null, null],
      [0, "1970-01-01T00:00:00.000000Z"],
      [-1, "1969-12-31T23:59:59.999999Z"],
      [1_774_747_800_123_456, "2026-03-29T01:30:00.123456Z"],
    ],
  },

  {
    what: "differs from a text",
    input: "text",
    of: (dialect, value) => dialect.differs(value, sql`'a'`),
    cases: [
      [null, true],
      ["a", false],
      ["b", true],
      ["A", true],
    ],
  },
  {
    what: "differs from null",
    input: "text",
    of: (dialect, value) => dialect.differs(value, dialect.cast(sql`NULL`, "text")),
    cases: [
      [null, false],
      ["a", true],
      ["", true],
    ],
  },
  {
    what: "not a number is no change",
    input: "double",
    of: (dialect, value) =>
      dialect.differs(dialect.tryCast(sql`'nan'`, "double"), sql`coalesce(${value}, ${dialect.tryCast(sql`'nan'`, "double")})`),
    cases: [
      [null, false],
      [1, true],
    ],
  },
  {
    what: "lists differ",
    input: "text[]",
    of: (dialect, value) => dialect.differs(value, dialect.cast(sql`NULL`, "text[]")),
    cases: [
      [null, false],
      [[], true],
      [["a"], true],
    ],
  },

  {
    what: "the bits of a mask that a number has",
    input: "integer",
    of: (dialect, value) => dialect.bitCount(value, (1n << 62n) + 7n),
    cases: [
      [null, null],
      [0, 0],
      [13, 2],
      ["9223372036854775807", 4],
    ],
  },
  {
    what: "a number with one bit",
    input: "integer",
    of: (dialect, value) => dialect.bit(value),
    cases: [
      [0, 1],
      [5, 32],
      [62, "4611686018427387904"],
    ],
  },

  {
    what: "nothing and something are null",
    input: "text",
    of: (_, value) => sql`${value} || 'x'`,
    cases: [
      [null, null],
      ["a", "ax"],
      ["", "x"],
    ],
  },
  {
    what: "a comparison with null is null",
    input: "integer",
    of: (_, value) => sql`${value} > 1`,
    cases: [
      [null, null],
      [1, false],
      [2, true],
    ],
  },
  {
    what: "NOT of null is null",
    input: "boolean",
    of: (_, value) => sql`NOT ${value}`,
    cases: [
      [null, null],
      [true, false],
      [false, true],
    ],
  },
  {
    what: "null AND false is false",
    input: "boolean",
    of: (_, value) => sql`${value} AND FALSE`,
    cases: [
      [null, false],
      [true, false],
    ],
  },
  {
    what: "null OR true is true",
    input: "boolean",
    of: (_, value) => sql`${value} OR TRUE`,
    cases: [
      [null, true],
      [false, true],
    ],
  },
  {
    what: "division is not whole",
    input: "integer",
    of: (dialect, value) => dialect.cast(sql`${value} / 2`, "double"),
    cases: [
      [null, null],
      [5, 2.5],
      [-5, -2.5],
    ],
  },
  {
    what: "division by nullif",
    input: "integer",
    of: (dialect, value) => dialect.cast(sql`5 / nullif(${value}, 0)`, "double"),
    cases: [
      [null, null],
      [0, null],
      [2, 2.5],
    ],
  },
  {
    what: "the rest of a division",
    input: "integer",
    of: (_, value) => sql`${value} % 3`,
    cases: [
      [null, null],
      [5, 2],
      [-5, -2],
    ],
  },
  {
    what: "one of",
    input: "text",
    of: (_, value) => sql`${value} IN ('a', 'b')`,
    cases: [
      [null, null],
      ["a", true],
      ["c", false],
    ],
  },
];
