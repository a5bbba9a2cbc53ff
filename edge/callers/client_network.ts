/** From a client's address to the account of whoever comes from there without a key. Pure but for a hash. */
import ipaddr from "ipaddr.js";

export interface ClientNetwork {
  /** What counts as one: an IPv4 address, or the /64 of an IPv6 one. `unknown` where there is none. */
  readonly name: string;
  /** It is this machine. */
  readonly isLoopback: boolean;
}

/** @param address IPv4 or IPv6; anything else counts as one client together */
export function clientNetwork(address: string | null): ClientNetwork {
  if (address === null || !ipaddr.isValid(address)) return { name: "unknown", isLoopback: false };
  // IPv4 in the clothes of IPv6 is the client that it is without them.
  const parsed = ipaddr.process(address);
  const isLoopback = parsed.range() === "loopback";
  if (!(parsed instanceof ipaddr.IPv6)) return { name: parsed.toString(), isLoopback };
  const prefix = parsed.parts.slice(0, 4).map((part) => part.toString(16)).join(":");
  return { name: `${prefix}::/64`, isLoopback };
}

/** The network's name is in it as a hash alone, which nobody without the salt can try out. */
export async function anonymousAccount(name: string, salt: string): Promise<string> {
  const text = new TextEncoder().encode(`${salt} ${name}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return `anonymous:${digest.toHex().slice(0, 16)}`;
}

/**
 * The client that a chain of trusted proxies names: each appends whom it heard from, so the last is the
 * word of the nearest proxy. Null where the chain is shorter than it has to be.
 *
 * @param proxies how many of them stand in front of this edge, at least 1
 */
export function forwardedAddress(header: string | null, proxies: number): string | null {
  const chain = (header ?? "").split(",").map((entry) => entry.trim());
  return chain.at(-proxies) || null;
}
