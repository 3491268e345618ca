import type { CycleWindow } from "../base/cycle.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { identityRules } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";
import { type IdentifySummary, extendGraph } from "./extend-graph.js";
import { identityFingerprint } from "./identity-fingerprint.js";
import { rebuildIdentity } from "./rebuild-identity.js";
import { scopeOf } from "./scope.js";

/**
 * Who is who, after the events of loads `(fromLoad, toLoad]`: extends the identity graph, the entities of every kind and
 * the memberships, and adds to the temporary table `touched` whom that changed. Events take effect in the order (received_at, message_id),
 * whatever order they were loaded in: the tables are the same as after `rebuildIdentity`, which also happens here by
 * itself when the project's identity rules are not those that the graph was built with.
 */
export async function identify(connection: Connection, project: Project, window: CycleWindow): Promise<IdentifySummary> {
  const fingerprint = identityFingerprint(project);
  const built = await connection.first<{ fingerprint: string }>(
    sql`/* identify: rules of the graph */ SELECT fingerprint FROM growth.identity_rules`,
  );
  const isFirst = built === undefined && window.fromLoad === 0;
  if (built?.fingerprint !== fingerprint && !isFirst) return rebuildIdentity(connection, project, window);
  return connection.transaction(async () => {
    if (isFirst) await connection.append(identityRules, [{ fingerprint, cycle_id: window.cycleId }]);
    return extendGraph(scopeOf(connection, project, window));
  });
}
