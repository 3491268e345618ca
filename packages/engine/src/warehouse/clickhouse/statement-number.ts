import { type Sql, sql, trustedSql } from "../sql.js";

/**
 * Every statement that writes says its number and its transaction in `log_comment`, the only setting with free text that
 * needs no configuration of the server; columns take them from there. Numbers grow for ever, without a clock: a term,
 * taken once by each process that writes (`terms.ts`), times 2⁴⁰ plus a count. So what a writer of an older term still
 * writes (a machine that slept) is never the newest of its key.
 */

const statementsPerTerm = 2n ** 40n;

/** Where the numbers of a writer come from. */
export interface Numbers {
  /** The number for the next statement. */
  next(): string;
}

export function numbersOfTerm(term: bigint): Numbers {
  let count = 0n;
  return { next: () => String(term * statementsPerTerm + (count += 1n)) };
}

export function commentOf(number: string, txn = "0"): string {
  return `${number}/${txn}`;
}

/** What a comment says, as SQL: the number of its statement, the transaction, 0 for none. */
const said = (comment: Sql, index: number) => sql`toUInt64OrZero(splitByChar('/', ${comment})[${trustedSql(String(index))}])`;
const ownComment = sql`getSetting('log_comment')`;

export const numberOfStatement = said(ownComment, 1);
export const txnOfStatement = said(ownComment, 2);
/** The term of who runs the statement. */
export const termOfStatement = termOf(numberOfStatement);

export function termOf(number: Sql): Sql {
  return sql`intDiv(${number}, ${trustedSql(String(statementsPerTerm))})`;
}

/** The term of a statement that runs elsewhere, by its settings in `system.processes`. */
export const termOfProcess = termOf(said(sql`Settings['log_comment']`, 1));
