/** Turns a client's address into the account of callers without a key. Pure, except for a hash. */
import ipaddr from "ipaddr.js";

/**
 * Returns the name under which a client is counted: an IPv4 address, or the /64 of an IPv6 one.
 * @param address IPv4 or IPv6; all others count as one client, `unknown`
 */
export function clientNetwork(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return "unknown";
  // An IPv4 address mapped into IPv6 is the same client as the plain one.
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const prefix = parsed.parts.slice(0, 4).map((part) => part.toString(16)).join(":");
  return `${prefix}::/64`;
}

/** Returns whether the address is this machine's own. */
export function isLoopback(address: string | null): boolean {
  return address !== null && ipaddr.isValid(address) &&
    ipaddr.process(address).range() === "loopback";
}

/**
 * The account holds only a hash of the network's name, which cannot be guessed without the salt.
 */
export async function anonymousAccount(name: string, salt: string): Promise<string> {
  const text = new TextEncoder().encode(`${salt} ${name}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return `anonymous:${digest.toHex().slice(0, 16)}`;
}
