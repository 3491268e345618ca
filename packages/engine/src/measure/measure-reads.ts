import { CambiumError } from "../base/errors.js";
import type { CycleWindow } from "../base/cycle.js";
import { dayText } from "../base/day.js";
import { microsPerHour } from "../base/instant.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { durationOf } from "../project/kinds/words.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import { totals } from "../warehouse/tables/growth.js";
import { overFacts } from "./aggregate-sql.js";
import { factTable } from "./fact-tables.js";
import { type Measure, isScalar } from "./measures.js";
import { dayWords, totalColumn } from "./totals.js";

/**
 * Collects what a query reads of a kind's measures, so that each table is read once. Now, days are read from the totals;
 * the past is aggregated from the facts, since totals are of today.
 */

/** Where a measure over a window stands: in which table's column, and for which of its rows. */
interface Place {
  readonly table: TableAlias;
  readonly column: Sql;
  readonly condition: Sql | undefined;
}

/** Aliases in the query: totals, facts of days, facts of hours. */
type TableAlias = "ft" | "fd" | "fh";

export interface ReadSettings {
  readonly scope: EventScope;
  readonly kind: string;
  readonly window: CycleWindow;
  /** The temporary table with the entities that the query is about. */
  readonly entities: string;
  readonly isPast: boolean;
  /** Orders first and last values by (timestamp, received_at) alone; `tied` says where that does not decide. */
  readonly quick: boolean;
}

export class MeasureReads {
  readonly #settings: ReadSettings;
  readonly #aggregates: Readonly<Record<TableAlias, Map<string, Sql>>> = { ft: new Map(), fd: new Map(), fh: new Map() };
  /** Since when buckets of the facts matter; undefined: since ever. */
  readonly #since: Record<"fd" | "fh", number | undefined> = { fd: 0, fh: 0 };
  readonly #ties: Sql[] = [];

  constructor(settings: ReadSettings) {
    this.#settings = settings;
  }

  /** A measure over its window. */
  scalar(measure: Measure, within: string | undefined): Sql {
    if (!isScalar(measure)) throw new CambiumError("INTERNAL", `measure ${measure.id} has no column`);
    const place = this.#placeOf(measure, within);
    const over = overFacts(this.#settings.scope.dialect, measure.aggregate.type, place.column, place.condition);
    return this.#read(place, measure, within, over, "v");
  }

  /** The first or last value. */
  placed(measure: Measure, which: "first" | "last", within: string | undefined): Sql {
    const { scope, quick } = this.#settings;
    const { dialect } = scope;
    if (!quick || !isScalar(measure)) return dialect.positionValue(this.scalar(measure, within));
    const place = this.#placeOf(measure, within);
    const moment = dialect.positionTimestamp(place.column);
    const order = dialect.position(moment, dialect.positionReceivedAt(place.column), sql`''`, sql`''`);
    const some = place.condition === undefined ? sql`${moment} IS NOT NULL` : sql`${moment} IS NOT NULL AND ${place.condition}`;
    const pick = which === "first" ? dialect.argMin : dialect.argMax;
    const read = (aggregate: Sql, role: string) => this.#read(place, measure, within, dialect.filtered(aggregate, some), role);
    this.#ties.push(sql`${read(sql`count(*)`, "all")} <> ${read(sql`count(DISTINCT ${order})`, "distinct")}`);
    return read(pick(dialect.positionValue(place.column), order), which);
  }

  /** Whether two facts of an entity tie in a way that only the full query can decide. */
  tied(): Sql {
    return this.#ties.length === 0 ? sql`FALSE` : sql`coalesce(${join(this.#ties, " OR ")}, FALSE)`;
  }

  /** Distinct days with at least one event. */
  days(measure: Measure, within: string | undefined): Sql {
    const { scope, isPast } = this.#settings;
    const { dialect } = scope;
    const words = isPast ? undefined : dayWords(measure, within);
    if (words === undefined) {
      const place = this.#inBuckets(measure, within);
      const some = sql`${place.column} > 0`;
      const counted = place.condition === undefined ? some : sql`${place.condition} AND ${some}`;
      return this.#read(place, measure, within, dialect.filtered(sql`count(DISTINCT f.bucket)`, counted), "d");
    }
    const counts = words.map(({ column, mask }, index) => {
      const place: Place = { table: "ft", column: sql`f.${name(column)}`, condition: undefined };
      const bits = this.#read(place, measure, within, dialect.bitOr(place.column), `d${index}`);
      return sql`coalesce(${dialect.bitCount(bits, mask)}, 0)`;
    });
    return join(counts, " + ");
  }

  /** One LEFT JOIN per table that is read, to the entities as `g`. */
  joins(): Sql[] {
    const { kind, entities } = this.#settings;
    const subjects = name("growth", `${kind}_subjects`);
    const tables = { ft: totals(kind), fd: factTable(kind, "day"), fh: factTable(kind, "hour") };
    return (["ft", "fd", "fh"] as const).flatMap((alias) => {
      const aggregates = [...this.#aggregates[alias]];
      if (aggregates.length === 0) return [];
      const listed = join(
        aggregates.map(([column, aggregate]) => sql`${aggregate} AS ${name(column)}`),
        ",\n    ",
      );
      return sql`LEFT JOIN (SELECT s.entity_id, ${listed}
  FROM ${name(entities)} AS g JOIN ${subjects} AS s ON s.entity_id = g.entity_id
  JOIN ${nameOf(tables[alias])} AS f ON f.subject_id = s.subject_id${this.#recent(alias)} GROUP BY s.entity_id) AS ${name(alias)} ON ${name(alias)}.entity_id = g.entity_id`;
    });
  }

  #placeOf(measure: Measure, within: string | undefined): Place {
    if (measure.grain === "hour" || this.#settings.isPast) return this.#inBuckets(measure, within);
    return { table: "ft", column: sql`f.${name(totalColumn(measure, within))}`, condition: undefined };
  }

  /** In the facts: buckets of the window. Facts are never later than the moment, unless it is past. */
  #inBuckets(measure: Measure, within: string | undefined): Place {
    const table = measure.grain === "day" ? "fd" : "fh";
    const { length } = within === undefined ? { length: undefined } : durationOf(within);
    const known = this.#since[table];
    this.#since[table] = length === undefined || known === undefined ? undefined : Math.max(known, length);
    const conditions = [
      ...(length === undefined ? [] : [sql`f.bucket > ${this.#bucketsAgo(table, length)}`]),
      ...(this.#settings.isPast ? [sql`f.bucket <= ${this.#bucketsAgo(table, 0)}`] : []),
    ];
    const condition = conditions.length === 0 ? undefined : join(conditions, " AND ");
    return { table, column: sql`f.${name(measure.id)}`, condition };
  }

  /** Facts stand in the order of their coming: with every window's beginning known, old ones need not be looked at. */
  #recent(alias: TableAlias): Sql {
    const since = alias === "ft" ? undefined : this.#since[alias];
    return alias === "ft" || since === undefined ? sql`` : sql` WHERE f.bucket > ${this.#bucketsAgo(alias, since)}`;
  }

  #bucketsAgo(table: "fd" | "fh", length: number): Sql {
    const { scope, window } = this.#settings;
    if (table === "fd") {
      const today = scope.dialect.date(dayText(window.now, scope.timezone));
      return length === 0 ? today : scope.dialect.addDays(today, -length);
    }
    return scope.dialect.timestamp((Math.floor(window.now / microsPerHour) - length) * microsPerHour);
  }

  #read({ table }: Place, measure: Measure, within: string | undefined, aggregate: Sql, role: string): Sql {
    const alias = `${measure.id}_${role}_${(within ?? "ever").replaceAll(/\W/g, "")}`;
    this.#aggregates[table].set(alias, aggregate);
    return sql`${name(table)}.${name(alias)}`;
  }
}
