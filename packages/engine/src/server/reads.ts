import { CambiumError } from "../base/errors.js";
import type { Instant } from "../base/instant.js";
import type { Project } from "../project/project.js";
import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, name, sql } from "../warehouse/sql.js";
import type { Connection, Row, Warehouse } from "../warehouse/warehouse.js";

/** Sessions that answers are read with; further reads wait for a free one. */
const sessionsMax = 3;
/** Answers kept until the next change of the warehouse. */
const answersMax = 64;
/** Reads that may wait for a session before new ones are refused. */
const waitingMax = 500;

/**
 * What queries read with: a small pool of sessions, and knowledge of which tables and columns exist by now (those of a
 * definition appear with its first cycle). Answers that are asked for again before anything changed are computed once.
 */
export class Reads {
  readonly dialect: Dialect;
  readonly now: () => Instant;
  readonly #project: () => Project;
  readonly #sessions: Connection[];
  readonly #idle: Connection[];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #answers = new Map<string, { answer: Promise<unknown>; keepUntil: number }>();
  #tables: Promise<ReadonlySet<string>> | undefined;
  readonly #columns = new Map<string, Promise<ReadonlyMap<string, string>>>();

  private constructor(dialect: Dialect, sessions: Connection[], project: () => Project, now: () => Instant) {
    this.dialect = dialect;
    this.#sessions = sessions;
    this.#idle = [...sessions];
    this.#project = project;
    this.now = now;
  }

  static async open(warehouse: Warehouse, project: () => Project, now: () => Instant): Promise<Reads> {
    const sessions: Connection[] = [];
    for (let opened = 0; opened < sessionsMax; opened += 1) sessions.push(await warehouse.connect());
    return new Reads(warehouse.dialect, sessions, project, now);
  }

  get project(): Project {
    return this.#project();
  }

  /** Lends a session to `work`. */
  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#waiting.length >= waitingMax) throw new CambiumError("BUSY", `${waitingMax} reads wait already`);
    const connection = this.#idle.pop() ?? (await new Promise<Connection>((resolve) => void this.#waiting.push(resolve)));
    try {
      return await work(connection);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(connection);
      else next(connection);
    }
  }

  read<T = Row>(query: Sql): Promise<T[]> {
    return this.use((connection) => connection.read<T>(query));
  }

  first<T = Row>(query: Sql): Promise<T | undefined> {
    return this.use((connection) => connection.first<T>(query));
  }

  async count(query: Sql): Promise<number> {
    return (await this.first<{ n: number }>(sql`SELECT count(*) AS n FROM (${query}) AS counted`))?.n ?? 0;
  }

  /** Columns of a table with their portable types; empty where the table does not exist yet. */
  async columns(schema: string, table: string): Promise<ReadonlyMap<string, string>> {
    this.#tables ??= this.#readTables();
    if (!(await this.#tables).has(`${schema}.${table}`)) return new Map();
    const key = `${schema}.${table}`;
    const known = this.#columns.get(key);
    if (known !== undefined) return known;
    const described = this.use(async (connection) => {
      const columns = await connection.describe(sql`SELECT * FROM ${name(schema, table)}`);
      return new Map(columns.map((column) => [column.name, column.type]));
    });
    this.#columns.set(key, described);
    described.catch(() => this.#columns.delete(key));
    return described;
  }

  async exists(schema: string, table: string): Promise<boolean> {
    return (await this.columns(schema, table)).size > 0;
  }

  /**
   * The answer of `work`, computed once until something changes; who asks meanwhile shares it. With `keepMs` it also
   * stays through changes for that long: for what is dear and moves slowly.
   */
  once<T>(key: string, work: () => Promise<T>, keepMs = 0): Promise<T> {
    const known = this.#answers.get(key);
    if (known !== undefined) return known.answer as Promise<T>;
    if (this.#answers.size >= answersMax) this.#answers.delete(this.#answers.keys().next().value ?? "");
    const answer = work();
    this.#answers.set(key, { answer, keepUntil: performance.now() + keepMs });
    answer.catch(() => this.#answers.delete(key));
    return answer;
  }

  /** Something was committed. After a cycle tables may be new, too; after another project nothing is known any more. */
  changed(what: "rows" | "tables" | "project" = "project"): void {
    const now = performance.now();
    for (const [key, { keepUntil }] of this.#answers) if (what === "project" || keepUntil <= now) this.#answers.delete(key);
    if (what === "rows") return;
    this.#tables = undefined;
    this.#columns.clear();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
  }

  async #readTables(): Promise<ReadonlySet<string>> {
    const inSchema = (schema: string) => sql`SELECT concat(${`${schema}.`}, t.name) AS path FROM ${this.dialect.tablesOf(schema)} AS t`;
    const rows = await this.read<{ path: string }>(
      sql`/* which tables exist */ ${join(["raw", "growth", "ops"].map(inSchema), " UNION ALL ")}`,
    );
    return new Set(rows.map((row) => row.path));
  }
}
