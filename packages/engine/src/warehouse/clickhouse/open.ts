import { mkdir } from "node:fs/promises";
import { CambiumError } from "../../base/errors.js";
import { Gate } from "../gate.js";
import type { Warehouse } from "../warehouse.js";
import type { LeaseWatch } from "../lease.js";
import { Commits } from "./commits.js";
import { ClickhouseSession, type Writing } from "./connection.js";
import { type ClickhouseDialect, clickhouseDialect } from "./dialect.js";
import { dropEverything } from "./drop-everything.js";
import { answerQuery } from "./query.js";
import { dropLeftovers, scratchName } from "./scratch.js";
import { type HeldLease, holdLease, leaseServer, watchClickhouseLease } from "./lease.js";
import { Server, type ServerSettings } from "./server.js";
import { openShadow } from "./shadow.js";
import { takeTerm } from "./terms.js";

export interface ClickhouseSettings {
  /** `http://host:8123`, or https. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Before the names of databases, so that several projects share a server: `shop_` makes `shop_raw`, `shop_growth`, … */
  readonly prefix?: string | undefined;
  /** Tables stand on all nodes of this cluster, which the server is one of: `remote_servers` of its configuration. */
  readonly cluster?: string | undefined;
  readonly scratchDir: string;
  /** What this process is to the warehouse; of those with the same lease only the newest may write. */
  readonly lease?: string | undefined;
  /** Nothing can be written but temporary tables, and no lease is taken. */
  readonly readOnly?: boolean | undefined;
  /** Rows are only added, outside of transactions, beside the holder of the lease; none is taken. */
  readonly addsOnly?: boolean | undefined;
}

/** Statements at once over all sessions; the server has its own limits, this one keeps a burst of readers polite. */
const statementsMax = 8;

/** The lease of the process that turns the cycle and delivers. */
const conductor = "conductor";
/** What those that only add rows are called in the list of terms; any number of them may be there. */
const adding = "adding";

/** Opens a warehouse on a ClickHouse server or cluster; for writing, as the holder of its lease from now on. */
export async function openClickhouse(settings: ClickhouseSettings): Promise<Warehouse> {
  const { server, dialect, prefix } = partsOf(settings);
  await mkdir(settings.scratchDir, { recursive: true });
  let commits: Commits | undefined;
  let writing: Writing;
  let lease: HeldLease | undefined;
  const leases = leaseServer(partsOfServer(settings));
  try {
    await server.assertUsable();
    await dropLeftovers(server, dialect, prefix);
    if (settings.addsOnly === true) writing = { numbers: await takeTerm(server, dialect, adding) };
    else if (settings.readOnly !== true) {
      commits = await Commits.open(server, dialect, prefix, settings.lease ?? conductor);
      writing = { commits };
      lease = await holdLease(leases, dialect, commits.term);
    }
  } catch (thrown) {
    await leases.close();
    await server.close();
    throw thrown;
  }
  return {
    dialect,
    lease,
    scratchDir: settings.scratchDir,
    async connect() {
      const session = new ClickhouseSession(server, dialect, scratchName(prefix, "session"), writing);
      await session.open();
      return session;
    },
    shadow: () => openShadow(server, prefix),
    query: (text, limits) => answerQuery(server, dialect, text, limits),
    async clear(kept) {
      if (commits === undefined) throw new CambiumError("WAREHOUSE_FAILED", "This process opened the warehouse for reading only.");
      await commits.clear(kept);
    },
    // The server merges by itself.
    checkpoint: () => Promise.resolve(),
    async close() {
      try {
        await commits?.close();
        await lease?.release();
      } finally {
        await leases.close();
        await server.close();
      }
    },
  };
}

/** What others may know of the conductor's lease, without taking part. */
export function watchLeaseOf(settings: ClickhouseSettings): LeaseWatch {
  return watchClickhouseLease(partsOfServer(settings), clickhouseDialect(settings.prefix ?? ""), conductor);
}

/** Drops the databases of a prefix. */
export async function eraseClickhouse(settings: ClickhouseSettings): Promise<void> {
  const { server, dialect, prefix } = partsOf(settings);
  try {
    await server.assertUsable();
    await dropEverything(server, dialect, prefix);
  } finally {
    await server.close();
  }
}

function partsOfServer({ url, user = "default", password = "", cluster }: ClickhouseSettings): ServerSettings {
  return { url, user, password, cluster };
}

function partsOf(settings: ClickhouseSettings): {
  server: Server;
  dialect: ClickhouseDialect;
  prefix: string;
} {
  const { prefix = "" } = settings;
  if (!/^\w*$/.test(prefix))
    throw new CambiumError("PROJECT_INVALID", `a prefix of databases has letters, digits and _ only, not ${prefix}`);
  const { cluster } = settings;
  if (cluster !== undefined && !/^[\w.-]+$/.test(cluster))
    throw new CambiumError("PROJECT_INVALID", `a cluster's name has letters, digits and _.- only, not ${cluster}`);
  return { server: new Server(partsOfServer(settings), new Gate(statementsMax)), dialect: clickhouseDialect(prefix, cluster), prefix };
}
