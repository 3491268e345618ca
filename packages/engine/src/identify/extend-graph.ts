import { readActivity } from "./activity.js";
import { findComponent } from "./component.js";
import { updateGroups } from "./groups.js";
import { resolveGraph } from "./load-graph.js";
import { updateMemberships } from "./memberships.js";
import { listBlocked, observeEvents } from "./observe-events.js";
import type { Scope } from "./scope.js";
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
  const told = await resolveGraph(scope, replayed);
  const { merges, refusals } = await writeGraph(scope, replayed, told);
  await listBlocked(scope);
  await updateUsers(scope);
  await touchUsers(scope);
  await updateGroups(scope);
  const memberships = await updateMemberships(scope);
  const counts = await scope.connection.first<{ observations: number; identifiers: number; profiles: number }>(
    sql`/* identify: what this turn did */ SELECT (SELECT count(*) FROM identity_new) AS observations,
      (SELECT count(*) FROM identity_ids WHERE NOT is_known) AS identifiers, (SELECT count(*) FROM identity_renewed WHERE is_new) AS profiles`,
  );
  return { observations: 0, identifiers: 0, profiles: 0, ...counts, merges, refusals, memberships, replayed };
}
