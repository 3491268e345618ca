import type { CycleWindow } from "../base/cycle.js";
import { microsPerDay } from "../base/instant.js";
import { defaultLimit, rulesInFactOrder } from "../project/identity-defaults.js";
import type { IdentifierRule } from "../project/kinds/config.js";
import type { Project } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { cycleEvents } from "../warehouse/tables/working.js";
import type { Connection } from "../warehouse/warehouse.js";
import type { GraphRules } from "./resolve.js";

/** What every statement of this stage works with: the connection, the project's rules in slot order, and the window. */
export interface Scope {
  readonly connection: Connection;
  readonly dialect: Dialect;
  readonly project: Project;
  readonly window: CycleWindow;
  readonly rules: readonly IdentifierRule[];
  /** One per identifier type in fact order, then an alias' previousId as user_id and as anonymous_id. */
  readonly slots: readonly Slot[];
  readonly graphRules: GraphRules;
  /** True where some limit has a window: then a set's first occurrence of every day counts, not only its first ever. */
  readonly byDay: boolean;
  /** False while a rebuild runs: it tells afterwards what came out different. */
  readonly touches: boolean;
}

export interface Slot {
  /** Under which the id stands in `growth.observations.identifier_ids`; an alias' previousId has columns of its own. */
  readonly key: string;
  readonly isPrevious: boolean;
  readonly rule: IdentifierRule;
  /** Columns of the working tables: the value and the id (null where blocked). */
  readonly value: Sql;
  readonly id: Sql;
  /** Column with the dense number. */
  readonly dense: Sql;
}

/** User ids that alias calls may bring together in one profile: a client that aliases everything must not melt everybody. */
const aliasedUsersMax = 5;

const windowDays = { weekly: 7, monthly: 30, annually: 365 } as const;

export function scopeOf(connection: Connection, project: Project, window: CycleWindow, touches = true): Scope {
  const rules = rulesInFactOrder(project.identifiers);
  const previous = rules.filter((rule) => rule.type === "user_id" || rule.type === "anonymous_id");
  const named = [
    ...rules.map((rule) => ({ key: rule.type, isPrevious: false, rule })),
    ...previous.map((rule) => ({ key: `previous_${rule.type}`, isPrevious: true, rule })),
  ];
  return {
    connection,
    dialect: connection.dialect,
    project,
    window,
    rules,
    slots: named.map(({ key, isPrevious, rule }, index) => ({
      key,
      isPrevious,
      rule,
      value: name(`v${index}`),
      id: name(`i${index}`),
      dense: name(`d${index}`),
    })),
    graphRules: {
      types: rules.map((rule) => ({
        type: rule.type,
        limit: rule.limit ?? defaultLimit,
        window: windowMicros(rule),
        priority: rule.priority,
      })),
      userType: rules.findIndex((rule) => rule.type === "user_id"),
      aliasedMax: aliasedUsersMax,
    },
    byDay: rules.some((rule) => windowMicros(rule) !== Infinity),
    touches,
  };
}

/** As people read it in the list of refusals: `anonymous_id limit 5 ever`. */
export function limitText(rule: IdentifierRule): string {
  return `${rule.type} limit ${rule.limit ?? defaultLimit} ${rule.limit_window ?? "ever"}`;
}

/** Rank of a type in fact order, as SQL over a column of types; breaks ties between identifiers of one event. */
export function typeIndexOf(scope: Scope, type: Sql): Sql {
  const cases = scope.rules.map((rule, index) => sql`WHEN ${rule.type} THEN ${index}`);
  return sql`CASE ${type} ${join(cases, " ")} ELSE ${scope.rules.length} END`;
}

/** Is position a = (received_at, message_id) before b? */
export function isBefore(a: { receivedAt: Sql; messageId: Sql }, b: { receivedAt: Sql; messageId: Sql }): Sql {
  return sql`(${a.receivedAt} < ${b.receivedAt} OR (${a.receivedAt} = ${b.receivedAt} AND ${a.messageId} < ${b.messageId}))`;
}

/** The events of this window's loads, as `e`. */
export function newEvents(scope: Scope): Sql {
  const from = scope.window.copied === true ? name(cycleEvents) : sql`raw.events`;
  return sql`${from} AS e WHERE e.load_id > ${scope.window.fromLoad} AND e.load_id <= ${scope.window.toLoad}`;
}

/** Working tables one after the other, each with a word on what it holds. */
export async function makeTables(scope: Scope, tables: readonly (readonly [purpose: string, table: string, query: Sql])[]): Promise<void> {
  for (const [purpose, table, query] of tables) {
    await scope.connection.run(sql`/* identify: ${{ parts: [{ text: purpose }] }} */ ${scope.dialect.tempTable(table, query)}`);
  }
}

export async function countOf(scope: Scope, from: Sql): Promise<number> {
  const row = await scope.connection.first<{ n: number }>(sql`SELECT count(*) AS n FROM ${from}`);
  return row?.n ?? 0;
}

function windowMicros(rule: IdentifierRule): number {
  const window = rule.limit_window ?? "ever";
  return window === "ever" ? Infinity : windowDays[window] * microsPerDay;
}
