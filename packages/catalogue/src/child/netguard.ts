/**
 * Loaded before anything else in the child (`--require`): no socket of the process reaches a private address that is not
 * on the allow list, whoever opens it. It is the fence behind the guarded fetch, for clients with a network of their own
 * (AWS, Kafka, SFTP).
 */
import dns from "node:dns";
import net, { type LookupFunction } from "node:net";
import { bare, isAllowed, isBlockedAddress } from "./addresses.js";

const allow = (process.env["CAMBIUM_ALLOW"] ?? "").split(",").filter((entry) => entry !== "");
/** Set when all requests are redirected to a local server: then nothing else may be reached, public or private. */
const allowOnly = process.env["CAMBIUM_ALLOW_ONLY"] === "1";

type ConnectOptions = { host?: string; port?: number | string; path?: string | null; lookup?: LookupFunction };

const connect = net.Socket.prototype.connect as (this: net.Socket, ...rest: unknown[]) => net.Socket;

net.Socket.prototype.connect = function guardedConnect(this: net.Socket, ...rest: unknown[]) {
  const options = optionsOf(rest);
  const port = Number(options.port ?? 0);
  const host = bare(options.host ?? "localhost");
  const refuse = (address: string) => {
    const error = denied(host, address, port);
    process.nextTick(() => this.destroy(error));
    return this;
  };
  if (typeof options.path === "string") return refuse(`unix:${options.path}`);
  if (isAllowed(allow, host, port)) return connect.apply(this, rest);
  if (allowOnly) return refuse(host);
  if (net.isIP(host) !== 0) return isBlockedAddress(host) ? refuse(host) : connect.apply(this, rest);
  options.lookup = guardedLookup(options.lookup ?? (dns.lookup as LookupFunction), port);
  return connect.apply(this, rest);
} as typeof net.Socket.prototype.connect;

/** The name is resolved once, and what it resolved to is what is connected to: no rebinding between check and use. */
function guardedLookup(lookup: LookupFunction, port: number): LookupFunction {
  return (name, options, callback) =>
    lookup(name, options, (error, address, family) => {
      if (error !== null) return callback(error, address, family);
      const all = Array.isArray(address) ? address.map((item) => item.address) : [address];
      const bad = all.find((item) => isBlockedAddress(item) && !isAllowed(allow, item, port));
      if (bad !== undefined) return callback(denied(name, bad, port), "", 0);
      return callback(null, address, family);
    });
}

const denied = (host: string, address: string, port: number) =>
  Object.assign(new Error(`egress denied: ${host} -> ${address}:${port}`), { code: "EGRESS_DENIED" });

/** `connect` takes (options), (port, host), (path), or the normalised array that `net.connect` makes of them. */
function optionsOf(rest: unknown[]): ConnectOptions {
  const [first, second] = rest;
  if (Array.isArray(first)) return first[0] as ConnectOptions;
  if (typeof first === "object" && first !== null) return first as ConnectOptions;
  if (typeof first === "string" && Number.isNaN(Number(first))) return { path: first };
  const options: ConnectOptions = { port: Number(first), ...(typeof second === "string" ? { host: second } : {}) };
  // A lookup can only be handed in by options, so the positional form becomes one.
  rest.splice(0, typeof second === "string" ? 2 : 1, options);
  return options;
}
