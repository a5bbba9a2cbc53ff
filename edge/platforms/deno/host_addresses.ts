/** Finds the addresses of a name, as this machine's own connections do. */
import { lookup } from "node:dns/promises";

/** @throws Error when the name has none */
export async function hostAddresses(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}
