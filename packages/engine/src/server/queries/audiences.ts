import { microsPerDay } from "../../base/instant.js";
import type { Audience } from "../../project/kinds/audience.js";
import { type Node, audienceReads, syncReads } from "../../project/graph.js";
import type { Project } from "../../project/project.js";
import { type Sql, name, sql } from "../../warehouse/sql.js";
import type { AudienceDetail, AudienceList, AudienceRequest, AudienceSummary } from "../contract.js";
import type { Reads } from "../reads.js";
import { readChanges } from "./changes.js";
import { definitionView, titled, versionsOf } from "./definitions.js";
import { searchCondition } from "./entities.js";
import { entityRefs, limitOf, notFound, pageOf, refOr } from "./rows.js";

/** Audiences: who is in, how the size moved, who came and went and why, and which audiences lie within which. */

const recentPoints = 60;
const sizePoints = 400;
const changesMax = 100;
const causesMax = 50;
const causesDays = 30;

export async function audienceList(reads: Reads): Promise<AudienceList> {
  const figures = await allFigures(reads);
  const versions = await versionsOf(reads);
  const audiences = [];
  for (const audience of reads.project.audiences) {
    const sizes = await readSizes(reads, audience.name, recentPoints);
    audiences.push(
      summaryOf(
        reads.project,
        audience,
        figures.get(audience.name),
        versions.get(`audience:${audience.name}`)?.[0]?.version ?? null,
        sizes,
      ),
    );
  }
  return { audiences };
}

export async function audienceDetail(reads: Reads, audienceName: string, request: AudienceRequest): Promise<AudienceDetail> {
  const audience = reads.project.audiences.find((candidate) => candidate.name === audienceName);
  if (audience === undefined) throw notFound(`audience ${audienceName}`);
  const [figures, versions, sizes, members, changes, causes] = await Promise.all([
    allFigures(reads),
    versionsOf(reads),
    readSizes(reads, audience.name, sizePoints),
    readMembers(reads, audience, request),
    readChanges(reads, audience.entity, [sql`audience = ${audience.name}`], changesMax),
    readCauses(reads, audience.name),
  ]);
  const definition = definitionView("audience", audience, audience.entity, versions);
  const recent = sizes.slice(-recentPoints);
  return {
    ...summaryOf(reads.project, audience, figures.get(audience.name), definition.version, recent),
    holdoutPercent: audience.holdout ?? 0,
    sizes,
    members,
    changes,
    causes,
    definition,
  };
}

interface Figures {
  size: number;
  heldOut: number;
  entered: number;
  left: number;
  updatedAt: string | null;
}

/** Of all audiences at once: two queries, whatever their number. */
function allFigures(reads: Reads): Promise<Map<string, Figures>> {
  return reads.once("audience-figures", async () => {
    const { dialect } = reads;
    const since = dialect.timestamp(reads.now() - microsPerDay);
    const members = await reads.read<{ audience: string; size: number; heldOut: number }>(
      sql`/* sizes and holdouts of all audiences */ SELECT audience, count(*) AS size, ${dialect.filtered(sql`count(*)`, sql`held_out`)} AS "heldOut"
FROM growth.audience_members GROUP BY audience`,
    );
    const changes = await reads.read<{ audience: string; entered: number; left: number }>(
      sql`/* entries and exits of the last 24 hours */ SELECT audience, ${dialect.filtered(sql`count(*)`, sql`change = 'entered'`)} AS entered,
  ${dialect.filtered(sql`count(*)`, sql`change = 'left'`)} AS "left"
FROM growth.audience_changes WHERE happened_at > ${since} GROUP BY audience`,
    );
    const updates = await reads.read<{ audience: string; updatedAt: string }>(
      sql`/* when each audience last changed */ SELECT audience, max(happened_at) AS "updatedAt" FROM growth.audience_sizes GROUP BY audience`,
    );
    const figures = new Map<string, Figures>();
    const of = (audience: string): Figures => {
      const known = figures.get(audience) ?? { size: 0, heldOut: 0, entered: 0, left: 0, updatedAt: null };
      figures.set(audience, known);
      return known;
    };
    for (const row of members) Object.assign(of(row.audience), { size: row.size, heldOut: row.heldOut });
    for (const row of changes) Object.assign(of(row.audience), { entered: row.entered, left: row.left });
    for (const row of updates) of(row.audience).updatedAt = row.updatedAt;
    return figures;
  });
}

function summaryOf(
  project: Project,
  audience: Audience,
  figures: Figures | undefined,
  version: number | null,
  sizes: readonly { at: string; size: number }[],
): AudienceSummary {
  return {
    name: audience.name,
    title: titled(audience, audience.name),
    entity: audience.entity,
    description: audience.description ?? null,
    version,
    size: figures?.size ?? 0,
    heldOut: figures?.heldOut ?? 0,
    entered: figures?.entered ?? 0,
    left: figures?.left ?? 0,
    updatedAt: figures?.updatedAt ?? null,
    parents: audiencesIn(audienceReads(audience)),
    children: project.audiences.filter((other) => audiencesIn(audienceReads(other)).includes(audience.name)).map((other) => other.name),
    syncs: project.syncs.filter((sync) => audiencesIn(syncReads(sync)).includes(audience.name)).map((sync) => sync.name),
    recent: sizes.map(({ at, size }) => ({ at, size })),
  };
}

/** Names of the audiences among what a definition reads. */
function audiencesIn(nodes: readonly Node[]): string[] {
  return [...new Set(nodes.flatMap((node) => (node.type === "audience" ? [node.name] : [])))];
}

/** Sizes over time in at most `points` slots of equal length: each slot's last size, its entries and exits summed. */
function readSizes(reads: Reads, audience: string, points: number): Promise<AudienceDetail["sizes"]> {
  return reads.once(`sizes:${audience}:${points}`, async () => {
    const { dialect } = reads;
    const own = sql`FROM growth.audience_sizes WHERE audience = ${audience}`;
    const span = await reads.first<{ first: string | null; micros: number | null }>(
      sql`/* since when an audience is measured */ SELECT min(happened_at) AS first, ${dialect.microsBetween(sql`min(happened_at)`, sql`max(happened_at)`)} AS micros ${own}`,
    );
    if (span?.first === null || span?.first === undefined) return [];
    const slotMicros = Math.max(1, Math.ceil(((span.micros ?? 0) + 1) / points));
    const first = dialect.cast(sql`${span.first}`, "timestamp");
    const slot = sql`floor(${dialect.microsBetween(first, sql`happened_at`)} / ${slotMicros})`;
    return reads.read<AudienceDetail["sizes"][number]>(
      sql`/* size of an audience over time */ SELECT max(happened_at) AS at, max(cycle_id) AS "cycleId", ${dialect.argMax(sql`size`, sql`cycle_id`)} AS size,
  sum(entered) AS entered, sum("left") AS "left" FROM (SELECT *, ${slot} AS slot ${own}) AS slots GROUP BY slot ORDER BY 1`,
    );
  });
}

async function readMembers(reads: Reads, audience: Audience, request: AudienceRequest): Promise<AudienceDetail["members"]> {
  const page = request.page ?? 1;
  const { dialect } = reads;
  const own = sql`FROM growth.audience_members AS m ${await searched(reads, audience, request.q)}`;
  const total = await reads.count(sql`SELECT m.entity_id ${own}`);
  const rows = await reads.read<{ id: string; enteredAt: string; heldOut: boolean }>(
    sql`/* members of an audience, newest first */ SELECT ${dialect.idText(sql`m.entity_id`)} AS id, m.entered_at AS "enteredAt", m.held_out AS "heldOut" ${own}
ORDER BY m.entered_at DESC, m.entity_id ${limitOf(page)}`,
  );
  const refs = await entityRefs(
    reads,
    audience.entity,
    rows.map((row) => row.id),
  );
  return {
    ...pageOf(page, total),
    rows: rows.map(({ id, enteredAt, heldOut }) => ({ ...refOr(refs, audience.entity, id), enteredAt, heldOut })),
  };
}

async function searched(reads: Reads, audience: Audience, q: string | undefined): Promise<Sql> {
  const own = sql`WHERE m.audience = ${audience.name}`;
  if (q === undefined || q === "") return own;
  const matches = await searchCondition(reads, audience.entity, q, sql`m.entity_id`, sql`e.key`);
  return sql`JOIN ${name("growth", `${audience.entity}_entities`)} AS e ON e.entity_id = m.entity_id ${own} AND ${matches}`;
}

function readCauses(reads: Reads, audience: string): Promise<AudienceDetail["causes"]> {
  const since = reads.dialect.timestamp(reads.now() - causesDays * microsPerDay);
  return reads.read<AudienceDetail["causes"][number]>(
    sql`/* why entities came and went */ SELECT change, reason, count(*) AS count FROM growth.audience_changes
WHERE audience = ${audience} AND happened_at > ${since} GROUP BY change, reason ORDER BY count(*) DESC, change, reason LIMIT ${causesMax}`,
  );
}
