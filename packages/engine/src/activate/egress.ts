import { lookup as dnsLookup, promises as dns } from "node:dns";
import net from "node:net";
import ipaddr from "ipaddr.js";
import { Agent, buildConnector } from "undici";
import { CambiumError } from "../base/errors.js";

/**
 * The fence around everything Cambium sends: only public addresses, unless the destination's `allow` lists the host. The
 * check is on the address that is connected to, in the very look-up that the connection uses, so a name that resolves
 * differently the second time gains nothing.
 */

/** Ranges of ipaddr.js that are anybody's: everything else (private, loopback, linkLocal with the metadata addresses, …) is not. */
const publicRange = "unicast";

/** `100.64.0.0/10` is carrierGradeNat and `fd00:ec2::254` uniqueLocal in ipaddr.js, so both are refused with the rest. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // `process` turns ::ffff:10.0.0.1 into 10.0.0.1; other IPv6 forms that embed an IPv4 address have ranges of their own.
  return ipaddr.process(address).range() === publicRange;
}

/** Does the list hold `host` or `host:port`? */
export function isAllowed(allow: readonly string[], host: string, port: number): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  return allow.some((entry) => {
    const wanted = entry.toLowerCase();
    return wanted === bare || wanted === `${bare}:${port}` || wanted === `[${bare}]:${port}` || wanted === `[${bare}]`;
  });
}

function denied(host: string, port: number, address: string): CambiumError {
  const where = host === address ? `${host}:${port}` : `${host}:${port} (${address})`;
  return new CambiumError("EGRESS_DENIED", `${where} is not a public address and is not in the destination's allow list`, {
    details: { host, port, address },
  });
}

/** Throws unless the host may be reached; returns the address to connect to. For clients that take no look-up function. */
export async function guardedAddress(allow: readonly string[], host: string, port: number): Promise<string> {
  const { address } = net.isIP(host) === 0 ? await dns.lookup(host) : { address: host };
  if (!isAllowed(allow, host, port) && !isPublicAddress(address)) throw denied(host, port, address);
  return address;
}

/** A look-up for `net.connect` that fails on addresses that may not be reached. */
export function guardedLookup(allow: readonly string[], port: number): net.LookupFunction {
  return (host, options, callback) => {
    dnsLookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, "", 0);
        return;
      }
      const bad = isAllowed(allow, host, port) ? undefined : addresses.find(({ address }) => !isPublicAddress(address));
      const [first] = addresses;
      if (bad !== undefined) callback(denied(host, port, bad.address), "", 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}

/** Milliseconds and connections of one destination's HTTP agent. */
const connectTimeoutMs = 10_000;
const keepAliveMs = 30_000;
const socketsPerHostMax = 64;

/** undici's agent inside the fence. It follows no redirects: `http.ts` does, each through here again. */
export function guardedAgent(allow: readonly string[]): Agent {
  const byPort = new Map<number, ReturnType<typeof buildConnector>>();
  const connectorFor = (port: number) => {
    const known =
      byPort.get(port) ?? buildConnector({ timeout: connectTimeoutMs, lookup: guardedLookup(allow, port) } as buildConnector.BuildOptions);
    byPort.set(port, known);
    return known;
  };
  return new Agent({
    connections: socketsPerHostMax,
    keepAliveTimeout: keepAliveMs,
    connect: (options, callback) => {
      const port = Number(options.port) || (options.protocol === "https:" ? 443 : 80);
      const host = options.hostname.replace(/^\[|\]$/g, "");
      // A literal address needs no look-up, so it is checked here.
      if (net.isIP(host) !== 0 && !isAllowed(allow, host, port) && !isPublicAddress(host)) callback(denied(host, port, host), null);
      else connectorFor(port)(options, callback);
    },
  });
}

/** Agents by allow list, made once each; `close` ends their connections. */
export function guardedAgents(): { of(allow: readonly string[]): Agent; close(): Promise<void> } {
  const agents = new Map<string, Agent>();
  return {
    of(allow) {
      const key = allow.join(" ");
      const agent = agents.get(key) ?? guardedAgent(allow);
      agents.set(key, agent);
      return agent;
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.close()));
      agents.clear();
    },
  };
}
