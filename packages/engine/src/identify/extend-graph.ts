import { readActivity } from "./activity.js";
import { findComponent } from "./component.js";
import { updateGroups } from "./groups.js";
import { resolveGraph } from "./load-graph.js";
import { updateMemberships } from "./memberships.js";
import { listBlocked, observeEvents } from "./observe-events.js";
import { type Scope, countOf } from "./scope.js";
import { touchUsers } from "./touch.js";
import { updateUsers } from "./user-entities.js";
import { writeGraph } from "./write-graph.js";
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
  await observeEvents(scope);
  await readActivity(scope);
  const replayed = await findComponent(scope);
  await resolveGraph(scope, replayed);
  await writeGraph(scope, replayed);
  await listBlocked(scope);
  await updateUsers(scope);
  await touchUsers(scope);
  await updateGroups(scope);
  const memberships = await updateMemberships(scope);
  return {
    observations: await countOf(scope, sql`identity_new`),
    identifiers: await countOf(scope, sql`identity_ids WHERE NOT is_known`),
    profiles: await countOf(scope, sql`identity_renewed WHERE is_new`),
    merges: await countOf(scope, sql`identity_merged`),
    refusals: await countOf(scope, sql`identity_refused`),
    memberships,
    replayed,
  };
}
