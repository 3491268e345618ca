import { md5Hex } from "../base/hash.js";
import type { Project } from "../project/project.js";

/** Changes when a rule changes that the graph, the groups or the memberships depend on. */
export function identityFingerprint(project: Project): string {
  const kinds = project.entities.map(({ kind, parent, id, group_type, parent_id, leave_events, membership }) => ({
    kind,
    parent,
    id,
    group_type,
    parent_id,
    leave_events,
    membership,
  }));
  return md5Hex(JSON.stringify([graphVersion, project.identifiers, kinds]));
}

/** Grows when this code would build another graph from the same events and rules. */
const graphVersion = 1;
