/**
 * What stands on every node of a cluster that answers, so that a start makes only what is missing: a statement ON CLUSTER
 * waits for all nodes, and a standby that takes over because one died has no time for that.
 */

/** `"database"`, `"database"."table"`, or with a column. */
export type Thing = readonly [database: string, table?: string, column?: string];

const quotedName = String.raw`"((?:[^"\\]|\\.)*)"`;
const lead = String.raw`^\s*(?:/\*.*?\*/\s*)*`;
const made = new RegExp(
  String.raw`${lead}CREATE (?:DATABASE|TABLE) IF NOT EXISTS ${quotedName}(?:\.${quotedName})? ON CLUSTER |` +
    String.raw`${lead}ALTER TABLE ${quotedName}\.${quotedName} ON CLUSTER "[^"]*" ADD COLUMN IF NOT EXISTS ${quotedName} `,
  "s",
);

/** What a statement makes unless it stands; undefined for any other statement. */
export function madeIfMissing(statement: string): Thing | undefined {
  const found = made.exec(statement);
  if (found === null) return undefined;
  const [database, table, column] = found.slice(found[1] === undefined ? 3 : 1).map((text) => text?.replaceAll(/\\(.)/g, "$1"));
  if (database === undefined) return undefined;
  if (table === undefined) return [database];
  return column === undefined ? [database, table] : [database, table, column];
}

/** All columns that stand on each node of those that answer: rows of database, table and column. */
export function standingColumns(cluster: string): string {
  const nodes = (table: string) => `clusterAllReplicas('${cluster}', ${table})`;
  return `/* what stands on all nodes */ SELECT database, table, name FROM ${nodes("system.columns")}
WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')
GROUP BY database, table, name HAVING count() = (SELECT count() FROM ${nodes("system.one")})`;
}

export class Standing {
  #read: () => Promise<readonly (readonly unknown[])[]>;
  #things: Promise<Set<string>> | undefined;

  /** `read` gives the rows of `standingColumns`. */
  constructor(read: () => Promise<readonly (readonly unknown[])[]>) {
    this.#read = read;
  }

  async has(thing: Thing): Promise<boolean> {
    return (await this.#known()).has(JSON.stringify(thing));
  }

  async add(thing: Thing): Promise<void> {
    (await this.#known()).add(JSON.stringify(thing));
  }

  /** Something was dropped or changed its name: look again. */
  forget(): void {
    this.#things = undefined;
  }

  async #known(): Promise<Set<string>> {
    this.#things ??= this.#read().then((rows) => {
      const all = rows.flatMap(([database, table, column]) => [[database], [database, table], [database, table, column]]);
      return new Set(all.map((thing) => JSON.stringify(thing)));
    });
    const reading = this.#things;
    try {
      return await reading;
    } catch (thrown) {
      if (this.#things === reading) this.#things = undefined;
      throw thrown;
    }
  }
}
