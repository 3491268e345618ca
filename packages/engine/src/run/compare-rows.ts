import type { Dialect } from "../warehouse/dialect.js";
import { hasTable } from "../warehouse/has-table.js";
import { type Sql, sql } from "../warehouse/sql.js";
import { type TableSpec, nameOf } from "../warehouse/table.js";
import type { Cell, Connection, Row } from "../warehouse/warehouse.js";

/** The same rows in two warehouses: both read in the order of their key, side by side, a batch at a time. */
export interface RowSet {
  readonly what: string;
  /** A table that may not be there yet: without it there are no rows. */
  readonly table?: TableSpec;
  /** Columns that tell rows apart, in the query's order: as numbers, or as text by its bytes. */
  readonly key: readonly { readonly column: string; readonly isNumber: boolean }[];
  readonly columns: readonly string[];
  /** The columns are the table's own, and some may be missing. */
  readonly isPlain: boolean;
  /** Rows with the key and those of the columns that are present; `_name` is what people call the row. */
  query(dialect: Dialect, present: readonly string[]): Sql;
}

export interface RowsComparison {
  readonly what: string;
  readonly equal: boolean;
  readonly here: number;
  readonly there: number;
  readonly onlyHere: number;
  readonly onlyThere: number;
  readonly different: number;
  /** How many rows differ in each column. */
  readonly columns: Readonly<Record<string, number>>;
  /** Columns that one side does not have. */
  readonly lacking: { readonly here: readonly string[]; readonly there: readonly string[] };
  /** The first rows that are not the same; a side without the row is null. */
  readonly examples: readonly RowPair[];
}

export interface RowPair {
  readonly key: Readonly<Record<string, Cell>>;
  readonly name: string | null;
  readonly here: Readonly<Record<string, Cell>> | null;
  readonly there: Readonly<Record<string, Cell>> | null;
}

const examplesMax = 5;
/** Engines add numbers in different orders: a last digit of a double is no difference. */
const relativeTolerance = 1e-9;

export async function compareRows(here: Connection, there: Connection, set: RowSet): Promise<RowsComparison> {
  const lacking = { here: await lackingIn(here, set), there: await lackingIn(there, set) };
  const both = set.columns.filter((column) => !lacking.here.includes(column) && !lacking.there.includes(column));
  const left = await cursorOf(here, set, both);
  const right = await cursorOf(there, set, both);
  const found = { here: 0, there: 0, onlyHere: 0, onlyThere: 0, different: 0 };
  const columns: Record<string, number> = {};
  const examples: RowPair[] = [];
  const differing = (mine: Row | undefined, other: Row | undefined, uneven: readonly string[]) => {
    if (examples.length < examplesMax) examples.push(pairOf(set, mine, other, uneven));
  };
  while (left.row !== undefined || right.row !== undefined) {
    const order = orderOf(set, left.row, right.row);
    const mine = order <= 0 ? left.row : undefined;
    const other = order >= 0 ? right.row : undefined;
    if (mine !== undefined) found.here += 1;
    if (other !== undefined) found.there += 1;
    if (mine !== undefined && other !== undefined) {
      const uneven = both.filter((column) => !isSame(mine[column] ?? null, other[column] ?? null));
      for (const column of uneven) columns[column] = (columns[column] ?? 0) + 1;
      if (uneven.length > 0) {
        found.different += 1;
        differing(mine, other, uneven);
      }
    } else {
      found[mine === undefined ? "onlyThere" : "onlyHere"] += 1;
      differing(mine, other, both);
    }
    if (order <= 0) await left.advance();
    if (order >= 0) await right.advance();
  }
  const uneven = found.onlyHere + found.onlyThere + found.different + lacking.here.length + lacking.there.length;
  return { what: set.what, equal: uneven === 0, ...found, columns, lacking, examples };
}

/** Columns that the set's table does not have; of a table that is not there nothing is said. */
async function lackingIn(connection: Connection, set: RowSet): Promise<string[]> {
  if (!set.isPlain || set.table === undefined || !(await hasTable(connection, set.table))) return [];
  const present = (await connection.describe(sql`SELECT * FROM ${nameOf(set.table)}`)).map((column) => column.name);
  return set.columns.filter((column) => !present.includes(column));
}

/** The row it stands at, and the step to the next. */
interface Cursor {
  readonly row: Row | undefined;
  advance(): Promise<void>;
}

async function cursorOf(connection: Connection, set: RowSet, columns: readonly string[]): Promise<Cursor> {
  const isThere = set.table === undefined || (await hasTable(connection, set.table));
  const batches = isThere ? connection.batches(set.query(connection.dialect, columns))[Symbol.asyncIterator]() : undefined;
  let batch: Row[] = [];
  let at = 0;
  const cursor = {
    get row() {
      return batch[at];
    },
    async advance() {
      at += 1;
      if (at < batch.length) return;
      const next = await batches?.next();
      batch = next === undefined || next.done === true ? [] : next.value;
      at = 0;
    },
  };
  await cursor.advance();
  return cursor;
}

/** Below zero where the left row comes first, above where the right one does. A side that has ended comes last. */
function orderOf({ key }: RowSet, left: Row | undefined, right: Row | undefined): number {
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  for (const { column, isNumber } of key) {
    const [a, b] = [String(left[column]), String(right[column])];
    if (a === b) continue;
    if (isNumber) return BigInt(a) < BigInt(b) ? -1 : 1;
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return 0;
}

function isSame(a: Cell, b: Cell): boolean {
  if (typeof a === "number" && typeof b === "number")
    return Math.abs(a - b) <= relativeTolerance * Math.max(Math.abs(a), Math.abs(b)) || Object.is(a, b);
  return typeof a === "object" || typeof b === "object" ? JSON.stringify(a) === JSON.stringify(b) : a === b;
}

function pairOf({ key }: RowSet, here: Row | undefined, there: Row | undefined, columns: readonly string[]): RowPair {
  const some = here ?? there ?? {};
  const picked = (row: Row | undefined) =>
    row === undefined ? null : Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
  const called = some["_name"];
  return {
    key: Object.fromEntries(key.map(({ column }) => [column, some[column] ?? null])),
    name: typeof called === "string" ? called : null,
    here: picked(here),
    there: picked(there),
  };
}
