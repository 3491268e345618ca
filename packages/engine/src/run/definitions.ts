import type { CycleWindow } from "../base/cycle.js";
import { md5Hex } from "../base/hash.js";
import { isoOf } from "../base/instant.js";
import { canonical } from "../project/compile/hidden.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import { definitions } from "../warehouse/tables/ops.js";
import type { Connection } from "../warehouse/warehouse.js";

export interface Versions {
  readonly score: ReadonlyMap<string, number>;
  readonly audience: ReadonlyMap<string, number>;
  readonly trait: ReadonlyMap<string, number>;
}

/** Writes a new version of each definition that differs from its newest one, and says which versions are in force. */
export async function recordDefinitions(connection: Connection, project: Project, window: CycleWindow): Promise<Versions> {
  const newest = await connection.read<{ kind: string; name: string; version: number; fingerprint: string }>(
    sql`/* newest version of each definition */ SELECT kind, name, version, fingerprint FROM ops.definitions
        QUALIFY row_number() OVER (PARTITION BY kind, name ORDER BY version DESC) = 1`,
  );
  const known = new Map(newest.map((row) => [`${row.kind}\n${row.name}`, row]));
  const versions: { [kind in keyof Versions]: Map<string, number> } = { score: new Map(), audience: new Map(), trait: new Map() };
  const rows = (["trait", "score", "audience"] as const).flatMap((kind) => {
    const list: readonly { name: string; entity: string | string[] }[] =
      kind === "trait" ? project.traits : kind === "score" ? project.scores : project.audiences;
    return list.flatMap((definition) => {
      const label = kind === "trait" ? `${[definition.entity].flat().join("+")}.${definition.name}` : definition.name;
      const fingerprint = md5Hex(canonical(definition));
      const before = known.get(`${kind}\n${label}`);
      const version = before === undefined ? 1 : before.fingerprint === fingerprint ? before.version : before.version + 1;
      versions[kind].set(label, version);
      if (before?.fingerprint === fingerprint) return [];
      return [
        { kind, name: label, version, fingerprint, body: JSON.stringify(definition), since: isoOf(window.now), cycle_id: window.cycleId },
      ];
    });
  });
  await connection.append(definitions, rows);
  return versions;
}
