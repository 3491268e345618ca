import type { Engine } from "../../packages/engine/src/engine.js";
import type { Terminal } from "../../packages/engine/src/cli/terminal.js";
import { textTable } from "../../packages/engine/src/cli/text-table.js";
import { status } from "../../packages/engine/src/observe/status.js";
import { name, sql } from "../../packages/engine/src/warehouse/sql.js";
import type { Receiver } from "../receiver/receiver.js";

/** What `npm start` tells at the end: the counts of every hop and the seconds of every stage. */
export interface Summary {
  readonly events: { accepted: number; stored: number; duplicates: number; quarantined: number };
  readonly entities: Readonly<Record<string, number>>;
  readonly merges: number;
  readonly scores: readonly { score: string; entities: number; average: number | null; buckets: string }[];
  readonly audiences: readonly { audience: string; entity: string; size: number; heldOut: number }[];
  readonly deliveries: readonly { sync: string; changed: number; delivered: number; failed: number; skipped: number }[];
  readonly received: number;
  readonly seconds: Readonly<Record<string, number>>;
  readonly freshness: { p50Seconds: number; p95Seconds: number; cycles: number } | null;
  readonly ledger: readonly { hop: string; balanced: boolean }[];
}

export async function summaryOf(engine: Engine, receiver: Receiver, seconds: Readonly<Record<string, number>>): Promise<Summary> {
  const connection = await engine.warehouse.connect();
  try {
    const project = engine.project();
    const loaded = await connection.first<Summary["events"]>(
      sql`/* summary: events */ SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(stored), 0) AS stored, coalesce(sum(duplicates), 0) AS duplicates, coalesce(sum(quarantined), 0) AS quarantined FROM ops.loads`,
    );
    const entities: Record<string, number> = {};
    for (const { kind } of project.entities) {
      entities[kind] =
        (
          await connection.first<{ n: number }>(
            sql`/* summary: entities */ SELECT count(*) AS n FROM ${name("growth", `${kind}_entities`)}`,
          )
        )?.n ?? 0;
    }
    const merges = await connection.first<{ n: number }>(sql`/* summary: merges */ SELECT count(*) AS n FROM growth.merges`);
    const scores = [];
    for (const { name: score } of project.scores) {
      const rows = await connection.read<{ bucket: string | null; n: number; total: number | null; low: number | null }>(
        sql`/* summary: a score */ SELECT bucket, count(*) AS n, sum(value) AS total, min(value) AS low FROM ${name("growth", `score_${score}`)} GROUP BY bucket`,
      );
      const of = (part: (row: (typeof rows)[number]) => number) => rows.reduce((sum, row) => sum + part(row), 0);
      const entities = of((row) => row.n);
      scores.push({
        score,
        entities,
        average: entities === 0 ? null : of((row) => row.total ?? 0) / entities,
        buckets: rows
          .toSorted((a, b) => (b.low ?? -1) - (a.low ?? -1))
          .map((row) => `${row.bucket ?? "–"} ${row.n}`)
          .join(", "),
      });
    }
    const sizes = await connection.read<{ audience: string; size: number; held: number }>(
      sql`/* summary: audiences */ SELECT audience, count(*) AS size, count(*) FILTER (WHERE held_out) AS held FROM growth.audience_members GROUP BY audience`,
    );
    const deliveries = await connection.read<Summary["deliveries"][number]>(
      sql`/* summary: deliveries */ SELECT replace(hop, 'sync:', '') AS sync, sum(changed) AS changed, sum(delivered) AS delivered, sum(failed) AS failed, sum(skipped) AS skipped FROM ops.ledger WHERE hop LIKE 'sync:%' GROUP BY hop ORDER BY hop`,
    );
    const state = await status(connection, project, engine.clock());
    return {
      events: loaded ?? { accepted: 0, stored: 0, duplicates: 0, quarantined: 0 },
      entities,
      merges: merges?.n ?? 0,
      scores,
      audiences: project.audiences.map((audience) => {
        const row = sizes.find((each) => each.audience === audience.name);
        return { audience: audience.name, entity: audience.entity, size: row?.size ?? 0, heldOut: row?.held ?? 0 };
      }),
      deliveries,
      received: receiver.requests(),
      seconds,
      freshness: state.freshness,
      ledger: state.ledger.map(({ hop, balanced }) => ({ hop, balanced })),
    };
  } finally {
    await connection.close();
  }
}

export function summaryText(summary: Summary, { colors, columns, outIsTerminal }: Terminal): string {
  const { bold, green, red, dim } = colors;
  const width = outIsTerminal ? columns : 10_000;
  const number = (value: number) => value.toLocaleString("en");
  const { events } = summary;
  const balanced = summary.ledger.every((each) => each.balanced);
  const blocks = [
    `${bold("Events")}      ${number(events.accepted)} accepted = ${number(events.stored)} stored + ${number(events.duplicates)} duplicates + ${number(events.quarantined)} quarantined`,
    `${bold("Profiles")}    ${Object.entries(summary.entities)
      .map(([kind, count]) => `${number(count)} ${kind}s`)
      .join(" · ")} · ${number(summary.merges)} merges`,
    "",
    textTable(
      ["score", "entities", "average", "buckets"],
      summary.scores.map((each) => [each.score, each.entities, each.average === null ? "" : each.average.toFixed(1), each.buckets]),
      width,
    ),
    "",
    textTable(
      ["audience", "of", "size", "held out"],
      summary.audiences.map((each) => [each.audience, each.entity, each.size, each.heldOut]),
      width,
    ),
    "",
    textTable(
      ["sync", "changed", "delivered", "failed", "skipped"],
      summary.deliveries.map((each) => [each.sync, each.changed, each.delivered, each.failed, each.skipped]),
      width,
    ),
    "",
    `${bold("Receiver")}    ${number(summary.received)} requests`,
    `${bold("Seconds")}     ${Object.entries(summary.seconds)
      .map(([step, value]) => `${step} ${value.toFixed(1)}`)
      .join(" · ")}`,
    `${bold("Freshness")}   ${summary.freshness === null ? dim("no live events yet") : `p50 ${summary.freshness.p50Seconds.toFixed(1)} s · p95 ${summary.freshness.p95Seconds.toFixed(1)} s over ${summary.freshness.cycles} ${summary.freshness.cycles === 1 ? "cycle" : "cycles"}`}`,
    `${bold("Ledger")}      ${balanced ? green("adds up at every hop") : red("DOES NOT ADD UP: see `cambium status`")}`,
  ];
  return `\n${blocks.join("\n")}\n`;
}
