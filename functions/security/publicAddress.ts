import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** What is not the public Internet (IANA special-purpose address registries). */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  PRIVATE.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  PRIVATE.addSubnet(network, bits, "ipv6");

export const isPrivateAddress = (address: string): boolean =>
  PRIVATE.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

export class PrivateAddress extends Error {
  constructor(host: string) {
    super(`${host} is a private address; WEBHOOK_PRIVATE_ADDRESSES allows those`);
  }
}

/**
 * A resolver for sockets that refuses private addresses at the moment of the connection, so that a name cannot lead elsewhere
 * than it did when it was checked. Sockets do not ask it for hosts that are addresses already.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error || !first) return callback(error ?? new Error(`${hostname} has no address`), "");
    if (addresses.some(({ address }) => isPrivateAddress(address)))
      return callback(new PrivateAddress(hostname), "");
    return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};
