import { randomUUID } from "node:crypto";
import { CambiumError } from "../../base/errors.js";
import { render, sql } from "../sql.js";
import type { Dialect } from "../dialect.js";
import type { Server } from "./server.js";

/**
 * Numbers for the statements of a writer that grow for ever, without a clock: a term, taken once by each process that
 * writes, times 2⁴⁰ plus a count. A row's version is its statement's number, so what a writer of an older term still
 * writes (a machine that slept) is never the newest of its key.
 */

const statementsPerTerm = 2n ** 40n;
const attemptsMax = 20;

export class Terms {
  #server: Server;
  #dialect: Dialect;
  #term: Promise<bigint> | undefined;
  #count = 0n;

  constructor(server: Server, dialect: Dialect) {
    this.#server = server;
    this.#dialect = dialect;
  }

  /** The number for the next statement; the first one takes a term. */
  async next(): Promise<string> {
    this.#term ??= this.#take();
    const term = await this.#term;
    this.#count += 1n;
    return String(term * statementsPerTerm + this.#count);
  }

  async #take(): Promise<bigint> {
    const text = (statement: Parameters<typeof render>[0]) => render(statement, this.#dialect.quoting);
    await this.#server.run(text(this.#dialect.createSchema("ops")));
    await this.#server.run(
      text(
        sql`/* writers by term */ CREATE TABLE IF NOT EXISTS ops.terms (term UInt64, writer String) ENGINE = MergeTree ORDER BY (term, writer)`,
      ),
    );
    const writer = randomUUID();
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      await this.#server.run(
        text(sql`/* take the next term */ INSERT INTO ops.terms (term, writer) SELECT ifNull(max(term), 0) + 1, ${writer} FROM ops.terms`),
      );
      // Two that took the same one: the first by name keeps it.
      for await (const { rows } of this.#server.rows(
        text(sql`/* whose is it */ SELECT toString(max(term)), min(writer) = ${writer} FROM ops.terms
WHERE term = (SELECT max(term) FROM ops.terms WHERE writer = ${writer})`),
      )) {
        const [term, mine] = rows[0] ?? [];
        if (mine === true) return BigInt(String(term));
      }
    }
    throw new CambiumError("WAREHOUSE_FAILED", "No term could be taken: too many processes start to write at once.");
  }
}
