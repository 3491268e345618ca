import { CambiumError } from "../base/errors.js";
import type { Explanation } from "../base/explanation.js";
import { explainCondition, explainScore } from "../measure/explain-condition.js";
import { type ExplainContext, idSql, once } from "../measure/explain-context.js";
import { explainTrait } from "../measure/explain-trait.js";
import type { TypedProperties } from "../project/compile/event-predicate.js";
import { type EntityKind, type Project, entityOf, traitsOf } from "../project/project.js";
import { name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { readWatermark } from "./cycle.js";

export interface ExplainRequest {
  readonly kind: string;
  /** Decimal text. */
  readonly entityId: string;
  readonly trait?: string | undefined;
  readonly score?: string | undefined;
  readonly audience?: string | undefined;
  readonly sync?: string | undefined;
}

/** Any value back to the events, as of the newest cycle. */
export async function explain(
  connection: Connection,
  project: Project,
  request: ExplainRequest,
  typed: TypedProperties = new Map(),
): Promise<Explanation> {
  const entity = entityOf(project, request.kind);
  const watermark = await readWatermark(connection);
  const context: ExplainContext = {
    connection,
    project,
    scope: { dialect: connection.dialect, now: watermark.now, timezone: project.timezone, typed },
    window: {
      cycleId: watermark.cycleId,
      now: watermark.now,
      previousNow: watermark.now,
      fromLoad: watermark.toLoad,
      toLoad: watermark.toLoad,
    },
    known: new Map(),
  };
  const { entityId } = request;
  if (request.trait !== undefined) return explainTrait(context, entity, entityId, request.trait);
  if (request.score !== undefined) return explainScore(context, entity, entityId, request.score);
  if (request.audience !== undefined) return explainAudience(context, entity, entityId, request.audience);
  if (request.sync !== undefined) return explainSync(context, entity, entityId, request.sync);
  return explainEntity(context, entity, entityId);
}

/** In or not, since when and why, then the condition part by part; nested audiences are opened. */
function explainAudience(context: ExplainContext, entity: EntityKind, entityId: string, audienceName: string): Promise<Explanation> {
  return once(context, `audience ${entity.kind} ${entityId} ${audienceName}`, () => readAudience(context, entity, entityId, audienceName));
}

async function readAudience(context: ExplainContext, entity: EntityKind, entityId: string, audienceName: string): Promise<Explanation> {
  const { connection, project } = context;
  const audience = project.audiences.find((candidate) => candidate.name === audienceName && candidate.entity === entity.kind);
  if (audience === undefined) throw new CambiumError("NOT_FOUND", `There is no audience ${audienceName} of ${entity.plural}.`);
  const id = idSql(entityId);
  const member = await connection.first<{ entered_at: string; held_out: boolean }>(
    sql`/* membership now */ SELECT entered_at, held_out FROM growth.audience_members WHERE audience = ${audience.name} AND entity_id = ${id}`,
  );
  const moves = await connection.read<{ change: string; happened_at: string; reason: string; message_id: string | null; version: number }>(
    sql`/* entries and exits */ SELECT change, happened_at, reason, message_id, version FROM growth.audience_changes WHERE audience = ${audience.name} AND entity_id = ${id} ORDER BY change_id DESC LIMIT 5`,
  );
  const condition = await explainCondition(context, entity, entityId, audience.where);
  const lists = await connection.read<{ list: string }>(
    sql`/* manual lists with this entity */ SELECT DISTINCT l.list FROM growth.lists AS l JOIN ${name("growth", `${entity.kind}_subjects`)} AS s ON s.subject_id = l.subject_id WHERE l.kind = ${entity.kind} AND s.entity_id = ${id}`,
  );
  const excluded = lists.filter(({ list }) => audience.exclude?.includes(list));
  const included = lists.filter(({ list }) => audience.include?.includes(list));
  const listed: Explanation[] = [
    ...excluded.map(({ list }): Explanation => ({ title: `excluded by ${list}`, kind: "list", value: true, holds: false, children: [] })),
    ...included.map(({ list }): Explanation => ({ title: `included by ${list}`, kind: "list", value: true, holds: true, children: [] })),
  ];
  await openNested(context, entity, entityId, condition, 0);
  const newest = moves[0];
  const since =
    newest === undefined
      ? undefined
      : `${newest.change} at ${newest.happened_at} because of ${newest.reason}${newest.message_id === null ? "" : ` (event ${newest.message_id})`}`;
  return {
    title: `audience ${audience.name}`,
    kind: "audience",
    value: member !== undefined,
    holds: member !== undefined,
    detail:
      [member?.held_out === true ? "held out: nothing is sent" : undefined, since].filter((each) => each !== undefined).join("; ") ||
      undefined,
    at: newest?.happened_at,
    version: newest?.version,
    children: [condition, ...listed],
  };
}

const nestingMax = 5;

async function openNested(context: ExplainContext, entity: EntityKind, entityId: string, node: Explanation, depth: number): Promise<void> {
  const nested = /^in audience (\w+)$/.exec(node.title)?.[1];
  if (nested !== undefined && depth < nestingMax) node.children.push(await explainAudience(context, entity, entityId, nested));
  else for (const child of node.children) await openNested(context, entity, entityId, child, depth + 1);
}

/** What a sync did with this entity: outcomes, newest first. */
async function explainSync(context: ExplainContext, entity: EntityKind, entityId: string, sync: string): Promise<Explanation> {
  const definition = context.project.syncs.find((candidate) => candidate.name === sync);
  if (definition === undefined) throw new CambiumError("NOT_FOUND", `There is no sync ${sync}.`);
  const rows = await context.connection.read<{
    happened_at: string;
    change: string;
    outcome: string;
    status: number | null;
    reason: string | null;
    run_id: number;
    key: string;
  }>(
    sql`/* deliveries of one entity */ SELECT happened_at, change, outcome, status, reason, run_id, key FROM ops.deliveries WHERE sync = ${sync} AND entity_id = ${idSql(entityId)} ORDER BY happened_at DESC LIMIT 20`,
  );
  const children = rows.map((row): Explanation => ({
    title: `${row.change} ${row.outcome}`,
    kind: "delivery",
    value: row.outcome,
    holds: row.outcome === "delivered",
    at: row.happened_at,
    detail: [`run ${row.run_id}`, `key ${row.key}`, row.status === null ? undefined : `status ${row.status}`, row.reason ?? undefined]
      .filter((each) => each !== undefined)
      .join(", "),
    children: [],
  }));
  const source = definition.from;
  const audience = "audience" in source ? source.audience : "changes" in source ? source.changes : undefined;
  if (audience !== undefined && context.project.audiences.some((each) => each.name === audience && each.entity === entity.kind)) {
    children.push(await explainAudience(context, entity, entityId, audience));
  }
  return {
    title: `sync ${sync}`,
    kind: "sync",
    value: rows[0]?.outcome ?? "never sent",
    detail: rows.length === 0 ? "No row of this entity was delivered by this sync." : undefined,
    children,
  };
}

async function explainEntity(context: ExplainContext, entity: EntityKind, entityId: string): Promise<Explanation> {
  const { project, connection } = context;
  const row = await connection.first<{ key: string; first_seen: string }>(
    sql`/* the entity itself */ SELECT key, first_seen FROM ${name("growth", `${entity.kind}_entities`)} WHERE entity_id = ${idSql(entityId)}`,
  );
  if (row === undefined) throw new CambiumError("NOT_FOUND", `There is no ${entity.kind} ${entityId}.`);
  const children: Explanation[] = [];
  for (const score of project.scores.filter((each) => each.entity === entity.kind))
    children.push(await explainScore(context, entity, entityId, score.name));
  for (const audience of project.audiences.filter((each) => each.entity === entity.kind))
    children.push(await explainAudience(context, entity, entityId, audience.name));
  for (const trait of traitsOf(project, entity.kind)) children.push(await explainTrait(context, entity, entityId, trait.name));
  return { title: `${entity.kind} ${row.key}`, kind: "entity", value: row.key, at: row.first_seen, children };
}
