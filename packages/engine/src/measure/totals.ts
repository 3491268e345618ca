import { dayText } from "../base/day.js";
import type { Instant } from "../base/instant.js";
import { hiddenOf } from "../project/compile/hidden.js";
import { durationOf } from "../project/kinds/words.js";
import { type Project, traitsOf } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type ColumnType, nameOf } from "../warehouse/table.js";
import { totals } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { overFacts } from "./aggregate-sql.js";
import { factTable } from "./fact-tables.js";
import { type Measure, type ScalarMeasure, columnTypeOf, hiddenCount, isScalar, measuresOfTrait } from "./measures.js";

/**
 * Totals: what the day measures of each subject add up to as of the cycle's day, a column per measure and window. A cycle
 * reads one row per subject instead of one per subject and day, so its cost follows how many there are, not how long ago
 * they came. Like measures, totals are appended and readers aggregate: new facts add rows, merges and memberships need
 * nothing. Windows move for all of them when the day turns: then the table is made anew from the facts.
 */

/** Days of a word: the bits of a positive 64-bit integer. */
const daysPerWord = 63;
/** Windows of days active up to so many words (about a year) are kept as bits; longer ones are read from the facts. */
const wordsMax = 6;

export interface Total {
  readonly column: string;
  readonly type: ColumnType;
  readonly measure: ScalarMeasure;
  /** A partial result over the days of a window (all, without one), or the days with an event, a bit each. */
  readonly kept: { readonly as: "value"; readonly days: number | undefined } | { readonly as: "days"; readonly word: number };
}

/** The column of a measure over a window. */
export function totalColumn(measure: Measure, within: string | undefined): string {
  return `${measure.id}_${within === undefined ? "ever" : `${durationOf(within).length}d`}`;
}

/** The columns with the days of a window, the newest first, each with the bits that count; undefined for longer windows. */
export function dayWords(measure: Measure, within: string | undefined): readonly { column: string; mask: bigint }[] | undefined {
  const days = within === undefined ? Infinity : durationOf(within).length;
  if (days > wordsMax * daysPerWord) return undefined;
  return Array.from({ length: Math.ceil(days / daysPerWord) }, (_, word) => ({
    column: `${measure.id}_days_${word}`,
    mask: (1n << BigInt(Math.min(daysPerWord, days - word * daysPerWord))) - 1n,
  }));
}

/** Every total that a kind's traits and event conditions read, once each. */
export function totalsOf(project: Project, kind: string): Total[] {
  const found = new Map<string, Total>();
  const add = (total: Total) => found.set(total.column, total);
  const addValue = (measure: Measure, within: string | undefined) => {
    if (!isScalar(measure) || measure.grain !== "day") return;
    const days = within === undefined ? undefined : durationOf(within).length;
    add({ column: totalColumn(measure, within), type: columnTypeOf(measure.aggregate), measure, kept: { as: "value", days } });
  };
  for (const trait of traitsOf(project, kind)) {
    const within = "within" in trait ? trait.within : undefined;
    for (const measure of Object.values(measuresOfTrait(trait, project.timezone))) {
      if (trait.type !== "days_active") addValue(measure, within);
      else if (isScalar(measure)) {
        (dayWords(measure, within) ?? []).forEach(({ column }, word) =>
          add({ column, type: "integer", measure, kept: { as: "days", word } }),
        );
      }
    }
  }
  for (const hidden of hiddenOf(project, kind)) {
    if (hidden.type === "event" && hidden.condition.exact !== true)
      addValue(hiddenCount(hidden.condition, project.timezone), hidden.condition.within);
  }
  return [...found.values()].sort((a, b) => (a.column < b.column ? -1 : 1));
}

/** Gives the table the columns that definitions ask for; what it holds is made anew afterwards. */
export async function matchTotals(connection: Connection, project: Project, kind: string): Promise<void> {
  const { dialect } = connection;
  const wanted = totalsOf(project, kind);
  const table = totals(kind);
  const present = (await connection.describe(sql`SELECT * FROM ${nameOf(table)}`)).map((column) => column.name);
  for (const column of present.filter((each) => each.startsWith("m_") && !wanted.some((total) => total.column === each)))
    await connection.run(dialect.dropColumn(table, column));
  for (const { column, type } of wanted.filter((each) => !present.includes(each.column)))
    await connection.run(dialect.addColumn(table, column, type));
}

/** Adds what rows of facts (`from`, with the columns of the day measures) make of the totals. */
export async function addTotals(connection: Connection, project: Project, kind: string, now: Instant, from: Sql): Promise<void> {
  const wanted = totalsOf(project, kind);
  if (wanted.length === 0) return;
  const today = connection.dialect.date(dayText(now, project.timezone));
  const listed = join(wanted.map(({ column }) => name(column)));
  await connection.run(sql`/* ${{ parts: [{ text: `what facts make of the totals of ${kind}` }] }} */
INSERT INTO ${nameOf(totals(kind))} (subject_id, via, ${listed})
SELECT f.subject_id, f.via, ${join(wanted.map((total) => overBuckets(connection.dialect, total, today)))}
FROM ${from} AS f GROUP BY f.subject_id, f.via`);
}

/** All totals anew from the facts: when the day turns, and for other definitions. */
export async function rebuildTotals(connection: Connection, project: Project, kind: string, now: Instant): Promise<void> {
  await connection.run(sql`/* totals of another day */ ${connection.dialect.deleteWhere(totals(kind), sql`TRUE`)}`);
  await addTotals(connection, project, kind, now, nameOf(factTable(kind, "day")));
}

/** Adds up the rows that cycles appended, so that reading a subject stays one row. */
export async function compactTotals(connection: Connection, project: Project, kind: string): Promise<void> {
  const wanted = totalsOf(project, kind);
  if (wanted.length === 0) return;
  const { dialect } = connection;
  const table = totals(kind);
  const several = sql`SELECT subject_id, via FROM ${nameOf(table)} GROUP BY subject_id, via HAVING count(*) > 1`;
  await connection.run(
    sql`/* totals with several rows */ ${dialect.tempTable(
      "compacted_totals",
      bySubject(dialect, wanted, sql`${nameOf(table)} AS f JOIN (${several}) AS s ON s.subject_id = f.subject_id AND s.via = f.via`),
    )}`,
  );
  await connection.run(dialect.deleteWhere(table, sql`(subject_id, via) IN (SELECT (subject_id, via) FROM compacted_totals)`));
  const listed = join([name("subject_id"), name("via"), ...wanted.map(({ column }) => name(column))]);
  await connection.run(sql`/* one row a subject */ INSERT INTO ${nameOf(table)} (${listed}) SELECT ${listed} FROM compacted_totals`);
}

/** One row a subject of a totals table (`from`), in FROM; those that have nothing are left out. */
export function totalsBySubject(dialect: Dialect, project: Project, kind: string, from: Sql): Sql {
  const wanted = totalsOf(project, kind);
  const some =
    wanted.length === 0
      ? sql`FALSE`
      : join(
          wanted.map(({ column }) => sql`t.${name(column)} IS NOT NULL`),
          " OR ",
        );
  return sql`(SELECT t.* FROM (${bySubject(dialect, wanted, sql`${from} AS f`)}) AS t WHERE ${some})`;
}

function bySubject(dialect: Dialect, wanted: readonly Total[], from: Sql): Sql {
  const listed = wanted.map((total) => sql`, ${overRows(dialect, total)} AS ${name(total.column)}`);
  return sql`SELECT f.subject_id, f.via${join(listed, "")} FROM ${from} GROUP BY f.subject_id, f.via`;
}

/** One subject's total from several rows of totals, as `f`. */
function overRows(dialect: Dialect, { column, measure, kept }: Total): Sql {
  const value = sql`f.${name(column)}`;
  return kept.as === "days" ? dialect.bitOr(value) : nullIfNone(measure, overFacts(dialect, measure.aggregate.type, value, undefined));
}

/** One subject's total from rows of facts, as `f`. */
function overBuckets(dialect: Dialect, { measure, kept }: Total, today: Sql): Sql {
  const value = sql`f.${name(measure.id)}`;
  if (kept.as === "value") {
    const inWindow = kept.days === undefined ? undefined : sql`f.bucket > ${dialect.addDays(today, -kept.days)}`;
    return nullIfNone(measure, overFacts(dialect, measure.aggregate.type, value, inWindow));
  }
  const newest = kept.word * daysPerWord;
  const place = sql`(${dialect.daysBetween(sql`f.bucket`, today)} - ${newest})`;
  const inWord = sql`f.bucket <= ${dialect.addDays(today, -newest)} AND f.bucket > ${dialect.addDays(today, -newest - daysPerWord)}`;
  return dialect.bitOr(sql`CASE WHEN ${inWord} AND ${value} > 0 THEN ${dialect.bit(place)} END`);
}

/** Most subjects have none of most things: null costs nothing. */
function nullIfNone({ aggregate }: ScalarMeasure, total: Sql): Sql {
  return aggregate.type === "count" || aggregate.type === "count_numeric" ? sql`nullif(${total}, 0)` : total;
}
