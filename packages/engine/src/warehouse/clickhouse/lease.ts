import os from "node:os";
import { CambiumError } from "../../base/errors.js";
import type { Dialect } from "../dialect.js";
import { Gate } from "../gate.js";
import type { Lease, LeaseSeen, LeaseWatch } from "../lease.js";
import { type Sql, render, sql } from "../sql.js";
import { nameOf } from "../table.js";
import { renewals, terms } from "./commit-tables.js";
import type { ClickhouseDialect } from "./dialect.js";
import { Server, type ServerSettings } from "./server.js";
import { inForce } from "./staged.js";
import { commentOf } from "./statement-number.js";
import type { Term } from "./terms.js";

/** A renewal that takes so long is no sign of life. */
const renewalMillisMax = 5_000;

/** A connection of its own: whatever else the program asks of the server does not keep it from renewing. */
export function leaseServer(settings: ServerSettings): Server {
  return new Server(settings, new Gate(1), renewalMillisMax);
}

export interface HeldLease extends Lease {
  /** The next one need not wait. */
  release(): Promise<void>;
}

export async function holdLease(server: Server, dialect: ClickhouseDialect, held: Term): Promise<HeldLease> {
  const { term, lease } = held;
  const run = async (statement: Sql) => {
    for (const text of dialect.texts(statement)) await server.run(text, { comment: commentOf(held.next()) });
  };
  for (const statement of dialect.createTable(renewals)) await run(statement);
  const before = await readLease(server, dialect, lease, sql`AND term < ${term}`);
  const holder = `${os.hostname()}, process ${process.pid}`;
  let count = 0;
  const write = async (released: boolean) => {
    count += 1;
    await run(
      sql`/* the holder lives */ INSERT INTO ${nameOf(renewals)} (lease, term, renewals, released, holder) SELECT ${lease}, ${term}, ${count}, ${released}, ${holder} WHERE ${inForce(lease)}`,
    );
  };
  return {
    term: String(term),
    before,
    async renew() {
      await write(false);
      const seen = await readLease(server, dialect, lease);
      if (seen === undefined || BigInt(seen.term) > term)
        throw new CambiumError(
          "WAREHOUSE_TAKEN_OVER",
          `Another process is the ${lease} of this warehouse now (${seen?.holder ?? "unknown"}).`,
        );
    },
    release: () => write(true),
  };
}

export function watchClickhouseLease(settings: ServerSettings, dialect: Dialect, lease: string): LeaseWatch {
  const server = leaseServer(settings);
  return {
    async read() {
      try {
        return await readLease(server, dialect, lease);
      } catch (thrown) {
        // Nobody has written to this warehouse yet.
        if (thrown instanceof CambiumError && isAbsent.has(Number(thrown.details["engineCode"]))) return undefined;
        throw thrown;
      }
    },
    close: () => server.close(),
  };
}

/** The server's codes for a table and a database that are not there. */
const isAbsent: ReadonlySet<number> = new Set([60, 81]);

async function readLease(server: Server, dialect: Dialect, lease: string, which: Sql = sql``): Promise<LeaseSeen | undefined> {
  const query = sql`/* who has the lease */ SELECT toString(t.term), r.renewals, r.released, r.holder FROM (SELECT max(term) AS term FROM ${nameOf(terms)} WHERE lease = ${lease} ${which}) AS t
LEFT JOIN ${nameOf(renewals)} AS r ON r.lease = ${lease} AND r.term = t.term`;
  const [row] = await server.read(render(query, dialect.quoting));
  if (row === undefined || row[0] === null) return undefined;
  // One that took the lease and has not renewed it yet has no row.
  return { term: String(row[0]), renewals: Number(row[1] ?? 0), released: row[2] === true, holder: String(row[3] ?? "just started") };
}
