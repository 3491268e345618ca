import { type Instant, isoOf } from "../base/instant.js";
import type { Project } from "../project/project.js";
import type { Connection } from "../warehouse/warehouse.js";
import {
  cycleBacklog,
  decideFigures,
  deliveredLastMinute,
  entityCounts,
  freshness,
  lastCycle,
  loadFigures,
  syncFigures,
  type SyncFigures,
} from "./figures.js";
import { type Health, counted, seconds, worst } from "./health.js";
import { type Hop, type LiveFigures, hopsOf, syncHealth } from "./hops.js";
import { type LedgerEquation, ledger } from "./ledger.js";
import { type NodeFigures, nodeFigures } from "./nodes.js";

/** The state of the whole loop as plain data: what `cambium status` prints and the console's first page draws. */

export interface Problem {
  readonly hop: string;
  readonly at: string | null;
  readonly message: string;
  readonly next: string;
}

export interface Status {
  readonly project: string;
  readonly title: string;
  readonly at: string;
  readonly health: Health;
  readonly hops: Hop[];
  readonly ledger: LedgerEquation[];
  readonly entities: { kind: string; title: string; plural: string; count: number }[];
  readonly problems: Problem[];
  /** Collectors, where several may ship into the warehouse. */
  readonly nodes: NodeFigures[];
  readonly freshness: { p50Seconds: number; p95Seconds: number; cycles: number } | null;
}

export async function status(connection: Connection, project: Project, now: Instant, live: LiveFigures = {}): Promise<Status> {
  const loads = await loadFigures(connection, now);
  const cycle = await lastCycle(connection);
  const entities = await entityCounts(
    connection,
    project.entities.map((entity) => entity.kind),
  );
  const syncs = await syncFigures(connection);
  const hops = hopsOf({
    now,
    loads,
    cycle,
    backlog: await cycleBacklog(connection, cycle?.toLoad ?? 0),
    entities,
    decided: await decideFigures(connection, now),
    syncs,
    deliveredLastMinute: await deliveredLastMinute(connection, now),
    live,
  });
  const equations = await ledger(connection);
  return {
    project: project.config.name,
    title: project.config.title ?? project.config.name,
    at: isoOf(now),
    health: worst([...equations.map(ledgerHealth), ...hops.map((hop) => hop.health)], "The loop has caught up with its events."),
    hops,
    ledger: equations,
    entities: project.entities.map(({ kind, title, plural }) => ({ kind, title, plural, count: entities.get(kind) ?? 0 })),
    problems: problemsOf(hops, equations, syncs, loads.quarantinedLastHour),
    nodes: await nodeFigures(connection),
    freshness: await freshness(connection),
  };
}

function ledgerHealth(equation: LedgerEquation): Health {
  if (equation.balanced) return { state: "ok", sentence: "The ledger adds up." };
  return { state: "error", sentence: `The ledger of ${equation.hop} does not add up: ${Math.abs(equation.difference)} unaccounted for.` };
}

function problemsOf(
  hops: readonly Hop[],
  equations: readonly LedgerEquation[],
  syncs: readonly SyncFigures[],
  quarantined: number,
): Problem[] {
  const problems: Problem[] = [];
  for (const equation of equations) {
    if (equation.balanced) continue;
    const message = ledgerHealth(equation).sentence;
    problems.push({
      hop: equation.hop,
      at: equation.gaps[0]?.happenedAt ?? null,
      message,
      next: "Run `cambium verify`: it names the entries that differ.",
    });
  }
  if (quarantined > 0) {
    const message = `${counted(quarantined, "event")} went to quarantine within the last hour.`;
    problems.push({ hop: "collect", at: null, message, next: "Open Live events, Quarantine: each row says why." });
  }
  for (const sync of syncs) {
    const health = syncHealth(sync);
    if (health.state === "ok") continue;
    const next =
      sync.state === "guarded"
        ? `Look at \`cambium sync ${sync.sync} --dry-run\`, then confirm it.`
        : "Open the sync's page: errors are grouped by reason.";
    problems.push({ hop: "activate", at: sync.finishedAt, message: health.sentence, next });
  }
  for (const hop of hops) {
    const said = problems.some((problem) => problem.message === hop.health.sentence);
    if (hop.health.state === "ok" || said) continue;
    problems.push({
      hop: hop.name,
      at: hop.newestAt,
      message: hop.health.sentence,
      next: `${hop.title} is ${seconds(hop.behindSeconds ?? 0)} behind: see Runs.`,
    });
  }
  return problems;
}
