import { CambiumError } from "../base/errors.js";
import type { CycleWindow } from "../base/cycle.js";
import { dayText } from "../base/day.js";
import { conditionPredicate, scoreJoins, scoresNamed } from "../project/compile/condition-predicate.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { hiddenOf } from "../project/compile/hidden.js";
import { traitType } from "../project/compile/trait-type.js";
import type { EventFilter } from "../project/kinds/condition.js";
import type { Trait } from "../project/kinds/trait.js";
import { durationOf } from "../project/kinds/words.js";
import { type Project, traitsOf } from "../project/project.js";
import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { type ColumnType, nameOf } from "../warehouse/table.js";
import { computed as computedTable, profileValues, values } from "../warehouse/tables/growth.js";
import { formulaInputs, formulaSql } from "./formula.js";
import { MeasureReads } from "./measure-reads.js";
import { type Measure, hiddenCount, measuresOfTrait } from "./measures.js";

/**
 * The SELECT that computes every trait of a kind for the entities in a temporary table, as of the cycle's moment. The
 * same text serves ten touched entities and all of them.
 */

export interface TraitColumn {
  readonly column: string;
  readonly type: ColumnType;
}

/** Columns of the kind's trait table: declared traits, then hidden ones. */
export function traitColumns(project: Project, kind: string): TraitColumn[] {
  const declared = traitsOf(project, kind).map((trait) => ({ column: trait.name, type: traitType(project, trait) }));
  const hidden = hiddenOf(project, kind).map((each): TraitColumn => ({
    column: each.column,
    type: each.type === "event" ? "integer" : "boolean",
  }));
  return [...declared, ...hidden];
}

/** How one trait is computed: an expression over the joined parts, or over the traits computed before it. */
interface Part {
  readonly column: string;
  readonly expression: Sql;
}

/** Column of a quick query's result: two facts of the entity tie in a way that only the full query can decide. */
export const tiedColumn = "_tied";

/** Would a quick query differ from the full one? Only where first or last values are asked for. */
export function hasQuickTraits(project: Project, kind: string): boolean {
  return traitsOf(project, kind).some((trait) => trait.type === "first" || trait.type === "last");
}

/**
 * `quick` orders first and last values by (timestamp, received_at) alone and marks entities where that ties: message ids
 * are most of what facts weigh, and reading them costs more than all the rest (0.20 of 0.35 s at 10 M rows).
 */
export function traitsQuery(
  scope: EventScope,
  project: Project,
  kind: string,
  window: CycleWindow,
  entities: string,
  { traitTable = currentTraits, quick = false }: { traitTable?: (kind: string) => Sql; quick?: boolean } = {},
): Sql {
  const { dialect } = scope;
  const builder = new TraitsBuilder(scope, project, kind, window, entities, traitTable, quick);
  const formulas: Trait[] = [];
  const parts: Part[] = [];
  for (const trait of traitsOf(project, kind)) {
    if (trait.type === "formula") formulas.push(trait);
    else parts.push({ column: trait.name, expression: dialect.cast(builder.expressionOf(trait), traitType(project, trait)) });
  }
  for (const hidden of hiddenOf(project, kind)) {
    const expression =
      hidden.type === "event" && hidden.condition.exact !== true
        ? builder.hiddenCount(hidden.condition)
        : dialect.tryCast(builder.computed(hidden.column), hidden.type === "event" ? "integer" : "boolean");
    parts.push({ column: hidden.column, expression });
  }
  const tied = quick ? sql`, ${builder.tied()} AS ${name(tiedColumn)}` : empty;
  const base = sql`SELECT g.entity_id${listed(parts)}${tied}
FROM ${name(entities)} AS g
${builder.joins()}`;
  return orderFormulas(kind, formulas).reduce(
    (inner, formula) =>
      sql`SELECT b.*, ${dialect.tryCast(formulaSql(scope, project, kind, formula), traitType(project, formula))} AS ${name(formula.name)} FROM (${inner}) AS b`,
    base,
  );
}

export function currentTraits(kind: string): Sql {
  return name("growth", `${kind}_traits`);
}

function listed(parts: readonly Part[]): Sql {
  return parts.length === 0
    ? empty
    : sql`, ${join(
        parts.map((part) => sql`${part.expression} AS ${name(part.column)}`),
        ",\n  ",
      )}`;
}

/** Formulas after the formulas that they read. */
function orderFormulas(kind: string, formulas: readonly Trait[]): (Trait & { type: "formula" })[] {
  const all = formulas.filter((trait): trait is Trait & { type: "formula" } => trait.type === "formula");
  const ordered: (Trait & { type: "formula" })[] = [];
  const place = (trait: Trait & { type: "formula" }, path: readonly string[]): void => {
    if (ordered.includes(trait)) return;
    if (path.includes(trait.name))
      throw new CambiumError("PROJECT_INVALID", `formula traits of ${kind} go in a circle: ${[...path, trait.name].join(" → ")}`);
    for (const other of all) {
      if (formulaInputs(trait.formula).includes(other.name)) place(other, [...path, trait.name]);
    }
    ordered.push(trait);
  };
  for (const trait of all) place(trait, []);
  return ordered;
}

/** What is rolled up from the members of one kind, and the scores that its conditions read. */
interface Rollups {
  readonly aggregates: Sql[];
  readonly scores: Set<string>;
}

/** Collects what has to be joined while expressions are made. */
class TraitsBuilder {
  #scope: EventScope;
  #project: Project;
  #kind: string;
  #window: CycleWindow;
  #entities: string;
  #traitTable: (kind: string) => Sql;
  #measures: MeasureReads;
  #values = new Map<string, Sql>();
  #profile = new Set<string>();
  #computed = new Set<string>();
  #rollups = new Map<string, Rollups>();

  constructor(
    scope: EventScope,
    project: Project,
    kind: string,
    window: CycleWindow,
    entities: string,
    traitTable: (kind: string) => Sql,
    quick: boolean,
  ) {
    // A trait table of its own is what the past brings along.
    this.#measures = new MeasureReads({ scope, kind, window, entities, isPast: traitTable !== currentTraits, quick });
    this.#traitTable = traitTable;
    this.#scope = scope;
    this.#project = project;
    this.#kind = kind;
    this.#window = window;
    this.#entities = entities;
  }

  /** Events that pass a condition's filter, within its window. */
  hiddenCount(condition: EventFilter & { within?: string | undefined }): Sql {
    return this.#measures.scalar(hiddenCount(condition, this.#scope.timezone), condition.within);
  }

  tied(): Sql {
    return this.#measures.tied();
  }

  expressionOf(trait: Exclude<Trait, { type: "formula" }>): Sql {
    const { dialect, timezone } = this.#scope;
    const measures = measuresOfTrait(trait, timezone);
    const part = (role: string) => measures[role] as Measure;
    const within = "within" in trait ? trait.within : undefined;
    if ("exact" in trait && trait.exact === true) return dialect.tryCast(this.computed(trait.name), traitType(this.#project, trait));
    switch (trait.type) {
      case "count":
        return sql`coalesce(${this.#measures.scalar(part("count"), within)}, 0)`;
      case "sum":
      case "min":
      case "max":
      case "first_seen":
      case "last_seen":
        return this.#measures.scalar(part("value"), within);
      case "avg":
        return sql`${dialect.cast(this.#measures.scalar(part("sum"), within), "double")} / nullif(${this.#measures.scalar(part("count"), within)}, 0)`;
      case "first":
      case "last":
        return dialect.tryCast(this.#measures.placed(part("value"), trait.type, within), trait.value ?? "text");
      case "days_active":
        return sql`coalesce(${this.#measures.days(part("count"), within)}, 0)`;
      case "days_since":
        return dialect.daysBetween(dialect.day(this.#measures.scalar(part("value"), within), timezone), this.#today());
      case "most_frequent":
      case "unique_count":
      case "unique_list":
        return this.fromValues(trait, part("values").id, within);
      case "profile":
        return dialect.tryCast(this.profile(trait.path ?? trait.name), trait.value ?? "text");
      case "sql":
        return dialect.tryCast(this.computed(trait.name), trait.value);
      case "rollup":
        return this.rollup(trait);
      default:
        return trait satisfies never;
    }
  }

  #today(): Sql {
    return this.#scope.dialect.date(dayText(this.#window.now, this.#scope.timezone));
  }

  fromValues(trait: Trait & { type: "most_frequent" | "unique_count" | "unique_list" }, measure: string, within: string | undefined): Sql {
    const { dialect } = this.#scope;
    const alias = `${trait.name}_values`;
    const where = sql`v.measure = ${measure} AND v.bucket <= ${this.#today()} AND ${within === undefined ? sql`TRUE` : sql`v.bucket > ${dialect.addDays(this.#today(), -durationOf(within).length)}`}`;
    const counted = sql`SELECT s.entity_id, v.value, sum(v.n) AS n FROM ${name(this.#entities)} AS g
    JOIN ${name("growth", `${this.#kind}_subjects`)} AS s ON s.entity_id = g.entity_id
    JOIN ${nameOf(values(this.#kind))} AS v ON v.subject_id = s.subject_id WHERE ${where} GROUP BY 1, 2`;
    const result = {
      most_frequent: () =>
        sql`SELECT entity_id, value AS result FROM (SELECT entity_id, value, row_number() OVER (PARTITION BY entity_id ORDER BY n DESC, value) AS place
    FROM (${counted}) AS c WHERE n >= ${trait.type === "most_frequent" ? (trait.min ?? 2) : 2}) AS ranked WHERE place = 1`,
      unique_count: () => sql`SELECT entity_id, count(*) AS result FROM (${counted}) AS c GROUP BY entity_id`,
      unique_list: () =>
        sql`SELECT entity_id, ${dialect.uniqueList(sql`value`, trait.type === "unique_list" ? (trait.max ?? 100) : 100)} AS result FROM (${counted}) AS c GROUP BY entity_id`,
    }[trait.type]();
    this.#values.set(alias, result);
    const expression = sql`${name(alias)}.result`;
    return trait.type === "unique_count" ? sql`coalesce(${expression}, 0)` : expression;
  }

  profile(path: string): Sql {
    const [head = path, ...rest] = path.split(".");
    this.#profile.add(head);
    return this.#scope.dialect.jsonText(sql`pv.${name(`p_${head}`)}`, rest);
  }

  computed(trait: string): Sql {
    this.#computed.add(trait);
    return sql`cv.${name(`c_${trait}`)}`;
  }

  rollup(trait: Trait & { type: "rollup" }): Sql {
    const { dialect } = this.#scope;
    const where = trait.where === undefined ? sql`TRUE` : conditionPredicate(this.#scope, this.#project, trait.from, trait.where);
    const value = trait.trait === undefined ? sql`1` : sql`t.${name(trait.trait)}`;
    // Decimal sums are exact, so the result does not depend on the order in which members are read.
    const exact = dialect.cast(value, "decimal");
    const holds = trait.trait === undefined ? where : sql`${where} AND coalesce(${value}, FALSE)`;
    const filtered = (over: Sql) => dialect.filtered(over, where);
    const rolls: Record<typeof trait.roll, () => Sql> = {
      sum: () => filtered(sql`sum(${exact})`),
      min: () => filtered(sql`min(${value})`),
      max: () => filtered(sql`max(${value})`),
      avg: () => sql`${dialect.cast(filtered(sql`sum(${exact})`), "double")} / nullif(${filtered(sql`count(${value})`)}, 0)`,
      any: () => sql`coalesce(max(${holds}), FALSE)`,
      all: () => sql`min(${holds})`,
      count: () => filtered(sql`count(*)`),
      count_where: () => filtered(sql`count(*)`),
    };
    const rollups = this.#rollups.get(trait.from) ?? { aggregates: [], scores: new Set<string>() };
    rollups.aggregates.push(sql`${rolls[trait.roll]()} AS ${name(trait.name)}`);
    for (const score of trait.where === undefined ? [] : scoresNamed(trait.where)) rollups.scores.add(score);
    this.#rollups.set(trait.from, rollups);
    const result = sql`${name(`r_${trait.from}`)}.${name(trait.name)}`;
    return trait.roll === "count" || trait.roll === "count_where" ? sql`coalesce(${result}, 0)` : result;
  }

  /** Everything that is rolled up from one kind, in one pass over the members. */
  #rollupQuery(from: string, { aggregates, scores }: Rollups): Sql {
    return sql`SELECT m.group_id AS entity_id, ${join(aggregates, ",\n    ")} FROM (${membersQuery(this.#scope, this.#project, this.#kind, from, this.#window)}) AS m
    JOIN ${name(this.#entities)} AS g ON g.entity_id = m.group_id
    JOIN ${this.#traitTable(from)} AS t ON t.entity_id = m.member_id ${scoreJoins([...scores])} GROUP BY m.group_id`;
  }

  joins(): Sql {
    const kind = this.#kind;
    const subjects = name("growth", `${kind}_subjects`);
    const parts = this.#measures.joins();
    for (const [alias, query] of this.#values) parts.push(joined(query, alias));
    for (const [from, rollups] of this.#rollups) parts.push(joined(this.#rollupQuery(from, rollups), `r_${from}`));
    if (this.#profile.size > 0) parts.push(joined(this.#profileQuery(subjects), "pv"));
    if (this.#computed.size > 0) parts.push(joined(this.#computedQuery(), "cv"));
    return join(parts, "\n");
  }

  #profileQuery(subjects: Sql): Sql {
    const { dialect } = this.#scope;
    const order = dialect.position(sql`p.happened_at`, sql`p.received_at`, sql`p.message_id`, sql`''`);
    const columns = [...this.#profile].map(
      (key) => sql`${dialect.filtered(dialect.argMax(sql`p.value`, order), sql`p.name = ${key}`)} AS ${name(`p_${key}`)}`,
    );
    return sql`SELECT s.entity_id, ${join(columns)} FROM ${name(this.#entities)} AS g JOIN ${subjects} AS s ON s.entity_id = g.entity_id
  JOIN ${nameOf(profileValues(this.#kind))} AS p ON p.subject_id = s.subject_id
  WHERE p.happened_at <= ${dialect.timestamp(this.#window.now)} AND p.name IN (${join([...this.#profile].map((key) => sql`${key}`))}) GROUP BY s.entity_id`;
  }

  #computedQuery(): Sql {
    const columns = [...this.#computed].map((trait) => sql`max(CASE WHEN c.trait = ${trait} THEN c.value END) AS ${name(`c_${trait}`)}`);
    return sql`SELECT c.entity_id, ${join(columns)} FROM ${nameOf(computedTable(this.#kind))} AS c JOIN ${name(this.#entities)} AS g ON g.entity_id = c.entity_id GROUP BY c.entity_id`;
  }
}

function joined(query: Sql, alias: string): Sql {
  return sql`LEFT JOIN (${query}) AS ${name(alias)} ON ${name(alias)}.entity_id = g.entity_id`;
}

/** `(group_id, member_id)` of a kind in a group kind, as of the moment: people by membership, groups by their parent. */
export function membersQuery(scope: EventScope, project: Project, groupKind: string, memberKind: string, window: CycleWindow): Sql {
  const member = project.entities.find((entity) => entity.kind === memberKind);
  const moment = scope.dialect.timestamp(window.now);
  if (member?.isGroup === true) {
    return sql`SELECT parent_id AS group_id, entity_id AS member_id FROM ${name("growth", `${memberKind}_entities`)} WHERE parent_id IS NOT NULL`;
  }
  const valid = sql`m.valid_from <= ${moment} AND (m.valid_to IS NULL OR m.valid_to > ${moment})`;
  const below = project.entities.filter((entity) => entity.parent === groupKind);
  const through = below.map(
    (entity) => sql` UNION SELECT w.parent_id AS group_id, m.user_id AS member_id FROM growth.memberships AS m
      JOIN ${name("growth", `${entity.kind}_entities`)} AS w ON w.entity_id = m.group_id WHERE m.kind = ${entity.kind} AND w.parent_id IS NOT NULL AND ${valid}`,
  );
  return sql`SELECT m.group_id, m.user_id AS member_id FROM growth.memberships AS m WHERE m.kind = ${groupKind} AND ${valid}${through.length === 0 ? sql` GROUP BY 1, 2` : join(through, "")}`;
}
