import pg from "pg";
import { CambiumError } from "../../../base/errors.js";
import type { DeliveryContext } from "../../destination.js";
import { guardedAddress } from "../../egress.js";

/** Connections by address, inside the egress fence: the name is resolved and checked once, and that address is used. */

const connectTimeoutMs = 10_000;
const statementTimeoutMs = 30_000;
const connectionsMax = 4;
const idleMs = 30_000;

export function pools() {
  const open = new Map<string, Promise<pg.Pool>>();
  return {
    of(context: DeliveryContext): Promise<pg.Pool> {
      const key = `${String(context.settings["url"])} ${context.allow.join(" ")}`;
      const known = open.get(key) ?? connectTo(context);
      open.set(key, known);
      // A pool that could not be made must not be kept.
      known.catch(() => open.delete(key));
      return known;
    },
    async close() {
      const all = await Promise.allSettled(open.values());
      open.clear();
      await Promise.all(all.map((pool) => (pool.status === "fulfilled" ? pool.value.end() : undefined)));
    },
  };
}

async function connectTo(context: DeliveryContext): Promise<pg.Pool> {
  const text = context.settings["url"];
  if (typeof text !== "string" || !/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new CambiumError(
      "PROJECT_INVALID",
      "postgres needs settings.url, such as ${APP_DATABASE_URL} with postgres://user:password@host:5432/database",
    );
  }
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || 5432;
  const pool = new pg.Pool({
    host: await guardedAddress(context.allow, host, port),
    port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username),
    ssl: sslOf(url, host),
    max: connectionsMax,
    idleTimeoutMillis: idleMs,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + connectTimeoutMs,
    application_name: "cambium",
    keepAlive: true,
  });
  // An idle connection that breaks is replaced by the pool; the next query tells if the server is really gone.
  pool.on("error", () => undefined);
  return pool;
}

/** `sslmode` as libpq has it: `require` encrypts, `verify-ca` and `verify-full` also check who answers. */
function sslOf(url: URL, host: string): pg.PoolConfig["ssl"] {
  const mode = url.searchParams.get("sslmode") ?? "disable";
  if (mode === "disable" || mode === "allow" || mode === "prefer") return false;
  return { servername: host, rejectUnauthorized: mode !== "require" };
}

/** For traces: the address without name and password. */
export function addressOf(context: DeliveryContext): string {
  const text = String(context.settings["url"] ?? "");
  if (!URL.canParse(text)) return "postgres://";
  const url = new URL(text);
  return `postgres://${url.host}${url.pathname}`;
}
