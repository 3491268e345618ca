import { name, sql } from "../../warehouse/sql.js";
import { properties } from "../../warehouse/tables/ops.js";
import type { Connection } from "../../warehouse/warehouse.js";

/** Events of a load that are looked at; the counts of a larger load are estimates. */
const sampledEvents = 200;
const exampleLengthMax = 100;
const keysPerEventMax = 300;
/** Names made up by a broken or hostile client must not fill the table: from here on only known properties are counted. */
const propertiesMax = 50_000;

/** Notes which properties (of identify and group calls: traits) the loaded events have, with the kinds of their values. */
export async function observeProperties(connection: Connection): Promise<void> {
  const { dialect } = connection;
  const size = await connection.first<{ n: number }>(sql`/* load: size */ SELECT count(*) AS n FROM incoming WHERE state = 'event'`);
  const every = Math.max(1, Math.ceil((size?.n ?? 0) / sampledEvents));
  const sampled = sql`(SELECT coalesce(event, type) AS event, timestamp, coalesce(properties, traits) AS body FROM incoming
    WHERE state = 'event' AND message_hash % ${every} = 0) AS b`;
  const observed = sql`/* load: properties seen */
SELECT event, property, type, min(known_column) AS ${name("column")}, count(*) * ${every} + coalesce(min(seen_before), 0) AS seen,
  least(min(timestamp), coalesce(min(first_before), min(timestamp))) AS first_seen,
  greatest(max(timestamp), coalesce(max(last_before), max(timestamp))) AS last_seen, max(example) AS example
FROM (
  SELECT k.event, k.property, k.type, k.timestamp, k.example, p.${name("column")} AS known_column, p.seen AS seen_before, p.first_seen AS first_before,
    p.last_seen AS last_before
  FROM (
    SELECT o.event, o.property, ${dialect.jsonKind(sql`o.value`)} AS type, o.timestamp,
      ${dialect.textHead(dialect.cast(sql`o.value`, "text"), exampleLengthMax)} AS example
    FROM (
      SELECT s.event, s.timestamp, s.property, ${dialect.jsonEntry(sql`s.body`, sql`s.property`)} AS value FROM (
        SELECT b.event, b.timestamp, b.body, key.value AS property
        FROM ${dialect.unnest(sampled, dialect.listHead(dialect.jsonKeys(sql`b.body`), keysPerEventMax), "key")}
      ) AS s WHERE ${dialect.textLength(sql`s.property`)} <= 300
    ) AS o
  ) AS k LEFT JOIN ops.properties AS p ON p.event = k.event AND p.property = k.property AND p.type = k.type
  WHERE p.event IS NOT NULL OR (SELECT count(*) FROM ops.properties) < ${propertiesMax}
) AS both_sides GROUP BY event, property, type`;
  for (const statement of dialect.upsert(properties, observed)) await connection.run(statement);
}
