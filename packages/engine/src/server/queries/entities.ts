import { CambiumError } from "../../base/errors.js";
import { traitsOf } from "../../project/project.js";
import { type Sql, join, name, sql } from "../../warehouse/sql.js";
import type { EntitiesPage, EntitiesRequest, EntityColumn } from "../contract.js";
import type { Reads } from "../reads.js";
import { titled } from "./definitions.js";
import { idList, jsonOf, kindExists, limitOf, lowerContains, lowerStarts, nameColumn, notFound, pageOf, where } from "./rows.js";

/**
 * A page of a kind's entities with their traits and scores. The page's ids are found first, with only the column that
 * sorts; the wide rows are read for those fifty alone.
 */

/** Traits shown as columns, in the order of the project. */
const traitColumnsMax = 40;
const defaultSort = "-last_seen";

export async function entitiesPage(reads: Reads, kind: string, request: EntitiesRequest): Promise<EntitiesPage> {
  if (!kindExists(reads, kind)) throw notFound(`entity kind ${kind}`);
  const { dialect, project } = reads;
  const entity = project.entities.find((candidate) => candidate.kind === kind);
  const columns = await columnsOf(reads, kind);
  const page = request.page ?? 1;
  const sort = request.sort ?? defaultSort;
  const sorted = columns.find((column) => column.name === sort.replace(/^-/, ""));
  if (sorted === undefined) {
    throw new CambiumError("BAD_REQUEST", `sort: there is no column ${sort}`, {
      details: { columns: columns.map((column) => column.name) },
    });
  }
  const direction = sort.startsWith("-") ? sql`DESC` : sql`ASC`;
  const filters = await filtersOf(reads, kind, request);
  const by = sourceOf(kind, sorted, await nameColumn(reads, kind));
  const [total, ids] = await Promise.all([
    reads.count(sql`SELECT e.entity_id FROM ${name("growth", `${kind}_entities`)} AS e ${where(filters)}`),
    reads.read<{ id: string }>(
      sql`/* page of entities, in order */ SELECT ${dialect.idText(sql`e.entity_id`)} AS id FROM ${name("growth", `${kind}_entities`)} AS e ${by.join}
${where(filters)} ORDER BY ${by.column} ${direction} NULLS LAST, e.key ${limitOf(page)}`,
    ),
  ]);
  const rows = await readRows(
    reads,
    kind,
    columns,
    ids.map((row) => row.id),
  );
  return { kind, title: entity?.title ?? kind, plural: entity?.plural ?? kind, columns, rows, ...pageOf(page, total) };
}

async function columnsOf(reads: Reads, kind: string): Promise<EntityColumn[]> {
  const { project } = reads;
  const stored = await reads.columns("growth", `${kind}_traits`);
  const named = await nameColumn(reads, kind);
  const scores = [];
  for (const score of project.scores) {
    if (score.entity === kind && (await reads.exists("growth", `score_${score.name}`))) scores.push(score);
  }
  const traits = traitsOf(project, kind).filter((trait) => stored.has(trait.name));
  return [
    { name: "key", title: "Key", type: "text", role: "key" },
    ...(named === undefined ? [] : [{ name: "name", title: "Name", type: "text", role: "name" } as const]),
    ...scores.map((score) => ({ name: `score:${score.name}`, title: titled(score, score.name), type: "double", role: "score" }) as const),
    { name: "first_seen", title: "First seen", type: "timestamp", role: "time" },
    { name: "last_seen", title: "Last seen", type: "timestamp", role: "time" },
    ...traits.slice(0, traitColumnsMax).map(
      (trait) =>
        ({
          name: `trait:${trait.name}`,
          title: titled(trait, trait.name),
          type: stored.get(trait.name) ?? "text",
          role: "trait",
        }) as const,
    ),
  ];
}

/** Where a column's values are, and the join that reaches them from `e`. Only names of known columns come here. */
function sourceOf(kind: string, column: EntityColumn, named: string | undefined): { column: Sql; join: Sql } {
  const traits = sql`LEFT JOIN ${name("growth", `${kind}_traits`)} AS t ON t.entity_id = e.entity_id`;
  if (column.role === "key" || column.role === "time") return { column: name("e", column.name), join: sql`` };
  if (column.role === "name") return { column: name("t", named ?? "name"), join: traits };
  const own = column.name.slice(column.name.indexOf(":") + 1);
  if (column.role === "trait") return { column: name("t", own), join: traits };
  return { column: sql`s.value`, join: sql`LEFT JOIN ${name("growth", `score_${own}`)} AS s ON s.entity_id = e.entity_id` };
}

async function filtersOf(reads: Reads, kind: string, request: EntitiesRequest): Promise<Sql[]> {
  const filters: Sql[] = [];
  if (request.audience !== undefined) {
    filters.push(sql`e.entity_id IN (SELECT entity_id FROM growth.audience_members WHERE audience = ${request.audience})`);
  }
  if (request.q !== undefined && request.q !== "")
    filters.push(await searchCondition(reads, kind, request.q, sql`e.entity_id`, sql`e.key`));
  return filters;
}

/** Beginning of the key, beginning of any identifier of a user, part of the name. */
export async function searchCondition(reads: Reads, kind: string, text: string, id: Sql, key: Sql): Promise<Sql> {
  const ways = [lowerStarts(reads, key, text)];
  const named = await nameColumn(reads, kind);
  if (named !== undefined) {
    const value = reads.dialect.cast(name(named), "text");
    ways.push(sql`${id} IN (SELECT entity_id FROM ${name("growth", `${kind}_traits`)} WHERE ${lowerContains(reads, value, text)})`);
  }
  if (kind === "user") {
    ways.push(
      sql`${id} IN (SELECT s.entity_id FROM growth.user_subjects AS s JOIN growth.identifiers AS i ON i.identifier_id = s.subject_id WHERE ${lowerStarts(reads, sql`i.value`, text)})`,
    );
  }
  return sql`(${join(ways, " OR ")})`;
}

async function readRows(
  reads: Reads,
  kind: string,
  columns: readonly EntityColumn[],
  ids: readonly string[],
): Promise<EntitiesPage["rows"]> {
  if (ids.length === 0) return [];
  const { dialect } = reads;
  const list = idList(ids);
  const named = await nameColumn(reads, kind);
  const only = (table: string) => sql`(SELECT * FROM ${name("growth", table)} WHERE entity_id IN ${list})`;
  const scores = columns.filter((column) => column.role === "score").map((column) => column.name.slice("score:".length));
  const traits = columns.filter((column) => column.role === "trait").map((column) => column.name.slice("trait:".length));
  const fields = [
    sql`${dialect.idText(sql`e.entity_id`)} AS id`,
    sql`e.key`,
    sql`${named === undefined ? sql`NULL` : dialect.cast(name("t", named), "text")} AS name`,
    sql`e.first_seen`,
    sql`e.last_seen`,
    ...traits.map((trait) => sql`${name("t", trait)} AS ${name(`trait:${trait}`)}`),
    ...scores.map((score, index) => sql`${name(`s${index}`, "value")} AS ${name(`score:${score}`)}`),
  ];
  const joins = scores.map(
    (score, index) => sql`LEFT JOIN ${only(`score_${score}`)} AS ${name(`s${index}`)} ON ${name(`s${index}`)}.entity_id = e.entity_id`,
  );
  const traitJoin = (await reads.exists("growth", `${kind}_traits`))
    ? [sql`LEFT JOIN ${only(`${kind}_traits`)} AS t ON t.entity_id = e.entity_id`]
    : [];
  const rows = await reads.read(
    sql`/* entities of one page, wide */ SELECT ${join(fields)} FROM ${only(`${kind}_entities`)} AS e ${join([...traitJoin, ...joins], "\n")}`,
  );
  const types = new Map(columns.map((column) => [column.name, column.type]));
  const byId = new Map(rows.map((row) => [row["id"], row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    if (row === undefined) return [];
    const cells = Object.fromEntries(
      columns.map(({ name: column }) => [column, types.get(column) === "json" ? jsonOf(row[column]) : (row[column] ?? null)]),
    );
    return [{ kind, id, key: String(row["key"]), name: row["name"] === null ? null : String(row["name"]), cells }];
  });
}
