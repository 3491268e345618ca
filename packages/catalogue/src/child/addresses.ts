import { BlockList, isIP } from "node:net";

/** Which addresses a destination may not reach: private, loopback, link-local, and the ones nobody should connect to. */

const blocked = new BlockList();
for (const [address, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const) {
  blocked.addSubnet(address, prefix, "ipv4");
}
for (const [address, prefix] of [
  ["::", 128],
  ["::1", 128],
  ["64:ff9b::", 96], // an IPv4 address in disguise
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  blocked.addSubnet(address, prefix, "ipv6");
}

export function isBlockedAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  const plain = mapped ?? (hex === null ? address : fromHex(hex[1] ?? "0", hex[2] ?? "0"));
  const version = isIP(plain);
  return version === 0 ? false : blocked.check(plain, version === 6 ? "ipv6" : "ipv4");
}

function fromHex(high: string, low: string): string {
  const [first, second] = [parseInt(high, 16), parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join(".");
}

/** `allow` holds `host` or `host:port`; IPv6 addresses in brackets when a port follows. */
export function isAllowed(allow: readonly string[], host: string, port: number): boolean {
  const name = bare(host);
  return allow.some((entry) => {
    const [, bracketed, plain, entryPort] = /^(?:\[([^\]]+)\]|([^:]+|[^\]]*:[^\]]*:[^\]]*?))(?::(\d+))?$/.exec(entry) ?? [];
    return bare(bracketed ?? plain ?? entry) === name && (entryPort === undefined || Number(entryPort) === port);
  });
}

export const bare = (host: string): string =>
  host
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase();
