import type { Sql } from "../../../src/warehouse/sql.js";
import type { Dialect } from "../../../src/warehouse/dialect.js";
import type { ValueCases } from "./values.js";

/** The text by which values of different engines are compared: literally the same on each, so checksums are. */

const canonical = (type: string) => (dialect: Dialect, value: Sql) => dialect.canonicalText(value, type);

export const canonicalCases: readonly ValueCases[] = [
  {
    what: "canonical text of text",
    input: "text",
    of: canonical("text"),
    cases: [
      [null, null],
      ["", ""],
      ["é'\\ \n", "é'\\ \n"],
    ],
  },
  {
    what: "canonical text of JSON",
    input: "json",
    of: canonical("json"),
    cases: [
      [null, null],
      ['{"a": [1,"é"]}', '{"a": [1,"é"]}'],
    ],
  },
  {
    what: "canonical text of whole numbers",
    input: "integer",
    of: canonical("integer"),
    cases: [
      [null, null],
      [0, "0"],
      ["9223372036854775807", "9223372036854775807"],
      ["-9223372036854775808", "-9223372036854775808"],
    ],
  },
  {
    what: "canonical text of decimals: of whole ones that of whole numbers",
    input: "decimal",
    of: canonical("decimal"),
    cases: [
      [null, null],
      [0, "0"],
      [100, "100"],
      [1.5, "1.5"],
      [-0.0001, "-0.0001"],
      ["99999999999999.9999", "99999999999999.9999"],
    ],
  },
  {
    what: "canonical text of doubles",
    input: "double",
    of: canonical("double"),
    cases: [
      [null, null],
      [0, "0.0000000000000000e+00"],
      [0.1, "1.0000000000000001e-01"],
      [-1.5, "-1.5000000000000000e+00"],
      [1e300, "1.0000000000000001e+300"],
      [5e-324, "4.9406564584124654e-324"],
      [1.7976931348623157e308, "1.7976931348623157e+308"],
    ],
  },
  {
    what: "canonical text of doubles that are no number, or have no end",
    input: "text",
    of: (dialect, value) => dialect.canonicalText(dialect.tryCast(value, "double"), "double"),
    cases: [
      ["nan", "nan"],
      ["inf", "inf"],
      ["-inf", "-inf"],
      ["-0.0", "-0.0000000000000000e+00"],
    ],
  },
  {
    what: "canonical text of truth",
    input: "boolean",
    of: canonical("boolean"),
    cases: [
      [null, null],
      [true, "true"],
      [false, "false"],
    ],
  },
  {
    what: "canonical text of a comparison",
    input: "integer",
    of: (dialect, value) => dialect.canonicalText({ parts: [{ text: "(" }, ...value.parts, { text: " > 1)" }] }, "boolean"),
    cases: [
      [null, null],
      [1, "false"],
      [2, "true"],
    ],
  },
  {
    what: "canonical text of instants",
    input: "timestamp",
    of: canonical("timestamp"),
    cases: [
      [null, null],
      ["1970-01-01T00:00:00.000000Z", "0"],
      ["1969-12-31T23:59:59.999999Z", "-1"],
      ["1900-01-01T00:00:00.000000Z", "-2208988800000000"],
      ["2199-12-31T23:59:59.999999Z", "7258118399999999"],
    ],
  },
  {
    what: "canonical text of days",
    input: "date",
    of: canonical("date"),
    cases: [
      [null, null],
      ["1970-01-01", "0"],
      ["1905-12-31", "-23377"],
      ["2199-12-31", "84005"],
    ],
  },
  {
    what: "canonical text of lists",
    input: "text[]",
    of: canonical("text[]"),
    cases: [
      [null, null],
      [[], ""],
      [["a", "é", ""], "1:a2:é0:"],
    ],
  },
  {
    what: "days by number, and back",
    input: "integer",
    of: (dialect, value) => dialect.dayNumber(dialect.dayOfNumber(value)),
    cases: [
      [null, null],
      [0, 0],
      [-719161, -719161],
      [2932895, 2932895],
      [2147483647, 2147483647],
      [-2147483647, -2147483647],
    ],
  },
  {
    what: "a day of its number",
    input: "integer",
    of: (dialect, value) => dialect.dayOfNumber(value),
    cases: [
      [null, null],
      [-25567, "1900-01-01"],
      [19782, "2024-02-29"],
    ],
  },
  {
    what: "a list of its JSON",
    input: "text",
    of: (dialect, value) => dialect.listOfJson(value),
    cases: [
      [null, null],
      ["[]", []],
      ['["a","é\\"\\\\",""]', ["a", 'é"\\', ""]],
    ],
  },
  {
    what: "a list as JSON is that list again",
    input: "text[]",
    of: (dialect, value) => dialect.listOfJson(dialect.cast(dialect.toJson(value), "text")),
    cases: [
      [null, null],
      [[], []],
      [
        ["a", "é\u0001\n", "", "]"],
        ["a", "é\u0001\n", "", "]"],
      ],
    ],
  },
  {
    what: "bytes of text",
    input: "text",
    of: (dialect, value) => dialect.byteLength(value),
    cases: [
      [null, null],
      ["", 0],
      ["é😀", 6],
    ],
  },
  {
    what: "whole quotients",
    input: "integer",
    of: (dialect, value) => dialect.wholeQuotient(value, { parts: [{ value: 7 }] }),
    cases: [
      [null, null],
      [13, 1],
      ["9223372036854775807", "1317624576693539401"],
    ],
  },
];
