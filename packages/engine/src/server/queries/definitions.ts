import { sql } from "../../warehouse/sql.js";
import type { DefinitionVersion, DefinitionView } from "../contract.js";
import type { Reads } from "../reads.js";
import { jsonOf } from "./rows.js";

/** Definitions as they are in force, with every version that ever was (`ops.definitions`). */

interface Defined {
  readonly name: string;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
}

/** Versions shown of one definition, newest first. */
const versionsMax = 50;

export function definitionView(
  kind: string,
  defined: Defined,
  entity: string | null,
  versions: ReadonlyMap<string, readonly DefinitionVersion[]>,
  body: unknown = defined,
  /** Under which its versions are recorded; a trait's says for which kinds it is. */
  label: string = defined.name,
): DefinitionView {
  const own = versions.get(`${kind}:${label}`) ?? [];
  return {
    kind,
    name: defined.name,
    title: defined.title ?? titleOf(defined.name),
    description: defined.description ?? null,
    entity,
    version: own[0]?.version ?? null,
    since: own[0]?.since ?? null,
    body: JSON.parse(JSON.stringify(body)) as DefinitionView["body"],
    versions: own.slice(0, versionsMax),
  };
}

/** All versions of all definitions, newest first, by `kind:name`. */
export function versionsOf(reads: Reads): Promise<Map<string, DefinitionVersion[]>> {
  return reads.once("versions", async () => {
    const rows = await reads.read<{
      kind: string;
      name: string;
      version: number;
      since: string;
      cycleId: number;
      fingerprint: string;
      body: string;
    }>(
      sql`/* versions of all definitions */ SELECT kind, name, version, since, cycle_id AS "cycleId", fingerprint, body
FROM ops.definitions ORDER BY kind, name, version DESC LIMIT 20000`,
    );
    const versions = new Map<string, DefinitionVersion[]>();
    for (const { kind, name, body, ...rest } of rows) {
      const key = `${kind}:${name}`;
      const list = versions.get(key) ?? [];
      list.push({ ...rest, body: jsonOf(body) });
      versions.set(key, list);
    }
    return versions;
  });
}

/** `workspace_activation` → `Workspace activation`. */
export function titleOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function titled(defined: Defined | undefined, name: string): string {
  return defined?.title ?? titleOf(name);
}
