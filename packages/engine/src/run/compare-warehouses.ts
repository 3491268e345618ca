import { isoOf } from "../base/instant.js";
import type { Project } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import { scoreHistory } from "../warehouse/tables/growth.js";
import { syncState } from "../warehouse/tables/ops.js";
import { events } from "../warehouse/tables/raw.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type RowSet, type RowsComparison, compareRows } from "./compare-rows.js";
import { readWatermark } from "./cycle.js";
import { derivedTables } from "./derived-tables.js";

/**
 * Two warehouses of one project, row by row: the events, what the loop derived from them, what was delivered, the ledger.
 * Ids are the same in every engine, so rows find each other by key; both sides are read in order and held a batch at a time.
 */
export interface WarehousesComparison {
  readonly equal: boolean;
  /** As of when each was computed, and whether with the definitions in force. */
  readonly here: Computed;
  readonly there: Computed;
  readonly comparisons: readonly RowsComparison[];
  readonly seconds: number;
}

export interface Computed {
  /** ISO text; null before the first cycle. */
  readonly now: string | null;
  readonly current: boolean;
}

export async function compareWarehouses(
  here: Connection,
  there: Connection,
  project: Project,
  onTable: (what: string) => void = () => undefined,
): Promise<WarehousesComparison> {
  const started = performance.now();
  const comparisons: RowsComparison[] = [];
  for (const set of rowSets(project)) {
    onTable(set.what);
    comparisons.push(await compareRows(here, there, set));
  }
  return {
    equal: comparisons.every((each) => each.equal),
    here: await computedIn(here, project),
    there: await computedIn(there, project),
    comparisons,
    seconds: (performance.now() - started) / 1000,
  };
}

async function computedIn(connection: Connection, project: Project): Promise<Computed> {
  const { cycleId, now, definitions } = await readWatermark(connection);
  return { now: cycleId === 0 ? null : isoOf(now), current: definitions === project.loopFingerprint };
}

function rowSets(project: Project): RowSet[] {
  const derived = derivedTables(project, { withSql: true });
  const named = namesOf(project);
  return [
    ofTable({
      what: "events",
      spec: events,
      key: ["message_id"],
      columns: ["type", "event", "identifier_id", "timestamp", "received_at", "source"],
    }),
    ...derived.map(({ spec, key, columns }) =>
      ofTable({ what: spec.table, spec, key, columns, named: key.includes("entity_id") ? named : undefined }),
    ),
    ofTable({ what: "score_history", spec: scoreHistory, key: ["score", "entity_id", "day"], columns: ["value", "bucket"], named }),
    audienceSizes,
    deliveries,
    ...project.syncs.map(({ name: sync }) => confirmedRows(sync)),
    ledger,
  ];
}

/** Ids are told by what they are called: hashes of 63 bits, read as text. */
const isId = (column: string) => column.endsWith("_id") && column !== "message_id";

interface OfTable {
  readonly what: string;
  readonly spec: TableSpec;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** `(entity_id, key)` of every entity, for examples. */
  readonly named?: Sql | undefined;
}

function ofTable({ what, spec, key, columns, named }: OfTable): RowSet {
  const read = (dialect: Dialect, column: string) => (isId(column) ? dialect.idText(sql`t.${name(column)}`) : sql`t.${name(column)}`);
  return {
    what,
    table: spec,
    isPlain: true,
    key: key.map((column) => ({ column, isNumber: isId(column) })),
    columns,
    query(dialect, present) {
      const listed = [...key, ...present].map((column) => sql`${read(dialect, column)} AS ${name(column)}`);
      const entity = named === undefined ? sql`` : sql`, e.key AS _name`;
      const joined = named === undefined ? sql`` : sql` LEFT JOIN ${named} AS e ON e.entity_id = t.entity_id`;
      return sql`/* rows to compare: ${comment(what)} */ SELECT ${join(listed)}${entity} FROM ${nameOf(spec)} AS t${joined}
ORDER BY ${join(key.map((column) => sql`t.${name(column)}`))}`;
    },
  };
}

function namesOf(project: Project): Sql {
  const each = project.entities.map(({ kind }) => sql`SELECT entity_id, key FROM ${name("growth", `${kind}_entities`)}`);
  return sql`(${join(each, " UNION ALL ")})`;
}

const byText = (...columns: string[]) => columns.map((column) => ({ column, isNumber: false }));

const audienceSizes: RowSet = {
  what: "audience sizes",
  isPlain: false,
  key: byText("audience"),
  columns: ["size", "held_out"],
  query: (
    dialect,
  ) => sql`/* rows to compare: audience sizes */ SELECT audience, count(*) AS size, ${dialect.filtered(sql`count(*)`, sql`held_out`)} AS held_out
FROM growth.audience_members GROUP BY audience ORDER BY audience`,
};

const deliveries: RowSet = {
  what: "deliveries",
  isPlain: false,
  key: byText("sync", "key"),
  columns: ["change", "outcome"],
  query: (dialect) => sql`/* rows to compare: each row's newest delivery */
SELECT sync, key, ${dialect.argMax(sql`change`, sql`happened_at`)} AS change, ${dialect.argMax(sql`outcome`, sql`happened_at`)} AS outcome
FROM ops.deliveries GROUP BY sync, key ORDER BY sync, key`,
};

/** Fingerprints are each engine's own: what is compared is which rows a destination has. */
function confirmedRows(sync: string): RowSet {
  const spec = syncState(sync);
  return {
    what: `confirmed rows of ${sync}`,
    table: spec,
    isPlain: false,
    key: byText("key"),
    columns: ["confirmed"],
    query: () => sql`/* rows to compare: what a destination has */
SELECT t.key, t.fingerprint IS NOT NULL AS confirmed FROM ${nameOf(spec)} AS t ORDER BY t.key`,
  };
}

const counts = ["accepted", "stored", "duplicates", "quarantined", "changed", "delivered", "failed", "skipped"];

const ledger: RowSet = {
  what: "ledger",
  isPlain: false,
  key: byText("hop"),
  columns: counts,
  query: (dialect) => sql`/* rows to compare: the ledger by hop */
SELECT hop, ${join(counts.map((column) => sql`${dialect.cast(sql`sum(${name(column)})`, "integer")} AS ${name(column)}`))} FROM ops.ledger GROUP BY hop ORDER BY hop`,
};

/** Comments carry slugs only. */
function comment(text: string): Sql {
  return { parts: [{ text: text.replaceAll(/[^\w ]/g, "") }] };
}
