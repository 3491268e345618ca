import { CambiumError } from "../../base/errors.js";
import type { Dialect } from "../dialect.js";
import { join, render, sql } from "../sql.js";
import type { Server } from "./server.js";
import { type StoredTable, type TableName, pathOf, stagedSchema } from "./stored-table.js";

const schemas = ["growth", "ops", stagedSchema];

/**
 * What tables there are in `growth` and `ops`, and which of them have a table beside them for staged rows. Read when it
 * is first asked for, and again after a table of the warehouse was made or changed: only the writer that holds the term
 * changes any. Tables for staged rows, which it makes as they are needed, it is told of.
 */
export class Catalogue {
  #server: Server;
  #dialect: Dialect;
  #prefix: string;
  #known: Promise<Map<string, OwnTable>> | undefined;

  constructor(server: Server, dialect: Dialect, prefix: string) {
    this.#server = server;
    this.#dialect = dialect;
    this.#prefix = prefix;
  }

  async table(of: TableName): Promise<StoredTable> {
    const found = await this.find(of);
    if (found === undefined) throw new CambiumError("WAREHOUSE_FAILED", `there is no table ${pathOf(of)} to write to`);
    return found;
  }

  async find(of: TableName): Promise<StoredTable | undefined> {
    return (await this.#tables()).get(pathOf(of));
  }

  /** A table was made, with these columns. */
  async made(table: StoredTable): Promise<void> {
    (await this.#tables()).set(pathOf(table), { ...table, columns: new Map(table.columns), key: [...table.key] });
  }

  /** A column was made, perhaps in place of one of another type. */
  async columnMade(table: TableName, column: string, type: string): Promise<void> {
    (await this.#tables()).get(pathOf(table))?.columns.set(column, type);
  }

  /** A table was made or changed: nothing is certain. */
  forget(): void {
    this.#known = undefined;
  }

  async #tables(): Promise<Map<string, OwnTable>> {
    this.#known ??= this.#read();
    const reading = this.#known;
    try {
      return await reading;
    } catch (thrown) {
      if (this.#known === reading) this.#known = undefined;
      throw thrown;
    }
  }

  async #read(): Promise<Map<string, OwnTable>> {
    const databases = join(schemas.map((schema) => sql`${this.#prefix + schema}`));
    const listed = this.#server.rows(
      render(
        sql`/* tables and their columns */ SELECT c.database, c.table, c.name, c.type, c.is_in_sorting_key, t.engine LIKE '%ReplacingMergeTree' AS is_state
FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database IN (${databases}) AND t.database IN (${databases}) AND c.default_kind NOT IN ('MATERIALIZED', 'EPHEMERAL', 'ALIAS')
ORDER BY c.database, c.table, c.position`,
        this.#dialect.quoting,
      ),
    );
    const tables = new Map<string, OwnTable>();
    for await (const { rows } of listed) {
      for (const [database, table, column, type, isKey, isState] of rows) {
        const own = { schema: String(database).slice(this.#prefix.length), table: String(table) };
        const known = tables.get(pathOf(own)) ?? { ...own, columns: new Map<string, string>(), key: [], isState: isState === true };
        known.columns.set(String(column), String(type));
        if (isKey === true) known.key.push(String(column));
        tables.set(pathOf(own), known);
      }
    }
    return tables;
  }
}

type OwnTable = StoredTable & { readonly columns: Map<string, string>; readonly key: string[] };
