import { readActivity } from "./activity.js";
import { findComponent } from "./component.js";
import { updateGroups } from "./groups.js";
import { readOnlyFacts, resolveGraph } from "./load-graph.js";
import { updateMemberships } from "./memberships.js";
import { listBlocked, observeEvents } from "./observe-events.js";
import { type Scope, countOf, newEvents } from "./scope.js";
import { touchUsers } from "./touch.js";
import { updateActiveUsers, updateUsers } from "./user-entities.js";
import { writeGraph, writeTimes } from "./write-graph.js";
import { sql } from "../warehouse/sql.js";

/** What one turn of this stage did, for the cycle's report. */
export interface IdentifySummary {
  /** Sets of identifiers that had not come together before. */
  readonly observations: number;
  readonly identifiers: number;
  readonly profiles: number;
  readonly merges: number;
  readonly refusals: number;
  /** Memberships that began, ended or moved. */
  readonly memberships: number;
  /** Identifiers whose history was resolved again because an event arrived late. */
  readonly replayed: number;
}

/** Takes the events of the scope's window into the graph, the entities and the memberships. */
export async function extendGraph(scope: Scope): Promise<IdentifySummary> {
  if ((await countOf(scope, newEvents(scope))) === 0) return nothing;
  const observations = await observeEvents(scope);
  await readActivity(scope);
  const graph = observations > 0 ? await applyObservations(scope) : await applyFacts(scope);
  await listBlocked(scope);
  await updateGroups(scope);
  const memberships = await updateMemberships(scope, graph.moved);
  const { moved: _, ...told } = graph;
  return { ...told, observations, memberships };
}

type GraphSummary = Omit<IdentifySummary, "observations" | "memberships"> & { readonly moved: number };

async function applyObservations(scope: Scope): Promise<GraphSummary> {
  const replayed = await findComponent(scope);
  const told = await resolveGraph(scope, replayed);
  const { merges, refusals, moved } = await writeGraph(scope, replayed, told);
  await writeTimes(scope);
  await updateUsers(scope);
  await touchUsers(scope, moved);
  const counts = await scope.connection.first<{ identifiers: number; profiles: number }>(
    sql`/* identify: what this turn did */ SELECT (SELECT count(*) FROM identity_ids WHERE NOT is_known) AS identifiers,
      (SELECT count(*) FROM identity_renewed WHERE is_new) AS profiles`,
  );
  return { identifiers: 0, profiles: 0, ...counts, merges, refusals, replayed, moved };
}

/** All these people are known in just these combinations: only the times of their facts move on. */
async function applyFacts(scope: Scope): Promise<GraphSummary> {
  await readOnlyFacts(scope);
  await writeTimes(scope);
  await updateActiveUsers(scope);
  return { identifiers: 0, profiles: 0, merges: 0, refusals: 0, replayed: 0, moved: 0 };
}

const nothing: IdentifySummary = { observations: 0, identifiers: 0, profiles: 0, merges: 0, refusals: 0, memberships: 0, replayed: 0 };
