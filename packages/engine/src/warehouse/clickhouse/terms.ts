import { randomInt, randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { CambiumError } from "../../base/errors.js";
import { render, sql } from "../sql.js";
import { terms } from "./commit-tables.js";
import type { ClickhouseDialect } from "./dialect.js";
import { isBusy } from "./failure.js";
import type { Server } from "./server.js";
import { oneAtATime } from "./settings.js";
import { type Numbers, numbersOfTerm } from "./statement-number.js";

/** A process that writes. Of those of one lease only the newest may: see `commits.ts`. */
export interface Term extends Numbers {
  readonly term: bigint;
  readonly lease: string;
  readonly writer: string;
}

const attemptsMax = 20;
/** Those that took the same one try again after a while of their own. */
const pauseMsMax = 50;

/** Takes the next term; whoever had the lease before is no longer its holder. */
export async function takeTerm(server: Server, dialect: ClickhouseDialect, lease: string): Promise<Term> {
  const text = (statement: Parameters<typeof render>[0]) => render(statement, dialect.quoting);
  for (const statement of dialect.createTable(terms).flatMap((each) => dialect.texts(each))) await server.run(statement);
  const settings = dialect.layout.cluster === undefined ? {} : oneAtATime;
  const writer = randomUUID();
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const taking = sql`/* take the next term */ INSERT INTO ops.terms (term, lease, writer) SELECT ifNull(max(term), 0) + 1, ${lease}, ${writer} FROM ops.terms`;
    const isTaken = await server.run(text(taking), { settings }).then(
      () => true,
      (thrown: unknown) => {
        if (isBusy(thrown)) return false;
        throw thrown;
      },
    );
    if (!isTaken) {
      await setTimeout(randomInt(pauseMsMax));
      continue;
    }
    // Who sees its own row alone has it: another's came later, and sees this one.
    const [row] = await server.read(
      text(sql`/* is it ours alone */ SELECT toString(max(term)), count() = 1 FROM ops.terms
WHERE term = (SELECT max(term) FROM ops.terms WHERE writer = ${writer})`),
    );
    const [taken, alone] = row ?? [];
    if (alone === true) {
      const term = BigInt(String(taken));
      return { ...numbersOfTerm(term), term, lease, writer };
    }
    await setTimeout(randomInt(pauseMsMax));
  }
  throw new CambiumError("WAREHOUSE_FAILED", "No term could be taken: too many processes start to write at once.");
}
