import { type Sql, name, sql } from "../../../src/warehouse/sql.js";
import { type ColumnType, nameOf } from "../../../src/warehouse/table.js";
import { hourFacts, traits } from "../../../src/warehouse/tables/growth.js";
import type { Connection } from "../../../src/warehouse/warehouse.js";

/** Values of every type that engines, files or protocols like to lose on the way, in columns of traits and facts. */
const texts = [
  "",
  " ",
  "'",
  '"',
  "\\",
  "\\N",
  "NULL",
  "null",
  "a\nb\tc\rd",
  "\u0001\u001f\u007f",
  "é日本😀\u2028",
  "x".repeat(70_000),
  "-",
  "1:a",
];

export const nastyColumns = {
  n_text: "text",
  n_integer: "integer",
  n_double: "double",
  n_decimal: "decimal",
  n_boolean: "boolean",
  n_timestamp: "timestamp",
  n_date: "date",
  n_json: "json",
  "n_list é'": "text[]",
} as const satisfies Record<string, ColumnType>;

function nastyRows({ dialect }: Connection): Sql[][] {
  const of = (type: ColumnType, text: string | null) =>
    text === null ? dialect.cast(sql`NULL`, type) : dialect.tryCast(sql`${text}`, type);
  const day = (number: number) => dialect.dayOfNumber(dialect.cast(sql`${number}`, "integer"));
  const nul = dialect.jsonText(dialect.cast(sql`${'{"a":"x\\u0000y"}'}`, "json"), ["a"]);
  const list = (json: string | null) => dialect.listOfJson(of("text", json));
  const row = (
    text: Sql,
    integer: string | null,
    double: string | null,
    decimal: string | null,
    moment: Sql,
    date: Sql,
    json: string | null,
    items: string | null,
  ) => [
    text,
    of("integer", integer),
    of("double", double),
    of("decimal", decimal),
    of("boolean", integer === null ? null : integer.startsWith("-") ? "false" : "true"),
    moment,
    date,
    dialect.cast(of("text", json), "json"),
    list(items),
  ];
  const nothing = dialect.cast(sql`NULL`, "timestamp");
  return [
    row(nul, "9223372036854775807", "nan", "99999999999999.9999", dialect.timestamp(-62_135_510_400_000_000), day(-719_161), "null", "[]"),
    row(
      of("text", null),
      "-9223372036854775808",
      "inf",
      "-99999999999999.9999",
      dialect.timestamp(253_402_214_399_999_999),
      day(2_932_895),
      '"x"',
      '[""]',
    ),
    row(of("text", "a"), "0", "-inf", "0.0001", dialect.timestamp(-1), day(-1), "1.0", '["a","a","é\\"\\\\\\n"]'),
    row(of("text", "b"), "-1", "-0.0", "-0.0001", dialect.timestamp(0), day(0), "12345678901234567890123", null),
    row(of("text", "c"), null, "5e-324", null, nothing, of("date", null), null, '["]","[",","]'),
    ...texts.map((text, index) =>
      row(
        of("text", text),
        String(index),
        "0.1",
        "1.5",
        dialect.timestamp(1_000_001),
        day(19_782),
        JSON.stringify({ a: text }),
        JSON.stringify([text]),
      ),
    ),
  ];
}

/** Adds columns and rows to the traits of users, and places of events to their hourly facts. */
export async function addNasty(connection: Connection): Promise<void> {
  const { dialect } = connection;
  for (const [column, type] of Object.entries(nastyColumns)) await connection.run(dialect.addColumn(traits("user"), column, type));
  const columns = Object.keys(nastyColumns).map((column) => name(column));
  for (const [index, values] of nastyRows(connection).entries()) {
    const listed = [...columns.flatMap((column) => [{ text: ", " }, ...column.parts])];
    const given = [...values.flatMap((value) => [{ text: ", " }, ...value.parts])];
    await connection.run(
      sql`INSERT INTO ${nameOf(traits("user"))} (entity_id, updated_at, cycle_id${{ parts: listed }}) SELECT ${index + 1}, ${dialect.timestamp(index)}, 1${{ parts: given }}`,
    );
  }
  await connection.run(dialect.addColumn(hourFacts("user"), "m_place", "position"));
  for (const [index, value] of [null, "", "v", "é\n'"].entries()) {
    const place = dialect.position(
      dialect.timestamp(-7 + index),
      dialect.timestamp(5),
      sql`${`id-${index}-é`}`,
      value === null ? dialect.cast(sql`NULL`, "text") : sql`${value}`,
    );
    await connection.run(
      sql`INSERT INTO ${nameOf(hourFacts("user"))} (subject_id, via, bucket, m_place) SELECT ${index + 1}, 0, ${dialect.timestamp(-3_600_000_000)}, ${place}`,
    );
  }
}
