import { CambiumError } from "../../base/errors.js";
import type { ClickhouseDialect } from "./dialect.js";
import { type Sql, join, render, sql } from "../sql.js";
import { type TableSpec, nameOf } from "../table.js";
import { Catalogue } from "./catalogue.js";
import { closures, commits, renewals, terms } from "./commit-tables.js";
import { dropEverything } from "./drop-everything.js";
import type { Server } from "./server.js";
import { countStaged, inForce, publishRows, unpublishRows } from "./staged.js";
import { commentOf } from "./statement-number.js";
import { nameOfTable, pathOf, stagedSchema } from "./stored-table.js";
import { closeEarlierTerms, dropEarlierStaged, dropStaged } from "./take-over.js";
import { type Term, takeTerm } from "./terms.js";
import { Transaction } from "./transaction.js";

/** What publishes a commit's rows of one table, in order; where it was begun before, after `anew`. */
interface Step {
  readonly alter: readonly string[];
  readonly anew: readonly string[];
  readonly run: readonly string[];
}

/** Staged rows by table: to add, to take away. */
type Counts = ReadonlyMap<string, { readonly rows: number; readonly gone: number }>;

interface Commit {
  readonly number: number;
  readonly transaction: Transaction;
  readonly redo: readonly Step[];
  readonly counts: Counts;
}

/** Staged rows that nobody needs are dropped when so many transactions, or rows, have left some in a table. */
const partitionsKept = 40;
const rowsKept = 100_000;
/** Rows of `ops.commits` that a writer keeps behind its newest. */
const commitsKept = 1_000;

/**
 * The commits of one writer (docs/decisions/013). A commit is one row of `ops.commits` with the statements that publish
 * what its transaction staged; they run right after it, before the next. So after a crash at most the writer's last commit
 * is not published whole: whoever takes the lease over publishes it again, and drops what no commit names.
 *
 * Of two processes that hold one lease in turn never both commit: the newer takes a term, then writes down which commit of
 * the older is the last that counts; the older looks for a newer term after each commit it recorded. One of the two always
 * sees the other. Statements that publish do nothing once a newer term is there.
 */
export class Commits {
  readonly term: Term;
  readonly #catalogue: Catalogue;
  readonly #server: Server;
  readonly #dialect: ClickhouseDialect;
  readonly #prefix: string;
  #number = 0;
  /** Perhaps recorded and not published whole: nobody may look before that is settled. */
  #pending: Commit | undefined;
  #settling: Promise<void> | undefined;
  /** The newest one: its staged rows are needed again if this process dies before the next. */
  #last: Commit | undefined;
  #takenOver: CambiumError | undefined;
  /** Staged rows that nobody needs, by table. */
  readonly #leftovers = new Map<string, { readonly txns: string[]; rows: number }>();

  private constructor(server: Server, dialect: ClickhouseDialect, prefix: string, term: Term) {
    this.term = term;
    this.#server = server;
    this.#dialect = dialect;
    this.#prefix = prefix;
    this.#catalogue = new Catalogue(server, dialect, prefix);
  }

  /** Takes the lease over from whoever held it: what that one committed is published, what it did not commit is dropped. */
  static async open(server: Server, dialect: ClickhouseDialect, prefix: string, lease: string): Promise<Commits> {
    const term = await takeTerm(server, dialect, lease);
    const own = new Commits(server, dialect, prefix, term);
    const tables = [...dialect.createTable(commits), ...dialect.createTable(closures), dialect.createSchema(stagedSchema)];
    for (const statement of tables) await own.#run(statement);
    const redo = await closeEarlierTerms(server, dialect, term);
    if (redo !== undefined) await own.#publish(JSON.parse(redo) as Step[], { anew: true });
    await own.#seal();
    await dropEarlierStaged(server, dialect, prefix, term);
    return own;
  }

  begin(): Transaction {
    return new Transaction(this.#catalogue, this.#dialect, this.term, {
      run: (statement) => this.#run(statement),
      seal: () => this.#server.alone(() => this.#seal()),
    });
  }

  /** A table was made or changed. */
  tablesChanged(): void {
    this.#catalogue.forget();
  }

  /** `alive` is a table of the session with a row in it, unless the session's temporary tables were lost. */
  async commit(transaction: Transaction, alive: Sql): Promise<void> {
    transaction.assertWhole();
    await this.#sweep();
    const counts = await this.#count(transaction, alive);
    const redo = this.#redoOf(transaction, counts);
    if (redo.length > 0) return this.#server.alone(() => this.#commit({ number: this.#nextNumber(), transaction, redo, counts }));
    // Nothing was staged, unless a newer writer has dropped it.
    if (counts.size > 0) await this.#assertInForce();
    this.#leave(transaction, counts);
  }

  /** It failed. Where nobody knows whether it was recorded, that is settled before the next statement. */
  rollBack(transaction: Transaction): void {
    if (this.#pending?.transaction !== transaction) this.#leave(transaction);
  }

  /** Before anybody looks: a commit that an error kept from being published is published, or void if it was never recorded. */
  async settle(): Promise<void> {
    while (this.#pending !== undefined) {
      this.#settling ??= this.#server
        .alone(() => this.#settle())
        .finally(() => {
          this.#settling = undefined;
        });
      await this.#settling;
    }
  }

  /**
   * Drops what is in the warehouse but this table, between two transactions. What writers keep about themselves stays: were
   * terms counted from one again, an older writer that wakes up would pass for the newest.
   */
  async clear(kept: TableSpec): Promise<void> {
    await this.close();
    await dropEverything(this.#server, this.#dialect, this.#prefix, [kept, terms, commits, closures, renewals]);
    await this.#run(this.#dialect.createSchema(stagedSchema));
    this.#leftovers.clear();
    this.#catalogue.forget();
  }

  /** Leaves nothing to publish for whoever comes next. */
  async close(): Promise<void> {
    if (this.#takenOver !== undefined || this.#pending !== undefined || this.#last === undefined) return;
    try {
      await this.#server.alone(() => this.#seal());
    } catch (thrown) {
      // Then the newer one has seen to it.
      if (!(thrown instanceof CambiumError) || thrown.code !== "WAREHOUSE_TAKEN_OVER") throw thrown;
    }
  }

  async #commit(commit: Commit): Promise<void> {
    if (this.#takenOver !== undefined) throw this.#takenOver;
    this.#pending = commit;
    try {
      await this.#record(commit);
    } catch (thrown) {
      // Lost on the way there, or on the way back? The table knows.
      if (!(await this.#isRecorded(commit))) throw thrown;
    }
    await allDone([this.#assertInForce(), this.#publish(commit.redo)]);
    this.#published(commit);
  }

  async #settle(): Promise<void> {
    const commit = this.#pending;
    if (commit === undefined) return;
    if (await this.#isRecorded(commit)) {
      await this.#assertInForce();
      await this.#publish(commit.redo, { anew: true });
      this.#published(commit);
      return;
    }
    // Should it arrive yet, it is not the last one and is never published.
    await this.#seal();
    this.#pending = undefined;
    this.#leave(commit.transaction, commit.counts);
  }

  async #count({ changes }: Transaction, alive: Sql): Promise<Counts> {
    const staged = changes.filter((change) => change.isStaged).map((change) => countStaged(change));
    if (staged.length === 0) return new Map();
    const counting = join([sql`SELECT '' AS path, count() AS rows, 0 AS gone FROM ${alive}`, ...staged], " UNION ALL ");
    // Whether older versions of a row count as well makes no difference here.
    const settings = { ...publishing, settings: { final: 0 } } as const;
    const counted = await this.#server.read(this.#text(sql`/* what was staged */ ${counting}`), settings);
    const counts = new Map(counted.map(([path, rows, gone]) => [String(path), { rows: Number(rows), gone: Number(gone) }]));
    // What was computed from empty tables must not count.
    if (counts.get("")?.rows === 0) {
      const details = { lost: (alive.parts[0] as { name: string }).name };
      throw new CambiumError("WAREHOUSE_FAILED", "The server has lost this session's temporary tables: nothing was committed.", {
        details,
      });
    }
    counts.delete("");
    return counts;
  }

  /** The steps that publish what was staged; tables that got nothing are left out. */
  #redoOf({ txn, changes }: Transaction, counts: Counts): Step[] {
    const texts = (statements: readonly Sql[]) => statements.flatMap((statement) => this.#dialect.texts(statement));
    return changes.flatMap((change): Step[] => {
      const { table, alterations } = change;
      const count = counts.get(pathOf(table)) ?? { rows: 0, gone: 0 };
      const run = publishRows(this.#dialect.layout, change, count, this.term.lease);
      if (alterations.length + run.length === 0) return [];
      const anew = table.isState || count.rows === 0 ? [] : [unpublishRows(table, txn, this.term.lease)];
      return [{ alter: texts(alterations), anew: texts(anew), run: texts(run) }];
    });
  }

  async #publish(redo: readonly Step[], { anew = false } = {}): Promise<void> {
    const alters = redo.some(({ alter }) => alter.length > 0);
    // These alone cannot say themselves for whom they run.
    if (alters) await this.#assertInForce();
    await allDone(
      redo.map(async (step) => {
        for (const text of [...step.alter, ...(anew ? step.anew : []), ...step.run]) await this.#runText(text);
      }),
    );
    if (alters) this.#catalogue.forget();
  }

  #published(commit: Commit): void {
    this.#pending = undefined;
    this.#leaveLast();
    this.#last = commit;
  }

  async #record({ number, redo, transaction }: Pick<Commit, "number" | "redo"> & { transaction?: Transaction }): Promise<void> {
    const { term, lease, writer } = this.term;
    await this.#run(sql`/* commit */ INSERT INTO ${nameOf(commits)} (term, number, txn, writer, redo)
SELECT ${term}, ${number}, ${BigInt(transaction?.txn ?? "0")}, ${writer}, ${JSON.stringify(redo)} WHERE ${inForce(lease)}`);
    if (number % commitsKept === 0)
      await this.#run(
        sql`/* commits long published */ DELETE FROM ${nameOf(commits)} WHERE term = ${term} AND number <= ${number - commitsKept}`,
      );
  }

  /** A commit of nothing: afterwards no earlier one is published again. */
  async #seal(): Promise<void> {
    await this.#record({ number: this.#nextNumber(), redo: [] });
    await this.#assertInForce();
    this.#leaveLast();
  }

  async #isRecorded({ number }: Commit): Promise<boolean> {
    const rows = await this.#read(
      sql`/* was it recorded */ SELECT 1 FROM ${nameOf(commits)} WHERE term = ${this.term.term} AND number = ${number}`,
    );
    return rows.length > 0;
  }

  async #assertInForce(): Promise<void> {
    const { lease, term } = this.term;
    const [row] = await this.#read(sql`/* is there a newer writer */ SELECT toString(max(term)) FROM ops.terms WHERE lease = ${lease}`);
    if (BigInt(String(row?.[0] ?? "0")) <= term) return;
    this.#pending = undefined;
    this.#takenOver = new CambiumError(
      "WAREHOUSE_TAKEN_OVER",
      `Another process writes to this warehouse now (${lease}); what this one was about to commit counts only if that one found it.`,
    );
    throw this.#takenOver;
  }

  #nextNumber(): number {
    this.#number += 1;
    return this.#number;
  }

  #leaveLast(): void {
    if (this.#last !== undefined) this.#leave(this.#last.transaction, this.#last.counts);
    this.#last = undefined;
  }

  #leave({ txn, changes }: Transaction, counts: Counts = new Map()): void {
    for (const { table, isStaged } of changes) {
      if (!isStaged) continue;
      const left = this.#leftovers.get(pathOf(table)) ?? { txns: [], rows: 0 };
      left.txns.push(txn);
      left.rows += counts.get(pathOf(table))?.rows ?? 0;
      this.#leftovers.set(pathOf(table), left);
    }
  }

  async #sweep(): Promise<void> {
    for (const [path, { txns, rows }] of this.#leftovers) {
      if (txns.length < partitionsKept && rows < rowsKept) continue;
      await this.#run(dropStaged(nameOfTable({ schema: stagedSchema, table: path }), txns));
      this.#leftovers.delete(path);
    }
  }

  #text(statement: Sql): string {
    return render(statement, this.#dialect.quoting);
  }

  #read(query: Sql) {
    return this.#server.read(this.#text(query), publishing);
  }

  async #run(statement: Sql): Promise<void> {
    for (const text of this.#dialect.texts(statement)) await this.#runText(text);
  }

  async #runText(text: string): Promise<void> {
    await this.#server.run(text, { ...publishing, comment: commentOf(this.term.next()) });
  }
}

/** Versions of staged rows are copied with them. */
const publishing = { publishes: true, settings: { insert_allow_materialized_columns: 1 } } as const;

/** Throws what the first that failed threw, once none is under way any more. */
async function allDone(all: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(all)) if (outcome.status === "rejected") throw outcome.reason;
}
