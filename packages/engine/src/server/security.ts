import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { CambiumError } from "../base/errors.js";

/**
 * Who may talk to the server: a Host header that no foreign page can point here (DNS rebinding), and the token, as
 * `Authorization: Bearer` or as the cookie that the first visit with `?token=` sets. There is no CORS: other origins get nothing.
 */

export interface SecuritySettings {
  readonly token: string;
  /** The address listened on; loopback addresses accept loopback names only. */
  readonly host: string;
  /** Further host names that requests may carry (a name of the machine, a proxy's). */
  readonly allowedHosts: readonly string[];
}

const loopback = new Set(["localhost", "127.0.0.1", "::1"]);
/** A year: the token itself changes with the project's state folder. */
const cookieSeconds = 365 * 24 * 3600;

/** Paths that answer without a token: the shell of the console holds no data. */
function isOpen(path: string): boolean {
  return !path.startsWith("/api/") && !path.startsWith("/v1/") && path !== "/metrics";
}

export function secure(server: FastifyInstance, settings: SecuritySettings): void {
  const expected = digest(settings.token);
  const policy = contentPolicy([]);
  const allowed = new Set(settings.allowedHosts.map((host) => host.toLowerCase()));
  const bindsLoopback = loopback.has(settings.host);

  server.addHook("onRequest", (request, reply, done) => {
    void reply
      .header("content-security-policy", policy)
      .header("x-content-type-options", "nosniff")
      .header("x-frame-options", "DENY")
      .header("referrer-policy", "no-referrer")
      .header("cross-origin-opener-policy", "same-origin")
      .header("cross-origin-resource-policy", "same-origin")
      .header("permissions-policy", "camera=(), microphone=(), geolocation=()");
    if (!hostIsOurs(request.headers.host, bindsLoopback, allowed)) {
      return done(new CambiumError("FORBIDDEN", `the host name ${request.headers.host ?? "(none)"} is not one of this server`));
    }
    const origin = request.headers.origin;
    if (origin !== undefined && !sameOrigin(origin, request.headers.host ?? "")) {
      return done(new CambiumError("FORBIDDEN", `requests from ${origin} are not accepted`));
    }
    const path = pathOf(request);
    if (isOpen(path)) return done();
    void reply.header("cache-control", "no-store");
    const given = tokenOf(request);
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      return done(new CambiumError("UNAUTHORIZED", given === undefined ? "no token was sent" : "the token is not this server's"));
    }
    done();
  });
}

/** `/?token=…`: keeps a right token in a cookie that scripts cannot read, and leaves the address bar clean. */
export function signIn(request: FastifyRequest, reply: FastifyReply, settings: SecuritySettings): FastifyReply | undefined {
  const query = request.query as Record<string, unknown>;
  const given = query["token"];
  if (typeof given !== "string") return undefined;
  if (!timingSafeEqual(digest(given), digest(settings.token))) throw new CambiumError("UNAUTHORIZED", "the token is not this server's");
  const cookie = `${cookieName(request)}=${encodeURIComponent(given)}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${cookieSeconds}`;
  return reply.header("set-cookie", cookie).header("cache-control", "no-store").redirect(pathOf(request), 303);
}

function tokenOf(request: FastifyRequest): string | undefined {
  const authorization = request.headers.authorization;
  if (authorization !== undefined) return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const wanted = cookieName(request);
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === wanted && value !== undefined) return decoded(value);
  }
  return undefined;
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch (thrown) {
    if (thrown instanceof URIError) return undefined;
    throw thrown;
  }
}

/** Cookies do not tell ports apart: two engines on one machine need two names. */
function cookieName(request: FastifyRequest): string {
  return `cambium_${request.socket.localPort ?? 0}`;
}

function pathOf(request: FastifyRequest): string {
  const path = request.url.split("?", 1)[0] ?? "/";
  // A path that starts with two slashes would be another host in a redirect.
  return path.startsWith("//") ? "/" : path;
}

/** An IP address cannot be rebound by DNS, so only names have to be known ones. */
function hostIsOurs(header: string | undefined, bindsLoopback: boolean, allowed: ReadonlySet<string>): boolean {
  if (header === undefined) return false;
  const host = hostNameOf(header);
  if (host === undefined) return false;
  if (loopback.has(host) || allowed.has(host)) return true;
  return !bindsLoopback && isIP(host) !== 0;
}

function hostNameOf(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function sameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** `scriptHashes`: `'sha256-…'` of the inline scripts of the page that carries the policy. */
export function contentPolicy(scriptHashes: readonly string[]): string {
  return [
    "default-src 'self'",
    `script-src ${["'self'", ...scriptHashes].join(" ")}`,
    // The component library writes style elements at run time.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
