import type { Instant } from "../base/instant.js";
import { published } from "../warehouse/published.js";
import { sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";

/**
 * The ledger: at every hop what came in equals what went on, and where it does not, which entry is to blame.
 * Stages write `ops.ledger`; here it is only read and checked.
 */

export interface LedgerEquation {
  /** `collect` or `sync:<name>`. */
  readonly hop: string;
  readonly title: string;
  readonly equation: string;
  readonly total: { name: string; value: number };
  readonly terms: { name: string; value: number }[];
  /** Total minus the sum of the terms. */
  readonly difference: number;
  readonly balanced: boolean;
  readonly gaps: { ref: string; happenedAt: string; difference: number }[];
}

export interface LedgerCheck {
  readonly name: string;
  readonly title: string;
  readonly ok: boolean;
  readonly sentence: string;
  readonly left: number;
  readonly right: number;
}

/** Entries named where an equation does not hold. */
const gapsMax = 10;

interface Sums {
  hop: string;
  accepted: number;
  stored: number;
  duplicates: number;
  quarantined: number;
  changed: number;
  delivered: number;
  failed: number;
  skipped: number;
}

/** One equation per hop, over the whole history, or from `since` on. */
export async function ledger(connection: Connection, since: Instant = 0): Promise<LedgerEquation[]> {
  const from = since > 0 ? sql`WHERE happened_at >= ${connection.dialect.timestamp(since)}` : sql``;
  const sums = await connection.read<Sums>(
    sql`/* ledger: sums by hop */ SELECT hop, sum(accepted) AS accepted, sum(stored) AS stored, sum(duplicates) AS duplicates,
  sum(quarantined) AS quarantined, sum(changed) AS changed, sum(delivered) AS delivered, sum(failed) AS failed, sum(skipped) AS skipped
FROM ops.ledger ${from} GROUP BY hop ORDER BY hop`,
  );
  const gaps = await readGaps(connection, since);
  return sums.map((row) => equationOf(row, gaps.filter((gap) => gap.hop === row.hop).slice(0, gapsMax)));
}

/**
 * The ledger against the tables it speaks of: what loads say, what is stored, what the sync runs say. `cambium verify`
 * and the fault tests run it; every check that fails says which two numbers differ.
 */
export function checkLedger(connection: Connection): Promise<LedgerCheck[]> {
  // One snapshot: a load that commits between two of these queries is no gap.
  return connection.transaction(() => readChecks(connection));
}

async function readChecks(connection: Connection): Promise<LedgerCheck[]> {
  const equations = await ledger(connection);
  const sums = await connection.first<{ accepted: number; stored: number; quarantined: number }>(
    sql`/* ledger: what loads say */ SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(stored), 0) AS stored,
  coalesce(sum(quarantined), 0) AS quarantined FROM ops.loads`,
  );
  const events = await countOf(connection, "events");
  const quarantined = await countOf(connection, "quarantine");
  const twice = await connection.first<{ n: number }>(
    sql`/* ledger: segments loaded twice */ SELECT count(*) AS n FROM (SELECT segment FROM ops.loads GROUP BY segment HAVING count(*) > 1) AS twice`,
  );
  const collect = equations.find((equation) => equation.hop === "collect");
  const runs = await connection.read<{ sync: string; outcomes: number }>(
    sql`/* ledger: what sync runs say */ SELECT sync, sum(delivered + failed + skipped) AS outcomes FROM ops.sync_runs
WHERE finished_at IS NOT NULL GROUP BY sync ORDER BY sync`,
  );
  return [
    ...equations.map((equation) =>
      check(equation.hop, `${equation.title}: ${equation.equation}`, equation.total.value, equation.total.value - equation.difference),
    ),
    check("loads", "Accepted events of the ledger are those of the loads", collect?.total.value ?? 0, sums?.accepted ?? 0),
    check("stored", "Stored events of the loads are in raw.events", sums?.stored ?? 0, events),
    check("quarantined", "Quarantined events of the loads are in raw.quarantine", sums?.quarantined ?? 0, quarantined),
    check("segments", "No spool segment was loaded twice", twice?.n ?? 0, 0),
    ...runs.map((run) => {
      const equation = equations.find((candidate) => candidate.hop === `sync:${run.sync}`);
      const outcomes = (equation?.terms ?? []).reduce((sum, term) => sum + term.value, 0);
      return check(`runs:${run.sync}`, `Outcomes of sync ${run.sync} in the ledger are those of its runs`, outcomes, run.outcomes);
    }),
  ];
}

function check(name: string, title: string, left: number, right: number): LedgerCheck {
  const ok = left === right;
  return {
    name,
    title,
    ok,
    left,
    right,
    sentence: ok ? `${left} = ${right}` : `${left} is not ${right}: ${Math.abs(left - right)} unaccounted for`,
  };
}

async function countOf(connection: Connection, table: "events" | "quarantine"): Promise<number> {
  const from = table === "events" ? sql`raw.events` : sql`raw.quarantine`;
  return (
    (await connection.first<{ n: number }>(sql`/* ledger: rows of a raw table */ SELECT count(*) AS n FROM ${from} WHERE ${published()}`))
      ?.n ?? 0
  );
}

/** Entries whose own numbers do not add up, newest first. */
async function readGaps(
  connection: Connection,
  since: Instant,
): Promise<{ hop: string; ref: string; happenedAt: string; difference: number }[]> {
  return connection.read(
    sql`/* ledger: entries that do not add up */ SELECT hop, ref, happened_at AS "happenedAt", difference FROM (
  SELECT hop, ref, happened_at, CASE WHEN hop = 'collect' THEN accepted - stored - duplicates - quarantined
    ELSE changed - delivered - failed - skipped END AS difference
  FROM ops.ledger WHERE happened_at >= ${connection.dialect.timestamp(since)}) AS entries
WHERE difference <> 0 ORDER BY happened_at DESC LIMIT 200`,
  );
}

function equationOf(row: Sums, gaps: readonly { ref: string; happenedAt: string; difference: number }[]): LedgerEquation {
  const collects = row.hop === "collect";
  const total = collects ? { name: "accepted", value: row.accepted } : { name: "changed", value: row.changed };
  const terms = collects
    ? [
        { name: "stored", value: row.stored },
        { name: "duplicates", value: row.duplicates },
        { name: "quarantined", value: row.quarantined },
      ]
    : [
        { name: "delivered", value: row.delivered },
        { name: "failed", value: row.failed },
        { name: "skipped", value: row.skipped },
      ];
  const difference = total.value - terms.reduce((sum, term) => sum + term.value, 0);
  return {
    hop: row.hop,
    title: collects ? "Collect" : row.hop.startsWith("sync:") ? `Sync ${row.hop.slice("sync:".length)}` : row.hop,
    equation: `${total.name} = ${terms.map((term) => term.name).join(" + ")}`,
    total,
    terms,
    difference,
    balanced: difference === 0 && gaps.length === 0,
    gaps: gaps.map(({ ref, happenedAt, difference: gap }) => ({ ref, happenedAt, difference: gap })),
  };
}
