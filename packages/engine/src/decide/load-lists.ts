import { idOf } from "../base/hash.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { manualLists } from "../warehouse/tables/growth.js";
import type { Connection } from "../warehouse/warehouse.js";

/**
 * Writes the manual lists that audiences name into `growth.lists`, as raw subjects: an id stays good when its profile is
 * merged or only appears later. For users an id may be a user id, an e-mail or an anonymous id.
 */
export async function loadLists(connection: Connection, project: Project): Promise<void> {
  const rows = project.audiences.flatMap((audience) =>
    [...(audience.include ?? []), ...(audience.exclude ?? [])].flatMap((list) =>
      (project.lists.get(list) ?? []).flatMap((key) =>
        subjectIds(audience.entity, key).map((subject) => ({ list, kind: audience.entity, subject_id: subject, key })),
      ),
    ),
  );
  const distinct = [...new Map(rows.map((row) => [`${row.list}\n${row.kind}\n${row.subject_id}`, row])).values()];
  await connection.run(sql`/* lists as their files say now */ ${connection.dialect.deleteWhere(manualLists, sql`TRUE`)}`);
  await connection.append(manualLists, distinct);
}

function subjectIds(kind: string, key: string): string[] {
  return kind === "user" ? [idOf("user_id", key), idOf("email", key.toLowerCase()), idOf("anonymous_id", key)] : [idOf(kind, key)];
}
