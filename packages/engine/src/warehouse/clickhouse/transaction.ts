import { CambiumError } from "../../base/errors.js";
import { type Sql, name, render, sql, trustedSql } from "../sql.js";
import type { Catalogue } from "./catalogue.js";
import { tokensOf } from "./column-names.js";
import type { ClickhouseDialect } from "./dialect.js";
import { type Change, type StagedDelete, createStaged, inForce, names, overlay, stageDelete } from "./staged.js";
import { type Numbers, commentOf } from "./statement-number.js";
import { type StoredTable, type TableName, nameOfTable, pathOf, stagedName } from "./stored-table.js";
import { type Named, type Piece, putTogether, takeApart } from "./tables-named.js";

/** A statement as it is sent, with what its `log_comment` says. */
export interface Prepared {
  readonly statement: Sql;
  readonly comment: string;
  /** It makes or changes a table of the warehouse. */
  readonly changesTables?: boolean;
}

export interface TransactionHost {
  /** Runs a statement that concerns tables of staged rows only. */
  run(statement: Sql): Promise<unknown>;
  /** Afterwards no earlier commit needs its staged rows again. */
  seal(): Promise<void>;
}

interface OwnChange extends Change {
  columns: Map<string, string>;
  absent: Set<string>;
  deletes: StagedDelete[];
  isStaged: boolean;
  /** Changes of the table's columns that wait for the commit, in order. */
  readonly alterations: Sql[];
  /** Columns that the table of staged rows has as this transaction sees them. */
  readonly inLine: Set<string>;
}

/**
 * The statements of one transaction: what they write to tables of `growth` and `ops` goes to staged rows, and what they
 * read shows those. Raw tables are written at once: the row of `ops.loads` publishes them (docs/decisions/013).
 */
export class Transaction {
  readonly txn: string;
  #catalogue: Catalogue;
  #dialect: ClickhouseDialect;
  #numbers: Numbers;
  #lease: string;
  #host: TransactionHost;
  #changes = new Map<string, OwnChange>();
  #failure: { thrown: unknown } | undefined;

  constructor(catalogue: Catalogue, dialect: ClickhouseDialect, numbers: Numbers & { readonly lease: string }, host: TransactionHost) {
    this.#catalogue = catalogue;
    this.#dialect = dialect;
    this.#numbers = numbers;
    this.#lease = numbers.lease;
    this.#host = host;
    this.txn = numbers.next();
  }

  get changes(): readonly (Change & { readonly alterations: readonly Sql[] })[] {
    return [...this.#changes.values()];
  }

  /** A statement failed: what it staged is anybody's guess, so nothing of the transaction may be published. */
  fail(thrown: unknown): void {
    this.#failure ??= { thrown };
  }

  /** Throws what a statement threw. */
  assertWhole(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  /** A query as it reads what this transaction wrote. */
  reading(query: Sql): Sql {
    return this.#changes.size === 0 ? query : this.#seen(takeApart(query).pieces);
  }

  /** What to send for a statement that may write; undefined where it waits for the commit. */
  async writing(statement: Sql): Promise<Prepared | undefined> {
    const { verb, pieces, target: index } = takeApart(statement);
    const target = index === undefined ? undefined : (pieces[index] as { named: Named }).named;
    // A view or table that is made reads what is committed.
    if (target !== undefined && verb === "create") return { ...this.#prepared(statement), changesTables: true };
    if (target === undefined) return this.#prepared(this.#seen(pieces));
    const [before, after] = [pieces.slice(0, index), pieces.slice((index ?? 0) + 1)];
    if (!isStaged(target)) return this.#prepared(this.#fenced(verb, target, before, after) ?? this.#seen(pieces));
    switch (verb) {
      case "insert":
        return this.#insert(target, before, after);
      case "delete":
      case "truncate":
        return this.#delete(target, verb === "truncate" ? [{ text: "TRUE" }] : withoutWord(after, "WHERE"));
      case "alter":
        await this.#alter(target, statement, after);
        return undefined;
      default:
        return this.#prepared(this.#seen(pieces));
    }
  }

  /**
   * Rows that come to a raw table or leave it, and that this happens only while no newer writer is there: they count at once
   * where that one's load has the same number.
   */
  #fenced(verb: string, target: Named, before: readonly Piece[], after: readonly Piece[]): Sql | undefined {
    const condition = inForce(this.#lease);
    const into = nameOfTable(target);
    if (verb === "delete") return sql`${this.#seen(before)}${into} WHERE ${condition} AND (${this.#seen(withoutWord(after, "WHERE"))})`;
    const start = after.findIndex((piece) => "text" in piece && beginsSelect.test(piece.text));
    if (verb !== "insert" || start < 0) return undefined;
    const { text } = after[start] as { text: string };
    const at = text.search(beginsSelect);
    const columns = this.#seen([...after.slice(0, start), { text: text.slice(0, at) }]);
    const rows = this.#seen([{ text: text.slice(at) }, ...after.slice(start + 1)]);
    return sql`${this.#seen(before)}${into}${columns}SELECT * FROM (${rows}) AS fenced WHERE ${condition}`;
  }

  async #insert(target: Named, before: readonly Piece[], after: readonly Piece[]): Promise<Prepared> {
    const change = await this.#change(target);
    await this.#makeStaged(change);
    const next = after[0];
    const listsColumns = next !== undefined && "text" in next && /^\s*\(/.test(next.text);
    const columns = listsColumns ? sql`` : sql` (${names([...change.columns.keys()])})`;
    const seen = this.#seen(after);
    change.isStaged = true;
    return this.#prepared(sql`${this.#seen(before)}${nameOfTable(stagedName(target))}${columns}${seen}`, this.txn);
  }

  async #delete(target: Named, condition: readonly Piece[]): Promise<Prepared> {
    const change = await this.#change(target);
    await this.#makeStaged(change);
    const columns = this.#columnsRead(change, condition);
    const from = this.#inPlaceOf({ ...target, hasAlias: false }) ?? nameOfTable(target);
    const version = this.#numbers.next();
    const statement = stageDelete(target, columns, from, this.#seen(condition));
    change.deletes = [...change.deletes, { columns, version }];
    change.isStaged = true;
    return { statement, comment: commentOf(version, this.txn) };
  }

  /** The columns that tell which rows a condition means: equal there, equal in its answer. */
  #columnsRead({ table, columns }: OwnChange, condition: readonly Piece[]): readonly string[] {
    const text = render(
      putTogether(condition, () => undefined),
      this.#dialect.quoting,
    );
    const words = new Set([...tokensOf(text)].map((token) => token.text.replace(/^["`](.*)["`]$/s, "$1")));
    const read = [...columns.keys()].filter((column) => words.has(column));
    const uncertain = read.find((column) => /^(Nullable|Variant)/.test(columns.get(column) ?? ""));
    if (uncertain !== undefined || table.isState)
      throw new CambiumError("INTERNAL", `rows of ${pathOf(table)} cannot be deleted by ${uncertain ?? "a condition"} in a transaction`);
    return read;
  }

  /** Columns come and go with the commit: until then only this transaction sees that they have. */
  async #alter(target: Named, statement: Sql, after: readonly Piece[]): Promise<undefined> {
    const change = await this.#change(target);
    const text = render(this.#seen(after), this.#dialect.quoting);
    const added = /^ ADD COLUMN IF NOT EXISTS ("(?:[^"\\]|\\.)*") (.*?)(?: COMMENT '[^']*')?$/s.exec(text);
    const dropped = /^ DROP COLUMN IF EXISTS ("(?:[^"\\]|\\.)*")$/s.exec(text);
    if (added === null && dropped === null)
      throw new CambiumError("INTERNAL", `${pathOf(target)} cannot be changed like this in a transaction:${text}`);
    const column = unquoted(added?.[1] ?? dropped?.[1] ?? "");
    if (change.columns.has(column) === (added !== null)) return;
    change.alterations.push(statement);
    change.inLine.delete(column);
    if (added === null) {
      change.columns.delete(column);
      return;
    }
    change.columns.set(column, added[2] as string);
    change.absent.add(column);
    if (change.isStaged) await this.#makeStaged(change);
  }

  /** Makes the table for staged rows, or brings its columns in line. */
  async #makeStaged({ table, columns, inLine }: OwnChange): Promise<void> {
    const missing = [...columns].filter(([column]) => !inLine.has(column));
    if (missing.length === 0) return;
    const staged = await this.#catalogue.find(stagedName(table));
    if (staged === undefined) {
      await this.#host.run(createStaged(this.#dialect.layout, { ...table, columns }));
      await this.#catalogue.made({ ...table, ...stagedName(table), columns });
    } else for (const [column, type] of missing) await this.#bringInLine(staged, column, type);
    for (const [column] of missing) inLine.add(column);
  }

  async #bringInLine(staged: StoredTable, column: string, type: string): Promise<void> {
    const before = staged.columns.get(column);
    if (before !== undefined && isSameType(before, type)) return;
    const path = nameOfTable(staged);
    if (before !== undefined) {
      await this.#host.seal();
      await this.#host.run(sql`/* another type */ ALTER TABLE ${path} DROP COLUMN IF EXISTS ${name(column)}`);
    }
    await this.#host.run(
      sql`/* staged rows have it, too */ ALTER TABLE ${path} ADD COLUMN IF NOT EXISTS ${name(column)} ${trustedSql(type)}`,
    );
    await this.#catalogue.columnMade(staged, column, type);
  }

  async #change(target: TableName): Promise<OwnChange> {
    const known = this.#changes.get(pathOf(target));
    if (known !== undefined) return known;
    const table: StoredTable = await this.#catalogue.table(target);
    const change: OwnChange = {
      table,
      txn: this.txn,
      columns: new Map(table.columns),
      absent: new Set(),
      deletes: [],
      isStaged: false,
      alterations: [],
      inLine: new Set(),
    };
    this.#changes.set(pathOf(target), change);
    return change;
  }

  #seen(pieces: readonly Piece[]): Sql {
    return putTogether(pieces, (named) => this.#inPlaceOf(named));
  }

  #inPlaceOf(named: Named): Sql | undefined {
    const change = this.#changes.get(pathOf(named));
    if (change === undefined || (!change.isStaged && change.alterations.length === 0)) return undefined;
    const alias = named.hasAlias ? sql`` : sql` AS ${name(named.table)}`;
    return sql`(${overlay(change)})${alias}`;
  }

  #prepared(statement: Sql, txn?: string): Prepared {
    return { statement, comment: commentOf(this.#numbers.next(), txn) };
  }
}

const beginsSelect = /\b(?:SELECT|WITH)\b/i;

/** Tables whose rows wait for the commit. */
function isStaged({ schema }: TableName): boolean {
  return schema === "growth" || schema === "ops";
}

/** The pieces after this word, which they begin with. */
function withoutWord(pieces: readonly Piece[], word: string): Piece[] {
  const [first, ...rest] = pieces;
  if (first === undefined || !("text" in first)) return [...pieces];
  return [{ text: first.text.replace(new RegExp(`^\\s*${word}\\s`), "") }, ...rest];
}

function isSameType(a: string, b: string): boolean {
  return a.replaceAll(" ", "") === b.replaceAll(" ", "");
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, "$1");
}
