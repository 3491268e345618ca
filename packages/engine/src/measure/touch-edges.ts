import type { CycleWindow } from "../base/cycle.js";
import { dayText } from "../base/day.js";
import { microsPerHour } from "../base/instant.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import { hiddenOf } from "../project/compile/hidden.js";
import { durationOf } from "../project/kinds/words.js";
import { type EntityKind, type Project, traitsOf } from "../project/project.js";
import { name, sql } from "../warehouse/sql.js";
import { nameOf } from "../warehouse/table.js";
import type { Connection } from "../warehouse/warehouse.js";
import { factTable } from "./fact-tables.js";

/**
 * Time alone changes windowed values. When the project's day turns, everyone is looked at (days-since traits change for
 * all of them); when an hour turns, those whose facts fall out of a window given in hours.
 */
export async function touchEdges(
  connection: Connection,
  scope: EventScope,
  project: Project,
  entity: EntityKind,
  window: CycleWindow,
): Promise<void> {
  if (window.previousNow === 0) return;
  const { dialect } = connection;
  if (dayTurned(window, scope.timezone)) {
    await connection.run(sql`/* a new day: windows move for everyone */
INSERT INTO touched (kind, entity_id, reason, message_id)
SELECT ${entity.kind}, entity_id, 'window', NULL FROM ${name("growth", `${entity.kind}_entities`)}`);
    return;
  }
  const before = Math.floor(window.previousNow / microsPerHour) * microsPerHour;
  const after = Math.floor(window.now / microsPerHour) * microsPerHour;
  if (before === after) return;
  for (const hours of hourWindows(project, entity.kind)) {
    const from = dialect.timestamp(before - hours * microsPerHour);
    const to = dialect.timestamp(after - hours * microsPerHour);
    await connection.run(sql`/* facts that fall out of a window of hours */
INSERT INTO touched (kind, entity_id, reason, message_id)
SELECT DISTINCT ${entity.kind}, s.entity_id, 'window', NULL FROM ${nameOf(factTable(entity.kind, "hour"))} AS f
JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = f.subject_id WHERE f.bucket > ${from} AND f.bucket <= ${to}`);
  }
}

export function dayTurned(window: CycleWindow, timezone: string): boolean {
  return dayText(window.previousNow, timezone) !== dayText(window.now, timezone);
}

function hourWindows(project: Project, kind: string): number[] {
  const spans = [
    ...traitsOf(project, kind).map((trait) => ("within" in trait ? trait.within : undefined)),
    ...hiddenOf(project, kind).map((hidden) => (hidden.type === "event" ? hidden.condition.within : undefined)),
  ];
  const lengths = spans
    .filter((span) => span !== undefined)
    .map(durationOf)
    .filter((span) => span.grain === "hour")
    .map((span) => span.length);
  return [...new Set(lengths)];
}
