import { type Sql, empty, join, name, sql } from "../warehouse/sql.js";
import { type Graph, type Outcome, resolver } from "./resolve.js";
import { type Scope, countOf, isBefore, makeTables, typeIndexOf } from "./scope.js";

/** Rows that come to JavaScript at once: bounds memory whatever the size of the graph. */
const chunkRowsMax = 200_000;

/**
 * Numbers the identifiers and observations in play (`identity_ids`, `identity_observations`), resolves them, and puts the
 * outcome into `identity_result` (n → root) and, where there are any, `identity_merged` and `identity_refused`, all in
 * dense numbers. In play are the identifiers that the observations name and all others of their profiles. Every table that
 * grows with the number of people is read once here; whoever comes after finds the rows in `identity_mine`,
 * `identity_known` and `identity_ids`.
 */
export async function resolveGraph(scope: Scope, componentSize: number): Promise<Told> {
  const hasComponent = componentSize > 0;
  await makeTables(scope, [
    ["observations to apply, those of replayed components included", "identity_work", work(scope, hasComponent)],
    ["identifiers that they name", "identity_named", named(scope)],
    ["profiles of those, and of identifiers with new facts", "identity_mine", mine([sql`SELECT identifier_id FROM identity_named`])],
    ["all identifiers of the profiles in play", "identity_members", members()],
    ["what is known about all these", "identity_known", known(hasComponent)],
    ["identifiers in play, oldest first, as they are after these events", "identity_ids", ids(scope)],
    ["observations in order", "identity_observations", dense(scope)],
  ]);
  const graph = await readGraph(scope, await countOf(scope, sql`identity_ids`));
  const outcome = await resolveAll(scope, graph, await countOf(scope, sql`identity_observations`));
  await stageOutcome(scope, graph, outcome);
  return { merges: outcome.merges.loser.length, refusals: outcome.refusals.identifier.length };
}

/** Where nothing new came together, only what is known about identifiers with new facts is read. */
export async function readOnlyFacts(scope: Scope): Promise<void> {
  const times = sql`SELECT identifier_id, first_seen, last_seen, unnamed_at FROM growth.identifiers WHERE identifier_id IN (SELECT identifier_id FROM identity_activity)`;
  await makeTables(scope, [
    ["profiles with new facts", "identity_mine", mine([])],
    ["when their identifiers were seen before", "identity_known", times],
  ]);
}

/** How many merges and refusals the resolver told, those of replayed components included. */
export interface Told {
  readonly merges: number;
  readonly refusals: number;
}

function work(scope: Scope, hasComponent: boolean): Sql {
  const { dialect, slots } = scope;
  const fresh = sql`SELECT ${join(slots.map((slot) => slot.id))}, received_at, message_id FROM identity_new`;
  if (!hasComponent) return fresh;
  const stored = slots.map((slot) =>
    slot.isPrevious ? name("o", slot.key) : dialect.tryCast(dialect.jsonText(sql`o.identifier_ids`, [slot.key]), "integer"),
  );
  return sql`${fresh} UNION ALL SELECT ${join(stored)}, o.received_at, o.message_id FROM growth.observations AS o
    LEFT JOIN identity_new AS n ON n.observation_id = o.observation_id${scope.byDay ? sql` AND n.day = o.day` : empty}
    WHERE n.observation_id IS NULL AND o.owner_id IN (SELECT identifier_id FROM identity_component)`;
}

function named(scope: Scope): Sql {
  const each = scope.slots.map((slot) => sql`SELECT ${slot.id} AS identifier_id FROM identity_work WHERE ${slot.id} IS NOT NULL`);
  return sql`SELECT DISTINCT identifier_id FROM (${join(each, " UNION ALL ")}) AS every_slot`;
}

function mine(more: readonly Sql[]): Sql {
  const wanted = join([sql`SELECT identifier_id FROM identity_activity`, ...more], " UNION ALL ");
  return sql`SELECT subject_id, entity_id FROM growth.user_subjects WHERE subject_id IN (${wanted})`;
}

function members(): Sql {
  return sql`SELECT subject_id, entity_id FROM growth.user_subjects
    WHERE entity_id IN (SELECT m.entity_id FROM identity_mine AS m JOIN identity_named AS n ON n.identifier_id = m.subject_id)`;
}

/** The longest column, the first event's id, is read only where a replay may find an earlier one. */
function known(hasComponent: boolean): Sql {
  return sql`SELECT identifier_id, type, value, first_received_at, ${hasComponent ? sql`first_message_id` : sql`''`} AS first_message_id, first_seen, last_seen, unnamed_at
    FROM growth.identifiers WHERE identifier_id IN (
      SELECT identifier_id FROM identity_named UNION ALL SELECT identifier_id FROM identity_activity UNION ALL SELECT subject_id FROM identity_members)`;
}

function ids(scope: Scope): Sql {
  const { dialect } = scope;
  const isEarlier = sql`(k.identifier_id IS NULL OR ${isBefore(
    { receivedAt: sql`n.received_at`, messageId: sql`n.message_id` },
    { receivedAt: sql`k.first_received_at`, messageId: sql`k.first_message_id` },
  )})`;
  const inPlay = sql`SELECT identifier_id FROM identity_named UNION SELECT subject_id FROM identity_members`;
  const facts = sql`SELECT p.identifier_id, coalesce(k.type, n.type) AS type, coalesce(k.value, n.value) AS value, m.entity_id,
      c.identifier_id IS NOT NULL AS is_replayed, k.identifier_id IS NOT NULL AS is_known,
      CASE WHEN ${isEarlier} THEN n.received_at ELSE k.first_received_at END AS received_at,
      CASE WHEN ${isEarlier} THEN n.message_id ELSE k.first_message_id END AS message_id,
      least(a.first_seen, k.first_seen) AS first_seen, greatest(a.last_seen, k.last_seen) AS last_seen, greatest(a.unnamed_at, k.unnamed_at) AS unnamed_at
    FROM (${inPlay}) AS p
    LEFT JOIN identity_new_ids AS n ON n.identifier_id = p.identifier_id
    LEFT JOIN identity_known AS k ON k.identifier_id = p.identifier_id
    LEFT JOIN identity_activity AS a ON a.identifier_id = p.identifier_id
    LEFT JOIN identity_members AS m ON m.subject_id = p.identifier_id
    LEFT JOIN identity_component AS c ON c.identifier_id = p.identifier_id`;
  const type = typeIndexOf(scope, sql`type`);
  return sql`WITH facts AS (${facts}),
      numbered AS (SELECT row_number() OVER (ORDER BY received_at, ${type}, identifier_id) - 1 AS n, ${type} AS type_index, facts.* FROM facts)
    SELECT m.*, CASE WHEN m.is_replayed OR r.root_n IS NULL THEN -1 ELSE r.root_n END AS root,
      ${dialect.cast(dialect.microsBetween(dialect.timestamp(0), sql`m.received_at`), "double")} AS seen
    FROM numbered AS m LEFT JOIN (SELECT identifier_id AS root_id, n AS root_n FROM numbered) AS r ON r.root_id = m.entity_id ORDER BY m.n`;
}

function dense(scope: Scope): Sql {
  const { dialect, slots } = scope;
  const numbers = join(slots.map((slot, index) => sql`coalesce(${tableAlias(index)}.n, -1) AS ${slot.dense}`));
  const joins = join(
    slots.map((slot, index) => sql`LEFT JOIN identity_ids AS ${tableAlias(index)} ON ${tableAlias(index)}.identifier_id = w.${slot.id}`),
    " ",
  );
  return sql`SELECT row_number() OVER (ORDER BY w.received_at, w.message_id) - 1 AS n, w.received_at, w.message_id,
      ${dialect.cast(dialect.microsBetween(dialect.timestamp(0), sql`w.received_at`), "double")} AS received, ${numbers}
    FROM identity_work AS w ${joins} ORDER BY n`;
}

function tableAlias(index: number): Sql {
  return { parts: [{ name: `t${index}` }] };
}

async function readGraph(scope: Scope, size: number): Promise<Graph> {
  const graph = { types: new Uint8Array(size), seen: new Float64Array(size), root: new Int32Array(size) };
  const columns = ["type_index", "seen", "root"] as const;
  for (let start = 0; start < size; start += chunkRowsMax) {
    const rows = await readNumbers(scope, "identity_ids", columns, start);
    rows[0]?.forEach((value, index) => void (graph.types[start + index] = value));
    rows[1]?.forEach((value, index) => void (graph.seen[start + index] = value));
    rows[2]?.forEach((value, index) => void (graph.root[start + index] = value));
  }
  return graph;
}

async function resolveAll(scope: Scope, graph: Graph, observations: number): Promise<Outcome & { readonly root: Int32Array }> {
  const resolving = resolver(scope.graphRules, graph);
  const width = scope.slots.length;
  const columns = [...scope.slots.map((_, index) => `d${index}`), "received"];
  for (let start = 0; start < observations; start += chunkRowsMax) {
    const rows = await readNumbers(scope, "identity_observations", columns, start);
    const count = rows[0]?.length ?? 0;
    const slots = new Int32Array(count * width);
    for (let slot = 0; slot < width; slot += 1) rows[slot]?.forEach((value, index) => void (slots[index * width + slot] = value));
    resolving.take({ start, count, slots, received: Float64Array.from(rows[width] ?? []) });
  }
  return resolving.finish();
}

async function readNumbers(scope: Scope, table: string, columns: readonly string[], start: number): Promise<number[][]> {
  const { connection, dialect } = scope;
  const numbers = columns.map(
    (column) => sql`${dialect.cast({ parts: [{ name: column }] }, "double")} AS ${{ parts: [{ name: column }] }}`,
  );
  const result = await connection.columns(
    sql`/* identify: bring numbers to the resolver */ SELECT ${join(numbers)} FROM ${{ parts: [{ name: table }] }} WHERE n >= ${start} AND n < ${start + chunkRowsMax} ORDER BY n`,
  );
  return columns.map((column) => (result[column] ?? []) as number[]);
}

/** Only what may differ from the stored graph goes back. */
async function stageOutcome(scope: Scope, graph: Graph, outcome: Outcome & { readonly root: Int32Array }): Promise<void> {
  const changed: number[] = [];
  outcome.root.forEach((root, n) => {
    if (root !== graph.root[n] || root === -1) changed.push(n);
  });
  await scope.connection.stage("identity_result", { n: changed, root: changed.map((n) => outcome.root[n] as number) });
  if (outcome.merges.loser.length > 0) await scope.connection.stage("identity_merged", outcome.merges);
  if (outcome.refusals.identifier.length > 0) await scope.connection.stage("identity_refused", outcome.refusals);
}
