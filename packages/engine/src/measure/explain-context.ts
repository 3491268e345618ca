import type { CycleWindow } from "../base/cycle.js";
import type { ExplainedValue } from "../base/explanation.js";
import type { EventScope } from "../project/compile/event-predicate.js";
import type { EntityKind, Project } from "../project/project.js";
import { type Sql, name, sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";
import { namedSubject, soleMemberships } from "./insert-facts.js";
import { allEvents } from "./window.js";

/**
 * What the parts of one explanation share: each thing is read once, however many traits, components and conditions ask
 * for it. Explaining everything about an entity so costs one pass over the events, as explaining one trait of it does.
 */
export interface ExplainContext {
  readonly connection: Connection;
  readonly scope: EventScope;
  readonly project: Project;
  readonly window: CycleWindow;
  /** Filled by `once`. */
  readonly known: Map<string, Promise<unknown>>;
}

/** What `read` came to when it was first asked for under this key. */
export function once<T>(context: ExplainContext, key: string, read: () => Promise<T>): Promise<T> {
  const known = context.known.get(key) as Promise<T> | undefined;
  if (known !== undefined) return known;
  const reading = read();
  context.known.set(key, reading);
  return reading;
}

/** The entity's row of traits, hidden columns included; undefined where it has none yet. */
export function traitsRow(
  context: ExplainContext,
  entity: EntityKind,
  entityId: string,
): Promise<Readonly<Record<string, ExplainedValue>> | undefined> {
  return once(context, `traits ${entity.kind} ${entityId}`, () =>
    context.connection.first<Record<string, ExplainedValue>>(
      sql`/* traits now */ SELECT * FROM ${name("growth", `${entity.kind}_traits`)} WHERE entity_id = ${idSql(entityId)}`,
    ),
  );
}

/** A temporary table of the connection with the entity's own events up to the explanation's moment. */
export function ownEvents(context: ExplainContext, entity: EntityKind, entityId: string): Promise<Sql> {
  return once(context, `events ${entity.kind} ${entityId}`, async () => {
    const { connection, project, window } = context;
    const table = `explained_${entity.kind}_events`;
    await connection.run(
      connection.dialect.tempTable(
        table,
        sql`/* events of one ${{ parts: [{ text: entity.kind }] }} */ SELECT e.* FROM raw.events AS e WHERE ${allEvents(connection.dialect, window).where} AND ${belongsTo(project, entity, entityId)}`,
      ),
    );
    return name(table);
  });
}

/** Events whose subject is this entity: by what they name, else by the sole membership of their person at that time. */
function belongsTo(project: Project, entity: EntityKind, entityId: string): Sql {
  const subjects = sql`SELECT subject_id FROM ${name("growth", `${entity.kind}_subjects`)} WHERE entity_id = ${idSql(entityId)}`;
  const named = sql`${namedSubject(project, entity)} IN (${subjects})`;
  if (!entity.isGroup) return named;
  // Identifiers through whose membership facts came; which of their events count is decided as when they were counted.
  const through = sql`SELECT f.via FROM ${name("growth", `${entity.kind}_facts`)} AS f WHERE f.via <> 0 AND f.subject_id IN (${subjects})`;
  const sole = soleMemberships(project, entity, { from: sql`raw.events`, where: sql`e.identifier_id IN (${through})`, few: true });
  return sql`(${named} OR e.message_id IN (SELECT a.message_id FROM (${sole}) AS a WHERE a.group_id IN (${subjects})))`;
}

/** Ids are decimal text from the warehouse itself; anything else must not reach a statement. */
export function idSql(id: string): Sql {
  if (!/^\d{1,19}$/.test(id)) throw new RangeError(`not an id: ${id}`);
  return { parts: [{ text: id }] };
}
