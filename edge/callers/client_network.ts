/** Turns a client's address into the account of callers without a key. Pure, except for a hash. */
import ipaddr from "ipaddr.js";

export interface ClientNetwork {
  /** An IPv4 address, or the /64 of an IPv6 one, counts as one client; `unknown` without one. */
  readonly name: string;
  /** The client is on this machine. */
  readonly isLoopback: boolean;
}

/** @param address IPv4 or IPv6; all others count as one client */
export function clientNetwork(address: string | null): ClientNetwork {
  if (address === null || !ipaddr.isValid(address)) return { name: "unknown", isLoopback: false };
  // An IPv4 address mapped into IPv6 is the same client as the plain one.
  const parsed = ipaddr.process(address);
  const isLoopback = parsed.range() === "loopback";
  if (!(parsed instanceof ipaddr.IPv6)) return { name: parsed.toString(), isLoopback };
  const prefix = parsed.parts.slice(0, 4).map((part) => part.toString(16)).join(":");
  return { name: `${prefix}::/64`, isLoopback };
}

/**
 * The account holds only a hash of the network's name, which cannot be guessed without the salt.
 */
export async function anonymousAccount(name: string, salt: string): Promise<string> {
  const text = new TextEncoder().encode(`${salt} ${name}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return `anonymous:${digest.toHex().slice(0, 16)}`;
}

/**
 * Returns the client that a chain of trusted proxies names. Each proxy appends its peer, so the
 * nearest proxy wrote the last entry. Null where the chain is too short.
 * @param proxies how many of them stand in front of this edge, at least 1
 */
export function forwardedAddress(header: string | null, proxies: number): string | null {
  const chain = (header ?? "").split(",").map((entry) => entry.trim());
  return chain.at(-proxies) || null;
}
