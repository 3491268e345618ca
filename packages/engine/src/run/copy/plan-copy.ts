import type { Project } from "../../project/project.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { kindsOf } from "../derived-tables.js";
import { type CopyState, readCopyState } from "./copy-state.js";
import { type Side, withSession } from "./side.js";
import { contentsOf, tablesIn } from "./tables-in.js";

/** What a copy would do. */
export interface CopyPlan {
  readonly tables: readonly { readonly table: string; readonly rows: number }[];
  readonly leftOut: readonly string[];
  /** What stands in the way of copying; undefined for an empty target, or one that holds a part of this copy. */
  readonly obstacle: string | undefined;
  readonly resumes: boolean;
}

/** Looks, and changes nothing; a target that does not exist yet is undefined. */
export async function planCopy(
  project: Project,
  from: Side,
  to: Side | undefined,
  { replace }: { readonly replace: boolean },
): Promise<CopyPlan> {
  return withSession(from, async (source) => {
    const { leftOut } = await tablesIn(source, kindsOf(project));
    const { rows } = await contentsOf(source, kindsOf(project));
    const plan = { tables: [...rows].map(([table, n]) => ({ table, rows: n })), leftOut };
    if (to === undefined || replace) return { ...plan, obstacle: undefined, resumes: false };
    return withSession(to, async (target) => {
      const state = await readCopyState(target);
      return { ...plan, obstacle: await obstacleTo(project, source, target, from.name, state), resumes: state?.source === from.name };
    });
  });
}

/** What is in the target and does not come from this source. */
export async function obstacleTo(
  project: Project,
  source: Connection,
  target: Connection,
  sourceName: string,
  state: CopyState | undefined,
): Promise<string | undefined> {
  if (state !== undefined) return state.source === sourceName ? undefined : `It holds a part of a copy of ${state.source}.`;
  const there = await contentsOf(target, kindsOf(project));
  if (there.rows.size === 0) return undefined;
  const { newestCycleAt } = await contentsOf(source, kindsOf(project));
  const events = there.rows.get("raw.events") ?? 0;
  const newest =
    there.newestCycleAt === undefined
      ? ""
      : `; its newest cycle is of ${there.newestCycleAt}${newestCycleAt !== undefined && there.newestCycleAt > newestCycleAt ? `, later than the source's (${newestCycleAt})` : ""}`;
  return `It is not empty: ${there.rows.size} tables with rows, ${events.toLocaleString("en")} events${newest}.`;
}
