import { randomUUID } from "node:crypto";
import { render, sql, name } from "../sql.js";
import type { Dialect } from "../dialect.js";
import type { Server } from "./server.js";

/**
 * Names of databases that last as long as a session or a shadow warehouse, and the removal of those whose process died.
 * Nothing in them is needed again.
 */
export function scratchName(prefix: string, what: "session" | "shadow"): string {
  return `${prefix}${what}_${randomUUID().replaceAll("-", "")}`;
}

/** A session that made no table for so long is dead; a living one gets its database back when it needs it. */
const deadAfterHours = 48;

export async function dropLeftovers(server: Server, dialect: Dialect, prefix: string): Promise<void> {
  const text = (statement: Parameters<typeof render>[0]) => render(statement, dialect.quoting);
  const found = server.rows(
    text(sql`/* databases of sessions that ended without a word */ SELECT d.name FROM system.databases AS d
WHERE match(d.name, ${`^${prefix.replace(/\W/g, "")}(session|shadow)_[0-9a-f]{32}(_(raw|growth|ops|models|segment))?$`})
  AND d.name NOT IN (SELECT database FROM system.tables WHERE metadata_modification_time > now() - INTERVAL ${deadAfterHours} HOUR)
  AND d.name IN (SELECT database FROM system.tables)`),
  );
  for await (const { rows } of found) {
    for (const [database] of rows) await server.run(text(sql`DROP DATABASE IF EXISTS ${name(String(database))} SYNC`));
  }
}
