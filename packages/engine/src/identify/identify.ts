import type { CycleWindow } from "../base/cycle.js";
import type { Project } from "../project/project.js";
import type { Connection } from "../warehouse/warehouse.js";
import { readActivity } from "./activity.js";
import { findComponent } from "./component.js";
import { resolveGraph } from "./load-graph.js";
import { listBlocked, observeEvents } from "./observe-events.js";
import { type Scope, countOf, scopeOf } from "./scope.js";
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
  /** Identifiers whose history was resolved again because an event arrived late. */
  readonly replayed: number;
}

/**
 * Who is who, after the events of loads `(fromLoad, toLoad]`: extends the identity graph, the entities of every kind and
 * the memberships, and adds to `ops.touched` whom that changed. Events take effect in the order (received_at, message_id),
 * whatever order they were loaded in: the tables are the same as after `rebuildIdentity`.
 */
export async function identify(connection: Connection, project: Project, window: CycleWindow): Promise<IdentifySummary> {
  return connection.transaction(() => extendGraph(scopeOf(connection, project, window)));
}

async function extendGraph(scope: Scope): Promise<IdentifySummary> {
  await observeEvents(scope);
  await readActivity(scope);
  const replayed = await findComponent(scope);
  await resolveGraph(scope, replayed);
  await writeGraph(scope, replayed);
  await listBlocked(scope);
  await updateUsers(scope);
  await touchUsers(scope);
  return {
    observations: await countOf(scope, sql`identity_new`),
    identifiers: await countOf(scope, sql`identity_ids WHERE NOT is_known`),
    profiles: await countOf(scope, sql`identity_renewed WHERE is_new`),
    merges: await countOf(scope, sql`identity_merged`),
    refusals: await countOf(scope, sql`identity_refused`),
    replayed,
  };
}
