import { traitsOf } from "../../project/project.js";
import { name, sql } from "../../warehouse/sql.js";
import type { EntityRef, MembershipView, Profile, TraitView } from "../contract.js";
import type { Reads } from "../reads.js";
import { readChanges } from "./changes.js";
import { titled } from "./definitions.js";
import { kindOfSync, readDeliveries } from "./deliveries.js";
import { type FoundEntity, findEntity } from "./find-entity.js";
import { profileScores } from "./profile-scores.js";
import { entityRefs, jsonOf, refOr, textList } from "./rows.js";
import { timelineOf } from "./timeline.js";

/** Everything about one user, workspace or account on one page. Each part is one bounded query. */

const identifiersMax = 200;
const mergesMax = 100;
const refusalsMax = 50;
const membershipsMax = 100;
const childrenMax = 100;
const changesMax = 100;
const deliveriesMax = 50;

export async function profileOf(reads: Reads, kind: string, text: string): Promise<Profile> {
  const found = await findEntity(reads, kind, text);
  const { id } = found;
  const isUser = kind === "user";
  const [
    refs,
    parent,
    identifiers,
    merges,
    refusals,
    traits,
    scores,
    audiences,
    audienceChanges,
    memberships,
    children,
    deliveries,
    timeline,
  ] = await Promise.all([
    entityRefs(reads, kind, [id]),
    parentOf(reads, kind, found),
    isUser ? readIdentifiers(reads, id) : { rows: [], total: 0 },
    isUser ? readMerges(reads, id) : [],
    isUser ? readRefusals(reads, id) : [],
    readTraits(reads, kind, id),
    profileScores(reads, kind, id),
    readAudiences(reads, kind, id),
    readChanges(reads, kind, [sql`entity_id = ${BigInt(id)}`, sql`audience IN ${textList(audienceNames(reads, kind))}`], changesMax),
    readMemberships(reads, kind, id),
    readChildren(reads, kind, id),
    deliveriesOf(reads, kind, id),
    timelineOf(reads, kind, id),
  ]);
  return {
    ...refOr(refs, kind, id),
    title: reads.project.entities.find((entity) => entity.kind === kind)?.title ?? kind,
    key: found.key,
    firstSeen: found.firstSeen,
    lastSeen: found.lastSeen,
    mergedFrom: found.mergedFrom,
    parent,
    identifiers: identifiers.rows,
    identifiersTotal: identifiers.total,
    merges,
    refusals,
    traits,
    scores,
    audiences,
    audienceChanges,
    memberships: memberships.rows,
    membershipsTotal: memberships.total,
    children: children.rows,
    childrenTotal: children.total,
    deliveries,
    timeline,
  };
}

async function parentOf(reads: Reads, kind: string, found: FoundEntity): Promise<EntityRef | null> {
  const parentKind = reads.project.entities.find((entity) => entity.kind === kind)?.parent;
  if (parentKind === undefined || found.parentId === null) return null;
  return refOr(await entityRefs(reads, parentKind, [found.parentId]), parentKind, found.parentId);
}

async function readIdentifiers(reads: Reads, id: string): Promise<{ rows: Profile["identifiers"]; total: number }> {
  const own = sql`FROM growth.identifiers WHERE identifier_id IN (SELECT subject_id FROM growth.user_subjects WHERE entity_id = ${BigInt(id)})`;
  const rows = await reads.read<Profile["identifiers"][number]>(
    sql`/* identifiers of a profile */ SELECT type, value, first_received_at AS "firstReceivedAt", first_message_id AS "firstMessageId" ${own}
ORDER BY first_received_at, type, value LIMIT ${identifiersMax}`,
  );
  return { rows, total: rows.length < identifiersMax ? rows.length : await reads.count(sql`SELECT 1 AS one ${own}`) };
}

/** Merges whose winner or loser is this profile or one that was merged into it: every loser is a subject of it by now. */
function readMerges(reads: Reads, id: string): Promise<Profile["merges"]> {
  const { dialect } = reads;
  return reads.read<Profile["merges"][number]>(
    sql`/* merges that made a profile */ SELECT ${dialect.idText(sql`m.loser_id`)} AS "loserId", ${dialect.idText(sql`m.winner_id`)} AS "winnerId",
  i.value AS "loserKey", m.received_at AS "receivedAt", m.message_id AS "messageId"
FROM (SELECT * FROM growth.merges WHERE winner_id = ${BigInt(id)}
  OR loser_id IN (SELECT subject_id FROM growth.user_subjects WHERE entity_id = ${BigInt(id)})) AS m
LEFT JOIN growth.identifiers AS i ON i.identifier_id = m.loser_id ORDER BY m.received_at DESC, m.loser_id LIMIT ${mergesMax}`,
  );
}

function readRefusals(reads: Reads, id: string): Promise<Profile["refusals"]> {
  return reads.read<Profile["refusals"][number]>(
    sql`/* identifiers that were not linked to a profile */ SELECT type, value, reason, received_at AS "receivedAt", message_id AS "messageId"
FROM growth.identity_refusals WHERE profile_id IN (SELECT subject_id FROM growth.user_subjects WHERE entity_id = ${BigInt(id)})
  OR profile_id = ${BigInt(id)} ORDER BY received_at DESC, message_id LIMIT ${refusalsMax}`,
  );
}

async function readTraits(reads: Reads, kind: string, id: string): Promise<TraitView[]> {
  const columns = await reads.columns("growth", `${kind}_traits`);
  const row =
    columns.size === 0
      ? undefined
      : await reads.first(
          sql`/* traits of one entity */ SELECT * FROM ${name("growth", `${kind}_traits`)} WHERE entity_id = ${BigInt(id)} LIMIT 1`,
        );
  return traitsOf(reads.project, kind).map((trait) => {
    const type = columns.get(trait.name);
    const value = row?.[trait.name] ?? null;
    return {
      name: trait.name,
      title: titled(trait, trait.name),
      description: trait.description ?? null,
      type: trait.type,
      valueType: type ?? "unknown",
      value: type === "json" ? jsonOf(value) : value,
      updatedAt: (row?.["updated_at"] as string | undefined) ?? null,
      definition: JSON.parse(JSON.stringify(trait)) as TraitView["definition"],
    };
  });
}

async function readAudiences(reads: Reads, kind: string, id: string): Promise<Profile["audiences"]> {
  const rows = await reads.read<{ audience: string; enteredAt: string; heldOut: boolean }>(
    sql`/* audiences of one entity */ SELECT audience, entered_at AS "enteredAt", held_out AS "heldOut" FROM growth.audience_members
WHERE entity_id = ${BigInt(id)}`,
  );
  const byName = new Map(rows.map((row) => [row.audience, row]));
  return reads.project.audiences
    .filter((audience) => audience.entity === kind)
    .map((audience) => {
      const row = byName.get(audience.name);
      return {
        name: audience.name,
        title: titled(audience, audience.name),
        member: row !== undefined,
        enteredAt: row?.enteredAt ?? null,
        heldOut: row?.heldOut ?? false,
      };
    });
}

function audienceNames(reads: Reads, kind: string): string[] {
  return reads.project.audiences.filter((audience) => audience.entity === kind).map((audience) => audience.name);
}

/** Groups of a user, or users of a group; those valid now first. */
async function readMemberships(reads: Reads, kind: string, id: string): Promise<{ rows: MembershipView[]; total: number }> {
  const { dialect } = reads;
  const isUser = kind === "user";
  const own = isUser
    ? sql`FROM growth.memberships WHERE user_id = ${BigInt(id)}`
    : sql`FROM growth.memberships WHERE kind = ${kind} AND group_id = ${BigInt(id)}`;
  const other = dialect.idText(isUser ? sql`group_id` : sql`user_id`);
  const rows = await reads.read<{ kind: string; other: string; validFrom: string; validTo: string | null }>(
    sql`/* memberships of one entity */ SELECT kind, ${other} AS other, valid_from AS "validFrom", valid_to AS "validTo" ${own}
ORDER BY CASE WHEN valid_to IS NULL THEN 0 ELSE 1 END, valid_from DESC, 2 LIMIT ${membershipsMax}`,
  );
  const total = rows.length < membershipsMax ? rows.length : await reads.count(sql`SELECT 1 AS one ${own}`);
  const kindOf = (row: { kind: string }) => (isUser ? row.kind : "user");
  const refs = new Map<string, Map<string, EntityRef>>();
  for (const memberKind of new Set(rows.map(kindOf))) {
    const ids = rows.filter((row) => kindOf(row) === memberKind).map((row) => row.other);
    refs.set(memberKind, await entityRefs(reads, memberKind, ids));
  }
  const views = rows.map((row) => ({
    entity: refOr(refs.get(kindOf(row)) ?? new Map(), kindOf(row), row.other),
    validFrom: row.validFrom,
    validTo: row.validTo,
  }));
  return { rows: views, total };
}

async function readChildren(reads: Reads, kind: string, id: string): Promise<{ rows: EntityRef[]; total: number }> {
  const rows: EntityRef[] = [];
  let total = 0;
  for (const child of reads.project.entities.filter((entity) => entity.parent === kind)) {
    const own = sql`FROM ${name("growth", `${child.kind}_entities`)} WHERE parent_id = ${BigInt(id)}`;
    const ids = await reads.read<{ id: string }>(
      sql`/* entities within one */ SELECT ${reads.dialect.idText(sql`entity_id`)} AS id ${own} ORDER BY last_seen DESC, key LIMIT ${childrenMax}`,
    );
    total += ids.length < childrenMax ? ids.length : await reads.count(sql`SELECT 1 AS one ${own}`);
    const refs = await entityRefs(
      reads,
      child.kind,
      ids.map((row) => row.id),
    );
    rows.push(...ids.map((row) => refOr(refs, child.kind, row.id)));
  }
  return { rows, total };
}

function deliveriesOf(reads: Reads, kind: string, id: string): Promise<Profile["deliveries"]> {
  const syncs = reads.project.syncs.filter((sync) => kindOfSync(reads.project, sync) === kind).map((sync) => sync.name);
  return readDeliveries(reads, [sql`entity_id = ${BigInt(id)}`, sql`sync IN ${textList(syncs)}`], sql`LIMIT ${deliveriesMax}`);
}
